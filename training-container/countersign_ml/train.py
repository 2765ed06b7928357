"""`train`: a dataset version -> model.onnx, model.json, cv-predictions.json. Read from top to bottom.

Every reported number before the sealed test is out of fold: predicted by a head that saw no member of the image's
duplicate group. The shipped head is then fitted on all images, train and validation; what has not seen some of them
goes along, so that compressed variants can be compared there: of a frozen network a second head (validation-head.npz),
of one that was trained whole a sibling.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from . import contract, documents, embed, finetune, from_scratch, imbalance, kernel_probe, probe, search, tuning
from .backbones import Backbone
from .classifier import with_head
from .contract import BadInput
from .dataset import Dataset, read
from .finetune_run import Run
from .learning_curve import learning_curve
from .model_folder import ABSTAIN_ERROR, Trained, write
from .pixels import predict
from .sibling import Sibling
from .time_budget import NotFineTuned

RECIPES = ("probe", "finetune", "finetune-trial", "auto", "small-cnn")
"""`auto`: the probe, and fine-tuning where there is something to fine-tune and fineTuneMinutes suffice."""
FOLDS = {"probe": 5, "finetune": 3, "finetune-trial": 3, "auto": 5, "small-cnn": 3}
AUTO = {"tuneFolds": "3", "fineTuneMinutes": "60"}


def main() -> None:
    hyper = contract.hyperparameters()
    recipe, seed = hyper.get("recipe", "probe"), contract.whole_number(hyper, "seed", 0)
    if recipe not in RECIPES:
        raise BadInput(f'hyperparameter recipe is "{recipe}"; allowed: {", ".join(RECIPES)}')
    torch.use_deterministic_algorithms(True, warn_only=True)
    data = read(contract.channel("dataset"))
    if hyper.get("datasetVersion", data.version) != data.version:
        raise BadInput(f"dataset.json is version {data.version[:12]}, the job asks for {hyper['datasetVersion'][:12]}")
    target_error = contract.number_within(hyper.get("abstainTargetError", str(ABSTAIN_ERROR)), 0, 1)
    if target_error is None:
        raise BadInput(f"hyperparameter abstainTargetError is {hyper['abstainTargetError']!r}; allowed: 0 to 1")
    wanted = contract.whole_number(hyper, "folds", FOLDS[recipe])
    if wanted < 2:
        raise BadInput(f"hyperparameter folds is {wanted}; cross-validation takes at least 2")
    folds = data.folds(wanted, seed)
    if recipe == "finetune-trial":
        finetune_trial(hyper, data, folds, seed)
        return
    if recipe == "small-cnn":
        trained = from_scratch.train(hyper, data, folds, seed)
    elif recipe == "auto":
        trained = train_probe(AUTO | hyper, data, folds, seed, fine_tuning="within budget")
    else:
        # Asked for outright it takes the time that it takes.
        asked = {key: value for key, value in hyper.items() if key != "fineTuneMinutes"}
        trained = train_probe(asked, data, folds, seed, fine_tuning="always" if recipe == "finetune" else "never")
    if recipe in ("finetune", "auto"):
        recipe = "finetune" if trained.notes["fineTuning"].get("shipped") else "probe"
    write(contract.model_dir(), data, trained, recipe, seed, target_error)


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
    curved = kernel_probe.out_of_fold(embeddings, data.soft, folds, seed)
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
            # A fold that judged: its network is among the checkpoints.
            learnt, held_out = next(fold for fold in folds if tuned.judged[fold[1]].all())
            alike = tuned.run.one(0, learnt)
            return Trained(
                classifier=tuned.classifier,
                backbone=backbone.name,
                input_size=backbone.input_size,
                weights_sha256=backbone.weights_sha256,
                out_of_fold=tuned.out_of_fold,
                folds=len(folds),
                training_logits=training_logits,
                reference=reference,
                notes=notes,
                pooling=hyper.get("pooling", "default"),
                view=backbone.view,
                sibling=Sibling(alike, held_out, predict(alike, pixels)[1]),
                judged=tuned.judged,
                curved=curved,
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
        notes=notes,
        pooling=hyper.get("pooling", "default"),
        view=backbone.view,
        validation_head=validation_head,
        curved=curved,
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
