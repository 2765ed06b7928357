"""Probe and fine-tuning on a folder of classes (grouped cross-validation) or on an official split (one look at test).

    npm run bench:training -- <folder> --weights DIR [--finetune-folds N] [--epochs N] [--budget MINUTES] [--json]

Backbone, pooling, view and size are chosen by log loss on the training side only. Fine-tuning starts from the probe and
ships only if its paired gain, measured where neither was fitted or tuned, is above zero: over folds, or on the official
validation part. It is given --finetune-folds of the five folds (default 1), --epochs (default 4), and --finetune-size
for fewer pixels: the whole of it takes hours of CPU. --look val leaves an official test part alone.
After --budget minutes the run ends with what it has, as on SIGTERM; the same command goes on from there, for
embeddings, probes and network states are kept in build/bench-training.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from countersign_ml import contract, documents, finetune, metrics, probe, search, shards
from countersign_ml.backbones import Backbone, build
from countersign_ml.classifier import Classifier
from countersign_ml.dataset import Dataset, from_document
from countersign_ml.finetune_run import Run
from countersign_ml.pixels import fixed_size, predict
from sets import KEPT, LabelledSet, load, near_duplicate_groups
from sklearn.metrics import balanced_accuracy_score

FOLDS = 5


def main() -> None:
    options = parse()
    sets = load(options.folder)
    root = KEPT / documents.digest(sets[0].ids)[:16]
    os.environ |= {"COUNTERSIGN_ML_ROOT": str(root), "SM_CHANNEL_PRETRAINED": str(options.weights)}
    shards = root / "input/data/shards"
    if not (shards / "0.tar").exists():
        sets[0].write_shards(shards)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    signal.setitimer(signal.ITIMER_REAL, 60 * options.budget)
    results: list[dict] = []
    try:
        candidates = candidates_for(sets, shards, options)
        for labelled in sets:
            results.append({"set": labelled.name, "images": len(labelled.ids)})
            chosen = measure(labelled, candidates, options, results[-1])
            if options.finetune_folds > 0 and (labelled is sets[0] or options.all_sets):
                fine_tuned(labelled, chosen, options, results[-1])
    except contract.Stopped:
        for result in results or [{"set": sets[0].name, "images": len(sets[0].ids)}]:
            result["cut"] = f"after {options.budget:g} minutes; run the same command again to go on"
            results = results or [result]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    for result in results:
        documents.write(root / f"{result['set']}.json", result)
        print(json.dumps(result) if options.json else readable(result), flush=True)


def _stop(_number: int, _frame: object) -> None:
    raise contract.Stopped


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--finetune-folds", type=int, default=1, help="0: no fine-tuning")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--learning-rate", default=str(finetune.DEFAULT.learning_rate))
    parser.add_argument("--finetune-size", type=int, help="pixels a side (default: what the probe saw)")
    parser.add_argument("--tune-trials", type=int, default=0, help="tried on the first fold, which then judges nothing")
    parser.add_argument("--tune-minutes", type=float, default=20)
    parser.add_argument("--tuned", action="store_true", help="the settings were chosen on the first fold: leave it out")
    parser.add_argument("--views", default="whole,centre", help="whole, centre, tiles; tiles cost five times as much")
    parser.add_argument("--sizes", default="", help="further sizes for the best backbone, with commas")
    parser.add_argument(
        "--look", choices=("test", "val"), default="test", help="the part of an official split to judge"
    )
    parser.add_argument("--all-sets", action="store_true", help="fine-tune for every class set of the folder")
    parser.add_argument("--budget", type=float, default=60, help="minutes of this call")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def candidates_for(sets: list[LabelledSet], shards: Path, options: argparse.Namespace) -> list[search.Rows]:
    """All architectures on the whole image; the most promising one in the other views too."""
    sizes = tuple(int(size) for size in options.sizes.split(",") if size)
    space = search.Space(search.supplied(options.weights), tuple(options.views.split(",")), sizes)
    if not space.backbones:
        raise SystemExit(f"{options.weights} holds no <name>/manifest.json")
    budget = search.Budget(60 * options.budget)
    rows, _ = search.embedded(space.first(), sets[0].ids, shards, built(options), budget)
    data, learn, folds, _ = tuned_on(sets[0], rows, options.seed)
    best = search.hopeful([of(row, learn) for row in rows], data.soft, folds)[0].candidate
    more, left_out = search.embedded(space.further(best), sets[0].ids, shards, built(options), budget)
    for row in left_out:
        print(f"left out: {row}", file=sys.stderr, flush=True)
    return [*rows, *more]


def built(options: argparse.Namespace) -> Callable[[search.Candidate], Backbone]:
    def one(candidate: search.Candidate) -> Backbone:
        size = candidate.image_size
        return build(
            candidate.backbone, options.weights, image_size=size, pooling=candidate.pooling, view=candidate.view
        )

    return one


def of(row: search.Rows, learn: np.ndarray) -> search.Rows:
    return replace(row, embeddings=row.embeddings[learn])


def tuned_on(
    labelled: LabelledSet, candidates: list[search.Rows], seed: int
) -> tuple[Dataset, np.ndarray, list, np.ndarray]:
    """The images that may be learnt from, how they are split for choosing, and the near-duplicate groups of all.

    An official split is chosen on its validation part: neighbours in its training part are too alike to judge by.
    """
    soft, groups = np.eye(len(labelled.classes))[labelled.labels], near_duplicate_groups(candidates[0].embeddings)
    learn = np.arange(len(labelled.ids)) if labelled.parts is None else np.nonzero(labelled.parts != "test")[0]
    data = document(labelled, soft, groups, learn)
    if labelled.parts is None:
        return data, learn, data.folds(FOLDS, seed), groups
    part = labelled.parts[learn]
    return data, learn, [(np.nonzero(part == "train")[0], np.nonzero(part == "val")[0])], groups


@dataclass(frozen=True)
class Chosen:
    """The probe that won, and what it was fitted on."""

    data: Dataset
    folds: list
    best: search.Rows
    """Of all images, also of those that were not learnt from."""
    searched: probe.CrossValidation
    learn: np.ndarray
    groups: np.ndarray


def measure(labelled: LabelledSet, candidates: list[search.Rows], options: argparse.Namespace, result: dict) -> Chosen:
    """The probe: backbone, pooling and C by log loss on the training side, then the accuracy where none was fitted."""
    data, learn, folds, groups = tuned_on(labelled, candidates, options.seed)
    chosen = search.choose([of(row, learn) for row in candidates], data.soft, folds)
    best = next(row for row in candidates if row.candidate == chosen.best.candidate)
    searched, seconds = chosen.searched, chosen.seconds
    judged, predicted = learn, searched.out_of_fold.argmax(axis=1)
    started = time.perf_counter()
    head = probe.fit(best.embeddings[learn], data.soft, searched.strength)
    seconds += time.perf_counter() - started
    how = f"grouped {len(folds)}-fold cross-validation"
    if labelled.parts is not None and options.look == "val":
        judged = learn[folds[0][1]]
        predicted = searched.out_of_fold[folds[0][1]].argmax(axis=1)
        how = "official split: fitted on train, chosen and judged on val, so a little rosy; test not looked at"
    elif labelled.parts is not None:
        judged = np.nonzero(labelled.parts == "test")[0]
        predicted = head.logits(best.embeddings[judged]).argmax(axis=1)
        how = "official split: chosen on val, fitted on train and val, one look at test"
    found = metrics.share(predicted == labelled.labels[judged], groups[judged])
    result |= {
        "judged": len(judged),
        "how": how,
        "probe": {
            "backbone": best.candidate.backbone,
            "pooling": best.candidate.pooling,
            "view": best.candidate.view,
            "imageSize": best.candidate.image_size,
            "strength": searched.strength,
            "accuracy": found["value"],
            "low": found["low"],
            "high": found["high"],
            "balanced": float(balanced_accuracy_score(labelled.labels[judged], predicted)),
            "seconds": round(best.seconds + seconds, 1),
        },
        "candidates": chosen.tried,
        "finetuned": None,
        "shipped": "probe",
        # What a second run costs: the winner's search over C and its last fit, with its embeddings at hand.
        "cachedSeconds": round(seconds, 1),
    }
    return Chosen(data, folds, best, searched, learn, groups)


def document(labelled: LabelledSet, soft: np.ndarray, groups: np.ndarray, learn: np.ndarray) -> Dataset:
    item = [
        {
            "sha256": labelled.ids[k],
            "split": "train",
            "group": f"{groups[k]:064x}",
            "label": labelled.classes[labelled.labels[k]],
            "soft": soft[k].tolist(),
        }
        for k in learn
    ]
    return from_document({"version": "0" * 64, "classes": labelled.classes, "items": item})


def fine_tuned(labelled: LabelledSet, chosen: Chosen, options: argparse.Namespace, result: dict) -> None:
    hyper = {"epochs": str(options.epochs), "learningRate": options.learning_rate} | chosen.best.candidate.settings()
    if options.finetune_size:
        hyper["tuneImageSize"] = str(options.finetune_size)
    started = time.perf_counter()
    found = by_folds(hyper, chosen, options) if labelled.parts is None else by_parts(labelled, hyper, chosen, options)
    result["finetuned"] = (
        {"backbone": chosen.best.candidate.backbone}
        | {key: value for key, value in found.items() if key != "ships"}
        | {"seconds": round(time.perf_counter() - started, 1)}
    )
    result["shipped"] = "finetuned" if found["ships"] else "probe"


def by_folds(hyper: dict[str, str], chosen: Chosen, options: argparse.Namespace) -> dict:
    data, folds = chosen.data, chosen.folds
    tuned = options.tuned or options.tune_trials > 0
    hyper = hyper | {"tuneFolds": str(options.finetune_folds + tuned), "tuned": "true" if tuned else "false"}
    if options.tune_trials:
        hyper |= {"tuneTrials": str(options.tune_trials), "tuneMinutes": str(options.tune_minutes)}
    rows = chosen.best.embeddings[chosen.learn]
    backbone = built(options)(chosen.best.candidate)
    found = finetune.compare(hyper, data, folds, rows, chosen.searched, backbone, options.seed)
    accuracy = metrics.share(
        found.out_of_fold[found.judged].argmax(axis=1) == data.hard[found.judged], data.groups[found.judged]
    )
    probed = chosen.searched.out_of_fold[found.judged].argmax(axis=1) == data.hard[found.judged]
    used = min(options.finetune_folds, len(folds))
    return {
        "how": f"{used} of {len(folds)} folds, {int(found.judged.sum())} images",
        "settings": finetune.untuned(found.run.schedule) | {"imageSize": str(found.run.backbone.input_size)},
        "accuracy": accuracy["value"],
        "low": accuracy["low"],
        "high": accuracy["high"],
        "probeThere": float(probed.mean()),
        "gain": found.gain,
        "tuning": found.tuning,
        "ships": found.gain["difference"]["low"] > 0,
    }


def by_parts(labelled: LabelledSet, hyper: dict[str, str], chosen: Chosen, options: argparse.Namespace) -> dict:
    """Epochs end by validation loss; whether it ships is said by validation too. The test, where it is looked at, only
    tells what probe and network are that learnt from train and val alike: as in the product, the network that ships is
    one more, trained on all images.
    """
    data, learn, strength = chosen.data, chosen.learn, chosen.searched.strength
    probed = chosen.best.embeddings[learn]
    train, val = (np.nonzero(labelled.parts[learn] == name)[0] for name in ("train", "val"))
    backbone, rows = finetune.at_size(hyper, data, built(options)(chosen.best.candidate), probed)
    schedule = finetune.schedule_from(hyper, data.classes)
    run = Run(data, rows, strength, backbone, schedule, options.seed, 2 if options.look == "test" else 1)
    model = run.between(0, train, val)

    def hits(model: Classifier, pixels: torch.Tensor, rows: np.ndarray, truth: np.ndarray, fitted_on: np.ndarray):
        head = probe.fit(probed[fitted_on], data.soft[fitted_on], strength)
        return predict(model, pixels)[0].argmax(axis=1) == truth, head.logits(rows).argmax(axis=1) == truth

    found = hits(model, run.pixels[torch.from_numpy(val)], probed[val], data.hard[val], train)
    groups = data.groups[val]
    on_validation = gain = metrics.paired(*found, groups)
    if options.look == "test":
        test = np.nonzero(labelled.parts == "test")[0]
        names, truth, groups = [labelled.ids[k] for k in test], labelled.labels[test], chosen.groups[test]
        entries = shards.entries(contract.channel("shards"), set(names))
        pixels = fixed_size(entries, names, backbone.input_size, backbone.view)
        everything = np.arange(len(learn))
        found = hits(run.one(1, everything), pixels, chosen.best.embeddings[test], truth, everything)
        gain = metrics.paired(*found, groups)
    accuracy = metrics.share(found[0], groups)
    return {
        "how": "trained on train, epochs by val, judged on val"
        if options.look == "val"
        else "ships by its gain on val; then trained on train and val, judged on test",
        "settings": finetune.untuned(schedule) | {"imageSize": str(backbone.input_size)},
        "accuracy": accuracy["value"],
        "low": accuracy["low"],
        "high": accuracy["high"],
        "probeThere": float(found[1].mean()),
        "gain": gain,
        "gainOnValidation": on_validation["difference"],
        "ships": on_validation["difference"]["low"] > 0,
    }


def readable(result: dict) -> str:
    lines = [f"{result['set']}: {result['images']} images, {result.get('how', 'nothing measured yet')}"]
    for name in ("probe", "finetuned"):
        if found := result.get(name):
            interval = f"{found['accuracy']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"
            lines.append(f"  {name}: {interval} by {found['backbone']} in {found['seconds']} s")
    if "cut" in result:
        lines.append(f"  cut {result['cut']}")
    return "\n".join([*lines, f"  shipped: {result.get('shipped', 'nothing')}"])


if __name__ == "__main__":
    main()
