"""What is explained: how strongly a network speaks for a node of the taxonomy.

The score of a node is its log-odds, log p(node) - log(1 - p(node)), where p(node) is the sum of the
probabilities of the classes at or below it. Two reasons:

- Its gradient is that of the loss -log p(node), whose L1 norm over channels Esteva et al. 2017 draw,
  times the positive number -1 / (1 - p(node)) that is the same for every pixel. So their map is had
  exactly, for classes and for nodes above them alike.
- It does not saturate: of a picture that is sure to be a melanoma it still says what speaks for it,
  where a probability's gradient is nearly zero everywhere.

With two classes it is the difference of their logits.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cutis.errors import InputError
from cutis.models.trained import TrainedClassifier, calibrated
from cutis.taxonomy import ClassSet


@dataclass(frozen=True)
class Target:
    """A node of the taxonomy and the classes at or below it.

    Raises:
        InputError: no class, or every class, lies at or below the node; or the node is finer than
            a class.
        TaxonomyError: the node is not in the tree.
    """

    node: str
    columns: tuple[int, ...]  # positions in the class set
    name: str  # for people

    @classmethod
    def of(cls, label: str, classes: ClassSet) -> "Target":
        """The target that any label of the tree means."""
        taxonomy = classes.taxonomy
        node = taxonomy.resolve(label)
        below = taxonomy.descendants(node)
        columns = tuple(k for k, name in enumerate(classes.classes) if name in below)
        if not columns:
            above = set(taxonomy.ancestors(node)) & set(classes.classes)
            why = (
                f"it is finer than the class {above.pop()!r}" if above else "no class is part of it"
            )
            raise InputError(
                f"{node!r}: {why}; the model's classes are {', '.join(classes.classes)}"
            )
        if len(columns) == len(classes):
            raise InputError(f"{node!r}: every class is part of it, so there is nothing to explain")
        return cls(node, columns, taxonomy.nodes[node].name)


class NodeScore(nn.Module):
    """Images (n, 3, h, w) to the log-odds of a node, shape (n,), in double precision."""

    def __init__(self, model: TrainedClassifier, target: Target) -> None:
        super().__init__()
        self.network = model.network
        self._calibration = model.calibration
        self._inside = list(target.columns)
        self._outside = [k for k in range(len(model.classes)) if k not in target.columns]

    def forward(self, images: Tensor) -> Tensor:
        """Log-odds; in doubles, as the difference would lose a sure answer's last digits."""
        logits = calibrated(self.network(images), self._calibration)
        inside = torch.logsumexp(logits[:, self._inside], dim=1)
        return inside - torch.logsumexp(logits[:, self._outside], dim=1)
