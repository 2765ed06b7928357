"""Which backbone, input resolution and view see what decides here: by grouped cross-validated probe on the user's data.

All backbones first, on the whole image at their own resolution; then the best of them in the other views and sizes,
until the budget is spent. What is left out for want of time is named. The sealed test is never looked at; the winner's
own out-of-fold figures are a little rosy, as the best of a few always is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from . import contract, embed, probe, shards
from .backbones import VIEWS, Backbone, Tiled
from .contract import BadInput

HOPELESS = 1.25
"""Times the best log loss on the first fold: candidates beyond are not searched further."""
TIMED = 16
"""Images by which a candidate's time is foretold."""
MINUTES = 30.0
TOKENS = ("vit", "deit")
"""Architectures that are also tried with class token and mean patch token side by side."""
Folds = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Candidate:
    backbone: str
    pooling: str = "default"
    view: str = "whole"
    image_size: int | None = None
    """Side to which an image is scaled; None: the backbone's own."""

    def settings(self) -> dict[str, str]:
        """As hyperparameters of `embed` and `train`."""
        found = {"backbone": self.backbone, "pooling": self.pooling, "view": self.view}
        return found | ({} if self.image_size is None else {"imageSize": str(self.image_size)})


@dataclass(frozen=True)
class Rows:
    candidate: Candidate
    embeddings: np.ndarray
    """(n, dim) float64, in the order of the ids asked for."""
    seconds: float
    """Of the whole embedding, also where it was made in parts or before."""


@dataclass(frozen=True)
class Choice:
    best: Rows
    searched: probe.CrossValidation
    seconds: float
    """Of the winner's cross-validation."""
    tried: list[dict]
    """{backbone, pooling, view, imageSize, logLoss} of those that were searched in full, best first."""


@dataclass(frozen=True)
class Space:
    backbones: tuple[str, ...]
    views: tuple[str, ...] = ("whole",)
    sizes: tuple[int, ...] = ()
    """Beside each backbone's own resolution."""

    def first(self) -> list[Candidate]:
        view = "whole" if "whole" in self.views else self.views[0]
        return [Candidate(name, pooling_of(name), view) for name in self.backbones]

    def further(self, best: Candidate) -> list[Candidate]:
        """The same backbone in every other view at its own resolution, then at every other size."""
        pooling = pooling_of(best.backbone)
        sizes: list[int | None] = [None, *self.sizes]
        all_ = [Candidate(best.backbone, pooling, view, size) for size in sizes for view in self.views]
        return [one for one in all_ if one not in self.first()]


