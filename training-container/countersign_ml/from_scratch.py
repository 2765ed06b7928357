"""Recipe `small-cnn`: a small network from scratch on the images themselves, where no pretrained weights are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from . import contract, documents, shards, small_cnn
from .classifier import Classifier, with_new_head
from .dataset import Dataset
from .fitting import Schedule, fit, flips_for, side_by_side, stop_flag
from .model_folder import Trained
from .pixels import fixed_size, predict
from .sibling import Sibling

# Fewer images mean fewer steps an epoch; below about 150 steps the network has not learned to see a defect.
SMALL_STEPS = 160
SMALL = Schedule(epochs=18, batch=32, learning_rate=4e-3, smoothing=0.05, average=0.95, shift=0.06, zoom=0.12)


def train(hyper: dict[str, str], data: Dataset, folds: list, seed: int) -> Trained:
    """From scratch on the images themselves. Each fold's network starts from the same seed."""
    size = contract.whole_number(hyper, "imageSize", small_cnn.INPUT_SIZE)
    enough = max(SMALL.epochs, -(-SMALL_STEPS // -(-len(data.ids) // SMALL.batch)))
    schedule = Schedule(
        **(vars(SMALL) | {"epochs": contract.whole_number(hyper, "epochs", enough), "flips": flips_for(data.classes)})
    )
    pixels = fixed_size(shards.entries(contract.channel("shards"), set(data.ids)), data.ids, size)
    soft = torch.from_numpy(data.soft).float()
    logits = np.zeros(data.soft.shape)
    progress = contract.Progress("train", (len(folds) + 1) * 1000)
    # A checkpoint serves only the run that would compute the same.
    run = documents.digest([data.version, data.ids, data.soft.tolist(), seed, size, repr(schedule), len(folds)])[:16]

    reached = [0] * (len(folds) + 1)

    def one(number: int, model: Classifier, rows: np.ndarray, stop: Callable[[], bool]) -> Classifier:
        done_file = contract.checkpoint_dir() / f"{run}-{number}.done.pt"
        if done_file.exists():
            model.load_state_dict(torch.load(done_file, weights_only=True))
            return model.eval()

        def report(done: int, total: int) -> None:
            reached[number] = 1000 * done // total
            progress.at(sum(reached))

        part_file = contract.checkpoint_dir() / f"{run}-{number}.pt"
        groups = [{"params": list(model.parameters()), "scale": 1.0}]
        at = torch.from_numpy(rows)
        fit(model, groups, pixels, soft[at], schedule, seed, part_file, report, stop, rows=at)
        draft = done_file.with_suffix(".part")
        torch.save(model.state_dict(), draft)
        draft.replace(done_file)
        return model

    parts = [train for train, _ in folds] + [np.arange(len(data.ids))]
    # Drawn here, one after the other: the global generator is not for threads.
    models = [with_new_head(small_cnn.embedder(seed, size), small_cnn.DIMENSION, len(data.classes)) for _ in parts]
    with stop_flag() as stop:
        tasks = [partial(one, k, models[k], rows, stop) for k, rows in enumerate(parts)]
        *fold_models, final = side_by_side(tasks)
    progress.at((len(folds) + 1) * 1000)
    for model, (_, held_out) in zip(fold_models, folds, strict=True):
        logits[held_out] = predict(model, pixels[held_out])[0]
    training_logits, reference = predict(final, pixels)
    return Trained(
        classifier=final,
        backbone=small_cnn.NAME,
        input_size=size,
        weights_sha256=None,
        out_of_fold=logits,
        folds=len(folds),
        training_logits=training_logits,
        reference=reference,
        sibling=Sibling(fold_models[0], folds[0][1], predict(fold_models[0], pixels)[1]),
        notes={"epochs": schedule.epochs, "flips": schedule.flips},
    )
