"""A model's answers to the test images, as they are and under worse conditions. Images are read one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from . import contract, metrics
from .contract import BadInput
from .corruptions import FAMILIES, SEVERITIES
from .images import Undecodable, decode
from .neighbours import Reference
from .parallel import mapped
from .runtime import Model


@dataclass(frozen=True)
class Judged:
    """A model's answers to the test images, in their order."""

    probabilities: np.ndarray
    """(n, classes); uniform where the image could not be decoded."""
    decodable: np.ndarray
    brightness: np.ndarray
    """(n,) mean of the pixels, 0 to 255."""
    pixels: np.ndarray
    """(n,) width times height as decoded."""
    novelty: np.ndarray
    """(n,) distance to the training images as the served model tells it; NaN where it has no reference."""
    embeddings: dict[int, np.ndarray]
    """Row -> embedding, of the decodable."""

    @property
    def predicted(self) -> np.ndarray:
        return self.probabilities.argmax(axis=1)

    def hit(self, truth: np.ndarray) -> np.ndarray:
        return (self.predicted == truth) & self.decodable


def judge(model: Model, classes: list[str], items: list[dict], files: Mapping[str, bytes], step: str) -> Judged:
    """Answers in the truth's class order; a class that the model doesn't know has probability 0."""
    columns = [model.classes.index(name) if name in model.classes else None for name in classes]
    if all(column is None for column in columns):
        raise BadInput(
            f"the model knows none of the test's classes (model: {', '.join(model.classes)}; "
            f"test: {', '.join(classes)}); "
            "evaluate a model that was trained for this class set"
        )
    count = len(items)
    judged = Judged(
        np.full((count, len(classes)), 1 / len(classes)),
        np.ones(count, bool),
        np.zeros(count),
        np.zeros(count),
        np.full(count, np.nan),
        {},
    )
    reference = Reference.load(model.folder)
    progress = contract.Progress(step, count)
    row_of = {item["sha256"]: row for row, item in enumerate(items)}

    def one(row: int) -> None:
        try:
            image = decode(files[items[row]["sha256"]], model.facts["inputSize"])
        except Undecodable:
            judged.decodable[row] = False
            return
        found = model.predict_pixels(image)
        judged.probabilities[row] = in_order(columns, found.probabilities)
        judged.embeddings[row] = found.embedding
        judged.novelty[row] = reference.novelty(found.embedding).distance if reference else np.nan
        judged.brightness[row], judged.pixels[row] = image.mean(), image.shape[0] * image.shape[1]

    # As they lie in the shards, one image per core at a time: the model runs on one thread each.
    for done, _ in enumerate(mapped(one, [row_of[name] for name in files if name in row_of])):
        progress.at(done + 1)
    return judged


def in_order(columns: list[int | None], probabilities: np.ndarray) -> list[float]:
    return [0.0 if column is None else float(probabilities[column]) for column in columns]


def under_corruption(model: Model, items: list[dict], files: Mapping[str, bytes], count: int) -> list[dict]:
    """Accuracy on the first `count` decodable test images (by sha256, so any of them), per family and severity."""
    kinds = [(name, corrupt, severity) for name, corrupt in FAMILIES.items() for severity in SEVERITIES]
    asked = items[:count]
    progress = contract.Progress("corruptions", len(asked))

    def hits(item: dict) -> list[bool] | None:
        try:
            pixels = decode(files[item["sha256"]], model.facts["inputSize"])
        except Undecodable:
            return None
        told = (model.predict_pixels(corrupt(pixels, severity)).probabilities for _, corrupt, severity in kinds)
        return [model.classes[int(found.argmax())] == item["label"] for found in told]

    rows = []
    # An image per core at a time, under all conditions: one is in memory, not all.
    for done, row in enumerate(mapped(hits, asked)):
        rows += [] if row is None else [row]
        progress.at(done + 1)
    found = np.array(rows, dtype=bool).reshape(len(rows), len(kinds))
    return [
        {"family": name, "severity": severity, **metrics.wilson(int(found[:, k].sum()), len(found)), "n": len(found)}
        for k, (name, _, severity) in enumerate(kinds)
    ]
