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


class NotFineTuned(Exception):
    """There is nothing to fine-tune, or no time for it; the message says which. The probe ships."""


def minutes_from(hyper: dict[str, str]) -> float | None:
    """Hyperparameter fineTuneMinutes; None where there is none."""
    if "fineTuneMinutes" not in hyper:
        return None
    try:
        minutes = float(hyper["fineTuneMinutes"])
    except ValueError:
        minutes = -1.0
    if not 0 <= minutes <= 10_000:
        raise BadInput(f"hyperparameter fineTuneMinutes is {hyper['fineTuneMinutes']!r}; expected minutes, 0 to 10000")
    return minutes


def folds_within(run: Run, folds: Folds, minutes: float, per_image: Callable[[Run], float] | None = None) -> Folds:
    """As many of the folds as fit beside the network on all images. Raises NotFineTuned where not even one does."""
    each = (per_image or seconds_per_image)(run)

    def cost(used: Folds) -> float:
        images = len(run.data.ids) + sum(len(learn) for learn, _ in used)
        return SLACK * each * images * run.schedule.epochs

    for count in range(len(folds), 0, -1):
        if cost(folds[:count]) <= 60 * minutes:
            return folds[:count]
    raise NotFineTuned(
        f"fine-tuning would take about {cost(folds[:1]) / 60:.0f} minutes, {minutes:g} are allowed: "
        "train on a GPU, or allow more (training.minutes)"
    )


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
