"""`Rejection`: is this the kind of picture that the model was trained on?

A picture is described by the network's last hidden layer and by `frame_statistics`. Its strangeness
is the distance to its nearest pictures of training (Sun et al., ICML 2022), measured as Mahalanobis
does: in coordinates that training makes uncorrelated and of spread 1. The features enter as
directions, reduced to their principal components, with what the components leave over as one more
coordinate: outsiders often differ where dermoscopy does not vary (the residual of ViM, Wang et al.,
CVPR 2022). `docs/rejection.md` has what the alternatives do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cutis.checks import FloatArray, require_fraction, require_same_length
from cutis.errors import InputError
from cutis.inference.frame_statistics import STATISTICS

COMPONENTS = 32
NEIGHBOURS = 5
BANK = 2400  # pictures of training that are kept; with 1,280 features about 340 kB in all
FALSE_REJECTION_RATE = 0.01
MIN_TRAINING = 30
_FAINT = 1e-4  # residuals enter as logarithms and may be zero
_COARSE = ("basis", "bank")  # stored as 16-bit numbers, the others as 32-bit
_NAMES = ("mean", "basis", "centre", "whitening", "bank")


@dataclass(frozen=True, eq=False)
class Rejection:
    """The distance from the training pictures, and where a picture is too far.

    Attributes:
        mean: Shape (d,), of the directions of features.
        basis: Shape (d, c), their principal components.
        centre: Shape (m,), of the coordinates: c components, the residual, `STATISTICS`.
        whitening: Shape (m, m); makes centred coordinates uncorrelated, of spread 1.
        bank: Shape (b, m), white coordinates of training pictures.
        limit: Pictures farther than this are rejected.
        false_rejection_rate: Of validation, that the limit was chosen for.
        fitted_on, chosen_on: Numbers of pictures: of the distance, of the limit.

    Raises:
        InputError: shapes do not fit each other, or values are no finite numbers.
    """

    mean: FloatArray
    basis: FloatArray
    centre: FloatArray
    whitening: FloatArray
    bank: FloatArray
    limit: float
    false_rejection_rate: float
    fitted_on: int
    chosen_on: int

    def __post_init__(self) -> None:
        features, components = self.basis.shape if self.basis.ndim == 2 else (-1, -1)
        size, kept = components + 1 + STATISTICS, len(self.bank)
        wanted = ((features,), (features, components), (size,), (size, size), (kept, size))
        for name, shape in zip(_NAMES, wanted, strict=True):
            values = getattr(self, name)
            if values.shape != shape:
                raise InputError(f"rejection: {name} has shape {values.shape}, expected {shape}")
            if not np.isfinite(values).all():
                raise InputError(f"rejection: {name} contains nan or infinity")
        if kept < NEIGHBOURS:
            raise InputError(f"rejection: a bank of {kept} pictures, {NEIGHBOURS} are needed")
        if not 0 < self.limit < np.inf:
            raise InputError(f"rejection: a limit of {self.limit} is no distance")
        require_fraction("rejection: false_rejection_rate", self.false_rejection_rate)

    def distance(self, features: FloatArray, statistics: FloatArray) -> FloatArray:
        """How far pictures are from those of training; larger is stranger.

        Args:
            features: Shape (n, d), of the network that this was fitted with.
            statistics: Shape (n, `STATISTICS`), of the same pictures, from `frame_statistics`.

        Returns:
            Shape (n,): the distance to the `NEIGHBOURS`-th nearest picture of the bank, over the
            square root of the number of coordinates.

        Raises:
            InputError: the network has another number of features.
        """
        if features.shape[1:] != self.mean.shape:
            raise InputError(
                f"features: {features.shape[1:]} of them, the rejection was fitted to "
                f"{len(self.mean)}; fit it to this network"
            )
        found = _coordinates(features, statistics, mean=self.mean, basis=self.basis)
        white = (found - self.centre) @ self.whitening
        squared = (
            (white**2).sum(axis=1)[:, None] - 2 * white @ self.bank.T + (self.bank**2).sum(axis=1)
        )
        nearest = np.partition(squared, NEIGHBOURS - 1, axis=1)[:, NEIGHBOURS - 1]
        return np.asarray(np.sqrt(np.maximum(nearest, 0) / white.shape[1]))

    def to_arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """The arrays, for a file; `from_arrays` reads them back."""
        return {
            name: getattr(self, name).astype(np.float16 if name in _COARSE else np.float32)
            for name in _NAMES
        }

    def to_dict(self) -> dict[str, Any]:
        """The limit and what it was chosen on, ready for JSON."""
        return {
            "limit": self.limit,
            "false_rejection_rate": self.false_rejection_rate,
            "fitted_on": self.fitted_on,
            "chosen_on": self.chosen_on,
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, npt.NDArray[np.generic]], described: Mapping[str, Any]
    ) -> "Rejection":
        """Read what `to_arrays` and `to_dict` wrote.

        Raises:
            InputError: an array or a key is missing, or as for the value itself.
        """
        try:
            return cls(
                **{name: np.asarray(arrays[name], dtype=np.float64) for name in _NAMES},
                limit=float(described["limit"]),
                false_rejection_rate=float(described["false_rejection_rate"]),
                fitted_on=int(described["fitted_on"]),
                chosen_on=int(described["chosen_on"]),
            )
        except InputError:
            raise
        except (KeyError, TypeError, ValueError) as fault:
            raise InputError(f"rejection: not understood ({fault})") from fault


def fit_rejection(
    features: FloatArray,
    statistics: FloatArray,
    *,
    validation_features: FloatArray,
    validation_statistics: FloatArray,
    false_rejection_rate: float = FALSE_REJECTION_RATE,
    seed: int = 0,
) -> Rejection:
    """Fit the distance on training pictures, and choose the limit on others of the same kind.

    The limit is the smallest at which validation, and one more picture drawn like it, are rejected
    at most at the given rate: the quantile of split conformal prediction.

    Args:
        features, statistics: Shapes (n, d) and (n, `STATISTICS`), of training.
        validation_features, validation_statistics: The same of pictures kept out of training.
        false_rejection_rate: Fraction of such pictures that may be rejected.
        seed: Of the draw of `BANK` pictures of training, where there are more.

    Raises:
        InputError: fewer than `MIN_TRAINING` pictures, too few of validation for so low a rate,
            lengths differ, or a value is no finite number.
    """
    _require_pictures("training", features, statistics, at_least=MIN_TRAINING)
    _require_pictures("validation", validation_features, validation_statistics, at_least=1)
    mean, basis = _principal_components(features)
    found = _coordinates(features, statistics, mean=mean, basis=basis)
    centre = _stored(found.mean(axis=0))
    whitening = _whitening(found - centre)
    drawn = np.random.default_rng(seed).permutation(len(found))[:BANK]
    fitted = Rejection(
        mean=mean,
        basis=basis,
        centre=centre,
        whitening=whitening,
        bank=_stored((found[drawn] - centre) @ whitening, np.float16),
        limit=1.0,
        false_rejection_rate=false_rejection_rate,
        fitted_on=len(features),
        chosen_on=len(validation_features),
    )
    distances = fitted.distance(validation_features, validation_statistics)
    return replace(fitted, limit=_limit(distances, rate=false_rejection_rate))


def _require_pictures(
    name: str, features: FloatArray, statistics: FloatArray, *, at_least: int
) -> None:
    require_same_length(features=features, statistics=statistics)
    if len(features) < at_least:
        raise InputError(f"rejection: {len(features)} pictures of {name}, {at_least} are needed")
    if not (np.isfinite(features).all() and np.isfinite(statistics).all()):
        raise InputError(f"rejection: features of {name} contain nan or infinity")


def directions(features: FloatArray) -> FloatArray:
    """Rows of length 1, whose products are cosines; a row of zeros stays one. Shape (n, d)."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.where(lengths > 0, lengths, 1))


