"""A map of pictures: the features of the last hidden layer laid out in a plane.

Pictures that the network takes for alike lie together. Distances between far groups, their sizes and
the empty space mean nothing in such a map; only neighbourhoods do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cutis.checks import FloatArray, did_you_mean, require_same_length
from cutis.errors import InputError, MissingExtraError
from cutis.inference.features import Features
from cutis.tables.manifest import Manifest
from cutis.taxonomy import ClassSet, Taxonomy

Projection = Literal["tsne", "umap"]
PROJECTIONS: dict[Projection, str] = {"tsne": "t-SNE", "umap": "UMAP"}
FEWEST = 4  # pictures of which a map can be made
PERPLEXITY = 30.0
COMPONENTS = 50  # principal components that are kept before the projection
NEIGHBOURS = 15
NO_LABEL = "without a diagnosis"
OTHER_LABEL = "other"


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Pictures in a plane.

    Attributes:
        image_ids: Of the n pictures.
        points: Shape (n, 2).
        labels: By which they are coloured, for people; n.
        projection: How the plane was found.
    """

    image_ids: tuple[str, ...]
    points: FloatArray
    labels: tuple[str, ...]
    projection: Projection

    def __post_init__(self) -> None:
        require_same_length(image_ids=self.image_ids, points=self.points, labels=self.labels)

    @property
    def legend(self) -> tuple[str, ...]:
        """The labels, the most frequent first, then by name."""
        names, counts = np.unique(np.array(self.labels), return_counts=True)
        return tuple(names[np.lexsort((names, -counts))].tolist())


def project(features: Features, *, projection: Projection = "tsne", seed: int = 0) -> FloatArray:
    """Lay features out in a plane, shape (n, 2), by the cosines between them.

    Features are scaled to length 1 and reduced to 50 principal components first.

    Args:
        features: Of at least `FEWEST` pictures.
        projection: "tsne" (van der Maaten and Hinton 2008) or "umap" (McInnes et al. 2018).
        seed: Of everything random; the same seed gives the same map.

    Raises:
        InputError: too few pictures, or features that do not differ.
        MissingExtraError: UMAP is asked for and umap-learn is not installed.
    """
    n = len(features)
    if n < FEWEST:
        raise InputError(f"a map needs at least {FEWEST} pictures, got {n}")
    if np.ptp(features.directions, axis=0).max() == 0:
        raise InputError("the features of all pictures are the same, so there is no map of them")
    reduced = _principal_components(features.directions)
    if projection == "umap":
        return _umap(reduced, seed=seed)
    from sklearn.manifold import TSNE

    tsne = TSNE(perplexity=min(PERPLEXITY, (n - 1) / 3), init="pca", random_state=seed)
    return np.asarray(tsne.fit_transform(reduced), dtype=np.float64)


def parse_projection(text: str) -> Projection:
    """Read the name of a projection.

    Raises:
        InputError: there is none of that name.
        MissingExtraError: as `project`.
    """
    if text == "umap":
        _umap_package()
    for name in PROJECTIONS:
        if name == text:
            return name
    raise InputError(
        f"method {text!r}: not one of {', '.join(PROJECTIONS)}{did_you_mean(text, PROJECTIONS)}"
    )


def labels_of(manifest: Manifest, classes: ClassSet, *, by: str = "class") -> tuple[str, ...]:
    """What each row is coloured by, in words.

    Args:
        manifest: n rows; a row without a diagnosis is one of its own kind.
        classes: Of the network.
        by: "class" (of the network), "status" (malignant, premalignant, benign, non-neoplastic), or
            a level that the taxonomy marks, such as "nine-way".

    Raises:
        InputError: the taxonomy marks no level of that name.
    """
    taxonomy = manifest.taxonomy
    if by == "status":
        return tuple(
            (taxonomy.status(d) or OTHER_LABEL) if d else NO_LABEL for d in manifest.diagnoses
        )
    nodes = classes.classes if by == "class" else taxonomy.level(by)
    name_of = _names_below(nodes, taxonomy)
    return tuple(name_of.get(d, OTHER_LABEL) if d else NO_LABEL for d in manifest.diagnoses)


def spread_sample(labels: Sequence[str], *, limit: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """Rows to show when there are too many, in order: every label keeps its share, at least one.

    Raises:
        InputError: `limit` is below the number of labels.
    """
    names, member, counts = np.unique(np.array(labels), return_inverse=True, return_counts=True)
    if limit < len(names):
        raise InputError(f"limit: {limit} is below the {len(names)} groups to show")
    if len(labels) <= limit:
        return np.arange(len(labels))
    shares = np.maximum((counts * limit) // counts.sum(), 1)
    while shares.sum() > limit:
        shares[shares.argmax()] -= 1
    generator = np.random.default_rng(seed)
    chosen = [
        generator.permutation(np.flatnonzero(member == label))[:share]
        for label, share in enumerate(shares)
    ]
    return np.sort(np.concatenate(chosen))


def _names_below(nodes: Sequence[str], taxonomy: Taxonomy) -> dict[str, str]:
    return {
        below: taxonomy.nodes[node].name for node in nodes for below in taxonomy.descendants(node)
    }


def _principal_components(rows: FloatArray) -> FloatArray:
    from sklearn.decomposition import PCA

    kept = min(COMPONENTS, *rows.shape)
    return np.asarray(PCA(kept, svd_solver="full").fit_transform(rows.astype(np.float64)))


def _umap(rows: FloatArray, *, seed: int) -> FloatArray:
    umap = _umap_package()
    neighbours = min(NEIGHBOURS, len(rows) - 1)
    # Few points have no spectral layout.
    start = "spectral" if len(rows) > 3 * NEIGHBOURS else "random"
    reducer = umap.UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1, init=start)
    return np.asarray(reducer.fit_transform(rows), dtype=np.float64)


def _umap_package() -> Any:
    try:
        import umap
    except ImportError:
        raise MissingExtraError("umap-learn", "maps") from None
    return umap
