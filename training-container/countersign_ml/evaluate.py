"""`evaluate`: one look at the sealed test -> evaluation.json, predictions.json, mistakes, charts.

Inputs (processing job): `model`, `truth` (test.json), `shards`; optional `attributes` (attributes.json, labels.json:
what is known of images beside their pixels), and `champion`, a second model judged on the same images. Images that a
model can't decode count as wrong: production would see them too. Argument `--corruptions N` judges N of the images
under lighting, angle, blur, noise and compression as well; `--not-optimised TEXT` says why no smaller variants of the
model competed, where its folder holds no table of such a competition.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import metrics as sk

from . import contract, documents, embedding_map, evidence_folder, metrics, plots, shards, slices
from .contract import BadInput
from .corruptions import FAMILIES, SEVERITIES
from .images import Undecodable, decode
from .model_card import write_card
from .neighbours import Reference
from .runtime import Model

WORST = 24
"""Mistakes shown as images."""


@dataclass(frozen=True)
class Judged:
    """A model's answers to the test images, in their order."""

    probabilities: np.ndarray
    """(n, classes); uniform where the image could not be decoded."""
    decodable: np.ndarray
    brightness: np.ndarray
    """(n,) mean of the pixels, 0 to 255."""
    pixels: np.ndarray
    """(n,) width times height as decoded."""
    novelty: np.ndarray
    """(n,) distance to the training images as the served model tells it; NaN where it has no reference."""
    embeddings: dict[int, np.ndarray]
    """Row -> embedding, of the decodable."""

    @property
    def predicted(self) -> np.ndarray:
        return self.probabilities.argmax(axis=1)

    def hit(self, truth: np.ndarray) -> np.ndarray:
        return (self.predicted == truth) & self.decodable


def main() -> None:
    asked = contract.arguments()
    corrupted = _count(asked.get("corruptions", "0"))
    truth = documents.read(contract.processing_input("truth") / "test.json", "test-truth")
    model = Model(contract.unpacked(contract.processing_input("model"), "model"), threads=1)
    if not truth["items"]:
        raise BadInput("test.json holds no image: the sealed test is empty; raise the test share or admit more images")
    items = sorted(truth["items"], key=lambda item: item["sha256"])
    files = shards.load(contract.processing_input("shards"), {item["sha256"] for item in items})
    champion_folder = contract.optional_processing_input("champion")
    champion = Model(contract.unpacked(champion_folder, "champion"), threads=1) if champion_folder else None
    out = contract.processing_output_dir()
    judged = judge(model, truth["classes"], items, files, "evaluate")
    rival = judge(champion, truth["classes"], items, files, "evaluate champion") if champion else None
    evaluation = report(model, truth["classes"], items, judged, rival, champion, attributes())
    evaluation["training"] = made(model.facts)
    evaluation |= competition(model, asked.get("not-optimised"))
    if corrupted:
        evaluation["corruptions"] = under_corruption(model, items, files, corrupted)
    documents.write(out / "evaluation.json", evaluation, "evaluation")
    if "optimisation" in evaluation:
        documents.write(out / "optimisation.json", evaluation["optimisation"], "optimisation")
    (out / "model-card.md").write_text(write_card(model.facts, evaluation, truth, label_sources()), encoding="utf-8")
    write_predictions(out, truth["classes"], items, judged, rival)
    write_reference(out, truth["classes"], judged, model.facts["abstainThreshold"])
    write_mistakes(out, evaluation["mistakes"], files)
    write_charts(out, truth["classes"], items, judged, evaluation, model.facts)
    evidence_folder.seal(out, evaluation, model.facts)
    found = evaluation["accuracy"]
    print(f"accuracy {found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}], n = {len(items)}", flush=True)


def made(facts: dict) -> dict:
    """How the model was made, from model.json."""
    found = {"backbone": facts["backbone"], "recipe": facts["recipe"]}
    tuning = facts.get("notes", {}).get("fineTuning")
    if tuning is None:
        return found
    kept = ("difference", "discordant", "n", "shipped", "leftOut")
    return found | {"fineTuning": {key: tuning[key] for key in kept if key in tuning}}


