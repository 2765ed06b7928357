"""LP-FT: from the probe's head, train the whole network; ship it only where that is proven to gain.

Kumar et al. 2022: starting from a fitted head keeps the features that a random head would distort. The gain is paired:
the same held-out images, answered by the probe and by the fine-tuned network of the same folds.
"""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from . import contract, documents, metrics, probe, shards
from .backbones import Backbone, Pooled, Tiled
from .classifier import Classifier, with_head
from .contract import BadInput
from .dataset import Dataset
from .fitting import Schedule, fit, flips_for, stop_flag
from .pixels import fixed_size, predict

DEFAULT = Schedule(epochs=6, batch=32, learning_rate=3e-4, smoothing=0.1, average=0.99, shift=0.05, zoom=0.1, half=True)
LAYER_DECAY = 0.7
FROZEN_BELOW = 0.1
"""Layers whose share of the rate would be less are not trained: they would hardly move, and cost half of the time."""
PATIENCE = 2
"""Epochs without a better validation loss before training ends."""


@dataclass(frozen=True)
class Tuned:
    out_of_fold: np.ndarray
    """(n, classes) logits; rows outside the folds used are the probe's."""
    judged: np.ndarray
    """(n,) bool: rows that a fine-tuned network answered out of fold."""
    gain: dict
    """metrics.paired on the judged rows."""
    classifier: Classifier | None
    """The network on all images; None where the gain is not proven."""
    run: Run


def schedule_from(hyper: dict[str, str], classes: list[str]) -> Schedule:
    """Hyperparameters epochs, batchSize, learningRate, flips (none | horizontal | both; default by class names)."""
    flips = hyper.get("flips", flips_for(classes))
    if flips not in ("none", "horizontal", "both"):
        raise BadInput(f"hyperparameter flips is {flips!r}; allowed: none, horizontal, both")
    try:
        return replace(
            DEFAULT,
            epochs=int(hyper.get("epochs", DEFAULT.epochs)),
            batch=int(hyper.get("batchSize", DEFAULT.batch)),
            learning_rate=float(hyper.get("learningRate", DEFAULT.learning_rate)),
            flips=flips,
        )
    except ValueError as error:
        raise BadInput(f"epochs, batchSize and learningRate must be numbers: {error}") from error


def fine_tune(
    hyper: dict[str, str],
    data: Dataset,
    folds: list[tuple[np.ndarray, np.ndarray]],
    embeddings: np.ndarray,
    probed: probe.CrossValidation,
    backbone: Backbone,
    seed: int,
    weights: np.ndarray | None = None,
) -> Tuned:
    """compare(); where the gain is proven, one more network on all images."""
    found = compare(hyper, data, folds, embeddings, probed, backbone, seed, weights)
    if found.gain["difference"]["low"] <= 0:
        return found
    return replace(found, classifier=found.run.one(found.run.count - 1, np.arange(len(data.ids))))


def compare(
    hyper: dict[str, str],
    data: Dataset,
    folds: list[tuple[np.ndarray, np.ndarray]],
    embeddings: np.ndarray,
    probed: probe.CrossValidation,
    backbone: Backbone,
    seed: int,
    weights: np.ndarray | None = None,
) -> Tuned:
    """Probe and network on the same held-out images. `folds` are the probe's; `tuneFolds` (default all) are used.

    `weights`: (classes,) by which the classes count, see imbalance.py.
    """
    used = folds[: int(hyper.get("tuneFolds", len(folds)))]
    schedule = schedule_from(hyper, data.classes)
    run = Run(data, embeddings, probed.strength, backbone, schedule, seed, len(used) + 1, weights)
    logits, judged = probed.out_of_fold.copy(), np.zeros(len(data.ids), dtype=bool)
    for number, (train, held_out) in enumerate(used):
        logits[held_out] = predict(run.one(number, train), run.pixels[torch.from_numpy(held_out)])[0]
        judged[held_out] = True
    ours = logits[judged].argmax(axis=1) == data.hard[judged]
    theirs = probed.out_of_fold[judged].argmax(axis=1) == data.hard[judged]
    gain = metrics.paired(ours, theirs, data.groups[judged])
    found = gain["difference"]
    print(f"fine-tuning gains {found['value']:+.4f} [{found['low']:+.4f}, {found['high']:+.4f}]", flush=True)
    return Tuned(logits, judged, gain, None, run)


