"""The probe: multinomial logistic regression on frozen embeddings.

Every new method has to beat it (Kornblith, Shlens, Le 2019: frozen features rank backbones as fine-tuning does).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from .contract import Progress
from .parallel import mapped

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
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


def fit(embeddings: np.ndarray, soft: np.ndarray, strength: float, weights: np.ndarray | None = None) -> Head:
    """The head for soft labels: an image counts once per class it may be of, with that weight (below 2 %: not), times
    the class's own of `weights` ((classes,), see class_weights).
    """
    with _without_warnings():
        return _Path(embeddings, soft, weights).at(strength)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """A fit that stops at its passes' limit is good enough. Around all threads, for filters are not theirs alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


class _Path:
    """Heads for rising strengths: each fit starts from the one before, which saves most of its passes."""

    def __init__(self, embeddings: np.ndarray, soft: np.ndarray, weights: np.ndarray | None = None) -> None:
        weight = np.where(soft >= 0.02, soft, 0)
        weight /= weight.sum(axis=1, keepdims=True)
        image, self.label = np.nonzero(weight)
        if weights is not None:
            weight = weight * weights
        scaler = StandardScaler().fit(embeddings)
        self.mean, spread = np.asarray(scaler.mean_, dtype=np.float64), np.asarray(scaler.scale_, dtype=np.float64)
        self.scale = np.where(spread > 1e-9, spread, 1.0)
        self.rows, self.weight = ((embeddings - self.mean) / self.scale)[image], weight[image, self.label]
        self.classes, self.present = soft.shape[1], np.unique(self.label)
        self.model = LogisticRegression(max_iter=500, tol=1e-4, warm_start=True)

    def at(self, strength: float) -> Head:
        folded_weight = np.zeros((self.classes, self.rows.shape[1]))
        folded_bias = np.full(self.classes, ABSENT)
        if len(self.present) == 1:
            folded_bias[self.present[0]] = 0
            return Head(folded_weight, folded_bias)
        self.model.C = strength
        self.model.fit(self.rows, self.label, sample_weight=self.weight)
        coefficients, intercepts = np.asarray(self.model.coef_), np.asarray(self.model.intercept_)
        if len(self.present) == 2:  # one sigmoid: split evenly, so that both classes have a row
            coefficients = np.vstack([-coefficients[0] / 2, coefficients[0] / 2])
            intercepts = np.array([-intercepts[0] / 2, intercepts[0] / 2])
        folded_weight[self.present] = coefficients / self.scale
        folded_bias[self.present] = intercepts - folded_weight[self.present] @ self.mean
        return Head(folded_weight, folded_bias)


def cross_validate(embeddings: np.ndarray, soft: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]]):
    """Chooses C by the held-out log loss of the soft labels (ties: the smaller C).

    The way over C stops after two values in a row that are worse than the best: the loss has one valley.
    """
    progress = Progress("cross-validate", len(STRENGTHS))
    best: CrossValidation | None = None
    losses: dict[float, float] = {}
    worse = 0
    paths = [_Path(embeddings[train], soft[train]) for train, _ in folds]

    def one(fold: int) -> np.ndarray:
        return paths[fold].at(STRENGTHS[at]).logits(embeddings[folds[fold][1]])

    for at, strength in enumerate(STRENGTHS):
        # Rows in no held-out part (folds that judge on some images only) say nothing.
        logits, judged = np.zeros((len(soft), soft.shape[1])), np.zeros(len(soft), dtype=bool)
        # A fold per core, each on one core: threads inside a product would wait for each other where cores are shared.
        with _without_warnings(), threadpool_limits(1):
            for (_, held_out), found in zip(folds, mapped(one, range(len(folds))), strict=True):
                logits[held_out], judged[held_out] = found, True
        losses[strength] = log_loss(logits[judged], soft[judged])
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