def competition(model: Model, otherwise: str | None) -> dict:
    """The table of the variants that the model won against. Raises BadInput where it is another model's table."""
    file = model.folder / "optimisation.json"
    if not file.exists():
        return {} if otherwise is None else {"notOptimised": otherwise}
    table = documents.read(file, "optimisation")
    chosen = next((row for row in table["variants"] if row["name"] == table["chosen"]), {})
    if chosen.get("sha256") != model.sha256:
        raise BadInput(
            f"optimisation.json chose {table['chosen']} ({str(chosen.get('sha256'))[:12]}), the model's graph is "
            f"{model.sha256[:12]}: take model.tar.gz as the optimise job wrote it"
        )
    return {"optimisation": table}


def judge(model: Model, classes: list[str], items: list[dict], files: dict[str, bytes], step: str) -> Judged:
    """Answers in the truth's class order; a class that the model doesn't know has probability 0."""
    columns = [model.classes.index(name) if name in model.classes else None for name in classes]
    if all(column is None for column in columns):
        raise BadInput(
            f"the model knows none of the test's classes (model: {', '.join(model.classes)}; "
            f"test: {', '.join(classes)}); "
            "evaluate a model that was trained for this class set"
        )
    count = len(items)
    judged = Judged(
        np.full((count, len(classes)), 1 / len(classes)),
        np.ones(count, bool),
        np.zeros(count),
        np.zeros(count),
        np.full(count, np.nan),
        {},
    )
    reference = Reference.load(model.folder)
    progress = contract.Progress(step, count)

    def one(row: int) -> None:
        try:
            image = decode(files[items[row]["sha256"]], model.facts["inputSize"])
        except Undecodable:
            judged.decodable[row] = False
            return
        found = model.predict_pixels(image)
        judged.probabilities[row] = in_order(columns, found.probabilities)
        judged.embeddings[row] = found.embedding
        judged.novelty[row] = reference.novelty(found.embedding).distance if reference else np.nan
        judged.brightness[row], judged.pixels[row] = image.mean(), image.shape[0] * image.shape[1]

    # One image per core at a time: the model runs on one thread each.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for row, _ in enumerate(pool.map(one, range(count))):
            progress.at(row + 1)
    return judged


def in_order(columns: list[int | None], probabilities: np.ndarray) -> list[float]:
    return [0.0 if column is None else float(probabilities[column]) for column in columns]


def under_corruption(model: Model, items: list[dict], files: dict[str, bytes], count: int) -> list[dict]:
    """Accuracy on the first `count` decodable test images (by sha256, so any of them), per family and severity."""
    pairs = []
    for item in items[:count]:
        with suppress(Undecodable):
            pairs.append((decode(files[item["sha256"]], model.facts["inputSize"]), item["label"]))
    progress = contract.Progress("corruptions", len(FAMILIES) * len(SEVERITIES))
    rows = []

    def hit(pair: tuple[np.ndarray, str], corrupt: Callable[[np.ndarray, int], np.ndarray], severity: int) -> bool:
        found = model.predict_pixels(corrupt(pair[0], severity)).probabilities
        return model.classes[int(found.argmax())] == pair[1]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, corrupt in FAMILIES.items():
            for severity in SEVERITIES:
                hits = list(pool.map(partial(hit, corrupt=corrupt, severity=severity), pairs))
                row = {"family": name, "severity": severity, **metrics.wilson(sum(hits), len(hits)), "n": len(hits)}
                rows.append(row)
                progress.at(len(rows))
    return rows