class Run:
    """The networks of one job: the same data, recipe and seed."""

    def __init__(
        self,
        data: Dataset,
        embeddings: np.ndarray,
        strength: float,
        backbone: Backbone,
        schedule: Schedule,
        seed: int,
        count: int,
        weights: np.ndarray | None = None,
    ) -> None:
        self.data, self.embeddings, self.strength = data, embeddings, strength
        self.backbone, self.schedule, self.seed, self.count = backbone, schedule, seed, count
        entries = shards.entries(contract.channel("shards"), set(data.ids))
        self.pixels = fixed_size(entries, data.ids, backbone.input_size, backbone.view)
        self.progress = contract.Progress("fine-tune", count * 1000)
        self.weights = weights
        # Weighted targets weigh the loss: cross-entropy is linear in them.
        self.target = data.soft if weights is None else data.soft * weights
        self.soft = torch.from_numpy(self.target).float()
        # A checkpoint serves only the run that would compute the same.
        self.key = documents.digest(
            [data.version, data.ids, self.target.tolist(), seed, repr(schedule), strength, backbone.transform_digest]
        )[:16]

    def one(self, number: int, rows: np.ndarray) -> Classifier:
        """LP-FT on some rows; a tenth of their groups is kept out to say when to stop."""
        learn, watch = self._watched(rows)
        return self.between(number, learn, watch)

    def between(self, number: int, learn: np.ndarray, watch: np.ndarray) -> Classifier:
        """LP-FT on `learn`; the epoch with the least log loss on `watch` is kept. Taken up again where it was cut."""
        head = probe.fit(self.embeddings[learn], self.data.soft[learn], self.strength, self.weights)
        model = with_head(copy.deepcopy(self.backbone.embedder), head)
        freeze_batch_norms(model)
        watched = _Watch(
            contract.checkpoint_dir() / f"tune-{self.key}-{number}.best.pt", self._loss(model, watch), model
        )
        if watched.ended:
            return watched.into(model)

        def stop_early(epoch: int, averaged: nn.Module) -> bool:
            return watched.seen(epoch, self._loss(averaged, watch), averaged) >= PATIENCE

        def report(done: int, total: int) -> None:
            self.progress.at(number * 1000 + 1000 * done // total)

        with stop_flag() as stop:
            groups = parameter_groups(model, self.schedule.weight_decay)
            soft, file = self.soft[learn], contract.checkpoint_dir() / f"tune-{self.key}-{number}.pt"
            pixels = self.pixels[torch.from_numpy(learn)]
            fit(model, groups, pixels, soft, self.schedule, self.seed, file, report, stop, stop_early)
        self.progress.at((number + 1) * 1000)
        watched.end()
        return watched.into(model)

    def _watched(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        groups = np.unique(self.data.groups[rows])
        kept_out = np.random.default_rng(self.seed).permutation(groups)[: max(1, len(groups) // 10)]
        watch = np.isin(self.data.groups[rows], kept_out)
        return rows[~watch], rows[watch]

    def _loss(self, model: nn.Module, rows: np.ndarray) -> float:
        where = next(model.parameters()).device
        model.eval()
        with torch.inference_mode():
            parts = [model(part.to(where))[0].float().cpu() for part in self.pixels[rows].split(64)]
        return probe.log_loss(torch.cat(parts).double().numpy(), self.target[rows])


class _Watch:
    """The best epoch so far, on disk with every loss seen, so that a run that was cut ends as one that was not."""

    def __init__(self, file: Path, first: float, model: nn.Module) -> None:
        self.file, self.ended = file, False
        self.losses: dict[int, float] = {-1: first}
        self.state = {name: value.cpu().clone() for name, value in model.state_dict().items()}
        if file.exists():
            kept = torch.load(file, weights_only=True)
            self.losses, self.state, self.ended = kept["losses"], kept["state"], kept["ended"]

    def seen(self, epoch: int, loss: float, model: nn.Module) -> int:
        """How many epochs ago the best one was, once this one is counted."""
        if epoch not in self.losses and loss < min(self.losses.values()):
            self.state = {name: value.cpu().clone() for name, value in model.state_dict().items()}
        self.losses.setdefault(epoch, loss)
        self._keep()
        known = {e: value for e, value in self.losses.items() if e <= epoch}
        return epoch - min(known, key=lambda e: known[e])

    def end(self) -> None:
        self.ended = True
        self._keep()

    def into(self, model: Classifier) -> Classifier:
        model.load_state_dict(self.state)
        return model.cpu().eval()

    def _keep(self) -> None:
        partial = self.file.with_suffix(".part")
        torch.save({"losses": self.losses, "state": self.state, "ended": self.ended}, partial)
        os.replace(partial, self.file)


def parameter_groups(model: Classifier, weight_decay: float) -> list[dict]:
    """AdamW groups: the rate falls by LAYER_DECAY per layer towards the input (timm knows the layers).

    The lowest layers, where little of the rate would be left, are frozen and in no group.
    """
    # In timm's documentation, though not in the module's __all__.
    from timm.optim import param_groups_layer_decay  # pyright: ignore[reportPrivateImportUsage]

    pooled = model.embedder.features
    if isinstance(pooled, Tiled):
        pooled = pooled.inner
    assert isinstance(pooled, Pooled)  # fine_tune is for timm's architectures
    groups = [
        {"params": group["params"], "weight_decay": group["weight_decay"], "scale": group["lr_scale"]}
        for group in param_groups_layer_decay(pooled.model, weight_decay=weight_decay, layer_decay=LAYER_DECAY)
    ]
    for group in groups:
        if group["scale"] < FROZEN_BELOW:
            for parameter in group["params"]:
                parameter.requires_grad_(False)
    trained = [group for group in groups if group["scale"] >= FROZEN_BELOW]
    return [*trained, {"params": list(model.head.parameters()), "scale": 1.0}]


def freeze_batch_norms(model: nn.Module) -> None:
    """Their statistics come from a million images; a batch of 32 of ours is worse."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.frozen = True  # type: ignore[assignment]
            for parameter in module.parameters():
                parameter.requires_grad_(False)
