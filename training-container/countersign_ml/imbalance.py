"""Rare classes: whether they are to count for more, by cross-validation.

An image of class c weighs (n / (k n_c)) ** power. Power 0 is the plain fit, which log loss and accuracy prefer; power 1
makes all classes count the same, which balanced accuracy prefers and rare classes need. A weighted fit is taken only
where balanced accuracy gains more than its standard error and accuracy does not fall by more than ACCURACY_PRICE.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from . import probe
from .contract import BadInput
from .parallel import mapped

POWERS = (0.5, 1.0)
UNEQUAL = 2.0
"""Times as many images in the largest class as in the smallest; below, nothing is tried."""
ACCURACY_PRICE = 0.01
SETTINGS = {"none": 0.0, "root": 0.5, "balanced": 1.0}


@dataclass(frozen=True)
class Balance:
    power: float
    tried: list[dict]
    """{power, accuracy, balancedAccuracy, gain, error, logLoss}; `error`: standard error of the gain."""
    out_of_fold: np.ndarray

    def weights(self, soft: np.ndarray) -> np.ndarray | None:
        return None if self.power == 0 else class_weights(soft, self.power)


def class_weights(soft: np.ndarray, power: float) -> np.ndarray:
    """(classes,), their mean over the images is 1; a class without images has weight 0."""
    counts = soft.sum(axis=0)
    weights = np.where(counts > 1e-9, (len(soft) / np.maximum(counts, 1e-9)) ** power, 0.0)
    return weights / (weights @ counts / len(soft))


def balance(
    setting: str, embeddings: np.ndarray, soft: np.ndarray, hard: np.ndarray, folds: list, plain: probe.CrossValidation
) -> Balance:
    """`setting`: auto | none | root | balanced. `plain`: the unweighted cross-validation, whose strength is kept."""
    if setting not in ("auto", *SETTINGS):
        raise BadInput(f"hyperparameter classWeights is {setting!r}; allowed: auto, {', '.join(SETTINGS)}")
    judged = np.concatenate([held_out for _, held_out in folds])
    counts = np.bincount(hard[judged])
    counts = counts[counts > 0]
    rows = [_row(0.0, plain.out_of_fold, plain.out_of_fold, soft, hard, judged)]
    best, logits = 0.0, plain.out_of_fold
    powers = POWERS if setting == "auto" else tuple(p for p in (SETTINGS[setting],) if p)
    if setting == "auto" and counts.max() < UNEQUAL * counts.min():
        powers = ()
    for power in powers:
        found = _out_of_fold(embeddings, soft, folds, plain.strength, power)
        row = _row(power, found, plain.out_of_fold, soft, hard, judged)
        rows.append(row)
        worth = row["gain"] > row["error"] and row["accuracy"] >= rows[0]["accuracy"] - ACCURACY_PRICE
        ahead = row["balancedAccuracy"] > max(r["balancedAccuracy"] for r in rows if r["power"] == best)
        if setting != "auto" or (worth and ahead):
            best, logits = power, found
    return Balance(best, rows, logits)


def _out_of_fold(embeddings: np.ndarray, soft: np.ndarray, folds: list, strength: float, power: float) -> np.ndarray:
    logits = np.zeros((len(soft), soft.shape[1]))

    def one(fold: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        train, held_out = fold
        head = probe.fit(embeddings[train], soft[train], strength, class_weights(soft[train], power))
        return head.logits(embeddings[held_out])

    with threadpool_limits(1):
        for (_, held_out), found in zip(folds, mapped(one, folds), strict=True):
            logits[held_out] = found
    return logits


def _row(power: float, logits: np.ndarray, plain: np.ndarray, soft: np.ndarray, hard: np.ndarray, judged) -> dict:
    hit, before = (part[judged].argmax(axis=1) == hard[judged] for part in (logits, plain))
    gains, errors, recalls = [], [], []
    for k in np.unique(hard[judged]):
        of_class = hard[judged] == k
        difference = hit[of_class].astype(float) - before[of_class]
        recalls.append(float(hit[of_class].mean()))
        gains.append(float(difference.mean()))
        errors.append(float(difference.var() / of_class.sum()))
    return {
        "power": power,
        "accuracy": float(hit.mean()),
        "balancedAccuracy": float(np.mean(recalls)),
        "gain": float(np.mean(gains)),
        "error": float(np.sqrt(np.sum(errors)) / len(errors)),
        "logLoss": probe.log_loss(logits[judged], soft[judged]),
    }
