"""Soft targets: what other networks answered about the training pictures, beside their diagnoses."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from cutis.checks import FloatArray
from cutis.errors import InputError
from cutis.tables.predictions import Predictions
from cutis.training.training_data import TrainingData


class DistillationSettings(BaseModel):
    """Whether a network also learns the answers of others, its teachers (Hinton et al. 2015)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    predictions: str | None = Field(
        None,
        description="The teachers' answers about the training pictures, a .csv or .parquet such as the "
        "out-of-fold predictions of --kfold; null: there are no teachers.",
    )
    weight: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Share of those answers in what is learned, beside the diagnosis.",
    )


def answers_of_teachers(settings: DistillationSettings, data: TrainingData) -> FloatArray | None:
    """What the teachers answered about each training picture; None where there are no teachers.

    Args:
        settings: Where their answers are.
        data: Whose pictures and classes they must be about.

    Returns:
        Shape (n, k), probabilities in the order of the training rows and of the classes.

    Raises:
        InputError: the table cannot be read, has other classes, lacks training pictures, or has
            pictures that this run leaves out: teachers trained on those would tell of them.
        TaxonomyError: a column that names no diagnosis.
    """
    if settings.predictions is None:
        return None
    source = Path(settings.predictions)
    table = Predictions.read(source, data.classes.taxonomy)
    for name, manifest in data.splits.items():
        known = set(manifest.image_ids).intersection(table.image_ids)
        if name != "train" and known:
            raise InputError(
                f"{source}: {len(known)} of its images are in split {name!r} of this run, such as "
                f"{min(known)}; teachers that learned from them would tell of them. Have it made on "
                "training images alone: cutis train --kfold K --leave-out val"
            )
    table = table.in_order_of(data.classes.classes)
    return table.rows_for(data.splits["train"].image_ids).probabilities
