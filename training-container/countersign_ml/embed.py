"""`embed`: shards -> embeddings.f32 + embeddings.json in the model folder.

Rows that an earlier run (channel `cache`, its model.tar.gz) already computed with the same weights and preparation
are copied, so a new intake costs its new images only.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from . import contract, documents, shards
from .backbones import VIEWS, Backbone, build
from .contract import BadInput
from .fitting import TooLarge, device

BATCH = 16
PART = 512


def main() -> None:
    hyper = contract.hyperparameters()
    backbone = from_hyperparameters(hyper)
    folder = contract.channel("shards")
    cached = _cache(backbone)
    ids, rows = embed_shards(folder, backbone, cached, contract.checkpoint_dir())
    write(contract.model_dir(), backbone, ids, rows)


def from_hyperparameters(hyper: dict[str, str]) -> Backbone:
    """Hyperparameters backbone, imageSize, pooling (default | tokens), view (whole | centre | tiles), acceptLicences,
    weights (random, for tests).
    """
    size = hyper.get("imageSize")
    if size is not None and not (size.isdigit() and 32 <= int(size) <= 2048):
        raise BadInput(f"hyperparameter imageSize is {size!r}; allowed: 32 to 2048")
    pooling = hyper.get("pooling", "default")
    if pooling not in ("default", "tokens"):
        raise BadInput(f"hyperparameter pooling is {pooling!r}; allowed: default, tokens")
    view = hyper.get("view", "whole")
    if view not in VIEWS:
        raise BadInput(f"hyperparameter view is {view!r}; allowed: {', '.join(VIEWS)}")
    return build(
        hyper.get("backbone", "descriptor"),
        contract.optional_channel("pretrained"),
        image_size=int(size) if size else None,
        pooling=pooling,
        view=view,
        accept_licences=hyper.get("acceptLicences", ""),
        random_weights=hyper.get("weights") == "random",
        seed=contract.whole_number(hyper, "seed", 0),
    )


def embed_shards(
    folder: Path,
    backbone: Backbone,
    cached: dict[str, np.ndarray] | None = None,
    kept: Path | None = None,
    wanted: set[str] | None = None,
) -> tuple[list[str], np.ndarray]:
    """Sorted ids and their rows. An image that can't be decoded here is an error: admission has decoded it before.

    `wanted`: these images only. `kept`: a folder for the rows of a run that is cut; the next one goes on from there.
    """
    parts = _Parts(kept, backbone) if kept else None
    cached = (cached or {}) | (parts.read() if parts else {})
    images = shards.Images(folder, wanted)
    names = sorted(images)
    if not names:
        raise BadInput("the shards hold no image; embed needs at least one")
    todo = {name for name in names if name not in cached}
    progress = contract.Progress("embed", len(todo))
    rows = {name: cached[name] for name in names if name in cached}
    done = 0
    for found in side_by_side(backbone, batched(images.of(todo), BATCH)):
        rows |= found
        done += len(found)
        if parts:
            parts.add(found)
        progress.at(done)
    return names, np.stack([rows[name] for name in names]).astype("<f4")


class _Parts:
    """Rows on disk, a file per PART images: a Spot interruption costs no more than the last part."""

    def __init__(self, folder: Path, backbone: Backbone) -> None:
        self.folder, self.waiting = folder, {}
        self.prefix = f"rows-{documents.digest([backbone.transform_digest, backbone.weights_sha256])[:16]}-"

    def read(self) -> dict[str, np.ndarray]:
        rows: dict[str, np.ndarray] = {}
        for file in sorted(self.folder.glob(f"{self.prefix}*.npz")):
            with np.load(file, allow_pickle=False) as stored:
                rows |= dict(zip(stored["ids"].tolist(), stored["rows"], strict=True))
        return rows

    def add(self, found: dict[str, np.ndarray]) -> None:
        self.waiting |= found
        if len(self.waiting) < PART:
            return
        partial = self.folder / f"{self.prefix}part"
        with partial.open("wb") as stream:
            np.savez(stream, ids=np.array(list(self.waiting)), rows=np.stack(list(self.waiting.values())))
        os.replace(partial, self.folder / f"{self.prefix}{min(self.waiting)}.npz")
        self.waiting = {}


def side_by_side(backbone: Backbone, batches: Iterator[list[tuple[str, bytes]]]) -> Iterator[dict[str, np.ndarray]]:
    """One batch per core at a time, each on one core: no layer waits for a slower thread, and the numbers do not depend
    on how many cores there are.
    """
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    backbone.embedder.to(device())
    try:
        with ThreadPoolExecutor(cores) as pool:
            running: deque[Future[dict[str, np.ndarray]]] = deque()
            for batch in batches:
                running.append(pool.submit(_embed_batch, backbone, batch))
                if len(running) > cores:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
    finally:
        torch.set_num_threads(cores)
        backbone.embedder.cpu()


def _embed_batch(backbone: Backbone, batch: list[tuple[str, bytes]]) -> dict[str, np.ndarray]:
    pixels = [shards.decoded(name, data, backbone.input_size) for name, data in batch]
    return dict(zip([name for name, _ in batch], _forward(backbone, pixels), strict=True))


def batched(stream: Iterator, size: int) -> Iterator[list]:
    while batch := list(islice(stream, size)):
        yield batch


def _forward(backbone: Backbone, pixels: list[np.ndarray]) -> np.ndarray:
    """Prepares each image by itself (sizes differ), embeds them as one batch, on the GPU where there is one. Out of
    memory: by halves. Raises TooLarge where one image alone is too much.
    """
    try:
        with torch.inference_mode():
            embedder, where = backbone.embedder, device()
            prepared = torch.cat([embedder.prepare(torch.from_numpy(p.copy())[None].to(where)) for p in pixels])
            return torch.nn.functional.normalize(embedder.features(prepared), dim=1).cpu().numpy()
    except (MemoryError, RuntimeError) as error:
        if not contract.out_of_memory(error):
            raise
        if len(pixels) == 1:
            raise TooLarge(error) from error
    half = len(pixels) // 2
    return np.concatenate([_forward(backbone, part) for part in (pixels[:half], pixels[half:])])


def write(folder: Path, backbone: Backbone, ids: list[str], rows: np.ndarray) -> None:
    if not np.isfinite(rows).all():
        raise RuntimeError(f"backbone {backbone.name} gave embeddings that are not finite; its weights are damaged")
    partial = folder / "embeddings.f32.part"
    partial.write_bytes(rows.astype("<f4").tobytes())
    os.replace(partial, folder / "embeddings.f32")
    index = {
        "ids": ids,
        "dim": int(rows.shape[1]),
        "count": len(ids),
        "backbone": backbone.name,
        "transformDigest": backbone.transform_digest,
        "weightsSha256": backbone.weights_sha256,
    }
    documents.write(folder / "embeddings.json", index, "embedding-index")


def read(folder: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """The index and id -> row of an embed job's output. Raises BadInput where the two files disagree."""
    index = documents.read(folder / "embeddings.json", "embedding-index")
    rows = np.fromfile(folder / "embeddings.f32", dtype="<f4")
    if rows.size != index["count"] * index["dim"] or len(index["ids"]) != index["count"]:
        raise BadInput(
            f"embeddings.f32 holds {rows.size} numbers, embeddings.json says {index['count']} x {index['dim']}; "
            "run embed again"
        )
    return index, dict(zip(index["ids"], rows.reshape(index["count"], index["dim"]), strict=True))


def _cache(backbone: Backbone) -> dict[str, np.ndarray]:
    folder = contract.optional_channel("cache")
    if folder is None:
        return {}
    index, rows = read(contract.unpacked(folder, "cache"))
    same = index["transformDigest"] == backbone.transform_digest and index["weightsSha256"] == backbone.weights_sha256
    return rows if same else {}
