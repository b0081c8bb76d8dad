"""Whether the model that ships gains by learning from the test split's lesions, too.

    python benchmarks/further_lesions.py WORK

WORK holds `zoo.csv` of `benchmarks/zoo_model.py`. One more round, as the last one of the model that
ships and from its weights, with 29 % more pictures of HAM10000; a run that is there is resumed. Both
networks answer about validation, which neither learned from: the one that ships in 8 bits, the other in
float. No test lesion is judged.
"""

import argparse
from pathlib import Path

from on_validation import REPLICATES, judge, shown
from record import RESULTS, record
from zoo_model import SECOND_ROUND, answers, by_processing, train

from cutis.bundle import ModelBundle
from cutis.files import write_json
from cutis.tables.manifest import Manifest
from cutis.zoo import default_name, find

FOURTH = ("trainer.epochs=8", "seed=3")
RUN = "zoo-last"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work.resolve()
    pooled = Manifest.read(work / "zoo.csv")
    everything = pooled.with_columns(split=pooled.frame["split"].replace({"test": "train"}))
    everything.write(work / "zoo-all.csv")
    begun = f"zoo:{default_name()}"
    train(work, SECOND_ROUND, begun, RUN, *FOURTH, manifest="zoo-all.csv")
    bundles = {"ships": find(default_name()), "further": ModelBundle.load(work / RUN / "bundle")}
    sets = by_processing(pooled.split("val"))
    found = {
        name: judge({each: answers(bundle, rows) for each, bundle in bundles.items()}, rows)
        for name, rows in sets.items()
    }
    result = {
        **record("python benchmarks/further_lesions.py WORK"),
        "replicates": REPLICATES,
        "images": {name: len(rows) for name, rows in sets.items()},
        "networks": found,
    }
    write_json(RESULTS / "further_lesions.json", result)
    for name, by_network in found.items():
        print(f"{name}\n{shown(by_network)}")


if __name__ == "__main__":
    main()
