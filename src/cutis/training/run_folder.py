"""`RunFolder`: where one training run keeps everything that is needed to read, repeat or resume it."""

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import cutis
from cutis.errors import InputError
from cutis.files import read_json, write_json
from cutis.tables.manifest import GROUP_COLUMNS, Manifest

A_RUN, A_CROSS_VALIDATION, REPEATS = HOLDINGS = (
    "a run",
    "a cross-validation",
    "repeats of a cross-validation",
)

# Of a manifest, what a run learns from and is judged by.
_LEARNT_FROM = ("image_id", "path", "diagnosis", "split", "fold", *GROUP_COLUMNS)
_PACKAGES = ("numpy", "pillow", "torch", "torchvision", "timm", "lightning", "onnx", "onnxruntime")


@dataclass(frozen=True)
class RunFolder:
    """Names of the files of one run.

    `settings.json` is the resolved recipe and can be given as `--config`; `manifest.csv` is the
    manifest as it was used; `history.csv` has one row per epoch.
    """

    path: Path

    @property
    def settings(self) -> Path:
        """The resolved recipe."""
        return self.path / "settings.json"

    @property
    def environment(self) -> Path:
        """Versions, machine, git revision and command line."""
        return self.path / "environment.json"

    @property
    def manifest(self) -> Path:
        """The manifest as it was used."""
        return self.path / "manifest.csv"

    @property
    def history(self) -> Path:
        """One row per epoch."""
        return self.path / "history.csv"

    @property
    def curves(self) -> Path:
        """The history as a picture."""
        return self.path / "curves.png"

    @property
    def last_checkpoint(self) -> Path:
        """The state after the last finished epoch; what resuming starts from."""
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def weights(self) -> Path:
        """The weights of the kept epoch."""
        return self.path / "checkpoints" / "kept.safetensors"

    @property
    def bundle(self) -> Path:
        """The model as it ships."""
        return self.path / "bundle"

    @property
    def inner(self) -> Path:
        """The runs by which a nested cross-validation chooses."""
        return self.path / "inner"

    @property
    def choices(self) -> Path:
        """What the inner folds of a nested cross-validation chose."""
        return self.path / "choices.json"

    @property
    def out_of_fold(self) -> Path:
        """The pooled predictions of a cross-validation."""
        return self.predictions("out-of-fold")

    def predictions(self, split: str) -> Path:
        """The predictions for one split; present when the run is complete."""
        return self.path / f"predictions-{split}.csv"

    def holds(self) -> str | None:
        """Which of `HOLDINGS` lives here; None where nothing does, such as in a folder to be."""
        if self.settings.exists():
            return A_RUN
        parts = (
            *self.path.glob("fold-*/settings.json"),
            *self.inner.glob("*/*/settings.json"),
        )
        if parts or self.out_of_fold.exists():
            return A_CROSS_VALIDATION
        repeats = self.path.glob("repeat-*")
        return REPEATS if any(RunFolder(each).holds() for each in repeats) else None

    def require_new(self, kind: str = A_RUN) -> None:
        """Check that nothing lives here yet.

        Args:
            kind: Which of `HOLDINGS` is to live here, and may be resumed if it does.

        Raises:
            InputError: something does; the message says how to go on with it, if it is of that kind.
        """
        self.require_nothing_but(kind)
        if self.holds():
            raise InputError(
                f"{self.path}: already holds {kind}; add --resume to go on with it, "
                "or choose another -o"
            )

    def require_nothing_but(self, kind: str) -> None:
        """Check that what lives here, if anything does, is of a kind.

        Raises:
            InputError: it is of another.
        """
        held = self.holds()
        if held not in (None, kind):
            raise InputError(f"{self.path}: already holds {held}, not {kind}; choose another -o")

    def require_same_manifest(self, given: Manifest) -> None:
        """Check that a run to be resumed was started with the same pictures, labels and groups.

        The order of the rows counts too, since it decides which picture a seed draws.

        Raises:
            InputError: it was not; the first difference is named.
        """
        before = Manifest.read(self.manifest, check_files=False, check_leaks=False)
        difference = _first_difference(before, given)
        if difference:
            raise InputError(
                f"{self.path}: the run was started with another manifest (first difference: "
                f"{difference}); give that one, or choose another -o"
            )

    def require_same_settings(self, recipe: BaseModel) -> None:
        """Check that a run to be resumed was started with the same recipe.

        A setting that came to Cutis after the run was started had its default.

        Raises:
            InputError: it was not; the differing keys are listed.
        """
        defaults, wanted = (
            _flat(each.model_dump(mode="json")) for each in (type(recipe)(), recipe)
        )
        started = defaults | _flat(read_json(self.settings))
        differing = [key for key in wanted if started[key] != wanted[key]]
        if differing:
            listed = ", ".join(f"{key} (was {started[key]})" for key in differing)
            raise InputError(f"{self.path}: the run was started with other settings: {listed}")

    def write_environment(self) -> None:
        """Write down what the run was made with."""
        write_json(
            self.environment,
            {
                "cutis": cutis.__version__,
                "git_revision": git_revision(),
                "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
                "python": platform.python_version(),
                "system": f"{platform.system()} {platform.machine()}",
                "cores": os.cpu_count(),
                "packages": {name: _version(name) for name in _PACKAGES},
            },
        )


def git_revision() -> str | None:
    """The revision of the working tree that Cutis runs from, with "+changes" where it is dirty.

    None where Cutis is installed, even if into an environment inside somebody else's repository.
    """
    here = Path(cutis.__file__).parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _first_difference(before: Manifest, given: Manifest) -> str | None:
    if len(before) != len(given):
        return f"{len(given)} images, which were {len(before)}"
    if before.taxonomy.sha256 != given.taxonomy.sha256:
        return "another tree of diagnoses"
    for column in _LEARNT_FROM:
        for image_id, old, new in zip(
            given.image_ids, _as_text(before, column), _as_text(given, column), strict=True
        ):
            if old != new and not (column == "path" and _are_one_file(old, new)):
                return f"image {image_id!r} has {column} {new!r}, which was {old!r}"
    return None


def _as_text(manifest: Manifest, column: str) -> list[str]:
    values = manifest.frame[column]
    if column != "fold":
        return list(values)
    return ["" if fold != fold else f"{fold:g}" for fold in values]


def _are_one_file(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    return {
        key: item
        for name, inner in value.items()
        for key, item in _flat(inner, f"{prefix}.{name}" if prefix else str(name)).items()
    }
