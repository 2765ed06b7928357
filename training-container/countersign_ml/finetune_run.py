"""One job's networks for LP-FT: from the probe's head, with layer decay, early stopping and checkpoints."""

from __future__ import annotations

import copy
import os
from pathlib import Path

import numpy as np
import torch
from torch import nn

from . import calibration, contract, documents, probe, shards
from .backbones import Backbone, Pooled, Tiled
from .classifier import Classifier, with_head
from .contract import BadInput
from .dataset import Dataset
from .fitting import NotFinite, Schedule, fit, stop_flag
from .pixels import fixed_size, predict

FROZEN_BELOW = 0.1
"""Layers whose share of the rate would be less are not trained: they would hardly move, and cost half of the time."""
REVISION = 3
"""Raise when the same settings come to other weights: checkpoints from before are then not taken up."""
PATIENCE = 3
"""Epochs without a better validation loss before training ends. The rate rises first, so the start is none of them."""


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

    @property
    def key(self) -> str:
        """A checkpoint serves only the run that would compute the same."""
        data, prepared = self.data, self.backbone.transform_digest
        settings = [REVISION, repr(self.schedule), self.strength, self.seed, prepared]
        return documents.digest([data.version, data.ids, self.target.tolist(), *settings])[:16]

    def under(self, schedule: Schedule) -> Run:
        """The same with other settings; pixels are shared."""
        other = copy.copy(self)
        other.schedule = schedule
        return other

    def one(self, number: int, rows: np.ndarray) -> Classifier:
        """LP-FT on some rows; a tenth of their groups is kept out to say when to stop."""
        learn, watch = self.parted(rows, 10)
        return self.between(number, learn, watch)

    def between(self, number: int, learn: np.ndarray, watch: np.ndarray) -> Classifier:
        """LP-FT on `learn`; the epoch with the least log loss on `watch` is kept. Taken up again where it was cut."""
        watched, model = self._trained(number, learn, watch)
        return watched.into(model)

    def trial(self, rows: np.ndarray) -> float:
        """The least log loss of LP-FT on a quarter of the rows' groups, from the others; NaN where it broke down."""
        learn, watch = self.parted(rows, 4)
        try:
            watched, _ = self._trained(0, learn, watch)
        except NotFinite:
            return float("nan")
        found = min(watched.losses.values())
        watched.forget()
        return found

    def _trained(self, number: int, learn: np.ndarray, watch: np.ndarray) -> tuple[_Watch, Classifier]:
        head = probe.fit(self.embeddings[learn], self.data.soft[learn], self.strength, self.weights)
        model = with_head(copy.deepcopy(self.backbone.embedder), head)
        freeze_batch_norms(model)
        kept = f"tune-{documents.digest([self.key, learn.tolist(), watch.tolist()])[:16]}"
        watched = _Watch(contract.checkpoint_dir() / f"{kept}.best.pt", self._loss(model, watch), model)
        if watched.ended:
            return watched, model

        def stop_early(epoch: int, averaged: nn.Module) -> bool:
            return watched.seen(epoch, self._loss(averaged, watch), averaged) >= PATIENCE

        def report(done: int, total: int) -> None:
            self.progress.at(number * 1000 + 1000 * done // total)

        with stop_flag() as stop:
            groups = parameter_groups(model, self.schedule.weight_decay, self.schedule.layer_decay)
            soft, file = self.soft[learn], contract.checkpoint_dir() / f"{kept}.pt"
            settings = (self.schedule, self.seed, file, report, stop, stop_early)
            fit(model, groups, self.pixels, soft, *settings, rows=torch.from_numpy(learn))
        self.progress.at((number + 1) * 1000)
        watched.end()
        return watched, model

    def parted(self, rows: np.ndarray, share: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows to learn from, and one in `share` of their groups to watch."""
        groups = np.unique(self.data.groups[rows])
        if len(groups) < 2:
            raise BadInput(
                f"{len(rows)} images are of one duplicate group: none of them can say when to stop; add different "
                "images, take fewer folds, or leave fine-tuning and its tuning out"
            )
        kept_out = np.random.default_rng(self.seed).permutation(groups)[: max(1, len(groups) // share)]
        watch = np.isin(self.data.groups[rows], kept_out)
        return rows[~watch], rows[watch]

    def _loss(self, model: nn.Module, rows: np.ndarray) -> float:
        model.eval()
        return calibrated_loss(predict(model, self.pixels[torch.from_numpy(rows)])[0], self.target[rows])


def calibrated_loss(logits: np.ndarray, soft: np.ndarray) -> float:
    """Log loss at the logits' own best temperature, as the model will be served: smoothed labels make a network doubt
    itself, and would look like a loss next to the probe.
    """
    return calibration.answer_loss(logits / calibration.temperature(logits, soft), soft)


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
        return epoch - max(0, min(known, key=lambda e: known[e]))

    def end(self) -> None:
        self.ended = True
        self._keep()

    def forget(self) -> None:
        """The weights are no longer wanted: of many trials they would fill the disk."""
        self.state = {}
        self._keep()

    def into(self, model: Classifier) -> Classifier:
        model.load_state_dict(self.state)
        return model.cpu().eval()

    def _keep(self) -> None:
        partial = self.file.with_suffix(".part")
        torch.save({"losses": self.losses, "state": self.state, "ended": self.ended}, partial)
        os.replace(partial, self.file)


def parameter_groups(model: Classifier, weight_decay: float, layer_decay: float) -> list[dict]:
    """AdamW groups: the rate falls by `layer_decay` per layer towards the input (timm knows the layers).

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
        for group in param_groups_layer_decay(pooled.model, weight_decay=weight_decay, layer_decay=layer_decay)
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
