"""Finding, by running it, the last layer of a network that still says where things are."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from cutis.errors import InputError


@contextmanager
def recorded_outputs(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Collect what `layer` outputs inside the block, then detach from the network."""
    outputs: list[Tensor] = []
    handle = layer.register_forward_hook(lambda _module, _args, output: outputs.append(output))
    try:
        yield outputs
    finally:
        handle.remove()


def last_spatial_layer(network: nn.Module, image: Tensor) -> nn.Module:
    """The module that is the last one to output maps (n, channels, h, w) of more than one place.

    It is found by the order in which modules finish, so no network needs to be known by name.

    Args:
        network: In eval mode.
        image: Shape (1, 3, h, w), an input of the network.

    Raises:
        InputError: the network works on tokens (transformers), lays its maps out with channels last,
            or has no such layer.
    """
    finished: list[tuple[nn.Module, tuple[int, ...]]] = []

    def note(module: nn.Module, _args: object, output: object) -> None:
        if isinstance(output, Tensor) and output.shape[0] == image.shape[0]:
            finished.append((module, tuple(output.shape)))

    with ExitStack() as attached, torch.no_grad():
        for module in network.modules():
            attached.callback(module.register_forward_hook(note).remove)
        network(image)
    kind = _kind(network)
    way_out = "use saliency, smoothgrad, integrated-gradients or occlusion"
    places = [at for at, (_, shape) in enumerate(finished) if len(shape) == 4 and _is_map(shape)]
    if not places:
        raise InputError(f"{kind} has no convolutional maps for a Grad-CAM; {way_out}")
    if _channels_last(network) or any(len(shape) == 3 for _, shape in finished[places[-1] :]):
        raise InputError(
            f"{kind} works on tokens, not on convolutional maps, so there is no Grad-CAM; {way_out}"
        )
    return finished[places[-1]][0]


def _is_map(shape: tuple[int, ...]) -> bool:
    return shape[2] * shape[3] > 1


def _channels_last(network: nn.Module) -> bool:
    """Whether some part says, as timm's transformers on grids do, that its channels come last."""
    formats = {str(getattr(module, "output_fmt", "NCHW")) for module in network.modules()}
    return any(each.endswith("NHWC") for each in formats)


def _kind(network: nn.Module) -> str:
    return type(getattr(network, "backbone", network)).__name__
