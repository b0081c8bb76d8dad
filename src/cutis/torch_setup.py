"""What must be true of the process before torch work; import it before torchvision, timm, lightning.

Two things, each doing nothing where it is not needed:

- A torchvision wheel built for CUDA cannot register its compiled operators beside a CPU torch, and
  then even its Python parts refuse to import. Declaring the two operators they ask for is enough;
  calling one would still fail, and Cutis never does.
- glibc returns large blocks to the kernel as soon as they are freed, so every training step pays for
  fresh pages. `keep_freed_memory` makes it keep them; on two cores that trains 1.3 to 2 times faster.
"""

import ctypes
import importlib.util
import platform
from pathlib import Path

import torch

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def _declare_missing_operators() -> None:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return
    for library in Path(spec.origin).parent.glob("_C*.*"):
        try:
            torch.ops.load_library(library)  # type: ignore[no-untyped-call]
        except OSError:
            continue
    for schema in _OPERATORS:
        name = schema.partition("(")[0]
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f"torchvision::{name}", schema.removeprefix(name))


def keep_freed_memory() -> bool:
    """Let glibc keep freed memory for the next step; True where the allocator understood.

    It raises the resident size by what the largest step needs, and is undone by the process's end.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    wanted = ((_M_MMAP_THRESHOLD, 2**31 - 1), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 2**27))
    accepted = [mallopt(option, value) == 1 for option, value in wanted]  # all three are tried
    return all(accepted)


def has_cuda() -> bool:
    """Whether torch can use an NVIDIA GPU here."""
    return torch.cuda.is_available()


_declare_missing_operators()
