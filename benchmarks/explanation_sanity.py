"""Do the heat maps show the network, and do they find the lesion? Every method on real pictures.

    python benchmarks/explanation_sanity.py MODEL MANIFEST [--images 100]

MODEL is a bundle or run folder, MANIFEST has a test split and masks (HAM10000). The most probable
class of each picture is explained. Besides the methods two maps that know nothing of the network
are judged: noise, and a bump in the middle of the picture, which is where lesions are.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
from record import RESULTS, record

from cutis.evaluation.estimates import Estimate
from cutis.explain.attribution import METHODS, Attribution, attribute, parse_methods
from cutis.explain.checks import MapCheck, check_map, summarise_checks
from cutis.explain.overlap import lesion_mask, overlap
from cutis.explain.pictures import most_probable
from cutis.explain.sanity import causal_curves
from cutis.files import write_json
from cutis.imaging import load_rgb
from cutis.models.trained import load_trained
from cutis.tables.manifest import Manifest


def know_nothing(shape: tuple[int, int], seed: int) -> dict[str, np.ndarray]:
    """Maps that are drawn without looking at the network or the picture."""
    rows, columns = (np.linspace(-1, 1, side) for side in shape)
    bump = np.exp(-2 * (rows[:, None] ** 2 + columns[None] ** 2))
    return {"noise": np.random.default_rng(seed).random(shape), "middle": bump}


def blind_check(model, frame, map_of, heat, mask, seed) -> MapCheck:  # type: ignore[no-untyped-def]
    blind = replace(map_of, heat=heat)
    curves = causal_curves(model, frame, blind, seed=seed)
    found = overlap(heat, mask)
    return MapCheck(
        curves.deletion_area,
        curves.insertion_area,
        float("nan"),
        found.mass_inside,
        found.pointing,
        found.area_share,
    )


def rounded(estimate: Estimate) -> dict[str, float | int | None]:
    values = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    shown = {key: round(v, 3) if v == v else None for key, v in values.items()}
    return shown | {"n": estimate.positives}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--method", action="append", choices=[*METHODS, "all"])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    model = load_trained(options.model)
    manifest = Manifest.read(options.manifest, taxonomy=model.classes.taxonomy).split("test")
    masked = np.flatnonzero(manifest.frame["mask_path"] != "")
    drawn = np.random.default_rng(options.seed).permutation(masked)[: options.images]
    rows = manifest.rows(np.isin(np.arange(len(manifest)), drawn))
    methods = parse_methods(options.method or ["all"], model)
    checks: dict[str, list[MapCheck]] = {name: [] for name in (*methods, "noise", "middle")}
    seconds = dict.fromkeys(methods, 0.0)
    for row, (path, mask_path) in enumerate(zip(rows.paths, rows.frame["mask_path"], strict=True)):
        rgb = load_rgb(path)
        frame = model.preprocessing.frame(rgb)
        mask = lesion_mask(Path(mask_path), model.preprocessing, picture_size=rgb.shape[:2])
        target = most_probable(model, frame)
        found: Attribution | None = None
        for method in methods:
            started = perf_counter()
            found = attribute(model, frame, target, method=method, seed=row)
            seconds[method] += perf_counter() - started
            checks[method].append(check_map(model, frame, found, mask=mask, seed=row))
        assert found is not None
        for name, heat in know_nothing(mask.shape, row).items():
            checks[name].append(blind_check(model, frame, found, heat, mask, row))
        print(f"{row + 1} of {len(rows)}", flush=True)
    summaries = {
        name: summarise_checks(name, each, rows.clusters()).estimates  # type: ignore[arg-type]
        for name, each in checks.items()
    }
    result = {
        **record(
            f"python benchmarks/explanation_sanity.py MODEL MANIFEST --images {options.images}"
        ),
        "network": model.architecture,
        "side_px": model.preprocessing.height,
        "pictures": len(rows),
        "lesions": len(set(rows.clusters())),
        "interval": "95 %, percentile bootstrap over lesions",
        "seconds_per_map": {name: round(spent / len(rows), 3) for name, spent in seconds.items()},
        "methods": {
            name: {key: rounded(value) for key, value in estimates.items()}
            for name, estimates in summaries.items()
        },
    }
    target_file = RESULTS / "explanation_sanity.json"
    write_json(target_file, result)
    print(target_file.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
