"""`train`: a dataset version -> model.onnx, model.json, cv-predictions.json. Read from top to bottom.

Every reported number before the sealed test is out of fold: predicted by a head that saw no member of the image's
duplicate group. The shipped head is then fitted on all images, train and validation; a second head that never saw the
validation images goes along (validation-head.npz), so that compressed variants can be compared on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from . import (
    calibration,
    contract,
    documents,
    embed,
    finetune,
    imbalance,
    metrics,
    neighbours,
    network,
    probe,
    search,
    shards,
    small_cnn,
    tuning,
)
from .backbones import Backbone
from .classifier import Classifier, export, with_head, with_new_head
from .contract import BadInput
from .dataset import Dataset, read
from .finetune_run import Run
from .fitting import Schedule, fit, flips_for, side_by_side, stop_flag
from .learning_curve import learning_curve
from .pixels import fixed_size, predict
from .time_budget import NotFineTuned

RECIPES = ("probe", "finetune", "finetune-trial", "auto", "small-cnn")
"""`auto`: the probe, and fine-tuning where there is something to fine-tune and fineTuneMinutes suffice."""
FOLDS = {"probe": 5, "finetune": 3, "finetune-trial": 3, "auto": 5, "small-cnn": 3}
AUTO = {"tuneFolds": "3", "fineTuneMinutes": "60"}
ABSTAIN_ERROR = 0.05


@dataclass(frozen=True)
class Trained:
    classifier: Classifier
    backbone: str
    input_size: int
    weights_sha256: str | None
    out_of_fold: np.ndarray
    """(n, classes) logits."""
    folds: int
    training_logits: np.ndarray
    """(n, classes) of the shipped model on the images that it was fitted on."""
    reference: np.ndarray
    """(n, dim) embeddings of the dataset: neighbours and novelty."""
    validation_head: probe.Head | None
    notes: dict
    pooling: str = "default"
    view: str = "whole"


def main() -> None:
    hyper = contract.hyperparameters()
    recipe, seed = hyper.get("recipe", "probe"), _integer(hyper, "seed", 0)
    if recipe not in RECIPES:
        raise BadInput(f'hyperparameter recipe is "{recipe}"; allowed: {", ".join(RECIPES)}')
    torch.use_deterministic_algorithms(True, warn_only=True)
    data = read(contract.channel("dataset"))
    if hyper.get("datasetVersion", data.version) != data.version:
        raise BadInput(f"dataset.json is version {data.version[:12]}, the job asks for {hyper['datasetVersion'][:12]}")
    folds = data.folds(_integer(hyper, "folds", FOLDS[recipe]), seed)
    if recipe == "finetune-trial":
        finetune_trial(hyper, data, folds, seed)
        return
    if recipe == "small-cnn":
        trained = train_small_cnn(hyper, data, folds, seed)
    elif recipe == "auto":
        trained = train_probe(AUTO | hyper, data, folds, seed, fine_tuning="within budget")
        recipe = "finetune" if trained.notes["fineTuning"].get("shipped") else "probe"
    else:
        # Asked for outright it takes the time that it takes.
        asked = {key: value for key, value in hyper.items() if key != "fineTuneMinutes"}
        trained = train_probe(asked, data, folds, seed, fine_tuning="always" if recipe == "finetune" else "never")
    write(contract.model_dir(), data, trained, recipe, seed, float(hyper.get("abstainTargetError", ABSTAIN_ERROR)))


def train_probe(hyper: dict[str, str], data: Dataset, folds: list, seed: int, fine_tuning: str) -> Trained:
    """The probe, and with `fine_tuning` (never | always | within budget) the network that starts from it, if its paired
    gain is above zero. Within a budget, notes say why nothing was fine-tuned.
    """
    hyper, backbone, embeddings, searched, notes = probed(hyper, data, folds)
    curve = learning_curve(embeddings, data, folds, searched, seed)
    setting = hyper.get("classWeights", "auto")
    balance = imbalance.balance(setting, embeddings, data.soft, data.hard, folds, searched)
    searched = replace(searched, out_of_fold=balance.out_of_fold)
    weights = balance.weights(data.soft)
    head = probe.fit(embeddings, data.soft, searched.strength, weights)
    held_in = ~data.validation
    validation_head = None
    if data.validation.any() and len(np.unique(data.hard[held_in])) >= 2:
        validation_head = probe.fit(embeddings[held_in], data.soft[held_in], searched.strength, weights)
    notes |= {
        "strength": searched.strength,
        "logLossByStrength": {str(k): v for k, v in searched.log_loss.items()},
        "learningCurve": curve,
        "classWeights": {"power": balance.power, "tried": balance.tried},
    }
    tuned = None
    if fine_tuning != "never":
        nothing = "the descriptor has nothing to fine-tune; choose a timm backbone with weights, or recipe probe"
        if backbone.name == "descriptor" and fine_tuning == "always":
            raise BadInput(nothing)
        try:
            if backbone.name == "descriptor":
                raise NotFineTuned(nothing)
            tuned = finetune.fine_tune(hyper, data, folds, embeddings, searched, backbone, seed, weights)
        except NotFineTuned as error:
            notes["fineTuning"] = {"leftOut": str(error)}
            print(f"not fine-tuned: {error}", flush=True)
    if tuned is not None:
        notes["fineTuning"] = tuned.gain | {
            "shipped": tuned.classifier is not None,
            "judged": int(tuned.judged.sum()),
            "settings": finetune.untuned(tuned.run.schedule),
            "tuning": tuned.tuning,
        }
        if tuned.classifier is not None:
            pixels, backbone = tuned.run.pixels, tuned.run.backbone
            training_logits, reference = predict(tuned.classifier, pixels)
            return Trained(
                classifier=tuned.classifier,
                backbone=backbone.name,
                input_size=backbone.input_size,
                weights_sha256=backbone.weights_sha256,
                out_of_fold=tuned.out_of_fold,
                folds=len(folds),
                training_logits=training_logits,
                reference=reference,
                validation_head=None,
                notes=notes,
                pooling=hyper.get("pooling", "default"),
                view=backbone.view,
            )
    return Trained(
        classifier=with_head(backbone.embedder, head),
        backbone=backbone.name,
        input_size=backbone.input_size,
        weights_sha256=backbone.weights_sha256,
        out_of_fold=searched.out_of_fold,
        folds=len(folds),
        training_logits=head.logits(embeddings),
        reference=embeddings,
        validation_head=validation_head,
        notes=notes,
        pooling=hyper.get("pooling", "default"),
        view=backbone.view,
    )


def finetune_trial(hyper: dict[str, str], data: Dataset, folds: list, seed: int) -> None:
    """One trial for SageMaker's tuner, with these very settings, where the job's own tuning would judge it: the line
    that it reads, and trial.json in the model folder.
    """
    hyper, backbone, embeddings, searched, _ = probed(hyper, data, folds)
    schedule = finetune.schedule_from(hyper, data.classes)
    run = Run(data, embeddings, searched.strength, backbone, schedule, seed, 1)
    found = run.trial(folds[0][1])
    if not np.isfinite(found):
        raise BadInput(f"the loss of this trial is no number (learningRate {schedule.learning_rate}); lower it")
    documents.write(
        contract.model_dir() / "trial.json", {"logLoss": found, "settings": finetune.untuned(schedule), "seed": seed}
    )
    print(f"{tuning.OBJECTIVE}={found:.6f};", flush=True)


def probed(
    hyper: dict[str, str], data: Dataset, folds: list
) -> tuple[dict[str, str], Backbone, np.ndarray, probe.CrossValidation, dict]:
    """Settings, backbone, embeddings and cross-validated probe: of channel `embeddings`, or, where hyperparameter
    `backbones` names candidates, of the one that sees best within `searchMinutes`.
    """
    pretrained = contract.optional_channel("pretrained")
    space = search.space_from(hyper, pretrained)
    if space is not None:
        budget = search.Budget(60 * search.minutes_from(hyper, "searchMinutes", search.MINUTES))

        def built(candidate: search.Candidate) -> Backbone:
            # Beside the candidate's own settings, what holds for all: licences, seed.
            kept = {key: value for key, value in hyper.items() if key != "imageSize"}
            return embed.from_hyperparameters(kept | candidate.settings())

        chosen, left_out = search.search(space, data.ids, contract.channel("shards"), data.soft, folds, built, budget)
        best = chosen.best.candidate
        print(f"of {len(chosen.tried) + len(left_out)} candidates {best.settings()} sees best", flush=True)
        notes = {"search": {"chosen": best.settings(), "tried": chosen.tried, "leftOut": left_out}}
        settings = {key: value for key, value in hyper.items() if key != "imageSize"} | best.settings()
        return settings, built(best), chosen.best.embeddings, chosen.searched, notes
    index, rows = embed.read(contract.unpacked(contract.channel("embeddings"), "embeddings"))
    missing = [name for name in data.ids if name not in rows]
    if missing:
        raise BadInput(
            f"{len(missing)} of {len(data.ids)} images have no embedding, first {missing[0]}; run embed again"
        )
    if hyper.get("backbone", index["backbone"]) != index["backbone"]:
        raise BadInput(f'embeddings are of backbone {index["backbone"]}, the job asks for "{hyper["backbone"]}"')
    backbone = embed.from_hyperparameters(hyper | {"backbone": index["backbone"]})
    same = (backbone.transform_digest, backbone.weights_sha256) == (index["transformDigest"], index["weightsSha256"])
    if not same:
        raise BadInput("the embeddings were made with other weights or another preparation; run embed again")
    embeddings = np.stack([rows[name] for name in data.ids]).astype(np.float64)
    return hyper, backbone, embeddings, probe.cross_validate(embeddings, data.soft, folds), {}


# Fewer images mean fewer steps an epoch; below about 150 steps the network has not learned to see a defect.
SMALL_STEPS = 160
SMALL = Schedule(epochs=18, batch=32, learning_rate=4e-3, smoothing=0.05, average=0.95, shift=0.06, zoom=0.12)


def train_small_cnn(hyper: dict[str, str], data: Dataset, folds: list, seed: int) -> Trained:
    """From scratch on the images themselves. Each fold's network starts from the same seed."""
    size = _integer(hyper, "imageSize", small_cnn.INPUT_SIZE)
    enough = max(SMALL.epochs, -(-SMALL_STEPS // -(-len(data.ids) // SMALL.batch)))
    schedule = Schedule(
        **(vars(SMALL) | {"epochs": _integer(hyper, "epochs", enough), "flips": flips_for(data.classes)})
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
        fit(model, groups, pixels[rows], soft[rows], schedule, seed, part_file, report, stop)
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
        validation_head=None,
        notes={"epochs": schedule.epochs, "flips": schedule.flips},
    )


def write(folder: Path, data: Dataset, trained: Trained, recipe: str, seed: int, target_error: float) -> None:
    """The model folder. Its digest covers the graph and everything a server uses with it."""
    progress = contract.Progress("export", 1)
    sample = np.zeros((2, 48, 40, 3), dtype=np.uint8)
    export(trained.classifier, folder / "model.onnx", sample)
    shape = {
        "backbone": trained.backbone,
        "inputSize": trained.input_size,
        "pooling": trained.pooling,
        "view": trained.view,
    }
    network.save(folder, trained.classifier, shape)
    scale = calibration.temperature(trained.out_of_fold, data.soft)
    probabilities = probe.softmax(trained.out_of_fold / scale)
    hit = probabilities.argmax(axis=1) == data.hard
    fitted = trained.training_logits.argmax(axis=1) == data.hard
    judged = data.validation if data.validation.any() else np.ones(len(hit), dtype=bool)
    cross = metrics.share(hit, data.groups)
    gap = metrics.paired(fitted, hit, data.groups)["difference"]
    onnx_sha256 = documents.file_sha256(folder / "model.onnx")
    model = {
        "schemaVersion": 1,
        "classes": data.classes,
        "backbone": trained.backbone,
        "recipe": recipe,
        "seed": seed,
        "temperature": scale,
        "abstainThreshold": calibration.abstain_threshold(trained.out_of_fold, data.hard, scale, target_error),
        "abstainTargetError": target_error,
        "inputSize": trained.input_size,
        "datasetVersion": data.version,
        "weightsSha256": trained.weights_sha256,
        "onnxSha256": onnx_sha256,
        "crossValidation": {
            "accuracy": cross["value"],
            "low": cross["low"],
            "high": cross["high"],
            "folds": trained.folds,
            "n": len(hit),
            "logLoss": probe.log_loss(trained.out_of_fold / scale, data.soft),
            "ece": metrics.calibration_error(probabilities.max(axis=1), hit)[0],
        },
        "validation": {"accuracy": float(hit[judged].mean()), "n": int(judged.sum())},
        "overfitting": {"trainAccuracy": float(fitted.mean()), "gap": gap},
        "majorityClassAccuracy": float(np.bincount(data.hard).max() / len(hit)),
        "notes": trained.notes,
    }
    model["digest"] = documents.digest(
        {k: model[k] for k in ("onnxSha256", "temperature", "abstainThreshold", "classes")}
    )
    documents.write(folder / "model.json", model, "training-result")
    predictions = {
        "classes": data.classes,
        "datasetVersion": data.version,
        "items": [
            {"sha256": name, "probabilities": [round(float(p), 6) for p in row]}
            for name, row in zip(data.ids, probabilities, strict=True)
        ],
    }
    documents.write(folder / "cv-predictions.json", predictions)
    neighbours.save(folder, trained.reference, data.ids, data.hard, data.groups)
    if trained.validation_head is not None:
        head = trained.validation_head
        np.savez(folder / "validation-head.npz", weight=head.weight, bias=head.bias)
    progress.at(1)
    print(f"model {model['digest'][:12]}: accuracy {cross['value']:.4f} out of fold, n = {len(hit)}", flush=True)


def _integer(hyper: dict[str, str], key: str, default: int) -> int:
    text = hyper.get(key, str(default))
    if not text.isdigit():
        raise BadInput(f"hyperparameter {key} is {text!r}; expected a whole number of 0 or more")
    return int(text)
