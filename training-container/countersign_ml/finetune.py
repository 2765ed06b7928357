"""LP-FT: from the probe's head, train the whole network; ship it only where that is proven to gain.

Kumar et al. 2022: starting from a fitted head keeps the features that a random head would distort. The gain is paired:
the same held-out images, answered by the probe and by the fine-tuned network of the same folds.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from . import contract, metrics, probe, shards
from .backbones import Backbone, Pooled
from .classifier import Classifier, with_head
from .contract import BadInput
from .dataset import Dataset
from .fitting import Schedule, fit, flips_for, stop_flag
from .pixels import fixed_size, predict

DEFAULT = Schedule(epochs=6, batch=32, learning_rate=3e-4, smoothing=0.1, average=0.99, shift=0.05, zoom=0.1)
LAYER_DECAY = 0.7
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
) -> Tuned:
    """`folds` are the probe's; `tuneFolds` (default all) says how many of them are used for the comparison."""
    schedule = schedule_from(hyper, data.classes)
    files = shards.load(contract.channel("shards"), set(data.ids))
    pixels = fixed_size(files, data.ids, backbone.input_size)
    used = folds[: int(hyper.get("tuneFolds", len(folds)))]
    logits, judged = probed.out_of_fold.copy(), np.zeros(len(data.ids), dtype=bool)
    run = _Run(data, pixels, embeddings, probed.strength, backbone, schedule, seed, len(used) + 1)
    for number, (train, held_out) in enumerate(used):
        logits[held_out] = predict(run.one(number, train), pixels[held_out])[0]
        judged[held_out] = True
    ours = logits[judged].argmax(axis=1) == data.hard[judged]
    theirs = probed.out_of_fold[judged].argmax(axis=1) == data.hard[judged]
    gain = metrics.paired(ours, theirs, data.groups[judged])
    proven = gain["difference"]["low"] > 0
    found = gain["difference"]
    print(f"fine-tuning gains {found['value']:+.4f} [{found['low']:+.4f}, {found['high']:+.4f}]", flush=True)
    return Tuned(logits, judged, gain, run.one(len(used), np.arange(len(data.ids))) if proven else None)


class _Run:
    def __init__(self, data, pixels, embeddings, strength, backbone, schedule, seed, count) -> None:
        self.data, self.pixels, self.embeddings, self.strength = data, pixels, embeddings, strength
        self.backbone, self.schedule, self.seed, self.count = backbone, schedule, seed, count
        self.progress = contract.Progress("fine-tune", count * 1000)
        self.soft = torch.from_numpy(data.soft).float()

    def one(self, number: int, rows: np.ndarray) -> Classifier:
        """LP-FT on some rows; a tenth of their groups is kept out to say when to stop."""
        learn, watch = self._watched(rows)
        head = probe.fit(self.embeddings[learn], self.data.soft[learn], self.strength)
        model = with_head(copy.deepcopy(self.backbone.embedder), head)
        freeze_batch_norms(model)
        best = {"loss": self._loss(model, watch), "state": copy.deepcopy(model.state_dict()), "age": 0}

        def stop_early(_epoch: int, averaged: nn.Module) -> bool:
            loss = self._loss(averaged, watch)
            if loss < best["loss"]:
                best.update(loss=loss, state=copy.deepcopy(averaged.state_dict()), age=0)
            else:
                best["age"] += 1
            return best["age"] >= PATIENCE

        def report(done: int, total: int) -> None:
            self.progress.at(number * 1000 + 1000 * done // total)

        with stop_flag() as stop:
            groups = parameter_groups(model, self.schedule.weight_decay)
            soft, file = self.soft[learn], contract.checkpoint_dir() / f"tune-{self.seed}-{number}.pt"
            fit(model, groups, self.pixels[learn], soft, self.schedule, self.seed, file, report, stop, stop_early)
        self.progress.at((number + 1) * 1000)
        model.load_state_dict(best["state"])
        return model.cpu().eval()

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
        return probe.log_loss(torch.cat(parts).double().numpy(), self.data.soft[rows])


def parameter_groups(model: Classifier, weight_decay: float) -> list[dict]:
    """AdamW groups: the rate falls by LAYER_DECAY per layer towards the input (timm knows the layers)."""
    # In timm's documentation, though not in the module's __all__.
    from timm.optim import param_groups_layer_decay  # pyright: ignore[reportPrivateImportUsage]

    pooled = model.embedder.features
    assert isinstance(pooled, Pooled)  # fine_tune is for timm's architectures
    groups = [
        {"params": group["params"], "weight_decay": group["weight_decay"], "scale": group["lr_scale"]}
        for group in param_groups_layer_decay(pooled.model, weight_decay=weight_decay, layer_decay=LAYER_DECAY)
    ]
    return [*groups, {"params": list(model.head.parameters()), "scale": 1.0}]


def freeze_batch_norms(model: nn.Module) -> None:
    """Their statistics come from a million images; a batch of 32 of ours is worse."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.frozen = True  # type: ignore[assignment]
            for parameter in module.parameters():
                parameter.requires_grad_(False)
