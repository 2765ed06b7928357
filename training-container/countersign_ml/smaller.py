"""Smaller networks from a trained one: pruned copies, and students that learn its answers.

Both learn from the images that do not judge only, never from those on which they then compete; so does their teacher,
where it has a sibling that can teach in its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch

from . import contract, network, probe, sibling, small_cnn
from .backbones import Embedder
from .backbones import build as build_backbone
from .classifier import Classifier, export, with_head, with_new_head
from .dataset import Dataset
from .finetune_run import freeze_batch_norms
from .fitting import Schedule, fit, flips_for
from .pixels import fixed_size, predict
from .pruning import pruned

SHARES = (0.3, 0.5)
"""Of inner channels that are cut."""
RATE, STUDENT_RATE = 1e-4, 1e-3
TEACHER = 0.7
"""Weight of the teacher's answers in what is learnt; the rest are the labels (Hinton et al. 2015)."""


def build(
    folder: Path,
    facts: dict,
    data: Dataset,
    learn: np.ndarray,
    files: Mapping[str, bytes],
    scratch: Path,
    epochs: int,
    weights: Path | None,
) -> Iterator[tuple[str, Path]]:
    """(name, graph) of each; nothing where the model folder has no network to learn from."""
    teacher = network.load(folder, sibling.NAME) or network.load(folder)
    if teacher is None:
        return
    names, soft = [data.ids[k] for k in learn], torch.from_numpy(data.soft[learn]).float()
    pixels = fixed_size(_of(files, names), names, facts["inputSize"], teacher.embedder.prepare.view)
    logits, _ = predict(teacher, pixels)
    target = TEACHER * torch.from_numpy(probe.softmax(logits)).float() + (1 - TEACHER) * soft
    flips = flips_for(data.classes)
    progress = contract.Progress("make smaller ones", len(SHARES) + 1)
    for done, share in enumerate(SHARES):
        model, cut = pruned(teacher, share)
        if cut:
            freeze_batch_norms(model)
            refit(model, pixels, data.soft[learn], facts)
            fitted(model, pixels, target, Schedule(epochs, 32, RATE, flips=flips, half=True))
            refit(model, pixels, data.soft[learn], facts)
            yield _exported(model, f"pruned-{round(100 * share)}", scratch)
        progress.at(done + 1)
    size = sum(p.numel() for p in teacher.parameters())
    for name, embedder, side in students(facts, weights):
        if sum(p.numel() for p in embedder.parameters()) < 0.9 * size:
            own = pixels if side == facts["inputSize"] else fixed_size(_of(files, names), names, side)
            with torch.inference_mode():
                dim = embedder(own[:2]).shape[1]
            model = with_new_head(embedder, dim, len(data.classes))
            if name != small_cnn.NAME:
                freeze_batch_norms(model)
                refit(model, own, data.soft[learn], facts)
            fitted(model, own, target, Schedule(epochs * 2, 32, STUDENT_RATE, flips=flips, half=True))
            yield _exported(model, f"distilled-{name}", scratch)
    progress.at(len(SHARES) + 1)


def _of(files: Mapping[str, bytes], names: list[str]) -> Iterator[tuple[str, bytes]]:
    """These images as they lie in the shards, one at a time."""
    wanted = set(names)
    return ((name, files[name]) for name in files if name in wanted)


def students(facts: dict, weights: Path | None) -> Iterator[tuple[str, Embedder, int]]:
    """Every architecture of the weights channel but the model's own; without any, the small network from scratch."""
    manifests = [] if weights is None else sorted(weights.rglob("manifest.json"))
    names = {json.loads(file.read_text(encoding="utf-8"))["architecture"] for file in manifests} - {facts["backbone"]}
    for name in sorted(names):
        found = build_backbone(name, weights)
        yield name, found.embedder, found.input_size
    if not names and facts["backbone"] != small_cnn.NAME:
        yield small_cnn.NAME, small_cnn.embedder(0), small_cnn.INPUT_SIZE


def refit(model: Classifier, pixels: torch.Tensor, soft: np.ndarray, facts: dict) -> None:
    """A new head for changed features, by logistic regression."""
    _, embeddings = predict(model, pixels)
    head = probe.fit(embeddings, soft, facts.get("notes", {}).get("strength", 0.1))
    model.head.load_state_dict(with_head(model.embedder, head).head.state_dict())


def fitted(model: Classifier, pixels: torch.Tensor, target: torch.Tensor, schedule: Schedule) -> None:
    trained = [p for p in model.parameters() if p.requires_grad]
    fit(model, [{"params": trained, "scale": 1.0}], pixels, target, schedule, seed=0)


def _exported(model: Classifier, name: str, scratch: Path) -> tuple[str, Path]:
    file = scratch / f"{name}.onnx"
    export(model, file)
    return name, file