def report(
    model: Model,
    classes: list[str],
    items: list[dict],
    judged: Judged,
    rival: Judged | None,
    champion: Model | None,
    known: dict[str, dict[str, Any]],
) -> dict:
    """The evaluation document, schema `evaluation`. `known`: see attributes()."""
    truth = np.array([classes.index(item["label"]) for item in items])
    groups = np.unique([item["group"] for item in items], return_inverse=True)[1]
    hit, confidence = judged.hit(truth), judged.probabilities.max(axis=1)
    counts = np.bincount(truth, minlength=len(classes))
    present = np.nonzero(counts)[0]
    predicted = np.where(judged.decodable, judged.predicted, -1)
    scores = sk.precision_recall_fscore_support(
        truth,
        predicted,
        labels=range(len(classes)),
        zero_division=0,  # pyright: ignore[reportArgumentType]  (documented; inferred from the default "warn")
    )
    precision, recall, f1, _ = (np.asarray(score) for score in scores)
    clipped = judged.probabilities.clip(1e-12)
    clipped /= clipped.sum(axis=1, keepdims=True)
    one_hot = np.eye(len(classes))[truth]
    matrix = sk.confusion_matrix(
        truth[judged.decodable], judged.predicted[judged.decodable], labels=range(len(classes))
    )
    document = {
        "schemaVersion": 1,
        "classes": classes,
        "n": len(items),
        "groups": int(groups.max() + 1),
        "accuracy": metrics.share(hit, groups),
        "balancedAccuracy": float(recall[present].mean()),
        "macroF1": float(f1[present].mean()),
        "weightedF1": float((f1 * counts).sum() / counts.sum()),
        "logLoss": float(-np.log(clipped[np.arange(len(truth)), truth]).mean()),
        "brier": float(((judged.probabilities - one_hot) ** 2).sum(axis=1).mean()),
        "ece": metrics.calibration_error(confidence, hit)[0],
        "majorityClass": {"label": classes[int(counts.argmax())], "accuracy": float(counts.max() / len(truth))},
        "perClass": [
            {
                "label": name,
                "n": int(counts[k]),
                "precision": float(precision[k]),
                "precisionInterval": metrics.share(hit[predicted == k], groups[predicted == k])
                if (predicted == k).any()
                else metrics.wilson(0, 0),
                "recall": metrics.share(hit[truth == k], groups[truth == k]) if counts[k] else metrics.wilson(0, 0),
                "f1": float(f1[k]),
            }
            for k, name in enumerate(classes)
        ],
        "confusion": matrix.tolist(),
        "undecodable": int((~judged.decodable).sum()),
        "mistakes": worst_mistakes(classes, items, truth, judged, hit),
        "champion": None,
        "modelSha256": model.sha256,
        "modelDigest": model.digest,
        "slices": slices.report(
            slices.by_quartile("brightness", judged.brightness)
            | slices.by_quartile("size", judged.pixels)
            | slices.by_value([known.get(item["sha256"], {}) for item in items]),
            hit,
            groups,
        ),
        **ranking(truth, judged.probabilities, present),
    }
    if rival is not None and champion is not None:
        theirs = rival.hit(truth)
        document["champion"] = metrics.paired(hit, theirs, groups) | {
            "accuracy": metrics.share(theirs, groups),
            "modelSha256": champion.sha256,
            "mcnemar": metrics.mcnemar(hit, theirs) if groups.max() + 1 == len(items) else None,
        }
    return document


def attributes() -> dict[str, dict[str, Any]]:
    """What is known of the test images beside their pixels, from attributes.json of input `attributes`, where there is
    one: {sha256: {camera: ..., vendor: [...], size: ...}}, any names. They become slices.
    """
    folder = contract.optional_processing_input("attributes")
    return documents.read(folder / "attributes.json", "image-attributes") if folder else {}


def label_sources() -> dict | None:
    """Who labelled what the model was made of, from labels.json of the same input."""
    folder = contract.optional_processing_input("attributes")
    return documents.read(folder / "labels.json", "label-sources") if folder else None


def ranking(truth: np.ndarray, probabilities: np.ndarray, present: np.ndarray) -> dict:
    """Areas under the ROC and precision-recall curves, each class against the rest, averaged; null with one class."""
    if len(present) < 2:
        return {"rocAuc": None, "prAuc": None}
    areas = [
        (sk.roc_auc_score(truth == k, probabilities[:, k]), sk.average_precision_score(truth == k, probabilities[:, k]))
        for k in present
    ]
    roc, precision_recall = np.mean(areas, axis=0)
    return {"rocAuc": float(roc), "prAuc": float(precision_recall)}


