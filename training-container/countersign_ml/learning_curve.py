"""What more labels would bring: out-of-fold accuracy against the number of training images, and where it leads.

Error falls as a power of the number of images towards a floor: error(n) = floor + height * n ** -slope (Hestness 2017).
"""

from __future__ import annotations

from itertools import starmap

import numpy as np
from scipy.optimize import least_squares
from threadpoolctl import threadpool_limits

from . import metrics, probe
from .dataset import Dataset

SHARES = (0.125, 0.25, 0.5)
AHEAD = (2, 4)
"""Times as many images."""
DRAWS = 200
FEWEST = 60
"""Images below which no curve is drawn."""


def learning_curve(embeddings: np.ndarray, data: Dataset, folds: list, searched: probe.CrossValidation, seed: int):
    """{points: [{n, value, low, high}], expected: [the same, further on]}; None where there are too few images.

    The intervals of `expected` are those of the curve over resampled duplicate groups. That the future is drawn like
    the past is taken for granted.
    """
    used = folds[:3]
    held_out = np.concatenate([part for _, part in used])
    whole = float(np.mean([len(train) for train, _ in used]))
    if len(data.ids) < FEWEST:
        return None
    hits = [_hits(embeddings, data, used, searched.strength, share, seed) for share in SHARES]
    hits.append(searched.out_of_fold[held_out].argmax(axis=1) == data.hard[held_out])
    sizes = np.array([*(share * whole for share in SHARES), whole])
    groups = data.groups[held_out]
    points = [{"n": round(n), **metrics.share(hit, groups)} for n, hit in zip(sizes, hits, strict=True)]
    errors = 1 - np.stack(hits).astype(float)
    targets = np.array([ahead * whole for ahead in AHEAD])
    found = _led_on(sizes, errors.mean(axis=1), targets)
    _, member = np.unique(groups, return_inverse=True)
    sums = np.stack([np.bincount(member, weights=row) for row in errors])
    counts, rng = np.bincount(member), np.random.default_rng(seed)
    drawn = []
    for _ in range(DRAWS):
        at = rng.integers(0, len(counts), len(counts))
        drawn.append(_led_on(sizes, sums[:, at].sum(axis=1) / counts[at].sum(), targets))
    low, high = np.quantile(np.stack(drawn), [0.025, 0.975], axis=0)
    rows = zip(targets, found, np.minimum(low, found), np.maximum(high, found), strict=True)
    return {"points": points, "expected": list(starmap(_row, rows))}


def _row(n: float, value: float, low: float, high: float) -> dict:
    return {"n": round(n), "value": float(value), "low": float(low), "high": float(high)}


def _hits(embeddings, data: Dataset, folds, strength: float, share: float, seed: int) -> np.ndarray:
    """Whether each held-out image is right when only a share of the training groups is learnt from."""
    rng, found = np.random.default_rng(seed), []
    for train, held_out in folds:
        groups = np.unique(data.groups[train])
        kept = rng.permutation(groups)[: max(2, round(share * len(groups)))]
        rows = train[np.isin(data.groups[train], kept)]
        with threadpool_limits(1):
            head = probe.fit(embeddings[rows], data.soft[rows], strength)
        found.append(head.logits(embeddings[held_out]).argmax(axis=1) == data.hard[held_out])
    return np.concatenate(found)


def _led_on(sizes: np.ndarray, errors: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Accuracy at other sizes by the fitted power law, which never rises with fewer images."""

    def curve(p: np.ndarray, n: np.ndarray) -> np.ndarray:
        return p[0] + p[1] * (n / sizes[0]) ** -p[2]

    start = np.array([0.5 * errors[-1], max(1e-3, errors[0] - 0.5 * errors[-1]), 0.4])
    fit = least_squares(
        lambda p: curve(p, sizes) - errors, start.clip(1e-6, 0.999), bounds=([0, 0, 0.05], [1, 1.0001, 2])
    )
    return 1 - curve(fit.x, targets).clip(0, 1)
