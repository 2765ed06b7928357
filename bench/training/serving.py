"""Serving a model: torch against ONNX Runtime, compressed variants, the server under load.

    npm run bench:serving -- <folder of classes> --weights DIR [--backbone NAME] [--budget MINUTES] [--json]

--backbone names an architecture of --weights (default: a frozen ViT-Ti and its probe), or `resnet18`, which is trained
here from random weights at 128 px and kept in build/bench-training, so that a run that was cut goes on from there. Two
thirds of the images by group are learnt from; the last third is held out and judges the variants. Latency is one
thread, batch 1. The server is loaded at 70 % of what it answered back to back.
After --budget minutes the run ends with what it has.
"""

from __future__ import annotations

import argparse
import gc
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from countersign_ml import competition, contract, documents, embed, metrics, probe, quantise
from countersign_ml.backbones import Backbone, build
from countersign_ml.classifier import Classifier, with_head, with_new_head
from countersign_ml.dataset import Dataset, from_document
from countersign_ml.fitting import Schedule, fit
from countersign_ml.images import decode
from countersign_ml.model_folder import ABSTAIN_ERROR, Trained, write
from countersign_ml.pixels import fixed_size, predict
from sets import KEPT, LabelledSet, load, near_duplicate_groups

TRAINED_HERE = "resnet18"
SIZE = 128
SHOWN = ("name", "ms", "accuracyDrop", "discordant", "outcome", "reason", "memoryMb", "pareto")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--backbone", default="vit_tiny_patch16_224")
    parser.add_argument("--images", type=int, default=1500, help="at most this many, by sha256")
    parser.add_argument("--margin", type=float, default=competition.MARGIN)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=8, help=f"of {TRAINED_HERE}")
    parser.add_argument("--budget", type=float, default=30, help="minutes of this call")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    signal.setitimer(signal.ITIMER_REAL, 60 * options.budget)
    result: dict = {"set": options.folder.name, "backbone": options.backbone}
    try:
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["COUNTERSIGN_ML_ROOT"] = scratch
            measure(options, Path(scratch), result)
    except contract.Stopped:
        result["cut"] = f"after {options.budget:g} minutes"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


def _stop(_number: int, _frame: object) -> None:
    raise contract.Stopped


def measure(options: argparse.Namespace, scratch: Path, result: dict) -> None:
    labelled = load(options.folder)[0]
    chosen = labelled.ids[: options.images]
    folder, held_out, classifier = learnt(labelled, chosen, options, scratch)
    size = json.loads((folder / "model.json").read_text())["inputSize"]
    pixels = [decode(labelled.bytes[chosen[k]], size) for k in held_out]
    truth, groups = labelled.labels[held_out], np.arange(len(held_out))
    result |= {"images": len(chosen), "classes": len(labelled.classes), "heldOut": len(held_out)}
    bodies = [labelled.bytes[chosen[k]] for k in held_out[:50]]
    result |= under_load(folder, bodies, options.requests)
    result |= against_torch(folder, classifier, pixels, truth)
    learn = np.setdiff1d(np.arange(len(chosen)), held_out)
    calibration = [decode(labelled.bytes[chosen[k]], size) for k in learn[: quantise.CALIBRATION_IMAGES]]
    variants = [competition.Variant("fp32", folder / "model.onnx")]
    (scratch / "variants").mkdir()
    made = quantise.build(folder / "model.onnx", calibration, scratch / "variants")
    variants += [competition.Variant(name, file, reason=reason) for name, file, reason in made]
    rows = competition.compete(variants, folder, pixels, truth, groups, competition.Wishes(margin=options.margin))
    result["variants"] = [{key: row[key] for key in SHOWN if key in row} for row in rows]


def learnt(
    labelled: LabelledSet, chosen: list[str], options: argparse.Namespace, scratch: Path
) -> tuple[Path, np.ndarray, Classifier]:
    """A model folder that was made from two thirds of the images, the rows that it did not see, and its network."""
    here = options.backbone == TRAINED_HERE
    # Near-duplicates are told by a pretrained network's eyes, also for the one that is trained here.
    seeing = build("vit_tiny_patch16_224" if here else options.backbone, options.weights, pooling=_pooling(options))
    rows = features(labelled, chosen, seeing)
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
    data, trained = trained_here(labelled, data, options) if here else (data, probed(data, rows[learn], seeing))
    folder = scratch / "model"
    folder.mkdir()
    write(folder, data, trained, "probe", 0, ABSTAIN_ERROR)
    return folder, held_out, trained.classifier


def _pooling(options: argparse.Namespace) -> str:
    return "tokens" if options.backbone.startswith(("vit", "deit", TRAINED_HERE)) else "default"


def _kept(labelled: LabelledSet) -> Path:
    folder = KEPT / documents.digest(labelled.ids)[:16] / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def features(labelled: LabelledSet, chosen: list[str], backbone: Backbone) -> np.ndarray:
    """Embeddings of the chosen images; kept beside those of bench:training, and taken from there."""
    kept = _kept(labelled)
    whole = kept / f"all-{backbone.transform_digest[:16]}-{backbone.weights_sha256}.npz"
    if whole.is_file():
        with np.load(whole) as stored:
            return stored["rows"][: len(chosen)].astype(np.float64)
    part = LabelledSet(**(vars(labelled) | {"bytes": {name: labelled.bytes[name] for name in chosen}}))
    with tempfile.TemporaryDirectory() as shards:
        part.write_shards(Path(shards))
        ids, rows = embed.embed_shards(Path(shards), backbone, kept=kept)
    row_of = dict(zip(ids, rows, strict=True))
    return np.stack([row_of[name] for name in chosen]).astype(np.float64)


