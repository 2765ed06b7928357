"""The evaluation document: what a model's answers to the sealed test come to, each figure with its interval."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import metrics as sk

from . import metrics, slices
from .judging import Judged
from .runtime import Model

WORST = 24
"""Mistakes shown as images."""


def report(
    model: Model,
    classes: list[str],
    items: list[dict],
    judged: Judged,
    rival: Judged | None,
    champion: Model | None,
    known: dict[str, dict[str, Any]],
) -> dict:
    """The evaluation document, schema `evaluation`. `known`: see evaluate.attributes."""
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
