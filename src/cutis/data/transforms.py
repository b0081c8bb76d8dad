"""Augmentation through torchvision's v2 transforms; a mask given beside a picture moves along.

`training_transform` works on uint8 pictures (3, h, w), before `Preprocessing.normalise`, so that
colour changes happen in the space people see.
"""

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

import cutis.torch_setup  # noqa: F401  (before torchvision)
from cutis.perturbation.kinds import perturb

# isort: split
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional


class Augmentation(BaseModel):
    """What may happen to a training picture; the defaults suit dermoscopy at small sizes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    zoom: float = Field(
        0.6, gt=0, le=1, description="Smallest part of the frame's area that a crop keeps."
    )
    stretch: float = Field(1.2, ge=1, le=2, description="Largest change of aspect ratio.")
    horizontal_flip: float = Field(0.5, ge=0, le=1, description="Probability.")
    vertical_flip: float = Field(0.5, ge=0, le=1, description="Probability.")
    quarter_turns: bool = Field(True, description="Turn by 0, 90, 180 or 270 degrees.")
    rotation_degrees: float = Field(0.0, ge=0, le=180, description="Largest turn either way.")
    shift: float = Field(0.0, ge=0, le=0.5, description="Largest shift, as a part of the side.")
    shear_degrees: float = Field(0.0, ge=0, le=45, description="Largest shear.")
    inscribed_rotation: bool = Field(
        False,
        description="Turn by 0-359 degrees and keep the largest upright rectangle inside "
        "(Esteva et al. 2017).",
    )
    brightness: float = Field(0.2, ge=0, le=1, description="Largest relative change.")
    contrast: float = Field(0.2, ge=0, le=1, description="Largest relative change.")
    saturation: float = Field(0.2, ge=0, le=1, description="Largest relative change.")
    hue: float = Field(0.0, ge=0, le=0.5, description="Largest turn of the hue circle.")
    blur: float = Field(0.0, ge=0, le=1, description="Probability of a Gaussian blur.")
    cutout: float = Field(0.0, ge=0, le=1, description="Probability of erasing a rectangle.")
    spoiling: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Probability of one artefact or camera fault: hair, ruler, ink, bubbles, dark "
        "corners, blur, noise, JPEG, less or more light, another white balance.",
    )
    spoiling_severity: int = Field(
        3, ge=1, le=5, description="Strongest severity, of those of the stress test."
    )
    mixup_alpha: float = Field(
        0.0, ge=0, description="Beta parameter of mixup (Zhang et al. 2018); 0 is off."
    )
    cutmix_alpha: float = Field(
        0.0, ge=0, description="Beta parameter of CutMix (Yun et al. 2019); 0 is off."
    )


class QuarterTurn(v2.Transform):  # type: ignore[misc]
    """Turn by a random multiple of 90 degrees, which loses no pixel."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the number of turns."""
        return {"turns": int(torch.randint(4, ()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Turn one picture or mask."""
        return self._call_kernel(functional.rotate, inpt, angle=90.0 * params["turns"], expand=True)


class InscribedRotation(v2.Transform):  # type: ignore[misc]
    """Turn by a random angle and keep the largest upright rectangle that holds no border.

    Source: Esteva et al. 2017, Methods, "Training algorithm".
    """

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the angle, whole degrees from 0 to 359, and work out the rectangle."""
        height, width = v2.query_size(flat_inputs)
        degrees = int(torch.randint(360, ()))
        return {"degrees": float(degrees), "size": inscribed_size(height, width, degrees)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Turn and crop one picture or mask."""
        mask = isinstance(inpt, tv_tensors.Mask)
        turned = self._call_kernel(
            functional.rotate,
            inpt,
            angle=params["degrees"],
            interpolation=InterpolationMode.NEAREST if mask else InterpolationMode.BILINEAR,
            expand=True,
        )
        return self._call_kernel(functional.center_crop, turned, output_size=params["size"])


class Spoiling(v2.Transform):  # type: ignore[misc]
    """Draw one artefact over the picture or give it one fault of a camera; the lesion stays in place.

    Args:
        severity: The strongest; each up to it is as likely.
    """

    KINDS = (
        "hair",
        "ruler",
        "ink",
        "bubbles",
        "dark_corners",
        "blur",
        "noise",
        "jpeg",
        "darker",
        "brighter",
        "white_balance",
    )

    def __init__(self, severity: int) -> None:
        super().__init__()
        self.severity = severity

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the kind, its severity and the seed of what is drawn."""
        return {
            "kind": self.KINDS[int(torch.randint(len(self.KINDS), ()))],
            "severity": int(torch.randint(1, self.severity + 1, ())),
            "seed": int(torch.randint(2**31, ())),
        }

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Spoil pictures only."""
        if isinstance(inpt, tv_tensors.Mask):
            return inpt
        spoilt = perturb(inpt.permute(1, 2, 0).numpy(), **params)
        return tv_tensors.wrap(torch.tensor(spoilt).permute(2, 0, 1), like=inpt)


class Cutout(v2.RandomErasing):  # type: ignore[misc]
    """Erase a rectangle of the picture; the mask still says where the lesion is."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Erase from pictures only."""
        return inpt if isinstance(inpt, tv_tensors.Mask) else super().transform(inpt, params)


def inscribed_size(height: int, width: int, degrees: float) -> tuple[int, int]:
    """Size of the largest upright rectangle inside a turned one, in whole pixels (at least 1).

    Example:
        >>> inscribed_size(100, 100, 0), inscribed_size(100, 60, 90), inscribed_size(100, 100, 45)
        ((100, 100), (60, 100), (70, 70))
    """
    angle = torch.deg2rad(torch.tensor(float(degrees), dtype=torch.float64))
    sine, cosine = float(abs(angle.sin())), float(abs(angle.cos()))
    short, long = sorted((height, width))
    if short <= 2 * sine * cosine * long or abs(sine - cosine) < 1e-9:
        # Two corners touch the long sides: half the short side limits the rectangle.
        half = 0.5 * short
        fitted = (half / sine, half / cosine) if width >= height else (half / cosine, half / sine)
        new_width, new_height = fitted
    else:
        double = cosine * cosine - sine * sine
        new_width = (width * cosine - height * sine) / double
        new_height = (height * cosine - width * sine) / double
    return max(int(new_height + 1e-6), 1), max(int(new_width + 1e-6), 1)


def training_transform(settings: Augmentation, *, size: tuple[int, int]) -> v2.Transform:
    """Compose the per-picture augmentation.

    Args:
        settings: What may happen.
        size: (height, width) of the result.

    Returns:
        A transform of a uint8 `tv_tensors.Image` (3, h, w), alone or with a `tv_tensors.Mask`.
    """
    steps: list[v2.Transform] = []
    if settings.inscribed_rotation:
        steps.append(InscribedRotation())
    if settings.zoom < 1 or settings.stretch > 1:
        steps.append(
            v2.RandomResizedCrop(
                size,
                scale=(settings.zoom, 1.0),
                ratio=(1 / settings.stretch, settings.stretch),
                antialias=True,
            )
        )
    else:
        steps.append(v2.Resize(size, antialias=True))
    if settings.rotation_degrees or settings.shift or settings.shear_degrees:
        steps.append(
            v2.RandomAffine(
                degrees=settings.rotation_degrees,
                translate=(settings.shift, settings.shift) if settings.shift else None,
                shear=settings.shear_degrees or None,
                interpolation=InterpolationMode.BILINEAR,
                fill={tv_tensors.Image: 127, "others": 0},
            )
        )
    if settings.quarter_turns:
        steps.append(QuarterTurn())
    if settings.horizontal_flip:
        steps.append(v2.RandomHorizontalFlip(settings.horizontal_flip))
    if settings.vertical_flip:
        steps.append(v2.RandomVerticalFlip(settings.vertical_flip))
    if settings.brightness or settings.contrast or settings.saturation or settings.hue:
        steps.append(
            v2.ColorJitter(
                settings.brightness, settings.contrast, settings.saturation, settings.hue
            )
        )
    if settings.blur:
        blur = v2.GaussianBlur(kernel_size=5, sigma=(0.1, 2.0))
        steps.append(v2.RandomApply([blur], p=settings.blur))
    if settings.spoiling:
        steps.append(v2.RandomApply([Spoiling(settings.spoiling_severity)], p=settings.spoiling))
    if settings.cutout:
        steps.append(Cutout(settings.cutout, scale=(0.02, 0.2), value=127))
    return v2.Compose(steps)


def mix_batch(
    images: Tensor, targets: Tensor, settings: Augmentation, *, classes: int
) -> tuple[Tensor, Tensor]:
    """Mixup or CutMix on a batch, whichever is on (one of them at random when both are).

    Args:
        images: Shape (n, 3, h, w).
        targets: Shape (n,), class positions, or (n, k), shares of each class.
        settings: Only the two alphas are read.
        classes: k.

    Returns:
        The images, and the targets: as they came when nothing is mixed, else shares (n, k).
    """
    mixers: Sequence[v2.Transform] = [
        mixer(alpha=alpha, num_classes=classes)
        for mixer, alpha in (
            (v2.MixUp, settings.mixup_alpha),
            (v2.CutMix, settings.cutmix_alpha),
        )
        if alpha
    ]
    if not mixers:
        return images, targets
    mixed_images, shares = v2.RandomChoice(mixers)(images, targets)
    return mixed_images, shares
