"""Images as one tensor in memory, and a model's answers to it."""

from __future__ import annotations

import numpy as np
import torch

from . import contract
from .backbones import CENTRE, Prepare
from .classifier import Classifier
from .contract import BadInput
from .images import Undecodable, decode


def fixed_size(files: dict[str, bytes], ids: list[str], size: int, view: str = "whole") -> torch.Tensor:
    """uint8 (n, side, side, 3), resized as the model's own preparation does; side is `size` for view `whole`.

    For view `centre` the whole middle square is kept, so much larger that the model's own crop of it gives `size`.
    """
    if view == "centre":
        size, view = round(size / CENTRE[view]), "square"
    prepare = Prepare(size, (0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255), view)
    rows = torch.zeros((len(ids), size, size, 3), dtype=torch.uint8)
    progress = contract.Progress("decode", len(ids))
    for at, name in enumerate(ids):
        try:
            pixels = torch.from_numpy(decode(files[name], size).copy())[None]
        except Undecodable as error:
            raise BadInput(f"image {name} in the shards {error}; admit the intake again") from error
        rows[at] = prepare(pixels)[0].round().permute(1, 2, 0).to(torch.uint8)
        progress.at(at + 1)
    return rows


def predict(model: Classifier, pixels: torch.Tensor, batch: int = 64) -> tuple[np.ndarray, np.ndarray]:
    with torch.inference_mode():
        parts = [model(part) for part in pixels.split(batch)]
    logits, embeddings = (torch.cat(outputs).double().numpy() for outputs in zip(*parts, strict=True))
    return logits, embeddings
