"""The frozen dataset version as arrays, and its folds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from . import documents
from .contract import BadInput


@dataclass(frozen=True)
class Dataset:
    version: str
    classes: list[str]
    ids: list[str]
    soft: np.ndarray
    """(n, classes) likelihood of the human answers, rows sum to 1."""
    hard: np.ndarray
    """(n,) index of the consensus label."""
    groups: np.ndarray
    """(n,) duplicate group as an integer."""
    validation: np.ndarray
    """(n,) bool: held out of the shipped head's comparisons."""
    document: dict

    def folds(self, wanted: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Grouped k-fold, stratified where that is possible; k is lowered to the number of groups."""
        k = min(wanted, len(np.unique(self.groups)))
        if k < 2:
            raise BadInput("all images are of one duplicate group: nothing can be held out; add different images")
        counts = np.bincount(self.hard)
        if counts[counts > 0].min() >= k:
            splitter = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
        else:
            splitter = GroupKFold(k, shuffle=True, random_state=seed)
        return list(splitter.split(np.zeros(len(self.hard)), self.hard, self.groups))


def read(folder: Path) -> Dataset:
    """`dataset.json` of a channel, items sorted by id. Raises BadInput: labels outside the classes, one class, ..."""
    return from_document(documents.read(folder / "dataset.json", "dataset"))


def from_document(document: dict) -> Dataset:
    classes = document["classes"]
    items = sorted(document["items"], key=lambda item: item["sha256"])
    if len({item["sha256"] for item in items}) != len(items):
        raise BadInput("dataset.json names an image twice; freeze the dataset again")
    column = {name: at for at, name in enumerate(classes)}
    if len(column) != len(classes):
        raise BadInput("dataset.json names a class twice; class names must differ")
    for item in items:
        if item["label"] not in column:
            raise BadInput(
                f'image {item["sha256"][:12]} is labelled "{item["label"]}"; allowed: {", ".join(classes)}; '
                "freeze the dataset again under the campaign's class set"
            )
        if len(item["soft"]) != len(classes) or sum(item["soft"]) <= 0:
            raise BadInput(
                f"image {item['sha256'][:12]} has {len(item['soft'])} soft labels summing to {sum(item['soft']):g}; "
                f"expected {len(classes)} with a sum above 0"
            )
    hard = np.array([column[item["label"]] for item in items], dtype=np.int64)
    if len(np.unique(hard)) < 2:
        raise BadInput(
            f"training needs images of at least two classes; the dataset has {len(items)} images of "
            f"{len(np.unique(hard))}; label more images or drop the empty classes"
        )
    soft = np.array([item["soft"] for item in items], dtype=np.float64)
    return Dataset(
        version=document["version"],
        classes=classes,
        ids=[item["sha256"] for item in items],
        soft=soft / soft.sum(axis=1, keepdims=True),
        hard=hard,
        groups=np.unique([item["group"] for item in items], return_inverse=True)[1],
        validation=np.array([item["split"] == "validation" for item in items]),
        document=document,
    )
