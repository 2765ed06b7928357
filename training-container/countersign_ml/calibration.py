"""Confidence that can be believed: temperature, and when to abstain."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from .probe import softmax


def temperature(logits: np.ndarray, soft: np.ndarray) -> float:
    """The T > 0 for which softmax(logits / T) has the least answer_loss, within [1/20, 20] (Guo et al. 2017, who know
    the truth: for rows that are sure it is the same).
    """
    found = minimize_scalar(lambda t: answer_loss(logits / np.exp(t), soft), bounds=(-3, 3), method="bounded")
    return float(np.exp(found.x))


def answer_loss(logits: np.ndarray, soft: np.ndarray) -> float:
    """Mean negative log likelihood of people's answers, their errors integrated out: `soft` (n, classes) goes with
    the likelihood of an image's answers per class. Cross-entropy with it would make a network as unsure of what it
    sees as people are known to be of what they say. Rows that add up to more than one count so much more.
    """
    counts = soft.sum(axis=1)
    told = (softmax(logits) * soft).sum(axis=1) / counts
    return float(-(counts * np.log(told.clip(1e-300))).mean())


def abstain_threshold(logits: np.ndarray, hard: np.ndarray, scale: float, target_error: float) -> float:
    """The lowest confidence at which the answers kept are wrong at most `target_error` of the time.

    0 where even keeping all is good enough. At least half of the images are answered: where the target would need
    more silence than that, the threshold is the median confidence.
    """
    probabilities = softmax(logits / scale)
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    wrong = (probabilities.argmax(axis=1) != hard)[order]
    error = np.cumsum(wrong) / np.arange(1, len(wrong) + 1)
    if error[-1] <= target_error:
        return 0.0
    keep = int(np.nonzero(error <= target_error)[0].max(initial=-1)) + 1
    return float(confidence[order][max(keep, (len(wrong) + 1) // 2) - 1])
