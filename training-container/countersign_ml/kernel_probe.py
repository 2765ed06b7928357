"""The curved probe: kernel ridge classification on frozen embeddings, for doubting labels.

Neighbours vouch for each other, so it sees wrong labels that lie on the right side of every straight line (Rifkin and
others 2003: regularised least squares classifies as well as machines of large margin). Nothing is served by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from threadpoolctl import threadpool_limits

from . import calibration, probe

LANDMARKS = 3000
"""Images whose kernels with all others stand for the whole kernel matrix (Williams and Seeger 2000), at most."""
SEARCHED_WITH = 750
"""As many, where width and ridge are chosen: sixteen times as fast."""
WIDTHS = (0.5, 1.0, 2.0)
"""Of the kernel exp(-width d2), d2 the mean squared difference of standardised features: 2 between strangers."""
RIDGES = (0.1, 0.3, 1.0, 3.0)


@dataclass(frozen=True)
class Opinion:
    width: float
    ridge: float
    log_loss: float
    """calibration.answer_loss of the held-out labels, in nats."""
    probabilities: np.ndarray
    """(n, classes), each row from a fit that saw no member of its duplicate group."""


def out_of_fold(
    embeddings: np.ndarray, soft: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]], seed: int
) -> Opinion:
    """What the other images' labels say of each: width and ridge by held-out log loss of the labels themselves, each
    at its own temperature. `folds` hold every image out once.
    """
    classes = soft.shape[1]
    spread = embeddings.std(axis=0)
    rows = ((embeddings - embeddings.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)).astype(np.float32)
    drawn = np.random.default_rng(seed).permutation(len(rows))

    def opinions(landmarks: int, widths: tuple[float, ...], ridges: tuple[float, ...]):
        chosen = np.sort(drawn[:landmarks])
        apart = _apart(rows, rows[chosen])
        for width in widths:
            features = _features(np.exp(-width * apart), chosen)
            for ridge, scores in _held_out(features, soft - 1 / classes, folds, ridges):
                logits = scores / calibration.temperature(scores, soft)
                yield Opinion(width, ridge, calibration.answer_loss(logits, soft), probe.softmax(logits))

    # Each product on one core: threads inside one would wait for each other where cores are shared.
    with threadpool_limits(1):
        best = min(opinions(SEARCHED_WITH, WIDTHS, RIDGES), key=lambda opinion: opinion.log_loss)
        return next(opinions(LANDMARKS, (best.width,), (best.ridge,)))


def _apart(rows: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(n, m) mean squared differences."""
    squares, theirs = (rows**2).sum(axis=1), (landmarks**2).sum(axis=1)
    return np.maximum(squares[:, None] + theirs[None] - 2 * rows @ landmarks.T, 0) / rows.shape[1]


def _features(kernel: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(n, m), inner products of which are the kernel between landmarks, and near it between all."""
    among = kernel[landmarks].astype(np.float64)
    root = cholesky(among + 1e-4 * np.eye(len(among)), lower=True)
    return kernel @ solve_triangular(root, np.eye(len(root)), lower=True).T.astype(np.float32)


def _held_out(
    features: np.ndarray, wanted: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]], ridges: tuple[float, ...]
) -> list[tuple[float, np.ndarray]]:
    """(n, classes) scores for each ridge. A fold's sums are those of all images less its own."""
    whole, toward = features.T @ features, features.T @ wanted
    scores = {ridge: np.zeros(wanted.shape) for ridge in ridges}
    for _, held_out in folds:
        own = features[held_out]
        gram, aim = (whole - own.T @ own).astype(np.float64), toward - own.T @ wanted[held_out]
        for ridge in ridges:
            shrunk = cho_factor(gram + ridge * np.eye(len(gram)), overwrite_a=True)
            scores[ridge][held_out] = own @ cho_solve(shrunk, aim)
    return list(scores.items())


def surer(opinion: Opinion | None, probabilities: np.ndarray, soft: np.ndarray) -> tuple[str, np.ndarray]:
    """By which a label is doubted, and its (n, classes): of the model's own out-of-fold `probabilities` and the curved
    probe's whatever foretells held-out labels better.
    """
    own = calibration.answer_loss(np.log(probabilities.clip(1e-12)), soft)
    if opinion is None or own <= opinion.log_loss:
        return "model", probabilities
    return "curved probe", opinion.probabilities
