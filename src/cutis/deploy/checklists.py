"""Reporting checklists, filled in from what a run knows; what it does not know says "not provided"."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from cutis import RESEARCH_USE_NOTICE
from cutis.curation.datasheet import Description
from cutis.deploy.judgement import Judgement, figure
from cutis.models.backbones import SAVED, ZOO, BackboneSettings
from cutis.models.classifier import ModelSettings
from cutis.training.recipe import Recipe, TrainerSettings

NOT_PROVIDED = "not provided"


@dataclass(frozen=True)
class KnownRun:
    """What is known about a run: its settings, its data, its surroundings and how it was judged."""

    recipe: Recipe
    splits: Mapping[str, Description]  # by split, "all" too
    environment: Mapping[str, Any]
    internal: Judgement | None
    external: Sequence[Judgement]

    @property
    def judged(self) -> list[Judgement]:
        """Every judgement, the run's own test split first."""
        return [*([self.internal] if self.internal else []), *self.external]


def facts(run: KnownRun) -> dict[str, str]:
    """Everything the checklists ask for that the run can answer, by the name of the fact."""
    found = _data_facts(run.splits) | _model_facts(run)
    if run.internal is not None:
        found |= _result_facts(run.internal)
    if run.external:
        found["external"] = "; ".join(
            f"{judged.name} ({judged.cases}): macro AUC {judged.overall('macro_roc_auc')}, "
            f"balanced accuracy {judged.overall('balanced_accuracy')}"
            for judged in run.external
        )
    return {name: text for name, text in found.items() if text}


def render_checklists(known: Mapping[str, str]) -> str:
    """The three checklists as Markdown tables, with how much of each could be answered."""
    text = resources.files("cutis.deploy").joinpath("checklists.toml").read_text(encoding="utf-8")
    guidelines = tomllib.loads(text)["guideline"]
    parts = [
        "# Reporting checklists",
        f"> {RESEARCH_USE_NOTICE}",
        "Topics are given in short; the guidelines say in full what each asks. Answers come from the "
        "run's own files, the rest is for its authors.",
    ]
    return "\n\n".join([*parts, *(_checklist(each, known) for each in guidelines)]) + "\n"


def _checklist(guideline: Mapping[str, Any], known: Mapping[str, str]) -> str:
    rows, answered = [], 0
    for item in guideline["items"]:
        answer = known.get(item.get("fact", ""), NOT_PROVIDED)
        answered += answer != NOT_PROVIDED
        rows.append(f"| {item['topic']} | {answer.replace('|', '/')} |")
    return "\n".join(
        [
            f"## {guideline['name']}",
            "",
            f"{guideline['source']}. Answered by the run: {answered} of {len(rows)}.",
            "",
            "| topic | what the run knows |",
            "| --- | --- |",
            *rows,
        ]
    )


def _data_facts(splits: Mapping[str, Description]) -> dict[str, str]:
    whole = splits["all"]
    missing = {name: count for name, count in whole.missing.items() if count}
    return {
        "sources": _counts(whole.values.get("source", {})),
        "splits": "; ".join(
            f"{name}: {part.totals['images']} images of {part.totals['lesions']} lesions"
            for name, part in splits.items()
            if name != "all"
        ),
        "disjoint": "images, lesions, patients and known duplicates stand in one partition only; "
        "checked when the manifest is read",
        "missing": _counts(missing) or "none",
        "ground_truth": _counts(whole.values.get("ground_truth", {})),
        "skin_tone": _counts(whole.values.get("fitzpatrick", {})),
        "class_counts": _counts({name: each.images for name, each in whole.classes.items()}),
        "demographics": "; ".join(
            f"{name}: {_counts(whole.values[name])}"
            for name in ("age", "sex", "site")
            if name in whole.values
        ),
    }


