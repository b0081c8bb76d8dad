"""`Recipe`: every setting of a training run, and the recipes that have a name."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cutis.data.transforms import Augmentation
from cutis.imaging import Fit, Interpolation, Preprocessing
from cutis.models.backbones import backbone_preprocessing
from cutis.models.classifier import ModelSettings
from cutis.models.transfer import FineTuning
from cutis.training.distillation import DistillationSettings
from cutis.training.losses import LossSettings
from cutis.training.monitors import Monitor
from cutis.training.optimizers import OptimizerSettings, ScheduleSettings

LARGEST_SEED = 2**32 - 1  # of NumPy's global generator, which Lightning seeds too


class DataSettings(BaseModel):
    """What the network is fed, and how fast."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    classes: tuple[str, ...] | None = Field(
        None,
        min_length=2,
        description="Labels of the taxonomy to tell apart, such as malignant and benign; null: the "
        "diagnoses that the manifest names.",
    )
    image_size: int = Field(128, ge=16, le=2048, description="Side of the network's input, px.")
    train_size: int | None = Field(
        None,
        ge=16,
        le=2048,
        description="Side of training pictures, px; null: image_size. Zooming in makes lesions look "
        "larger in training, so judging at a larger size than training suits both the network and "
        "the clock (Touvron et al. 2019).",
    )
    fit: Fit = Field("crop", description="crop the centre, or squash the whole frame.")
    interpolation: Interpolation = Field("bilinear", description="bilinear or bicubic.")
    batch_size: int = Field(32, ge=1, description="Pictures per step and device.")
    balance: float = Field(
        0.0, ge=0, le=1, description="Draw classes with probability n_class ** (1 - x)."
    )
    workers: int | None = Field(None, ge=0, description="Loader processes; null: cores - 1, max 8.")
    cache: bool = Field(True, description="Keep decoded frames on disk during the run.")


class TrainerSettings(BaseModel):
    """How long, on what, and which weights are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    epochs: int = Field(12, ge=1, description="Passes over the training split.")
    average_decay: float = Field(
        0.99, ge=0, lt=1, description="Exponential moving average of weights per step; 0 is off."
    )
    start_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of the weights that training began from in those that are judged and kept "
        "(WiSE-FT, Wortsman et al. 2022); for training on from a whole classifier. 0 is off.",
    )
    keep: Literal["best", "last"] = Field("best", description="The epoch whose weights are kept.")
    monitor: Monitor = Field("val_macro_auc", description="What `best` and patience look at.")
    patience: int = Field(0, ge=0, description="Stop after so many epochs without gain; 0: never.")
    accumulate: int = Field(1, ge=1, description="Batches per optimiser step.")
    clip_norm: float = Field(0.0, ge=0, description="Clip the gradient's norm; 0 is off.")
    precision: str = Field(
        "auto", description="auto is 16-mixed on CUDA and 32-true elsewhere; or as Lightning names."
    )
    accelerator: str = Field("auto", description="As Lightning names them: auto, cpu, gpu, mps ...")
    devices: int | str = Field("auto", description="How many devices on each node.")
    num_nodes: int = Field(1, ge=1, description="How many nodes.")
    strategy: str = Field("auto", description="As Lightning names them: auto, ddp, fsdp ...")

    @property
    def epoch_is_chosen(self) -> bool:
        """Whether validation decides which epoch is kept, or when training ends."""
        return self.keep == "best" or self.patience > 0


class Recipe(BaseModel):
    """Every setting of a training run."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="Of everything random.")
    data: DataSettings = DataSettings()
    augmentation: Augmentation = Augmentation()
    model: ModelSettings = ModelSettings()
    fine_tuning: FineTuning = FineTuning()
    loss: LossSettings = LossSettings()
    distillation: DistillationSettings = DistillationSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    trainer: TrainerSettings = TrainerSettings()

    def preprocessing(self) -> Preprocessing:
        """What this recipe's network is fed."""
        return backbone_preprocessing(
            self.model.backbone.name,
            size=self.data.image_size,
            fit=self.data.fit,
            interpolation=self.data.interpolation,
        )


ESTEVA_2017 = Recipe(
    data=DataSettings(image_size=299, fit="crop"),
    augmentation=Augmentation(
        zoom=1.0,
        stretch=1.0,
        horizontal_flip=0.0,
        vertical_flip=0.5,
        quarter_turns=False,
        inscribed_rotation=True,
        brightness=0.0,
        contrast=0.0,
        saturation=0.0,
    ),
    model=ModelSettings.model_validate({"backbone": {"name": "inception_v3"}}),
    fine_tuning=FineTuning(head_only_epochs=0, learning_rate=1e-3, backbone_rate_scale=1.0),
    optimizer=OptimizerSettings(
        name="rmsprop", momentum=0.9, rmsprop_decay=0.9, epsilon=0.1, weight_decay=0.0
    ),
    schedule=ScheduleSettings(name="step", warmup_epochs=0, step_epochs=30, step_divisor=16),
    trainer=TrainerSettings(epochs=90, average_decay=0.0),
)

RECIPES = {"default": Recipe(), "esteva2017": ESTEVA_2017}