def worst_mistakes(classes, items, truth, judged: Judged, hit) -> list[dict]:
    """The surest wrong answers first."""
    confidence = judged.probabilities.max(axis=1)
    order = [k for k in np.argsort(-confidence, kind="stable") if not hit[k]]
    return [
        {
            "sha256": items[k]["sha256"],
            "truth": classes[truth[k]],
            "predicted": classes[judged.predicted[k]],
            "confidence": float(min(1.0, confidence[k])),
        }
        for k in order[:WORST]
    ]


def write_predictions(out: Path, classes: list[str], items: list[dict], judged: Judged, rival: Judged | None) -> None:
    rows = []
    for k, item in enumerate(items):
        row = {
            "sha256": item["sha256"],
            "truth": item["label"],
            "predicted": classes[judged.predicted[k]],
            "confidence": float(judged.probabilities[k].max()),
        }
        if rival is not None:
            row["champion"] = classes[rival.predicted[k]]
        rows.append(row)
    documents.write(out / "predictions.json", rows)


def write_reference(out: Path, classes: list[str], judged: Judged, threshold: float) -> None:
    """What the model says of the sealed test, without a truth or a name: real requests are compared with it."""
    rows = [
        {
            "label": classes[judged.predicted[k]],
            "abstained": bool(judged.probabilities[k].max() < threshold),
            "noveltyDistance": None if np.isnan(judged.novelty[k]) else float(judged.novelty[k]),
        }
        for k in np.nonzero(judged.decodable)[0]
    ]
    documents.write(out / "reference.json", rows)


def write_mistakes(out: Path, mistakes: list[dict], files: dict[str, bytes]) -> None:
    documents.write(out / "mistakes.json", mistakes)
    folder = out / "mistakes"
    folder.mkdir(exist_ok=True)
    for mistake in mistakes:
        data = files[mistake["sha256"]]
        kind = "png" if data[:4] == b"\x89PNG" else "webp" if data[8:12] == b"WEBP" else "jpg"
        (folder / f"{mistake['sha256']}.{kind}").write_bytes(data)


def write_charts(out: Path, classes, items, judged: Judged, evaluation: dict, facts: dict) -> None:
    truth = np.array([classes.index(item["label"]) for item in items])
    hit, confidence = judged.hit(truth), judged.probabilities.max(axis=1)
    error, bins = metrics.calibration_error(confidence, hit)
    coverage, risk = metrics.risk_coverage(confidence, hit)
    charts = {
        "confusion": plots.confusion(np.array(evaluation["confusion"]), classes),
        "reliability": plots.reliability(bins, error),
        "risk-coverage": plots.risk_coverage(coverage, risk, float((confidence >= facts["abstainThreshold"]).mean())),
    }
    shown = sorted(judged.embeddings)[: embedding_map.MOST]
    if shown:
        places = embedding_map.places(np.stack([judged.embeddings[k] for k in shown]))
        charts["embedding-map"] = plots.scatter(places, truth[shown], hit[shown], classes)
    if curve := facts.get("notes", {}).get("learningCurve"):
        rows = [*curve["points"], *curve["expected"]]
        n, low, value, high = ([row[key] for row in rows] for key in ("n", "low", "value", "high"))
        charts["learning-curve"] = plots.curve(
            n,
            low,
            value,
            high,
            f"Learning curve: measured up to {curve['points'][-1]['n']} images, expected beyond",
            "training images",
            "accuracy out of fold",
        )
    for name, svg in charts.items():
        (out / f"{name}.svg").write_text(svg, encoding="utf-8")


def _count(text: str) -> int:
    if not text.isdigit():
        raise BadInput(f"--corruptions is {text!r}; expected how many test images to corrupt, 0 for none")
    return int(text)
