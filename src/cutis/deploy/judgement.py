"""`Judgement`: what a `result.json` says, for the documents that are written from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cutis.errors import InputError
from cutis.files import read_json

_NEEDED = ("split", "images", "classes", "overall", "per_class", "interval")


@dataclass(frozen=True)
class Judgement:
    """The results of one evaluation.

    Attributes:
        name: Of the report's folder, without a leading "report-".
        result: The content of its `result.json`.
    """

    name: str
    result: Mapping[str, Any]

    @classmethod
    def read(cls, report: Path) -> "Judgement":
        """Read the folder that `cutis evaluate -o` wrote.

        Raises:
            InputError: there is no `result.json`, or it is not about a classifier.
        """
        path = report / "result.json" if report.is_dir() else report
        result = read_json(path)
        missing = [key for key in _NEEDED if not isinstance(result, dict) or key not in result]
        if missing:
            raise InputError(
                f"{path}: not the result of `cutis evaluate` (without {', '.join(missing)})"
            )
        return cls(path.absolute().parent.name.removeprefix("report-"), result)

    @property
    def cases(self) -> str:
        """How many of what was judged."""
        lesions = self.result.get("lesions")
        of_lesions = f" of {lesions} lesions" if lesions else ""
        return f"{self.result['images']} images{of_lesions}, split {self.result['split']}"

    @property
    def method(self) -> str:
        """How the intervals were made."""
        interval = self.result["interval"]
        draws = interval["replicates"]
        return f"{interval['level']:.0%} intervals, {interval['method']}, {draws} draws"

    @property
    def reading(self) -> str:
        """How the probabilities were read, a sentence; "" where they were judged as they came."""
        return str((self.result.get("reading") or {}).get("in_words", ""))

    def overall(self, name: str) -> str:
        """One overall figure with its interval."""
        return figure(self.result["overall"].get(name))

    def section(self, name: str) -> Any:
        """A further section; None where the report has none."""
        return self.result.get(name)

    @property
    def classes_present(self) -> int:
        """How many of the model's classes the judged images are of."""
        return sum(1 for count in self.result["classes"].values() if count)

    def question(self, name: str, estimate: str) -> Mapping[str, Any] | None:
        """An estimate of a two-sided question; None where the report does not ask it."""
        asked = (self.section("questions") or {}).get(name)
        return asked["estimates"].get(estimate) if asked else None

    def first_operating_points(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Of each two-sided question its title and the first threshold carried from validation."""
        questions = (self.section("questions") or {}).values()
        return [(q["title"], point) for q in questions for point in q["operating_points"][:1]]

    def calibrations(self) -> Mapping[str, Any]:
        """The calibration errors of the probabilities as given and after each map."""
        return dict((self.section("calibration") or {}).get("versions", {}))

    def groups(self) -> list[Mapping[str, Any]]:
        """The subgroups; those with too few cases have no estimates."""
        return list((self.section("subgroups") or {}).get("groups", []))

    def least_found(self, *, shown: int = 3) -> list[str]:
        """The classes with the lowest recall, as text."""
        recalls = {
            name: estimate
            for name, estimate in self.result["per_class"]["recall"].items()
            if estimate["value"] is not None
        }
        worst = sorted(recalls, key=lambda name: recalls[name]["value"])[:shown]
        return [f"{name} {figure(recalls[name])}" for name in worst]

    def confusions(self, *, shown: int = 3) -> list[str]:
        """The most frequent confusions, as sentences."""
        names, matrix = list(self.result["classes"]), self.result.get("confusion_matrix") or []
        wrong = sorted(
            (
                (count, names[row], names[column], sum(counts))
                for row, counts in enumerate(matrix)
                for column, count in enumerate(counts)
                if row != column and count
            ),
            reverse=True,
        )
        return [
            f"{count} of {total} {truth} taken for {answer}"
            for count, truth, answer, total in wrong[:shown]
        ]


def figure(estimate: Mapping[str, Any] | None) -> str:
    """An estimate of `result.json` as text; "undefined" where the data do not define it."""
    if not estimate or estimate.get("value") is None:
        return "undefined"
    if estimate.get("low") is None:
        return f"{estimate['value']:.3f}"
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"
