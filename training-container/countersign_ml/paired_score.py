"""Score interval of the difference of two paired proportions (Tango 1998), also for images in duplicate groups.

A bootstrap draws only what was seen: with a handful of discordant images its interval is too short. The score interval
keeps its coverage there. Neither scipy nor statsmodels has it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm


def tango(only_ours: float, only_theirs: float, n: float, confidence: float) -> tuple[float, float]:
    """Interval of (only_ours - only_theirs) / n, where those two count the discordant of n pairs.

    Counts may be fractions: effective numbers of clustered data. No discordant pair: about +-3.84 / (n + 3.84) at 95 %.
    """
    z = float(norm.ppf((1 + confidence) / 2))
    value = (only_ours - only_theirs) / n

    def score(difference: float) -> float:
        # q: the share of pairs that only theirs has right, most likely under this difference (a quadratic's root).
        b = 2 * n - only_ours + only_theirs
        linear = -only_ours - only_theirs + b * difference
        constant = -only_theirs * difference * (1 - difference)
        q = (sqrt(max(0.0, linear**2 - 8 * n * constant)) - linear) / (4 * n)
        variance = n * (2 * q + difference * (1 - difference))
        gap = only_ours - only_theirs - n * difference
        return gap / sqrt(variance) if variance > 0 else float(np.sign(gap)) * 1e9

    edge = 1 - 1e-12
    low = -1.0 if score(-edge) <= z else _root(lambda d: score(d) - z, -edge, value)
    high = 1.0 if score(edge) >= -z else _root(lambda d: score(d) + z, value, edge)
    return low, high


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(brentq(function, low, high))  # pyright: ignore[reportArgumentType]  (a tuple only where it is asked for)


def grouped(difference: np.ndarray, groups: np.ndarray, confidence: float) -> tuple[float, float]:
    """The same for images in groups: counts are divided by the design effect (Rao and Scott 1992).

    `difference`: +1, 0 or -1 per image. The effect is never below 1: seeming independence inside groups earns nothing.
    """
    _, member = np.unique(groups, return_inverse=True)
    sizes, sums = np.bincount(member).astype(float), np.bincount(member, weights=difference)
    discordant = float(np.abs(difference).sum())
    # Without a discordant image nothing tells how alike a group's members are: taken as wholly alike.
    effect = max(1.0, (sums**2).sum() / discordant if discordant else (sizes**2).sum() / sizes.sum())
    only_ours, only_theirs = float((difference > 0).sum()), float((difference < 0).sum())
    return tango(only_ours / effect, only_theirs / effect, len(difference) / effect, confidence)
