"""What a training leaves: the model folder, and every figure that is told before the sealed test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import calibration, contract, documents, kernel_probe, metrics, neighbours, network, probe
from .classifier import Classifier, export
from .dataset import Dataset
from .sibling import Sibling

ABSTAIN_ERROR = 0.05


@dataclass(frozen=True)
class Trained:
    classifier: Classifier
    backbone: str
    input_size: int
    weights_sha256: str | None
    out_of_fold: np.ndarray
    """(n, classes) logits."""
    folds: int
    training_logits: np.ndarray
    """(n, classes) of the shipped model on the images that it was fitted on."""
    reference: np.ndarray
    """(n, dim) embeddings of the dataset: neighbours and novelty."""
    notes: dict
    pooling: str = "default"
    view: str = "whole"
    validation_head: probe.Head | None = None
    """Of a frozen network: a head that has not seen the validation images."""
    sibling: Sibling | None = None
    """Of a network that was trained whole."""
    judged: np.ndarray | None = None
    """(n,) bool: rows whose `out_of_fold` are of networks trained as the shipped one (None: all); the rest are the
    probe's.
    """
    curved: kernel_probe.Opinion | None = None
    """What a curved probe on the frozen embeddings says of each label."""


def write(folder: Path, data: Dataset, trained: Trained, recipe: str, seed: int, target_error: float) -> None:
    """The model folder. Its digest covers the graph and everything a server uses with it.

    Temperature, abstain threshold and novelty threshold come from images that the networks had not seen: out of fold,
    or the sibling's fold.
    """
    progress = contract.Progress("export", 1)
    export(trained.classifier, folder / "model.onnx")
    shape = {
        "backbone": trained.backbone,
        "inputSize": trained.input_size,
        "pooling": trained.pooling,
        "view": trained.view,
    }
    network.save(folder, trained.classifier, shape)
    judged = np.ones(len(data.ids), dtype=bool) if trained.judged is None else trained.judged
    logits, soft, hard, groups = (part[judged] for part in (trained.out_of_fold, data.soft, data.hard, data.groups))
    scale = calibration.temperature(logits, soft)
    probabilities = probe.softmax(logits / scale)
    hit = probabilities.argmax(axis=1) == hard
    fitted = trained.training_logits.argmax(axis=1) == data.hard
    validation = data.validation[judged]
    validated = hit[validation] if validation.any() else hit
    cross = metrics.share(hit, groups)
    gap = metrics.paired(fitted[judged], hit, groups)["difference"]
    onnx_sha256 = documents.file_sha256(folder / "model.onnx")
    model = {
        "schemaVersion": 1,
        "classes": data.classes,
        "backbone": trained.backbone,
        "recipe": recipe,
        "seed": seed,
        "temperature": scale,
        "abstainThreshold": calibration.abstain_threshold(logits, hard, scale, target_error),
        "abstainTargetError": target_error,
        "inputSize": trained.input_size,
        "datasetVersion": data.version,
        "weightsSha256": trained.weights_sha256,
        "onnxSha256": onnx_sha256,
        "crossValidation": {
            "accuracy": cross["value"],
            "low": cross["low"],
            "high": cross["high"],
            "folds": trained.folds,
            "n": len(hit),
            "logLoss": calibration.answer_loss(logits / scale, soft),
            "ece": metrics.calibration_error(probabilities.max(axis=1), hit)[0],
        },
        "validation": {"accuracy": float(validated.mean()), "n": len(validated)},
        "overfitting": {"trainAccuracy": float(fitted.mean()), "gap": gap},
        "majorityClassAccuracy": float(np.bincount(data.hard).max() / len(data.hard)),
        "notes": trained.notes,
    }
    model["digest"] = documents.digest(
        {k: model[k] for k in ("onnxSha256", "temperature", "abstainThreshold", "classes")}
    )
    documents.write(folder / "model.json", model, "training-result")
    write_predictions(folder, data, trained.out_of_fold, judged, scale, trained.curved)
    if trained.sibling is not None:
        novel = trained.sibling.novelty_threshold()
        trained.sibling.save(folder, data.ids, shape)
    else:
        novel = neighbours.threshold_of_known(trained.reference, data.groups)
    neighbours.save(folder, trained.reference, data.ids, data.hard, novel)
    if trained.validation_head is not None:
        head = trained.validation_head
        np.savez(folder / "validation-head.npz", weight=head.weight, bias=head.bias)
    progress.at(1)
    print(f"model {model['digest'][:12]}: accuracy {cross['value']:.4f} out of fold, n = {len(hit)}", flush=True)


def write_predictions(
    folder: Path,
    data: Dataset,
    logits: np.ndarray,
    judged: np.ndarray,
    scale: float,
    curved: kernel_probe.Opinion | None = None,
) -> None:
    """cv-predictions.json: what is thought of each image by who has not seen it, so that labels can be doubted. Where
    the model's own word is the probe's (not `judged`), it has a temperature of its own; where the curved probe
    foretells held-out labels better than the model does, its word is written.
    """
    probabilities = probe.softmax(logits / scale)
    if not judged.all():
        rest = logits[~judged]
        probabilities[~judged] = probe.softmax(rest / calibration.temperature(rest, data.soft[~judged]))
    by, probabilities = kernel_probe.surer(curved, probabilities, data.soft)
    predictions = {
        "classes": data.classes,
        "datasetVersion": data.version,
        "by": by,
        "items": [
            {"sha256": name, "probabilities": [round(float(p), 6) for p in row]}
            for name, row in zip(data.ids, probabilities, strict=True)
        ],
    }
    documents.write(folder / "cv-predictions.json", predictions)