def _principal_components(features: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean (d,) and basis (d, c) of the directions."""
    from sklearn.decomposition import PCA

    kept = min(COMPONENTS, features.shape[1] - 1, len(features) - 1)
    found = PCA(kept, svd_solver="covariance_eigh").fit(directions(features).astype(np.float64))
    return _stored(found.mean_), _stored(found.components_.T, np.float16)


def _coordinates(
    features: FloatArray, statistics: FloatArray, *, mean: FloatArray, basis: FloatArray
) -> FloatArray:
    """Shape (n, c + 1 + `STATISTICS`): components, the logarithm of the residual, statistics."""
    off = directions(features).astype(np.float64) - mean
    along = off @ basis
    left_over = np.sqrt(np.maximum((off**2).sum(axis=1) - (along**2).sum(axis=1), 0))
    return np.column_stack([along, np.log(left_over + _FAINT), statistics])


def _whitening(centred: FloatArray) -> FloatArray:
    """Shape (m, m), from the covariance shrunk as Ledoit and Wolf (2004) show for few pictures."""
    from sklearn.covariance import LedoitWolf

    spread = np.maximum(centred.std(axis=0), 1e-6)
    precision = LedoitWolf(assume_centered=True).fit(centred / spread).precision_
    return _stored(np.linalg.cholesky(precision) / spread[:, None])


def _stored(values: FloatArray, kind: type[np.floating] = np.float32) -> FloatArray:
    """As a file of such numbers gives it back, so that a limit means the same after it."""
    return np.asarray(values.astype(kind), dtype=np.float64)


def _limit(distances: FloatArray, *, rate: float) -> float:
    """The ceil((n + 1)(1 - rate))-th smallest distance."""
    rank = int(np.ceil((len(distances) + 1) * (1 - rate)))
    if rank > len(distances):
        raise InputError(
            f"rejection: a rate of {rate:g} cannot be shown on {len(distances)} pictures of "
            f"validation; take at least {round(1 / rate)} or a higher rate"
        )
    return float(np.sort(distances)[rank - 1])
