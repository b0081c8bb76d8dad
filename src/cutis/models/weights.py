"""Weights of whole networks on disk, as safetensors: what is loaded cannot run code."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save, save_file
from torch import Tensor, nn

from cutis.errors import InputError


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a network's weights as safetensors; tensors that share memory are written apart."""
    apart = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    content = save({name: value.contiguous() for name, value in apart.items()})
    path.write_bytes(content)  # `save_file` would leave it to its owner alone


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file that a user may have handed in.

    Only safetensors are read, whatever the name says: a pickle could run code.

    Raises:
        InputError: no such file, or no safetensors.
    """
    try:
        return load(path.read_bytes())
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror})") from fault
    except (SafetensorError, ValueError) as fault:
        raise InputError(f"{path}: not a safetensors file ({fault})") from fault


def store_half_weights(source: Path, target: Path) -> None:
    """Write saved weights again in half precision, which `load_weights` casts back.

    A tensor with a value that half precision cannot hold stays as it is, and so do counters.
    """
    weights = load(source.read_bytes())
    for name, value in weights.items():
        half = value.half()
        if value.is_floating_point() and torch.isfinite(half).all():
            weights[name] = half
    save_file(weights, target)


def load_weights(model: nn.Module, path: Path) -> None:
    """Load a bundle's weights into a network of the same architecture, to go on training.

    Raises:
        InputError: as `read_weights`, or tensors that are missing, unknown or of another shape; the
            network is then as it was.
    """
    weights = read_weights(path)
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    strange = [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)]
    if strange:
        raise InputError(
            f"{path}: {len(strange)} tensors do not fit the network, such as {strange[0]!r}: "
            f"{found.get(strange[0])} instead of {wanted.get(strange[0])}"
        )
    model.load_state_dict(weights)