@dataclass
class Budget:
    """Seconds for embedding; the first candidate is made whatever it takes."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    started: float = field(init=False)
    made: int = 0
    """Candidates embedded so far."""

    def __post_init__(self) -> None:
        self.started = self.clock()

    def allows(self, expected: float) -> bool:
        return self.made == 0 or self.clock() - self.started + expected <= self.seconds


def pooling_of(backbone: str) -> str:
    return "tokens" if backbone.startswith(TOKENS) else "default"


def space_from(hyper: dict[str, str], weights: Path | None) -> Space | None:
    """From hyperparameters backbones (names, or `all` of the channel `pretrained`), views, imageSizes, each a list with
    commas; None where no backbones are named: nothing is to be searched.
    """
    if not (text := hyper.get("backbones", "").strip()):
        return None
    names = supplied(weights) if text == "all" else _listed(text)
    if not names:
        raise BadInput('hyperparameter backbones is "all", but channel "pretrained" holds no <name>/manifest.json')
    views, sizes = _listed(hyper.get("views", "whole")), _listed(hyper.get("imageSizes", ""))
    if not views or not set(views) <= set(VIEWS):
        raise BadInput(f"hyperparameter views is {hyper.get('views')!r}; allowed, with commas: {', '.join(VIEWS)}")
    if not all(size.isdigit() and 32 <= int(size) <= 2048 for size in sizes):
        raise BadInput(f"hyperparameter imageSizes is {hyper.get('imageSizes')!r}; allowed, with commas: 32 to 2048")
    if "tiles" in views and any(int(size) % 2 for size in sizes):
        raise BadInput(f"hyperparameter imageSizes is {hyper.get('imageSizes')!r}; view tiles needs even numbers")
    return Space(names, views, tuple(int(size) for size in sizes))


def minutes_from(hyper: dict[str, str], key: str, default: float) -> float:
    try:
        found = float(hyper.get(key, default))
    except ValueError:
        found = -1.0
    if not 0 <= found <= 10_000:
        raise BadInput(f"hyperparameter {key} is {hyper[key]!r}; expected minutes, 0 to 10000")
    return found


def supplied(weights: Path | None) -> tuple[str, ...]:
    """The architectures that a weights folder holds, or a folder of such folders."""
    files = [] if weights is None else [*weights.glob("manifest.json"), *weights.glob("*/manifest.json")]
    return tuple(json.loads(file.read_text(encoding="utf-8"))["architecture"] for file in sorted(files))


def search(
    space: Space,
    ids: list[str],
    folder: Path,
    soft: np.ndarray,
    folds: Folds,
    built: Callable[[Candidate], Backbone],
    budget: Budget,
) -> tuple[Choice, list[dict]]:
    """The choice, and the candidates that were left out: {backbone, ..., why}."""
    rows, left_out = embedded(space.first(), ids, folder, built, budget)
    best = hopeful(rows, soft, folds)[0].candidate
    more, skipped = embedded(space.further(best), ids, folder, built, budget)
    return choose([*rows, *more], soft, folds), [*left_out, *skipped]


def embedded(
    candidates: Iterable[Candidate],
    ids: list[str],
    folder: Path,
    built: Callable[[Candidate], Backbone],
    budget: Budget,
) -> tuple[list[Rows], list[dict]]:
    """Rows of each candidate that the budget allows; kept among the checkpoints, so that a cut run goes on."""
    found: list[Rows] = []
    left_out: list[dict] = []
    for candidate in candidates:
        backbone = built(candidate)
        if candidate.pooling == "tokens" and not _class_token(backbone):
            candidate = replace(candidate, pooling="default")
            backbone = built(candidate)
        file = contract.checkpoint_dir() / f"all-{backbone.transform_digest[:16]}-{backbone.weights_sha256}.npz"
        # Only a time budget may leave a candidate out, and never all of them.
        if not file.is_file() and budget.made:
            expected = foretold(folder, backbone, len(ids))
            if not budget.allows(expected):
                left_out.append(candidate.settings() | {"why": f"its {expected:.0f} s are more than the budget leaves"})
                continue
        found += _rows(candidate, backbone, ids, folder, file)
        budget.made += 1
    return found, left_out


def _rows(candidate: Candidate, backbone: Backbone, ids: list[str], folder: Path, file: Path) -> list[Rows]:
    if not file.is_file():
        started = time.perf_counter()
        names, matrix = embed.embed_shards(folder, backbone, kept=contract.checkpoint_dir(), wanted=set(ids))
        if len(names) < len(ids):
            missing = set(ids) - set(names)
            raise BadInput(f"{len(missing)} of {len(ids)} images are in no shard, the first is {min(missing)}")
        partial = file.with_suffix(".part")
        with partial.open("wb") as stream:
            np.savez(stream, ids=np.array(names), rows=matrix, seconds=time.perf_counter() - started)
        partial.replace(file)
    with np.load(file, allow_pickle=False) as stored:
        # A file without ids is of all images, in their order.
        names = stored["ids"].tolist() if "ids" in stored.files else sorted(ids)
        place = {name: at for at, name in enumerate(names)}
        matrix, seconds = stored["rows"][[place[name] for name in ids]].astype(np.float64), float(stored["seconds"])
    rows = [Rows(candidate, matrix, seconds)]
    if candidate.pooling == "tokens" and candidate.view != "tiles":
        # The class token is the first half of the same forward pass.
        half = matrix[:, : matrix.shape[1] // 2]
        unit = half / np.linalg.norm(half, axis=1, keepdims=True)
        rows.append(Rows(replace(candidate, pooling="default"), unit, seconds))
    return rows


def _class_token(backbone: Backbone) -> bool:
    """Whether the network's own answer is its class token."""
    features = backbone.embedder.features
    model = getattr(features.inner if isinstance(features, Tiled) else features, "model", None)
    return getattr(model, "global_pool", "") == "token" and getattr(model, "num_prefix_tokens", 0) > 0


def foretold(folder: Path, backbone: Backbone, count: int) -> float:
    """Seconds that embedding `count` images would take, by one batch of them."""
    images = list(islice(shards.entries(folder), TIMED))
    started = time.perf_counter()
    for _ in embed.side_by_side(backbone, embed.batched(iter(images), -(-len(images) // torch.get_num_threads()))):
        pass
    return (time.perf_counter() - started) * count / max(1, len(images))


def hopeful(rows: Sequence[Rows], soft: np.ndarray, folds: Folds) -> list[Rows]:
    """Those whose log loss on the first fold is within HOPELESS of the best one's, best first."""
    losses = []
    for row in rows:
        searched = probe.cross_validate(row.embeddings, soft, folds[:1])
        losses.append(searched.log_loss[searched.strength])
    order = sorted(range(len(rows)), key=lambda k: losses[k])
    return [rows[k] for k in order if losses[k] <= HOPELESS * min(losses)]


def choose(rows: Sequence[Rows], soft: np.ndarray, folds: Folds) -> Choice:
    """The candidate with the least out-of-fold log loss at its own best strength."""
    found = []
    for row in hopeful(rows, soft, folds) if len(rows) > 1 else rows:
        started = time.perf_counter()
        searched = probe.cross_validate(row.embeddings, soft, folds)
        found.append((searched.log_loss[searched.strength], row, searched, time.perf_counter() - started))
    found.sort(key=lambda each: each[0])
    _, best, searched, seconds = found[0]
    tried = [row.candidate.settings() | {"logLoss": round(loss, 4)} for loss, row, _, _ in found]
    return Choice(best, searched, seconds, tried)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
