"""Does training on fine classes help with coarse questions? HAM10000, seven classes or fewer.

    python benchmarks/fine_or_coarse.py WORK [--only NAME ...] [--limit IMAGES]

Esteva et al. 2017 train on many fine classes and add probabilities up. Here the same head is trained
once on the seven diagnoses and rolled up, and once directly on the coarse classes: malignant against
benign; three classes; and the five of the nine-way partition that HAM10000 has (it has no
non-neoplastic class, so that its three-way level is malignant against benign). Same images, same
lesion-grouped folds, same seeds, same number of steps.

The network is not fine-tuned: the heads stand on features of a frozen ImageNet EfficientNet-Lite0,
computed once with ONNX Runtime and kept in WORK. A head cannot reshape what it is given, so this says
less than fine-tuning would.

Two paired tests of fine minus coarse: lesions are drawn anew (cluster bootstrap over the pooled
out-of-fold answers, mean over seeds), and the corrected resampled t-test over folds and seeds (Nadeau
and Bengio 2003).
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from record import DATA, RESULTS, record
from scipy.stats import t as student
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from cutis.checks import FloatArray, IntArray
from cutis.curation.sources import SourceOptions, import_source
from cutis.curation.splits import fold_manifest
from cutis.files import atomic_path, write_json
from cutis.imaging import load_rgb
from cutis.metrics import classification
from cutis.metrics.intervals import bootstrap, percentile_interval
from cutis.metrics.probability import log_loss
from cutis.metrics.ranking import Ranking
from cutis.tables.manifest import Manifest
from cutis.taxonomy import ClassSet, rollup_to

BACKBONE = "tf_efficientnet_lite0"
SIDE_PX = 160
FOLDS = 5
SEEDS = (0, 1, 2)
MLP_EPOCHS = 20

HEADS: Mapping[str, Callable[[int], object]] = {
    "logistic": lambda _seed: LogisticRegression(C=1e-2, max_iter=200),
    "mlp": lambda seed: MLPClassifier(
        (128,), batch_size=128, max_iter=MLP_EPOCHS, tol=0.0, random_state=seed
    ),
    "logistic, weaker penalty": lambda _seed: LogisticRegression(C=1e-1, max_iter=200),
    "logistic, stronger penalty": lambda _seed: LogisticRegression(C=1e-3, max_iter=200),
}
"""The first two are the comparison, the others show whether it hangs on the penalty."""


def questions(manifest: Manifest) -> dict[str, ClassSet]:
    """The coarse classes, all nodes of the tree."""
    tree = manifest.taxonomy
    nine = ClassSet.at_level(tree, "nine-way")
    present = sorted(set(nine.indices_of(manifest.diagnoses)))
    return {
        "malignant, benign": ClassSet(tree, ("malignant", "benign")),
        "melanoma, keratinocyte carcinoma, benign": ClassSet(
            tree, ("melanoma", "malignant-epidermal", "benign")
        ),
        "nine-way, those present": ClassSet(tree, tuple(nine.classes[k] for k in present)),
    }


@dataclass(frozen=True, eq=False)
class Answers:
    """Out-of-fold probabilities of one question by both ways of training."""

    truth: IntArray  # (n,)
    fold: IntArray  # (n,)
    fine: FloatArray  # (n, k), trained on the seven diagnoses and rolled up
    coarse: FloatArray  # (n, k), trained on the k classes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", nargs="*", choices=HEADS, help="heads; default, all")
    parser.add_argument("--limit", type=int, help="try it on so many images; nothing is kept")
    parser.add_argument("--replicates", type=int, default=2000)
    arguments = parser.parse_args()
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    manifest = ham10000(arguments.limit)
    features = load_features(manifest, work)
    out = RESULTS / "fine_or_coarse.json"
    if arguments.limit:
        out = work / "fine_or_coarse.json"
    results = json.loads(out.read_text()) if out.exists() else {"heads": {}}
    for name in arguments.only or HEADS:
        started = time.perf_counter()
        results["heads"][name] = {
            question: compared(answers, manifest, replicates=arguments.replicates)
            for question, answers in out_of_fold(name, manifest, features).items()
        } | {"seconds": round(time.perf_counter() - started)}
        results |= described(manifest, replicates=arguments.replicates)
        write_json(out, results)
        print(json.dumps({name: results["heads"][name]}, indent=2))


def ham10000(limit: int | None) -> Manifest:
    """All images, or a random part of them."""
    manifest = import_source("ham10000", DATA / "ham10000", SourceOptions()).manifest
    if limit is None:
        return manifest
    drawn = np.random.default_rng(0).permutation(len(manifest)) < limit
    return manifest.rows(drawn)


def load_features(manifest: Manifest, work: Path) -> FloatArray:
    """Pooled features of every image, shape (n, d); computed once."""
    path = work / f"features-{BACKBONE}-{SIDE_PX}-{len(manifest)}.npz"
    if path.exists():
        kept = np.load(path)
        assert tuple(kept["image_ids"]) == manifest.image_ids
        return np.asarray(kept["features"])
    features = compute_features(manifest, work)
    with atomic_path(path) as partial, partial.open("wb") as stream:
        np.savez(stream, image_ids=np.array(manifest.image_ids), features=features)
    return features


def compute_features(manifest: Manifest, work: Path) -> FloatArray:
    """Run the frozen backbone over the whole frames."""
    from cutis.deploy.export import export_onnx
    from cutis.models.backbones import backbone_preprocessing
    from cutis.models.classifier import ModelSettings, create_classifier

    network = work / "backbone.onnx"
    settings = ModelSettings.model_validate({"backbone": {"name": BACKBONE}})
    model = create_classifier(settings, classes=2, image_size=SIDE_PX)  # the head is not used
    export_onnx(model, network, height=SIDE_PX, width=SIDE_PX)
    preprocessing = backbone_preprocessing(BACKBONE, size=SIDE_PX, fit="squash")
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    found = []
    for first in range(0, len(manifest), 32):
        paths = manifest.paths[first : first + 32]
        frames = np.stack([preprocessing.frame(load_rgb(path)) for path in paths])
        (features,) = session.run(["features"], {"images": preprocessing.normalise(frames)})
        found.append(features)
    return np.concatenate(found)


def out_of_fold(name: str, manifest: Manifest, features: FloatArray) -> dict[str, list[Answers]]:
    """Train on all folds but one and answer that one: question -> one set of answers per seed."""
    asked = questions(manifest)
    fine_set = manifest.class_set()
    answers: dict[str, list[Answers]] = {question: [] for question in asked}
    for seed in SEEDS:
        column = fold_manifest(manifest, folds=FOLDS, seed=seed).frame["fold"]
        fold = column.to_numpy().astype(np.int64)
        fine = cross_fitted(name, features, fine_set, manifest, fold, seed)
        for question, coarse_set in asked.items():
            answers[question].append(
                Answers(
                    truth=np.array(coarse_set.indices_of(manifest.diagnoses)),
                    fold=fold,
                    fine=rollup_to(coarse_set, fine, fine_set.classes),
                    coarse=cross_fitted(name, features, coarse_set, manifest, fold, seed),
                )
            )
    return answers


def cross_fitted(
    name: str,
    features: FloatArray,
    classes: ClassSet,
    manifest: Manifest,
    fold: IntArray,
    seed: int,
) -> FloatArray:
    """Out-of-fold probabilities, shape (n, k)."""
    target = np.array(classes.indices_of(manifest.diagnoses))
    answers = np.zeros((len(target), len(classes)))
    for held_out in range(FOLDS):
        training = fold != held_out
        head: Pipeline = make_pipeline(StandardScaler(), HEADS[name](seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the budget is fixed
            head.fit(features[training], target[training])
        columns = head.classes_  # a class without a training image has no column
        answers[np.ix_(~training, columns)] = head.predict_proba(features[~training])
    return answers


def figures(truth: IntArray, probabilities: FloatArray) -> Callable[..., dict[str, FloatArray]]:
    """What is compared, as a function of row weights; of every figure more is better."""
    k = probabilities.shape[1]
    rankings = [Ranking.of(truth == each, probabilities[:, each]) for each in range(k)]
    answer = probabilities.argmax(axis=1)

    def of(weights: FloatArray) -> dict[str, FloatArray]:
        areas = np.array([ranking.areas(weights) for ranking in rankings])  # (k, 2, ...)
        confusion = classification.confusion_matrix(truth, answer, k, weights=weights)
        return {
            "macro_roc_auc": classification.mean_over_defined(np.moveaxis(areas[:, 0], 0, -1)),
            "macro_average_precision": classification.mean_over_defined(
                np.moveaxis(areas[:, 1], 0, -1)
            ),
            "balanced_accuracy": classification.balanced_accuracy(confusion),
            "accuracy": classification.accuracy(confusion),
            "minus_log_loss": -log_loss(truth, probabilities, weights=weights),
        }

    return of


def compared(
    answers: list[Answers], manifest: Manifest, *, replicates: int
) -> dict[str, dict[str, object]]:
    """Both ways of training, and their difference with both tests."""
    arms = {
        "fine": [figures(each.truth, each.fine) for each in answers],
        "coarse": [figures(each.truth, each.coarse) for each in answers],
    }

    def means(weights: FloatArray) -> dict[str, FloatArray]:
        found = {}
        for arm, per_seed in arms.items():
            values = [of(weights) for of in per_seed]
            for name in values[0]:
                found[f"{arm}/{name}"] = np.mean([each[name] for each in values], axis=0)
        return found

    value = means(np.ones(len(manifest)))
    drawn = bootstrap(means, manifest.clusters(), replicates=replicates, seed=0)
    by_fold = fold_differences(answers)
    return {
        name: {
            "fine": float(value[f"fine/{name}"]),
            "coarse": float(value[f"coarse/{name}"]),
            "fine_minus_coarse": float(value[f"fine/{name}"] - value[f"coarse/{name}"]),
            "interval_95_over_lesions": percentile_interval(
                drawn[f"fine/{name}"] - drawn[f"coarse/{name}"]
            ),
            "folds_in_which_fine_is_better": int((differences > 0).sum()),
            "p_value_over_folds": corrected_t_test(differences),
        }
        for name, differences in by_fold.items()
    }


def fold_differences(answers: list[Answers]) -> dict[str, FloatArray]:
    """Fine minus coarse on every fold of every seed."""
    rows = []
    for each in answers:
        for fold in range(FOLDS):
            held_out = each.fold == fold
            ones = np.ones(held_out.sum())
            fine = figures(each.truth[held_out], each.fine[held_out])(ones)
            coarse = figures(each.truth[held_out], each.coarse[held_out])(ones)
            rows.append({name: float(fine[name] - coarse[name]) for name in fine})
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def corrected_t_test(differences: FloatArray) -> float:
    """Two-sided p-value of repeated K folds, whose training sets overlap (Nadeau and Bengio 2003)."""
    n = len(differences)
    test_over_train = 1 / (FOLDS - 1)
    spread = np.sqrt((1 / n + test_over_train) * differences.var(ddof=1))
    if spread == 0:
        return float("nan")
    return float(2 * student.sf(abs(differences.mean()) / spread, df=n - 1))


def described(manifest: Manifest, *, replicates: int) -> dict[str, object]:
    """What the figures were measured on, and how."""
    return {
        **record("python benchmarks/fine_or_coarse.py WORK"),
        "images": len(manifest),
        "lesions": len(set(manifest.clusters())),
        "features": f"frozen ImageNet {BACKBONE}, {SIDE_PX} px, whole frame",
        "folds": FOLDS,
        "seeds": list(SEEDS),
        "replicates": replicates,
        "fine_classes": list(manifest.class_set().classes),
        "questions": {name: list(each.classes) for name, each in questions(manifest).items()},
    }


if __name__ == "__main__":
    main()
