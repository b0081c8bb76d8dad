"""A folder of pictures, whole process: `cutis predict FOLDER --csv` against a plain timm and PIL loop.

    python benchmarks/folder_speed.py [--model NAME_OR_BUNDLE] [--images 1000]

The plain loop is what a tutorial would write: open, convert, torchvision's resize and crop, one picture
at a time through the same network in eager PyTorch. Both are given the same files, both use all cores,
both write a table; start-up counts. Two folders: HAM10000 at 200 x 150, and pictures of 1024 x 768 px
that the phantom draws, of which a few are there many times, since a copy takes as long to decode.

On a machine that does other work PyTorch's threads wait for each other, at the plain loop's expense;
`OMP_NUM_THREADS=1` gives it one, and the processor's seconds are then the figure to compare.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

from record import CUTIS, DATA, RESULTS, record
from startup import default_model, one_process

from cutis.files import write_json

DRAWN = 20
AIM = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", help="a model of the zoo or a bundle; default, the zoo's first")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--plain", nargs=2, help=argparse.SUPPRESS)  # FOLDER TABLE: the other side
    given = parser.parse_args()
    if given.plain:
        plain_loop(given.model, Path(given.plain[0]), Path(given.plain[1]))
        return
    model = given.model or default_model()
    if model is None:
        parser.error("no model ships with this version; give --model")
    with tempfile.TemporaryDirectory(prefix="cutis-folder-") as scratch:
        folders = make_folders(Path(scratch), images=given.images)
        measured = {name: compare(model, folder) for name, folder in folders.items()}
    result = {
        **record(f"python benchmarks/folder_speed.py --images {given.images}"),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS", "default"),
        "model": Path(model).name,
        "images": given.images,
        "aim_ratio": AIM,
        **measured,
    }
    write_json(RESULTS / "folder_speed.json", result)
    for name, each in measured.items():
        print(name, each)


def make_folders(scratch: Path, *, images: int) -> dict[str, Path]:
    """Folders of so many files; HAM10000 only where the real data are."""
    sources = {"ham10000": sorted((DATA / "ham10000" / "images").glob("*.jpg"))}
    draw(scratch / "set")
    sources["drawn, 1024 px"] = sorted((scratch / "set" / "images").glob("*.jpg"))
    folders = {}
    for name, files in sources.items():
        if files:
            folders[name] = scratch / name
            folders[name].mkdir()
            for n, file in enumerate(islice(cycle(files), images)):
                shutil.copyfile(file, folders[name] / f"{n:05}.jpg")
    return folders


def draw(folder: Path) -> None:
    """Phantom pictures; in a process of its own, whose memory would otherwise count as ours."""
    program = (
        "from pathlib import Path\n"
        "from cutis.data.phantom import PhantomSettings, draw_phantom_set\n"
        "settings = PhantomSettings(height=768, width=1024)\n"
        f"draw_phantom_set(Path({str(folder)!r}), images={DRAWN}, seed=0, settings=settings)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def compare(model: str, folder: Path) -> dict[str, object]:
    """Seconds and memory of both processes, their ratios, and how often the answers agree."""
    ours, plain = folder.parent / "ours.csv", folder.parent / "plain.csv"
    figures = {
        "cutis": seconds([CUTIS, "predict", str(folder), "--model", model, "--csv", str(ours)]),
        "plain": seconds(
            [sys.executable, __file__, "--model", model, "--plain", str(folder), str(plain)]
        ),
    }
    ratios = {
        key: round(figures["plain"][key] / figures["cutis"][key], 2)
        for key in ("seconds", "cpu_seconds", "peak_mib")
    }
    first, second = first_choices(ours), first_choices(plain)
    same = sum(second[name] == choice for name, choice in first.items()) / len(first)
    return {**figures, "ratio": ratios, "same_first_choice": round(same, 4)}


def seconds(command: Sequence[str]) -> dict[str, float]:
    """One whole process."""
    names = ("seconds", "cpu_seconds", "peak_mib")
    return {name: round(value, 2) for name, value in zip(names, one_process(command), strict=True)}


def first_choices(table: Path) -> dict[str, str]:
    """The most probable class of each image in a table of probabilities."""
    with table.open(newline="", encoding="utf-8") as stream:
        rows = [*csv.DictReader(stream)]
    classes = [name for name in rows[0] if name != "image_id"]
    return {row["image_id"]: max(classes, key=lambda name: float(row[name])) for row in rows}


def plain_loop(model: str, folder: Path, table: Path) -> None:
    """What a tutorial would write, with the weights of the same model."""
    from cutis.models.trained import load_trained  # has to come before torchvision

    import torch  # isort: skip
    from PIL import Image  # isort: skip
    from torchvision import transforms  # isort: skip

    trained = load_trained(Path(model))
    network, preprocessing = trained.network.eval(), trained.preprocessing
    transform = transforms.Compose(
        [
            transforms.Resize(preprocessing.height),
            transforms.CenterCrop(preprocessing.height),
            transforms.ToTensor(),
            transforms.Normalize(preprocessing.mean, preprocessing.std),
        ]
    )
    with table.open("w", newline="", encoding="utf-8") as stream, torch.no_grad():
        writer = csv.writer(stream)
        writer.writerow(["image_id", *trained.classes.classes])
        for path in sorted(folder.iterdir()):
            image = transform(Image.open(path).convert("RGB"))
            probabilities = network(image[None]).softmax(dim=1)[0]
            writer.writerow([path.stem, *probabilities.tolist()])


if __name__ == "__main__":
    main()
