"""What is reported of predictions, with intervals. Libraries do the arithmetic where they have it."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from . import paired_score

CONFIDENCE = 0.95
RESAMPLES = 2000


def wilson(successes: float, n: float) -> dict[str, float]:
    """Share with its 95 % Wilson interval; n = 0 gives 0 in [0, 1]."""
    if n == 0:
        return {"value": 0.0, "low": 0.0, "high": 1.0}
    low, high = np.asarray(proportion_confint(successes, n, alpha=1 - CONFIDENCE, method="wilson"), dtype=float)
    return {"value": successes / n, "low": max(0.0, float(low)), "high": min(1.0, float(high))}


def share(hit: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """Mean of a 0/1 value over images, 95 % interval over duplicate groups.

    One image per group: Wilson. Else BCa bootstrap of whole groups; where every group agrees (nothing to resample)
    Wilson with the number of groups as n.
    """
    _, member = np.unique(groups, return_inverse=True)
    sizes = np.bincount(member)
    if len(sizes) == len(hit):
        return wilson(float(hit.sum()), len(hit))
    value = float(hit.mean())
    interval = group_interval(hit.astype(float), groups)
    if interval is None:
        bound = wilson(round(value * len(sizes)), len(sizes))
        return {"value": value, "low": min(bound["low"], value), "high": max(bound["high"], value)}
    return {"value": value, "low": max(0.0, interval[0]), "high": min(1.0, interval[1])}


def group_interval(values: np.ndarray, groups: np.ndarray) -> tuple[float, float] | None:
    """95 % BCa bootstrap interval of the mean over images, resampling groups; None where all groups are alike."""
    _, member = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(member, weights=values), np.bincount(member).astype(float)
    if len(sizes) < 2 or np.allclose(sums / sizes, (sums / sizes)[0]):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = stats.bootstrap(
            (sums, sizes),
            lambda s, n, axis: s.sum(axis=axis) / n.sum(axis=axis),
            paired=True,
            vectorized=True,
            n_resamples=RESAMPLES,
            confidence_level=CONFIDENCE,
            method="BCa",
            rng=np.random.default_rng(0),
            batch=500,
        ).confidence_interval
    if not (np.isfinite(found.low) and np.isfinite(found.high)):
        return None
    return float(found.low), float(found.high)


def paired(ours: np.ndarray, theirs: np.ndarray, groups: np.ndarray) -> dict:
    """Difference of two accuracies on the same images (ours - theirs), 95 % interval.

    One image per group: Tango's score interval. Else the wider, at each end, of the score interval at the effective
    number of images and the BCa bootstrap over groups. `discordantGroups` says how much evidence there is.
    """
    difference = ours.astype(float) - theirs.astype(float)
    low, high = paired_score.grouped(difference, groups, CONFIDENCE)
    lone = len(np.unique(groups)) == len(groups)
    found = None if lone else group_interval(difference, groups)
    if found is not None:
        low, high = min(low, found[0]), max(high, found[1])
    return {
        "difference": {"value": float(difference.mean()), "low": max(-1.0, low), "high": min(1.0, high)},
        "discordant": int((ours != theirs).sum()),
        "discordantGroups": len(np.unique(groups[ours != theirs])),
        "n": len(ours),
    }


def calibration_error(confidence: np.ndarray, hit: np.ndarray, bins: int = 15) -> tuple[float, list[dict]]:
    """Expected calibration error over equal-width bins, and the bins {confidence, accuracy, n} that hold images."""
    at = np.minimum((confidence * bins).astype(int), bins - 1)
    rows = [
        {
            "confidence": float(confidence[at == b].mean()),
            "accuracy": float(hit[at == b].mean()),
            "n": int((at == b).sum()),
        }
        for b in np.unique(at)
    ]
    error = sum(row["n"] * abs(row["confidence"] - row["accuracy"]) for row in rows) / max(1, len(hit))
    return float(error), rows


def risk_coverage(confidence: np.ndarray, hit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coverage and error among the answers kept, as the least confident are left out."""
    order = np.argsort(-confidence, kind="stable")
    kept = np.arange(1, len(hit) + 1)
    return kept / len(hit), np.cumsum(~hit[order].astype(bool)) / kept


def mcnemar(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Two-sided exact p-value; only where every image is a group of its own."""
    from statsmodels.stats.contingency_tables import mcnemar as test

    table = [
        [int((ours & theirs).sum()), int((ours & ~theirs).sum())],
        [int((~ours & theirs).sum()), int((~ours & ~theirs).sum())],
    ]
    # statsmodels' result takes its fields at run time.
    return float(test(table, exact=True).pvalue)  # pyright: ignore[reportAttributeAccessIssue]
