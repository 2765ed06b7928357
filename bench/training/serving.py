"""Serving a model: torch against ONNX Runtime, compressed variants, the server under load.

    npm run bench:serving -- <folder of classes> --weights DIR [--backbone NAME] [--images N] [--json]

The probe is fitted on two thirds of the images by group; the last third is held out and judges the variants. Latency is
one thread, batch 1. The server is loaded at 70 % of what it answered back to back.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from countersign_ml import embed, metrics, optimise, probe, train
from countersign_ml.backbones import build
from countersign_ml.dataset import from_document
from countersign_ml.images import decode
from sets import load, near_duplicate_groups


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--backbone", default="vit_tiny_patch16_224")
    parser.add_argument("--images", type=int, default=900, help="at most this many, by sha256")
    parser.add_argument("--margin", type=float, default=optimise.MARGIN)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    labelled = load(options.folder)[0]
    chosen = labelled.ids[: options.images]
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["COUNTERSIGN_ML_ROOT"] = scratch
        backbone = build(options.backbone, options.weights)
        shards = Path(scratch) / "input/data/shards"
        labelled.write_shards(shards)
        folder, held_out, classifier = fitted(labelled, chosen, backbone, Path(scratch))
        pixels = [decode(labelled.bytes[labelled.ids[k]], backbone.input_size) for k in held_out]
        result = {"set": labelled.name, "backbone": options.backbone, "images": len(chosen), "heldOut": len(held_out)}
        result |= against_torch(folder, classifier, pixels, labelled.labels[held_out])
        learn = [k for k in range(len(chosen)) if k not in set(held_out.tolist())]
        calibration = [decode(labelled.bytes[labelled.ids[k]], backbone.input_size) for k in learn[:100]]
        variants = [optimise.Variant("fp32", folder / "model.onnx")]
        (Path(scratch) / "variants").mkdir()
        variants += optimise.build(folder / "model.onnx", calibration, Path(scratch) / "variants")
        truth, groups = labelled.labels[held_out], np.arange(len(held_out))
        rows = optimise.compete(variants, folder, pixels, truth, groups, options.margin)
        result["variants"] = [
            {"name": r["name"], "ms": r["ms"], "accuracyDrop": r["accuracyDrop"], "outcome": r["outcome"]} for r in rows
        ]
        bodies = [labelled.bytes[labelled.ids[k]] for k in held_out[:50]]
        result |= under_load(folder, bodies, options.requests)
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


def fitted(labelled, chosen, backbone, scratch: Path):
    """A model folder whose head saw two thirds of the images, and the rows that it did not see."""
    keep = set(chosen)
    ids, matrix = (
        embed.embed_shards(scratch / "input/data/shards", backbone, None)
        if len(keep) == len(labelled.ids)
        else (some(labelled, chosen, backbone, scratch))
    )
    rows = np.stack([dict(zip(ids, matrix, strict=True))[name] for name in chosen]).astype(np.float64)
    groups = near_duplicate_groups(rows)
    held_out = np.nonzero(np.random.default_rng(0).permutation(groups.max() + 1)[groups] % 3 == 0)[0]
    learn = np.setdiff1d(np.arange(len(chosen)), held_out)
    items = [
        {
            "sha256": chosen[k],
            "split": "train",
            "group": f"{groups[k]:064x}",
            "label": labelled.classes[labelled.labels[k]],
            "soft": np.eye(len(labelled.classes))[labelled.labels[k]].tolist(),
        }
        for k in learn
    ]
    data = from_document({"version": "0" * 64, "classes": labelled.classes, "items": items})
    searched = probe.cross_validate(rows[learn], data.soft, data.folds(5, 0))
    head = probe.fit(rows[learn], data.soft, searched.strength)
    trained = train.Trained(
        classifier=train.with_head(backbone.embedder, head),
        backbone=backbone.name,
        input_size=backbone.input_size,
        weights_sha256=backbone.weights_sha256,
        out_of_fold=searched.out_of_fold,
        folds=5,
        training_logits=head.logits(rows[learn]),
        reference=rows[learn],
        validation_head=None,
        notes={},
    )
    folder = scratch / "model"
    folder.mkdir()
    train.write(folder, data, trained, "probe", 0, train.ABSTAIN_ERROR)
    return folder, held_out, trained.classifier


def some(labelled, chosen, backbone, scratch: Path):
    part = type(labelled)(**(vars(labelled) | {"bytes": {name: labelled.bytes[name] for name in chosen}}))
    part.write_shards(scratch / "input/data/part")
    return embed.embed_shards(scratch / "input/data/part", backbone, None)


def against_torch(folder: Path, classifier, pixels, truth: np.ndarray) -> dict:
    facts = json.loads((folder / "model.json").read_text())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    classifier.eval()
    torch_ms, differences, same, hits, confidences = [], [], [], [], []
    with torch.inference_mode():
        for image in pixels:
            started = time.perf_counter()
            theirs = classifier(torch.from_numpy(image.copy())[None])[0].double().numpy()
            torch_ms.append(1000 * (time.perf_counter() - started))
            ours = session.run(["logits"], {"image": image[None]})[0].astype(np.float64)
            a, b = (probe.softmax(v / facts["temperature"])[0] for v in (ours, theirs))
            differences.append(np.abs(a - b).max())
            same.append(a.argmax() == b.argmax())
            confidences.append(a.max())
    torch.set_num_threads(threads)
    answers = optimise.answers(session, folder, pixels, "held-out answers")
    hits = answers == truth
    return {
        "torchMs": float(np.median(torch_ms)),
        "ortMs": optimise.latency(session, pixels),
        "maxProbabilityDifference": float(max(differences)),
        "sameTop1": float(np.mean(same)),
        "accuracy": metrics.wilson(int(hits.sum()), len(hits)),
        "ece": metrics.calibration_error(np.array(confidences), hits)[0],
    }


def under_load(folder: Path, bodies: list[bytes], count: int) -> dict:
    environment = os.environ | {
        "COUNTERSIGN_ML_ROOT": str(folder.parent),
        "COUNTERSIGN_BIND": "127.0.0.1",
        "COUNTERSIGN_PORT": "0",
    }
    started = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "countersign_ml", "serve"], env=environment, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        port = json.loads(child.stdout.readline())["listening"]["port"]
        urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=10).read()
        ready = time.perf_counter() - started

        def ask(body: bytes) -> float:
            kind = "image/png" if body[:4] == b"\x89PNG" else "image/jpeg"
            request = urllib.request.Request(f"http://127.0.0.1:{port}/invocations", body, {"content-type": kind})
            begun = time.perf_counter()
            urllib.request.urlopen(request, timeout=60).read()
            return time.perf_counter() - begun

        alone = [ask(bodies[k % len(bodies)]) for k in range(30)]
        gap = float(np.mean(alone[5:])) / 0.7
        with ThreadPoolExecutor(8) as pool:
            waiting = []
            for k in range(count):
                waiting.append(pool.submit(ask, bodies[k % len(bodies)]))
                time.sleep(gap)
            times = [1000 * future.result() for future in waiting]
        status = Path(f"/proc/{child.pid}/status")
        rss = None
        if status.exists():
            rss = (
                int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1])
                / 1024
            )
        p50, p99 = np.quantile(times, [0.5, 0.99])
        return {"p50Ms": float(p50), "p99Ms": float(p99), "rssMb": rss, "readySeconds": ready}
    finally:
        child.terminate()
        child.wait(30)


if __name__ == "__main__":
    main()
