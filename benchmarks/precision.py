"""Training in 32-bit numbers against bf16 mixed precision on the CPU, by architecture.

    python benchmarks/precision.py

Pictures a second of whole training steps as Cutis runs them (channels-last layout, an allocator that
keeps freed memory), noise of 224 px instead of pictures, batches of 32, the two kinds of numbers taking
turns; the second is `trainer.precision = "bf16-mixed"`. Whether the processor has AMX units is kept.
"""

import time
from pathlib import Path
from statistics import median

import torch
from record import RESULTS, record

import cutis.torch_setup
from cutis.files import write_json

import timm  # isort: skip

NETWORKS = ("tf_efficientnet_lite0", "resnet50", "vit_small_patch16_224")
SIDE, BATCH, STEPS, TURNS = 224, 32, 3, 3


def rate(model: torch.nn.Module, *, mixed: bool) -> float:
    """Pictures a second."""
    images = torch.randn(BATCH, 3, SIDE, SIDE).to(memory_format=torch.channels_last)
    targets = torch.randint(0, 7, (BATCH,))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    started = time.perf_counter()
    for _step in range(STEPS):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed):
            loss = torch.nn.functional.cross_entropy(model(images), targets)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return STEPS * BATCH / (time.perf_counter() - started)


def measured(name: str) -> dict[str, float]:
    """Medians over turns, the first of which warms up."""
    model = timm.create_model(name, num_classes=7).train()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    turns = [(rate(model, mixed=False), rate(model, mixed=True)) for _turn in range(TURNS + 1)]
    plain, mixed = (median(rates) for rates in zip(*turns[1:], strict=True))
    return {"32-true": plain, "bf16-mixed": mixed, "ratio": mixed / plain}


def main() -> None:
    cutis.torch_setup.keep_freed_memory()
    amx = "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="ascii").split()
    found = {name: measured(name) for name in NETWORKS}
    result = {
        **record("python benchmarks/precision.py"),
        "amx": amx,
        "side_px": SIDE,
        "batch": BATCH,
        "images_per_second": found,
    }
    write_json(RESULTS / "precision.json", result)
    for name, each in found.items():
        print(name, {key: round(value, 2) for key, value in each.items()})


if __name__ == "__main__":
    main()
