"""Nearest training images by cosine, exact: one matrix product, fine up to about 100,000 rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

K = 5
"""Novelty is the cosine distance to the K-th nearest training image (Sun et al. 2022)."""
QUANTILE = 0.99
"""Training images themselves lie beyond the threshold this seldom (1 - QUANTILE)."""
FINEST = 1e-4
"""Distances below it are rounding: the rows are kept in half precision."""


@dataclass(frozen=True)
class Novelty:
    distance: float
    beyond: bool


class Reference:
    def __init__(self, ids: list[str], labels: np.ndarray, rows: np.ndarray, threshold: float) -> None:
        self.ids, self.labels, self.rows, self.threshold = ids, labels, rows.astype(np.float32), threshold

    @staticmethod
    def load(folder: Path) -> Reference | None:
        file = folder / "reference.npz"
        if not file.is_file():
            return None
        with np.load(file, allow_pickle=False) as stored:
            return Reference(
                [str(name) for name in stored["ids"]],
                stored["labels"],
                stored["embeddings"],
                float(stored["threshold"]),
            )

    def novelty(self, embedding: np.ndarray) -> Novelty:
        distance = kth_distance(self.rows, embedding)
        return Novelty(distance, distance > max(self.threshold, FINEST))

    def nearest(self, embedding: np.ndarray, count: int) -> list[dict]:
        """[{sha256, label (index), similarity}], nearest first."""
        similarity = self.rows @ embedding.astype(np.float32)
        order = np.argsort(-similarity, kind="stable")[:count]
        return [
            {"sha256": self.ids[k], "label": int(self.labels[k]), "similarity": float(similarity[k])} for k in order
        ]


def save(folder: Path, rows: np.ndarray, ids: list[str], labels: np.ndarray, threshold: float) -> None:
    """reference.npz: what a server searches and calls novel by. `rows`: (n, dim) unit embeddings; `threshold`: the
    distance beyond which an image is novel.
    """
    kept = {"embeddings": rows.astype(np.float16), "ids": np.array(ids), "labels": labels}
    draft = folder / "reference.npz.part"
    with draft.open("wb") as stream:
        np.savez(stream, **kept, threshold=threshold)
    draft.replace(folder / "reference.npz")


def kth_distance(rows: np.ndarray, embedding: np.ndarray) -> float:
    k = min(K, len(rows))
    return float(1 - np.partition(rows @ embedding.astype(np.float32), -k)[-k])


def threshold_of_known(rows: np.ndarray, groups: np.ndarray) -> float:
    """QUANTILE of the images' own distances under a network that has learnt from none of them; duplicates are no
    neighbours: the group is left out.
    """
    rows = rows.astype(np.float32)
    distances = []
    for start in range(0, len(rows), 512):
        similarity = rows[start : start + 512] @ rows.T
        similarity[groups[start : start + 512, None] == groups[None]] = -1
        k = min(K, len(rows))
        distances.append(1 - np.partition(similarity, -k, axis=1)[:, -k])
    return float(np.quantile(np.concatenate(distances), QUANTILE))


def threshold_of_new(known: np.ndarray, new: np.ndarray) -> float:
    """QUANTILE of the distances of images that a network has not learnt from to those (`known`) that it has. It draws
    the ones that it has learnt together, so their own distances would call new images of the same kind novel.
    """
    known = known.astype(np.float32)
    return float(np.quantile([kth_distance(known, row) for row in new], QUANTILE))
