"""Accuracy by what an image is like. Slices warn, they don't gate: Holm's correction over all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import fisher_exact
from statsmodels.stats.multitest import multipletests

from . import metrics

FEWEST = 20
"""Images that a slice must hold to be looked at."""


def by_quartile(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """The lowest and the highest quarter of a measure, as masks; none where it hardly varies."""
    low, high = np.nanquantile(values, [0.25, 0.75])
    return {} if low == high else {f"low {name}": values <= low, f"high {name}": values >= high}


def by_value(known: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Of each attribute: a mask for each word, such as `camera Canon EOS 90D` or `vendor alder` (an image may have
    several); of a number the lowest and the highest quarter, among the images that have one.
    """
    masks: dict[str, np.ndarray] = {}
    for name in sorted({name for attributes in known for name in attributes}):
        values = [attributes.get(name) for attributes in known]
        numbers = [value for value in values if isinstance(value, (int, float))]
        if numbers:
            column = np.array([value if isinstance(value, (int, float)) else np.nan for value in values], dtype=float)
            masks |= by_quartile(name, column)
        words = [
            {value} if isinstance(value, str) else set(value) if isinstance(value, list) else set() for value in values
        ]
        for word in sorted(set().union(*words)):
            masks[f"{name} {word}"] = np.array([word in here for here in words])
    return masks


def report(masks: dict[str, np.ndarray], hit: np.ndarray, groups: np.ndarray) -> list[dict]:
    """[{slice, n, accuracy, pValue, warns}]: each slice against the rest, Fisher's exact test, Holm-adjusted at 5 %."""
    rows = []
    for name, mask in sorted(masks.items()):
        inside, outside = hit[mask], hit[~mask]
        if len(inside) < FEWEST or len(outside) < FEWEST:
            continue
        table = [[int(inside.sum()), int((~inside).sum())], [int(outside.sum()), int((~outside).sum())]]
        worse = inside.mean() < outside.mean()
        test: Any = fisher_exact(table)  # scipy makes the result's type at run time
        rows.append((name, len(inside), metrics.share(inside, groups[mask]), float(test.pvalue), bool(worse)))
    if not rows:
        return []
    rejected, adjusted, _, _ = multipletests([row[3] for row in rows], alpha=0.05, method="holm")
    return [
        {"slice": name, "n": n, "accuracy": accuracy, "pValue": float(p), "warns": bool(reject and worse)}
        for (name, n, accuracy, _, worse), p, reject in zip(
            rows, np.asarray(adjusted), np.asarray(rejected), strict=True
        )
    ]
