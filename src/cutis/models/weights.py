"""Weights of whole networks on disk, as safetensors: what is loaded cannot run code."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import nn

from cutis.errors import InputError


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a network's weights as safetensors; tensors that share memory are written apart."""
    apart = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    save_file({name: value.contiguous() for name, value in apart.items()}, path)


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

    Only safetensors are read, whatever the name says: a pickle could run code.

    Raises:
        InputError: no such file, no safetensors, or tensors that are missing, unknown or of another
            shape; the network is then as it was.
    """
    try:
        weights = load(path.read_bytes())
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror})") from fault
    except (SafetensorError, ValueError) as fault:
        raise InputError(f"{path}: not a safetensors file ({fault})") from fault
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    strange = [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)]
    if strange:
        raise InputError(
            f"{path}: {len(strange)} tensors do not fit the network, such as {strange[0]!r}: "
            f"{found.get(strange[0])} instead of {wanted.get(strange[0])}"
        )
    model.load_state_dict(weights)
