"""Images as one tensor in memory, and a model's answers to it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from itertools import islice

import numpy as np
import torch
from torch import nn

from . import contract, shards
from .backbones import CENTRE, Prepare
from .contract import BadInput
from .cores import one_core_each

READ_AT_ONCE = 128
"""Images whose bytes are in memory at a time."""


def fixed_size(
    images: Iterable[tuple[str, bytes]], ids: list[str], size: int, view: str = "whole", memory: int | None = None
) -> torch.Tensor:
    """uint8 (n, side, side, 3), resized as the model's own preparation does; side is `size` for view `whole`.

    For view `centre` the whole middle square is kept, so much larger that the model's own crop of it gives `size`.
    `images` is read once and in its order, an image at a time. What is larger than `memory` bytes (default: a third of
    what the machine has) lies in a file of the scratch folder, from which the system reads what a batch needs.
    """
    if view == "centre":
        size, view = round(size / CENTRE[view]), "square"
    prepare = Prepare(size, (0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255), view)
    rows = _room((len(ids), size, size, 3), _third_of_memory() if memory is None else memory)
    place = {name: at for at, name in enumerate(ids)}
    progress = contract.Progress("decode", len(ids))

    def one(entry: tuple[str, bytes]) -> tuple[str, torch.Tensor]:
        name, data = entry
        pixels = torch.from_numpy(shards.decoded(name, data, size).copy())[None]
        return name, prepare(pixels)[0].round().permute(1, 2, 0).to(torch.uint8)

    wanted = (entry for entry in images if entry[0] in place)
    with one_core_each() as mapped:
        while batch := list(islice(wanted, READ_AT_ONCE)):
            for name, row in mapped(one, batch):
                rows[place.pop(name)] = row
            progress.at(len(ids) - len(place))
    if place:
        raise BadInput(f"{len(place)} of {len(ids)} images are in no shard, the first is {min(place)}")
    return rows


def _room(shape: tuple[int, ...], memory: int) -> torch.Tensor:
    count = int(np.prod(shape))
    if count <= memory:
        return torch.zeros(shape, dtype=torch.uint8)
    handle, name = tempfile.mkstemp(suffix=".pixels", dir=contract.scratch_dir())
    os.close(handle)
    rows = torch.from_file(name, shared=True, size=count, dtype=torch.uint8).view(shape)
    os.unlink(name)  # the mapping keeps it; whatever ends this process, the space comes back
    return rows


def _third_of_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 3


def predict(model: nn.Module, pixels: torch.Tensor, batch: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """(n, classes) logits and (n, dim) embeddings, float64; a batch per core at a time."""

    where = next(model.parameters()).device

    def one(part: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.inference_mode():
            logits, embeddings = model(part.to(where))
            return logits.double().cpu(), embeddings.double().cpu()

    with one_core_each(None if where.type == "cpu" else 1) as mapped:
        parts = list(mapped(one, pixels.split(batch)))
    logits, embeddings = (torch.cat(outputs).numpy() for outputs in zip(*parts, strict=True))
    return logits, embeddings
