"""Whether the model that ships gains by one more round: with more lesions, or with worse pictures.

    python benchmarks/further_rounds.py WORK

WORK holds `zoo.csv` of `benchmarks/zoo_model.py`. Each round is as the last one of the model that ships
and goes on from its weights, eight epochs; a run that is there is resumed. `lesions` learns from the
test split's lesions, too, 29 % more pictures of HAM10000; `spoiling` spoils seven of ten pictures, up
to the strongest severity. The networks answer about validation, which none of them learned from: the
one that ships in 8 bits, the others in float. No test lesion is judged.

For `spoiling.py`, the second network was made what ships, in WORK, where zoo-shipped is the other:

    cutis export zoo-hard/bundle --format onnx-int8 --half-weights --images zoo.csv -o zoo-hard-small
    cutis calibrate zoo-hard-small zoo-calibration.csv -o zoo-hard-shipped
    python benchmarks/spoiling.py WORK --bundles zoo-shipped zoo-hard-shipped --result spoiling-harder
"""

import argparse
from pathlib import Path

from asking import answers
from on_validation import REPLICATES, judge, shown
from record import RESULTS, record
from zoo_model import SECOND_ROUND, by_processing, train

from cutis.bundle import ModelBundle
from cutis.files import write_json
from cutis.tables.manifest import Manifest
from cutis.zoo import default_name, find

EPOCHS = "trainer.epochs=8"
WORSE = ("augmentation.spoiling=0.7", "augmentation.spoiling_severity=5")
ROUNDS = {  # run, manifest, settings
    "lesions": ("zoo-last", "zoo-all.csv", ("seed=3",)),
    "spoiling": ("zoo-hard", "zoo.csv", ("seed=4", *WORSE)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work.resolve()
    pooled = Manifest.read(work / "zoo.csv")
    everything = pooled.with_columns(split=pooled.frame["split"].replace({"test": "train"}))
    everything.write(work / "zoo-all.csv")
    bundles = {"ships": find(default_name())}
    for name, (run, manifest, settings) in ROUNDS.items():
        begun = f"zoo:{default_name()}"
        train(work, SECOND_ROUND, begun, run, EPOCHS, *settings, manifest=manifest)
        bundles[name] = ModelBundle.load(work / run / "bundle")
    sets = by_processing(pooled.split("val"))
    found = {
        name: judge({each: answers(bundle, rows) for each, bundle in bundles.items()}, rows)
        for name, rows in sets.items()
    }
    result = {
        **record("python benchmarks/further_rounds.py WORK"),
        "replicates": REPLICATES,
        "images": {name: len(rows) for name, rows in sets.items()},
        "networks": found,
    }
    write_json(RESULTS / "further_rounds.json", result)
    for name, by_network in found.items():
        print(f"{name}\n{shown(by_network)}")


if __name__ == "__main__":
    main()
