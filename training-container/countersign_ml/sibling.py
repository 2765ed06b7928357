"""A network's sibling: trained alike without one fold, so that something can be told of images that are new to it.

A network that was trained whole has learnt from every image. What its variants lose, and beyond which distance an image
is novel, is told by the sibling on the fold that it has not seen; it is one of the networks of the cross-validation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import documents, neighbours, network
from .classifier import Classifier, export
from .contract import BadInput

NAME, ROWS = "sibling.safetensors", "sibling.json"


@dataclass(frozen=True)
class Sibling:
    classifier: Classifier
    held_out: np.ndarray
    """(m,) rows of the dataset that it has not learnt from."""
    embeddings: np.ndarray
    """(n, dim) of all images."""

    def novelty_threshold(self) -> float:
        known = np.setdiff1d(np.arange(len(self.embeddings)), self.held_out)
        return neighbours.threshold_of_new(self.embeddings[known], self.embeddings[self.held_out])

    def save(self, folder: Path, ids: list[str], shape: dict) -> None:
        """`shape`: as network.save takes it."""
        network.save(folder, self.classifier, shape, NAME)
        documents.write(folder / ROWS, {"heldOut": [ids[k] for k in self.held_out]})


def load(folder: Path, ids: list[str]) -> tuple[Classifier, np.ndarray] | None:
    """The sibling and the rows that it has not seen; None where the model folder has none. Raises BadInput where it is
    of another dataset.
    """
    found = network.load(folder, NAME)
    if found is None:
        return None
    names = json.loads((folder / ROWS).read_text(encoding="utf-8"))["heldOut"]
    row_of = {name: row for row, name in enumerate(ids)}
    missing = [name for name in names if name not in row_of]
    if missing or not names:
        raise BadInput(
            f"{len(missing)} of the {len(names)} images that {NAME} has not seen are not in the dataset: give the "
            "dataset version that the model was trained on"
        )
    return found, np.array(sorted(row_of[name] for name in names))


def graph(classifier: Classifier, scratch: Path) -> Path:
    folder = scratch / "sibling"
    folder.mkdir(exist_ok=True)
    export(classifier, folder / "model.onnx")
    return folder / "model.onnx"
