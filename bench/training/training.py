"""Probe and fine-tuning on a folder of classes (grouped cross-validation) or on an official split (one look at test).

    npm run bench:training -- <folder> --weights DIR [--finetune-folds N] [--epochs N] [--json]

The backbone and its pooling are chosen by log loss on the training side only. Fine-tuning starts from the probe and
ships only if its paired gain is above zero; with --finetune-folds 0 (the default: it takes hours of CPU) it is not run
and the output says so.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from countersign_ml import embed, finetune, metrics, probe
from countersign_ml.backbones import build
from countersign_ml.dataset import from_document
from sets import LabelledSet, load, near_duplicate_groups
from sklearn.metrics import balanced_accuracy_score

CACHE = Path(__file__).resolve().parents[2] / "build/bench-embeddings"


def main() -> None:
    options = parse()
    sets = load(options.folder)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["COUNTERSIGN_ML_ROOT"] = scratch
        shards = Path(scratch) / "input/data/shards"
        sets[0].write_shards(shards)
        candidates = embedded(sets[0], shards, options.weights)
        for labelled in sets:
            result = measure(labelled, candidates, options)
            print(json.dumps(result) if options.json else readable(result), flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--finetune-folds", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=finetune.DEFAULT.epochs)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def embedded(labelled: LabelledSet, shards: Path, weights: Path) -> list[dict]:
    """Every architecture in the weights folder, with each pooling that it has; cached by bytes and preparation."""
    found = []
    for manifest in sorted(weights.glob("*/manifest.json")):
        name = json.loads(manifest.read_text())["architecture"]
        pooling = "tokens" if name.startswith(("vit", "deit")) else "default"
        backbone = build(name, weights, pooling=pooling)
        started = time.perf_counter()
        key = (
            f"{backbone.transform_digest[:16]}-{(backbone.weights_sha256 or '')[:16]}-{labelled.name.split('-')[0]}.npz"
        )
        file = CACHE / key
        rows: dict[str, np.ndarray] = {}
        if file.is_file():
            with np.load(file) as stored:
                rows = dict(zip(stored["ids"].tolist(), stored["rows"], strict=True))
        cached = set(labelled.ids) <= rows.keys()
        if not cached:
            ids, matrix = embed.embed_shards(shards, backbone, rows)
            rows = dict(zip(ids, matrix, strict=True))
            CACHE.mkdir(parents=True, exist_ok=True)
            np.savez(file, ids=np.array(ids), rows=matrix)
        matrix = np.stack([rows[k] for k in labelled.ids]).astype(np.float64)
        seconds = time.perf_counter() - started
        found.append({"name": name, "pooling": pooling, "rows": matrix, "seconds": seconds, "cached": cached})
        if pooling == "tokens":  # the class token is the first half of the same forward pass
            half = matrix[:, : matrix.shape[1] // 2]
            half = half / np.linalg.norm(half, axis=1, keepdims=True)
            found.append({"name": name, "pooling": "default", "rows": half, "seconds": seconds, "cached": cached})
    if not found:
        raise SystemExit(f"{weights} holds no <name>/manifest.json")
    return found


def measure(labelled: LabelledSet, candidates: list[dict], options: argparse.Namespace) -> dict:
    soft = np.eye(len(labelled.classes))[labelled.labels]
    learn = np.arange(len(labelled.ids)) if labelled.parts is None else np.nonzero(labelled.parts != "test")[0]
    groups = near_duplicate_groups(candidates[0]["rows"])
    started = time.perf_counter()
    tried = []
    for candidate in candidates:
        folds = splits(labelled, soft, groups, learn, options.seed)
        searched = probe.cross_validate(candidate["rows"][learn], soft[learn], folds)
        tried.append((searched.log_loss[searched.strength], candidate, searched, folds))
    _, best, searched, folds = min(tried, key=lambda row: row[0])
    judged, predicted = learn, searched.out_of_fold.argmax(axis=1)
    if labelled.parts is not None:
        head = probe.fit(best["rows"][learn], soft[learn], searched.strength)
        judged = np.nonzero(labelled.parts == "test")[0]
        predicted = head.logits(best["rows"][judged]).argmax(axis=1)
    seconds = time.perf_counter() - started
    found = metrics.share(predicted == labelled.labels[judged], groups[judged])
    result = {
        "set": labelled.name,
        "images": len(labelled.ids),
        "judged": len(judged),
        "how": "official split, heads tuned on train and val, one look at test"
        if labelled.parts is not None
        else f"grouped {len(folds)}-fold cross-validation",
        "probe": {
            "backbone": best["name"],
            "pooling": best["pooling"],
            "strength": searched.strength,
            "accuracy": found["value"],
            "low": found["low"],
            "high": found["high"],
            "balanced": float(balanced_accuracy_score(labelled.labels[judged], predicted)),
            "seconds": round(best["seconds"] + seconds, 1),
        },
        "candidates": [
            {"backbone": c["name"], "pooling": c["pooling"], "logLoss": round(loss, 4)} for loss, c, _, _ in tried
        ],
        "finetuned": None,
        "shipped": "probe",
        "cachedSeconds": round(seconds, 1) if best["cached"] else None,
    }
    if options.finetune_folds > 0:
        result["finetuned"] = tuned(labelled, soft, groups, learn, best, searched, folds, options)
        result["shipped"] = "finetuned" if result["finetuned"]["gain"]["difference"]["low"] > 0 else "probe"
    return result


def splits(labelled: LabelledSet, soft: np.ndarray, groups: np.ndarray, learn: np.ndarray, seed: int):
    return document(labelled, soft, groups, learn).folds(5, seed)


def document(labelled: LabelledSet, soft: np.ndarray, groups: np.ndarray, learn: np.ndarray):
    return from_document(
        {
            "version": "0" * 64,
            "classes": labelled.classes,
            "items": [
                {
                    "sha256": labelled.ids[k],
                    "split": "train",
                    "group": f"{groups[k]:064x}",
                    "label": labelled.classes[labelled.labels[k]],
                    "soft": soft[k].tolist(),
                }
                for k in learn
            ],
        }
    )


def tuned(labelled, soft, groups, learn, best, searched, folds, options) -> dict:
    data = document(labelled, soft, groups, learn)
    backbone = build(best["name"], options.weights, pooling=best["pooling"])
    started = time.perf_counter()
    hyper = {"epochs": str(options.epochs), "tuneFolds": str(options.finetune_folds)}
    found = finetune.fine_tune(hyper, data, folds, best["rows"][learn], searched, backbone, options.seed)
    hit = found.out_of_fold[found.judged].argmax(axis=1) == data.hard[found.judged]
    return {
        "backbone": best["name"],
        "folds": min(options.finetune_folds, len(folds)),
        "epochs": options.epochs,
        **{{"value": "accuracy"}.get(k, k): v for k, v in metrics.share(hit, data.groups[found.judged]).items()},
        "gain": found.gain,
        "seconds": round(time.perf_counter() - started, 1),
    }


def readable(result: dict) -> str:
    p = result["probe"]
    return (
        f"{result['set']}: {result['images']} images, {result['how']}: {p['accuracy']:.4f} "
        f"[{p['low']:.4f}, {p['high']:.4f}] by {p['backbone']} ({p['pooling']}), shipped: {result['shipped']}"
    )


if __name__ == "__main__":
    main()
