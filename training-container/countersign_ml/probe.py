"""The probe: multinomial logistic regression on frozen embeddings.

Every new method has to beat it (Kornblith, Shlens, Le 2019: frozen features rank backbones as fine-tuning does).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from .contract import Progress

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Candidates for C, the inverse weight of the ridge penalty, on standardised features."""

ABSENT = -30.0
"""Logit of a class that had no training image: it is never predicted and its probability is about 1e-13."""


@dataclass(frozen=True)
class Head:
    """logits = embedding @ weight.T + bias; the standardisation is folded in."""

    weight: np.ndarray
    bias: np.ndarray

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        return embeddings @ self.weight.T + self.bias


@dataclass(frozen=True)
class CrossValidation:
    strength: float
    log_loss: dict[float, float]
    out_of_fold: np.ndarray
    """(n, classes) logits, each row from heads that saw no member of its duplicate group."""


def fit(embeddings: np.ndarray, soft: np.ndarray, strength: float) -> Head:
    """The head for soft labels: an image counts once per class it may be of, with that weight (below 2 %: not)."""
    classes = soft.shape[1]
    weight = np.where(soft >= 0.02, soft, 0)
    weight /= weight.sum(axis=1, keepdims=True)
    image, label = np.nonzero(weight)
    scaler = StandardScaler().fit(embeddings)
    mean, spread = np.asarray(scaler.mean_, dtype=np.float64), np.asarray(scaler.scale_, dtype=np.float64)
    scale = np.where(spread > 1e-9, spread, 1.0)
    present = np.unique(label)
    folded_weight = np.zeros((classes, embeddings.shape[1]))
    folded_bias = np.full(classes, ABSENT)
    if len(present) == 1:
        folded_bias[present[0]] = 0
        return Head(folded_weight, folded_bias)
    model = LogisticRegression(C=strength, max_iter=500, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        standard = ((embeddings - mean) / scale)[image]
        model.fit(standard, label, sample_weight=weight[image, label])
    coefficients, intercepts = np.asarray(model.coef_), np.asarray(model.intercept_)
    if len(present) == 2:  # one sigmoid: split evenly, so that both classes have a row
        coefficients = np.vstack([-coefficients[0] / 2, coefficients[0] / 2])
        intercepts = np.array([-intercepts[0] / 2, intercepts[0] / 2])
    folded_weight[present] = coefficients / scale
    folded_bias[present] = intercepts - folded_weight[present] @ mean
    return Head(folded_weight, folded_bias)


def cross_validate(embeddings: np.ndarray, soft: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]]):
    """Chooses C by the held-out log loss of the soft labels (ties: the smaller C).

    The path over C stops after two values in a row that are worse than the best: the loss has one valley.
    """
    progress = Progress("cross-validate", len(STRENGTHS))
    best: CrossValidation | None = None
    losses: dict[float, float] = {}
    worse = 0
    for at, strength in enumerate(STRENGTHS):
        logits = np.zeros((len(soft), soft.shape[1]))
        for train, held_out in folds:
            logits[held_out] = fit(embeddings[train], soft[train], strength).logits(embeddings[held_out])
        losses[strength] = log_loss(logits, soft)
        if best is None or losses[strength] < best.log_loss[best.strength]:
            best, worse = CrossValidation(strength, losses, logits), 0
        else:
            worse += 1
        progress.at(at + 1)
        if worse == 2:
            break
    progress.at(len(STRENGTHS))
    assert best is not None
    return best


def softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def log_loss(logits: np.ndarray, soft: np.ndarray) -> float:
    """Mean cross-entropy in nats; probabilities are floored at 1e-12."""
    return float(-(soft * np.log(softmax(logits).clip(1e-12))).sum(axis=1).mean())
