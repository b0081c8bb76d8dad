"""`cutis --help`, and `cutis predict` on one picture: whole processes, seconds and peak memory.

    python benchmarks/startup.py

The model is the zoo's first; where none ships, lite0 at 224 px with an untrained head. Bundle and
picture are made in a process of their own; so the processes that are measured are started from a small
one, whose memory would otherwise count as theirs.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from record import CUTIS, RESULTS, record

from cutis.files import write_json

RUNS = 11
SIDE = 224
AIMS_SECONDS = {"help": 0.5, "predict": 1.0}
AIM_MIB = 250
NEVER_LOADED = ("torch", "torchvision", "timm", "pandas", "scipy", "sklearn", "matplotlib")
# The first, cold process compiles what it imports; the others find it compiled, as at a user's place.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}


def make_bundle(folder: Path) -> None:
    """Write `bundle/` and `picture.jpg`, as large as a dermoscope's, into a folder."""
    import numpy as np
    from PIL import Image

    from cutis.bundle import BundleFacts
    from cutis.deploy.export import export_bundle
    from cutis.models.backbones import backbone_preprocessing
    from cutis.models.classifier import ModelSettings, create_classifier
    from cutis.parity import Parity
    from cutis.taxonomy import load_taxonomy

    settings = ModelSettings()
    classes = (
        "actinic-keratosis-or-bowen",
        "basal-cell-carcinoma",
        "benign-keratosis",
        "dermatofibroma",
        "melanoma",
        "nevus",
        "vascular-lesion",
    )
    facts = BundleFacts(
        name="startup",
        architecture=settings.backbone.name,
        classes=classes,
        taxonomy=load_taxonomy(),
        preprocessing=backbone_preprocessing(settings.backbone.name, size=SIDE),
        parity=Parity(float("nan"), 0),
        provenance={},
    )
    model = create_classifier(settings, classes=len(classes), image_size=SIDE)
    generator = np.random.default_rng(0)
    frames = generator.integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8)
    export_bundle(model, folder / "bundle", facts, frames=frames, model_card="# Start-up\n")
    blurry = Image.fromarray(frames[0, :30, :40]).resize((600, 450), Image.Resampling.BICUBIC)
    blurry.save(folder / "picture.jpg", quality=90)


def measure(command: Sequence[str]) -> dict[str, float]:
    """The median of several whole processes, the first (cold) one left out."""
    runs = [one_process(command) for _ in range(RUNS + 1)][1:]
    names = ("seconds", "cpu_seconds", "peak_mib")
    return {
        name: round(statistics.median(values), 3)
        for name, values in zip(names, zip(*runs, strict=True), strict=True)
    }


def one_process(command: Sequence[str]) -> tuple[float, float, float]:
    """Seconds by the clock, seconds of processor time and peak memory (MiB) of one process."""
    started = perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    _pid, status, used = os.wait4(process.pid, 0)
    seconds = perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def default_model() -> str | None:
    """The zoo's first model."""
    listed = subprocess.run([CUTIS, "zoo", "--json"], capture_output=True, text=True, check=True)
    return next((model["name"] for model in json.loads(listed.stdout)["models"]), None)


def loaded_although_not_needed(command: Sequence[str]) -> list[str]:
    """Heavy packages that a command loads nevertheless."""
    traced = subprocess.run(
        [sys.executable, "-X", "importtime", *command], capture_output=True, text=True, check=True
    )
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in traced.stderr.split("\n")
    }
    return sorted(loaded.intersection(NEVER_LOADED))


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="cutis-startup-") as scratch:
        subprocess.run([sys.executable, __file__, scratch], check=True)
        model = default_model() or f"{scratch}/bundle"
        commands = {
            "help": [CUTIS, "--help"],
            "predict": [CUTIS, "predict", f"{scratch}/picture.jpg", "--model", model],
        }
        measured = {
            name: measure(command)
            | {"aim_seconds": AIMS_SECONDS[name], "heavy": loaded_although_not_needed(command)}
            for name, command in commands.items()
        }
    result = {
        **record("python benchmarks/startup.py"),
        "runs": RUNS,
        "model": Path(model).name,
        "aim_mib": AIM_MIB,
        **measured,
    }
    target = RESULTS / "startup.json"
    write_json(target, result)
    print(target.read_text(encoding="utf-8"))


if __name__ == "__main__":
    make_bundle(Path(sys.argv[1])) if sys.argv[1:] else main()
