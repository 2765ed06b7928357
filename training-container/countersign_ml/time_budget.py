"""How many folds of the fine-tune fit into the minutes that a job was given: measured on a few batches, not guessed."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from . import contract, probe
from .classifier import with_head
from .contract import BadInput
from .finetune_run import Run, freeze_batch_norms, parameter_groups
from .fitting import fit

Folds = list[tuple[np.ndarray, np.ndarray]]
BATCHES = 3
"""That are timed, after one that is not."""
SLACK = 1.15
"""Of the steps' time: watching, predicting, saving."""
FEWEST_TRIALS = 4
"""Fewer are no search."""
TRIAL_SHARE = 0.75
"""Of a fold's held-out images that a trial learns from."""


class NotFineTuned(Exception):
    """There is nothing to fine-tune, or no time for it; the message says which. The probe ships."""


def minutes_from(hyper: dict[str, str]) -> float | None:
    """Hyperparameter fineTuneMinutes; None where there is none."""
    if "fineTuneMinutes" not in hyper:
        return None
    minutes = contract.number_within(hyper["fineTuneMinutes"], 0, 10_000)
    if minutes is None:
        raise BadInput(f"hyperparameter fineTuneMinutes is {hyper['fineTuneMinutes']!r}; expected minutes, 0 to 10000")
    return minutes


def folds_within(run: Run, folds: Folds, minutes: float, per_image: Callable[[Run], float] | None = None) -> Folds:
    """As many of the folds as fit beside the network on all images. Raises NotFineTuned where not even one does."""
    each = (per_image or seconds_per_image)(run)
    for count in range(len(folds), 0, -1):
        if _cost(run, folds[:count], each) <= 60 * minutes:
            return folds[:count]
    raise NotFineTuned(
        f"fine-tuning would take about {_cost(run, folds[:1], each) / 60:.0f} minutes, {minutes:g} are allowed: "
        "train on a GPU, or allow more (training.minutes)"
    )


def left_for_tuning(
    run: Run, folds: Folds, judges: Folds, minutes: float, per_image: Callable[[Run], float] | None = None
) -> float:
    """Seconds in which trials on the first fold's held-out images may begin, beside the folds that judge; 0 where they
    are not enough for FEWEST_TRIALS.
    """
    each = (per_image or seconds_per_image)(run)
    trial = SLACK * each * TRIAL_SHARE * len(folds[0][1]) * run.schedule.epochs
    left = 60 * minutes - _cost(run, judges, each)
    return left - trial if left >= FEWEST_TRIALS * trial else 0.0


def _cost(run: Run, used: Folds, each: float) -> float:
    """Seconds of the networks of these folds and the one on all images."""
    images = len(run.data.ids) + sum(len(learn) for learn, _ in used)
    return SLACK * each * images * run.schedule.epochs


def seconds_per_image(run: Run) -> float:
    """Of a training step here. Kept among the checkpoints, so that a job that is cut decides as it did before."""
    file = contract.checkpoint_dir() / f"speed-{run.key}.json"
    if file.exists():
        return float(json.loads(file.read_text(encoding="utf-8"))["secondsPerImage"])
    head = probe.fit(run.embeddings, run.data.soft, run.strength, run.weights)
    model = with_head(copy.deepcopy(run.backbone.embedder), head)
    freeze_batch_norms(model)
    groups = parameter_groups(model, run.schedule.weight_decay, run.schedule.layer_decay)
    once = replace(run.schedule, epochs=1)

    def steps(count: int) -> int:
        rows = torch.arange(min(count * run.schedule.batch, len(run.data.ids)))
        fit(model, groups, run.pixels[rows], run.soft[rows], once, run.seed)
        return len(rows)

    steps(1)
    started = time.perf_counter()
    images = steps(BATCHES)
    found = (time.perf_counter() - started) / images
    file.write_text(json.dumps({"secondsPerImage": found}), encoding="utf-8")
    return found