def probed(data: Dataset, rows: np.ndarray, backbone: Backbone) -> Trained:
    searched = probe.cross_validate(rows, data.soft, data.folds(5, 0))
    head = probe.fit(rows, data.soft, searched.strength)
    return Trained(
        classifier=with_head(backbone.embedder, head),
        backbone=backbone.name,
        input_size=backbone.input_size,
        weights_sha256=backbone.weights_sha256,
        out_of_fold=searched.out_of_fold,
        folds=5,
        training_logits=head.logits(rows),
        reference=rows,
        notes={},
    )


def trained_here(labelled: LabelledSet, data: Dataset, options: argparse.Namespace) -> tuple[Dataset, Trained]:
    """ResNet-18 from random weights on four fifths of the rows, and the fifth that it is calibrated on."""
    backbone = build(TRAINED_HERE, None, image_size=SIZE, random_weights=True)
    pixels = fixed_size(labelled.bytes.items(), data.ids, SIZE)
    fitted, left = data.folds(5, 0)[0]
    model = with_new_head(backbone.embedder, 512, len(data.classes))
    schedule = Schedule(epochs=options.epochs, batch=32, learning_rate=2e-3, smoothing=0.05, average=0.95)
    learn = [data.ids[k] for k in fitted]
    name = documents.digest([learn, data.soft[fitted].tolist(), repr(schedule), SIZE])[:16]
    part_file, done_file = (_kept(labelled) / f"{TRAINED_HERE}-{name}{end}" for end in (".part.pt", ".pt"))
    if done_file.is_file():
        model.load_state_dict(torch.load(done_file, weights_only=True))
        model.eval()
    else:
        groups = [{"params": list(model.parameters()), "scale": 1.0}]
        soft = torch.from_numpy(data.soft[fitted]).float()
        fit(model, groups, pixels[torch.from_numpy(fitted)], soft, schedule, 0, part_file)
        torch.save(model.state_dict(), part_file)
        part_file.replace(done_file)
    logits, reference = predict(model, pixels[torch.from_numpy(left)])
    part = from_document(
        data.document
        | {"items": [item for item in data.document["items"] if item["sha256"] in {data.ids[k] for k in left}]}
    )
    return part, Trained(
        classifier=model,
        backbone=TRAINED_HERE,
        input_size=SIZE,
        weights_sha256=None,
        out_of_fold=logits,
        folds=5,
        training_logits=logits,
        reference=reference,
        notes={},
    )


def against_torch(folder: Path, classifier: Classifier, pixels: list[np.ndarray], truth: np.ndarray) -> dict:
    """The graph against the network that it was made of, on every held-out image."""
    facts = json.loads((folder / "model.json").read_text())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    classifier.eval()

    def both(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        with torch.inference_mode():
            started = time.perf_counter()
            theirs = classifier(torch.from_numpy(image.copy())[None])[0].double().numpy()
            seconds = time.perf_counter() - started
        ours = np.asarray(session.run(["logits"], {"image": image[None]})[0], dtype=np.float64)
        return probe.softmax(ours / facts["temperature"])[0], probe.softmax(theirs / facts["temperature"])[0], seconds

    alone = [both(image)[2] for image in pixels[: competition.TIMED + 5]][5:]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(both, pixels))
    torch.set_num_threads(threads)
    ours, theirs = (np.stack([row[k] for row in found]) for k in (0, 1))
    hits = ours.argmax(axis=1) == truth
    return {
        "torchMs": 1000 * float(np.median(alone)),
        "ortMs": competition.latency(session, pixels),
        "maxProbabilityDifference": float(np.abs(ours - theirs).max()),
        "sameTop1": float((ours.argmax(axis=1) == theirs.argmax(axis=1)).mean()),
        "accuracy": metrics.wilson(int(hits.sum()), len(hits)),
        "ece": metrics.calibration_error(ours.max(axis=1), hits)[0],
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
        link = threading.local()

        def ask(body: bytes) -> float:
            kind = "image/png" if body[:4] == b"\x89PNG" else "image/jpeg"
            if not hasattr(link, "to"):
                link.to = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            begun = time.perf_counter()
            link.to.request("POST", "/invocations", body, {"content-type": kind})
            answer = link.to.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            return time.perf_counter() - begun

        alone = [ask(bodies[k % len(bodies)]) for k in range(40)][10:]
        gap = float(np.mean(alone)) / 0.7
        gc.disable()  # ours, not the server's: the clock is here
        with ThreadPoolExecutor(8) as pool:
            waiting, start = [], time.perf_counter()
            for k in range(count):
                time.sleep(max(0.0, start + k * gap - time.perf_counter()))
                waiting.append(pool.submit(ask, bodies[k % len(bodies)]))
            times = [1000 * future.result() for future in waiting]
        gc.enable()
        status = Path(f"/proc/{child.pid}/status")
        peak = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
        p50, p99 = np.quantile(times, [0.5, 0.99])
        return {
            "p50Ms": float(p50),
            "p99Ms": float(p99),
            "rssMb": int(peak[1]) / 1024 if peak else None,
            "readySeconds": ready,
        }
    finally:
        child.terminate()
        child.wait(30)


if __name__ == "__main__":
    main()
