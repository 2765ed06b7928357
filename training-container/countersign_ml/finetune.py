"""LP-FT: from the probe's head, train the whole network; ship it only where that is proven to gain.

Kumar et al. 2022: starting from a fitted head keeps the features that a random head would distort. The gain is paired:
the same held-out images, answered by the probe and by the fine-tuned network of the same folds. Where the settings are
tuned, the first fold's held-out images are for that alone, and the other folds judge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from . import contract, embed, metrics, probe, time_budget, tuning
from .backbones import Backbone
from .classifier import Classifier
from .contract import BadInput
from .dataset import Dataset
from .finetune_run import Run
from .fitting import Schedule, flips_for
from .pixels import predict

DEFAULT = Schedule(
    epochs=6, batch=32, learning_rate=2e-4, average=0.99, shift=0.15, zoom=0.35, turn=0.2, light=0.4, half=True
)
"""Chosen on one fold of flowers and on the val part of groceries; docs/experiments.md has what else was tried."""
AUGMENTED = ("shift", "zoom", "turn", "light")
Folds = list[tuple[np.ndarray, np.ndarray]]


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
    tuning: dict | None
    """What was tried (tuning.Found.notes); None where nothing was tuned."""


def schedule_from(hyper: dict[str, str], classes: list[str]) -> Schedule:
    """Hyperparameters epochs, batchSize, learningRate, layerDecay, smoothing, mixup, augmentation (1: as in DEFAULT,
    0: none but flips), flips (none | horizontal | both; default by class names).
    """
    flips = hyper.get("flips", flips_for(classes))
    if flips not in ("none", "horizontal", "both"):
        raise BadInput(f"hyperparameter flips is {flips!r}; allowed: none, horizontal, both")
    strength = _number(hyper, "augmentation", 1, 0, 2)
    return replace(
        DEFAULT,
        **{name: strength * getattr(DEFAULT, name) for name in AUGMENTED},
        epochs=int(_number(hyper, "epochs", DEFAULT.epochs, 1, 1000)),
        batch=int(_number(hyper, "batchSize", DEFAULT.batch, 1, 65536)),
        learning_rate=_number(hyper, "learningRate", DEFAULT.learning_rate, 0, 10),
        layer_decay=_number(hyper, "layerDecay", DEFAULT.layer_decay, 0, 1),
        smoothing=_number(hyper, "smoothing", DEFAULT.smoothing, 0, 0.9),
        mixup=_number(hyper, "mixup", DEFAULT.mixup, 0, 10),
        flips=flips,
    )


def fine_tune(
    hyper: dict[str, str],
    data: Dataset,
    folds: Folds,
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
    folds: Folds,
    embeddings: np.ndarray,
    probed: probe.CrossValidation,
    backbone: Backbone,
    seed: int,
    weights: np.ndarray | None = None,
) -> Tuned:
    """Probe and network on the same held-out images. `folds` are the probe's; `tuneFolds` (default all) are used.

    With fineTuneMinutes only as many folds are used as fit into them; raises time_budget.NotFineTuned where none does.
    Where another fold and some trials fit too, that fold tunes, unless tuneTrials or tuneMinutes say otherwise. `tuned`
    (true | false): the settings come from trials of recipe finetune-trial, so the first fold does not judge.

    `weights`: (classes,) by which the classes count, see imbalance.py. The images are fine-tuned on at the backbone's
    size, or at tuneImageSize; the probe that is to be beaten stays the one that was chosen.
    """
    wanted = int(_number(hyper, "tuneFolds", len(folds), 1, 1000))
    used, limits, ranges = folds[:wanted], tuning.limits_from(hyper), tuning.space()
    if limits is not None or _tuned_before(hyper):
        used = used[1:] or folds[1:2]
    backbone, embeddings = at_size(hyper, data, backbone, embeddings)
    schedule = schedule_from(hyper, data.classes)
    run = Run(data, embeddings, probed.strength, backbone, schedule, seed, len(used) + 1, weights)
    minutes = time_budget.minutes_from(hyper)
    if minutes is not None:
        # More epochs than the minutes were reckoned for are not to be tuned to.
        ranges = {kind: [row for row in rows if row["Name"] != "epochs"] for kind, rows in ranges.items()}
        judges = folds[1 : 1 + wanted]
        asked = bool({"tuneTrials", "tuneMinutes", "tuned"} & hyper.keys())
        left = 0.0 if asked or len(judges) < wanted else time_budget.left_for_tuning(run, folds, judges, minutes)
        if left > 0:
            used, limits = judges, tuning.Limits(tuning.TRIALS, left)
        used = time_budget.folds_within(run, used, minutes)
    tried = None
    if limits is not None:
        tried = tuned_settings(run, hyper, folds[0][1], limits, seed, ranges)
        run = run.under(schedule_from(hyper | tried["chosen"], data.classes))
    logits, judged = probed.out_of_fold.copy(), np.zeros(len(data.ids), dtype=bool)
    for number, (train, held_out) in enumerate(used):
        logits[held_out] = predict(run.one(number, train), run.pixels[torch.from_numpy(held_out)])[0]
        judged[held_out] = True
    ours = logits[judged].argmax(axis=1) == data.hard[judged]
    theirs = probed.out_of_fold[judged].argmax(axis=1) == data.hard[judged]
    gain = metrics.paired(ours, theirs, data.groups[judged])
    found = gain["difference"]
    print(f"fine-tuning gains {found['value']:+.4f} [{found['low']:+.4f}, {found['high']:+.4f}]", flush=True)
    return Tuned(logits, judged, gain, None, run, tried)


def _tuned_before(hyper: dict[str, str]) -> bool:
    text = hyper.get("tuned", "false")
    if text not in ("true", "false"):
        raise BadInput(f"hyperparameter tuned is {text!r}; allowed: true, false")
    return text == "true"


def tuned_settings(
    run: Run,
    hyper: dict[str, str],
    rows: np.ndarray,
    limits: tuning.Limits,
    seed: int,
    ranges: dict[str, list[dict]] | None = None,
) -> dict:
    """tuning.Found.notes of a search on `rows` alone, and how many there are."""

    def objective(settings: dict[str, str]) -> float:
        return run.under(schedule_from(hyper | settings, run.data.classes)).trial(rows)

    journal = contract.checkpoint_dir() / f"tuning-{run.key}.jsonl"
    found = tuning.tune(objective, untuned(run.schedule), limits, seed, journal, ranges)
    return found.notes() | {"images": len(rows)}


def untuned(schedule: Schedule) -> dict[str, str]:
    """A schedule as the hyperparameters that search-space.json names."""
    return {
        "learningRate": repr(schedule.learning_rate),
        "layerDecay": repr(schedule.layer_decay),
        "smoothing": repr(schedule.smoothing),
        "mixup": repr(schedule.mixup),
        "augmentation": repr(round(schedule.zoom / DEFAULT.zoom, 8)),
        "epochs": str(schedule.epochs),
    }


def at_size(
    hyper: dict[str, str], data: Dataset, backbone: Backbone, embeddings: np.ndarray
) -> tuple[Backbone, np.ndarray]:
    """The same backbone and its embeddings at hyperparameter tuneImageSize: fewer pixels cost less of a CPU."""
    size = int(_number(hyper, "tuneImageSize", backbone.input_size, 32, 2048))
    if size == backbone.input_size:
        return backbone, embeddings
    small = embed.from_hyperparameters(hyper | {"backbone": backbone.name, "imageSize": str(size)})
    names, rows = embed.embed_shards(
        contract.channel("shards"), small, kept=contract.checkpoint_dir(), wanted=set(data.ids)
    )
    row_of = dict(zip(names, rows, strict=True))
    return small, np.stack([row_of[name] for name in data.ids]).astype(np.float64)


def _number(hyper: dict[str, str], key: str, default: float, low: float, high: float) -> float:
    text = hyper.get(key, repr(default))
    value = contract.number_within(text, low, high)
    if value is None:
        raise BadInput(f"hyperparameter {key} is {text!r}; expected a number, {low:g} to {high:g}")
    return value