def _model_facts(run: KnownRun) -> dict[str, str]:
    recipe = run.recipe
    train_px = recipe.data.train_size or recipe.data.image_size
    answers = recipe.distillation.predictions
    packages = run.environment.get("packages", {})
    versions = ", ".join(f"{name} {version}" for name, version in packages.items() if version)
    return {
        "intended_use": "research on images of skin lesions; not a medical device",
        "architecture": _architecture(recipe.model),
        "initialisation": _initialisation(recipe.model.backbone),
        "preprocessing": f"{recipe.data.image_size} px, {recipe.data.fit}, "
        f"{recipe.data.interpolation}; in training {train_px} px",
        "training": f"{recipe.optimizer.name}, rate {recipe.fine_tuning.learning_rate}, "
        f"{recipe.trainer.epochs} epochs of batches of {recipe.data.batch_size}, seed {recipe.seed}; "
        "all settings in settings.json",
        "selection": _selection(recipe.trainer),
        "imbalance": f"{recipe.loss.name.replace('_', '-')} loss, logit adjustment "
        f"{recipe.loss.logit_adjustment}, class weights {recipe.loss.class_weights}, balanced drawing "
        f"{recipe.data.balance}",
        "ensembling": "none; one network"
        + (", averaged over steps" if recipe.trainer.average_decay else "")
        + (", and with the weights that training began from" if recipe.trainer.start_share else "")
        + (f", taught by the answers of others ({answers})" if answers else ""),
        "software": f"cutis {run.environment.get('cutis')}, Python {run.environment.get('python')}, "
        f"{versions}",
        "availability": "code: Apache-2.0; revision "
        f"{run.environment.get('git_revision') or NOT_PROVIDED}; weights: see the model card",
    }


def _architecture(model: ModelSettings) -> str:
    hidden = "".join(f"a dense layer of {width} with ReLU, " for width in model.head.hidden)
    return (
        f"{model.backbone.name}, pooled features, {hidden}dropout {model.head.dropout}, "
        "a linear layer with one output per class"
    )


def _initialisation(backbone: BackboneSettings) -> str:
    may_hold_a_head = backbone.weights.startswith(ZOO) or backbone.weights.endswith(SAVED)
    head = "the head from there if it is for the same classes, else a fresh one"
    return f"backbone weights: {backbone.weights}; {head if may_hold_a_head else 'a fresh head'}"


def _selection(trainer: TrainerSettings) -> str:
    kept = f"weights of the {trainer.keep} epoch"
    if trainer.keep == "best":
        kept += f" by {trainer.monitor} on validation"
    if not trainer.patience:
        return kept
    return (
        f"{kept}; training ended after {trainer.patience} epochs without gain in "
        f"{trainer.monitor} on validation, or with the last of {trainer.epochs}"
    )


def _result_facts(judged: Judgement) -> dict[str, str]:
    left_out = judged.result.get("left_out_without_diagnosis", 0)
    return {
        "left_out": f"{left_out} rows without a diagnosis, "
        f"{judged.result.get('left_out_other_diagnoses', 0)} of other diagnoses",
        "metrics": "accuracy, balanced accuracy, and by class precision, recall, specificity, F1, "
        "ROC-AUC, average precision",
        "intervals": judged.method,
        "performance": f"{judged.cases}: macro AUC {judged.overall('macro_roc_auc')}, balanced "
        f"accuracy {judged.overall('balanced_accuracy')}, accuracy {judged.overall('accuracy')}",
        "failures": "; ".join(judged.confusions()),
        "calibration": "; ".join(
            f"{name}: classwise ECE {figure(version['classwise_ece'])}"
            for name, version in judged.calibrations().items()
        ),
        "operating_points": "; ".join(
            f"{title}, threshold of {point['name']}: sensitivity "
            f"{figure(point['estimates']['sensitivity'])}, specificity "
            f"{figure(point['estimates']['specificity'])}"
            for title, point in judged.first_operating_points()
        ),
        "robustness": "see the report's section" if judged.section("robustness") else "",
        "subgroups": ", ".join(
            f"{group['column']} {group['group']}: balanced accuracy "
            f"{figure(group['estimates'].get('balanced_accuracy'))}"
            for group in judged.groups()
            if group["estimates"]
        ),
    }


def _counts(values: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in values.items())
