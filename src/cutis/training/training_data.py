"""`TrainingData`: a manifest's labelled rows by split, sorted into the classes a run tells apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from cutis.errors import ManifestError
from cutis.tables.frames import lines_in_file
from cutis.tables.manifest import SPLITS, Manifest
from cutis.taxonomy import ClassSet


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The labelled rows of a manifest by split, and the classes they are sorted into.

    Raises:
        ManifestError: no training or validation rows, or a class without a training picture.
    """

    splits: dict[str, Manifest]
    classes: ClassSet

    def __post_init__(self) -> None:
        source = next(iter(self.splits.values())).name
        kept = " --keep-test" if "test" in self.splits else ""
        problems = [
            f"no labelled rows in split {name!r}; run `cutis data split{kept}` first"
            for name in SPLITS[:2]
            if name not in self.splits
        ]
        if not problems:
            present = set(self.classes.indices_of(self.splits["train"].diagnoses))
            problems = [
                f"class {name!r} has no picture in split 'train'"
                for index, name in enumerate(self.classes.classes)
                if index not in present
            ]
        if problems:
            raise ManifestError(source, problems)

    @classmethod
    def from_manifest(
        cls, manifest: Manifest, *, classes: Sequence[str] | None = None
    ) -> "TrainingData":
        """Split a manifest by its own split column; rows without a diagnosis or split stay out.

        Args:
            manifest: With a split column.
            classes: Labels of the taxonomy; default, the diagnoses that rows with a split name.

        Raises:
            ManifestError: no split, nothing to train on, or a row that belongs to no class.
            TaxonomyError: classes that are not in the taxonomy, or overlap.
        """
        labelled = manifest.dealt().labelled()
        present = [name for name in SPLITS if (labelled.frame["split"] == name).any()]
        if not present:
            raise ManifestError(manifest.name, ["it has no split; run `cutis data split` first"])
        if classes is None:
            class_set = labelled.class_set()
        else:
            class_set = ClassSet(manifest.taxonomy, tuple(classes))
            _require_every_row_in(class_set, manifest)
        return cls({name: labelled.split(name) for name in present}, class_set)


def _require_every_row_in(classes: ClassSet, manifest: Manifest) -> None:
    """Check that each row that has a split and a diagnosis belongs to a class.

    Raises:
        ManifestError: naming the diagnoses that do not, with their lines.
    """
    frame = manifest.frame
    used = frame[(frame["split"] != "") & (frame["diagnosis"] != "")]
    listed = ", ".join(classes.classes)
    problems = [
        f"{lines_in_file(rows.index)}: diagnosis {diagnosis!r} belongs to none of the classes "
        f"{listed}; add a class that holds it to data.classes, or empty the split of these rows"
        for diagnosis, rows in used.groupby("diagnosis")
        if classes.index_of(str(diagnosis)) is None
    ]
    if problems:
        raise ManifestError(manifest.name, problems)
