"""`optimise`: smaller and faster variants of a model compete on held-out images; one not proven as good is refused.

Inputs (processing job): `model`, `dataset` (dataset.json), `shards`; optional `pretrained`, weights of students.
Arguments:
    --margin 0.01          the loss of accuracy that is acceptable
    --accuracy-floor 0     what the chosen one must reach on the validation images
    --latency-ms N         what it should stay under; without it the fastest is taken
    --megabytes N          how large its graph may be
    --hourly-price 0.1     of the serving machine, for the cost of a million answers
    --epochs 1             of recovery after pruning and of distillation; 0: neither is tried
    --minutes 60           for pruning and distillation: no other one is begun after them
Output: model.tar.gz (the chosen variant's model folder, the table in it) and optimisation.json, the table alone.

Variants are judged where no head has been fitted: on the validation images, the shipped network with the head that
never saw them (validation-head.npz), so that a damaged embedding can't hide behind remembered labels.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from . import contract, dataset, documents, metrics, neighbours, shards
from .contract import BadInput
from .images import decode
from .runtime import infer

MARGIN = 0.01
CALIBRATION_IMAGES = 100
TIMED = 30


REMEMBERED = (
    "The network has learnt from the validation images, so quantisation may cost more on new ones than is said here: "
    "the sealed test judges the variant that was chosen"
)


@dataclass(frozen=True)
class Variant:
    name: str
    file: Path | None
    own_head: bool = False
    """Its graph's head has never seen the validation images: no other head is put in its place."""
    reason: str = ""
    """Why it could not be made, where there is no file."""


@dataclass(frozen=True)
class Wishes:
    margin: float = MARGIN
    accuracy_floor: float = 0.0
    latency_ms: float = float("inf")
    megabytes: float = float("inf")
    hourly_price: float = 0.1
    epochs: int = 1
    minutes: float = 60.0


def main() -> None:
    wishes = wishes_from(contract.arguments())
    folder = contract.unpacked(contract.processing_input("model"), "model")
    facts = documents.read(folder / "model.json", "training-result")
    data = dataset.read(contract.processing_input("dataset"))
    if not data.validation.any():
        raise BadInput(
            "the dataset has no validation images; variants can't be compared: freeze it with a validation split"
        )
    held_out, learn = np.nonzero(data.validation)[0], np.nonzero(~data.validation)[0]
    files = shards.load(contract.processing_input("shards"), set(data.ids))
    size = facts["inputSize"]
    pixels = [decode(files[data.ids[k]], size) for k in held_out]
    calibration = [decode(files[data.ids[k]], size) for k in learn[:CALIBRATION_IMAGES]]
    scratch = contract.root() / "scratch" / "variants"
    scratch.mkdir(parents=True, exist_ok=True)
    variants = [Variant("fp32", folder / "model.onnx"), *build(folder / "model.onnx", calibration, scratch)]
    left_out: list[str] = []
    if wishes.epochs:
        from . import smaller  # torch is needed for these only

        students = contract.optional_processing_input("pretrained")
        found = smaller.build(folder, facts, data, learn, files, scratch, wishes.epochs, students)
        made, left_out = within(found, 60 * wishes.minutes)
        variants += [Variant(name, file, own_head=True) for name, file in made]
    rows = compete(variants, folder, pixels, data.hard[held_out], data.groups[held_out], wishes)
    chosen = choose(rows, wishes)
    winner = next(v for v in variants if v.name == chosen)
    target = contract.scratch_dir() / "chosen"
    publish(folder, target, winner, table(rows, chosen, wishes, [*remarks(folder), *left_out]))
    finish(target, adopted(target, facts, data, files) if winner.own_head else facts, chosen)
    contract.packed(target, contract.processing_output_dir() / "model.tar.gz")
    for row in rows:
        measured = f"{row['ms']:.1f} ms, {row['bytes']} bytes" if "ms" in row else row["reason"]
        print(f"{row['name']}: {measured}, {row['outcome']}", flush=True)


def remarks(folder: Path) -> list[str]:
    """What to know of the comparison: a network trained whole has no head that missed the validation images."""
    return [] if (folder / "validation-head.npz").exists() else [REMEMBERED]


def within(found: Iterator[tuple[str, Path]], seconds: float) -> tuple[list[tuple[str, Path]], list[str]]:
    """What was made before the time was over, and a word on the rest: none is begun after it."""
    made, started = [], time.monotonic()
    for one in found:
        made.append(one)
        if time.monotonic() - started > seconds:
            after = f"after {one[0]} the {seconds / 60:g} minutes were over; others were not begun"
            print(after, flush=True)
            return made, [after]
    return made, []


def build(source: Path, calibration: list[np.ndarray], scratch: Path) -> list[Variant]:
    """int8 by static quantisation (activations calibrated on training images) and by dynamic quantisation."""
    prepared = scratch / "prepared.onnx"
    progress = contract.Progress("quantise", 2)
    try:
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    except Exception as error:  # a graph that the tool does not know is no fault of the model's
        return [Variant(name, None, reason=_said(error)) for name in ("static-int8", "dynamic-int8")]
    variants = []
    for done, (name, make) in enumerate((("static-int8", _static), ("dynamic-int8", _dynamic))):
        file = scratch / f"{name}.onnx"
        try:
            make(prepared, file, calibration)
            variants.append(Variant(name, file))
        except Exception as error:  # as above: this variant is refused, the others compete
            variants.append(Variant(name, None, reason=_said(error)))
        progress.at(done + 1)
    return variants


def _said(error: Exception) -> str:
    return f"could not be made: {type(error).__name__}: {error}"[:300]


def _static(prepared: Path, file: Path, calibration: list[np.ndarray]) -> None:
    quantize_static(
        str(prepared),
        str(file),
        _Reader(calibration),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv", "MatMul", "Gemm"],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def _dynamic(prepared: Path, file: Path, _calibration: list[np.ndarray]) -> None:
    quantize_dynamic(
        str(prepared),
        str(file),
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )


class _Reader(CalibrationDataReader):
    def __init__(self, images: list[np.ndarray]) -> None:
        self.images = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[override]
        image = next(self.images, None)
        return None if image is None else {"image": image[None]}


def compete(
    variants: list[Variant],
    folder: Path,
    pixels: list[np.ndarray],
    truth: np.ndarray,
    groups: np.ndarray,
    wishes: Wishes,
) -> list[dict]:
    """One row per variant, the first is the reference: accuracy on held-out images, paired drop, latency, memory, size,
    cost of a million answers; whether another one that may ship is as good in all of them (`pareto` false).
    """
    first, *others = variants
    row, reference = measured(first, folder, pixels, truth)
    rows = [row | compared(reference, reference, groups, wishes)]
    for variant in others:
        try:
            row, hit = measured(variant, folder, pixels, truth)
        except Exception as error:  # a graph that does not run is refused; the others compete
            rows.append({"name": variant.name, "outcome": "refused", "reason": variant.reason or _said(error)})
            continue
        rows.append(row | compared(reference, hit, groups, wishes))
    for row in rows:
        if "ms" in row:
            row["costPerMillion"] = 1e6 * row["ms"] / 3.6e6 * wishes.hourly_price
    rows[0]["outcome"] = "reference"
    for row in rows:
        row["pareto"] = row["outcome"] != "refused" and not any(
            _dominates(other, row) for other in rows if other["outcome"] != "refused"
        )
    return rows


def measured(variant: Variant, folder: Path, pixels: list[np.ndarray], truth: np.ndarray) -> tuple[dict, np.ndarray]:
    """A variant's latency, memory and size on one thread of this machine, and which held-out images it has right."""
    if variant.file is None:
        raise BadInput(variant.reason)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(variant.file), options, providers=["CPUExecutionProvider"])
    head = None if variant.own_head else folder / "validation-head.npz"
    hit: np.ndarray = answers(session, head, pixels, f"judge {variant.name}") == truth
    row = {
        "name": variant.name,
        "sha256": documents.file_sha256(variant.file),
        "n": len(truth),
        "ms": latency(session, pixels),
        "memoryMb": memory(variant.file, pixels[0].shape),
        "bytes": variant.file.stat().st_size,
    }
    return row, hit


def compared(reference: np.ndarray, hit: np.ndarray, groups: np.ndarray, wishes: Wishes) -> dict:
    """Accuracy, and what is lost of the reference's on the same images: refused where that is not proven small."""
    drop = metrics.paired(reference, hit, groups)
    return {
        "accuracy": metrics.share(hit, groups),
        "accuracyDrop": drop["difference"],
        "discordant": drop["discordant"],
        "outcome": "allowed" if drop["difference"]["high"] <= wishes.margin else "refused",
    }


def _dominates(one: dict, other: dict) -> bool:
    def values(row: dict) -> tuple:
        return (-row["accuracy"]["value"], row["ms"], row["memoryMb"] or 0, row["bytes"], row["costPerMillion"])

    return values(one) != values(other) and all(a <= b for a, b in zip(values(one), values(other), strict=True))


_PEAK = """
import sys, numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.log_severity_level = 1, 3
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
session.run(None, {"image": numpy.zeros((1, *map(int, sys.argv[2:])), dtype=numpy.uint8)})
print(open("/proc/self/status").read())
"""


def memory(file: Path, shape: tuple[int, ...]) -> float | None:
    """Peak resident megabytes of a fresh process that answers one image; None where the system does not tell."""
    command = [sys.executable, "-c", _PEAK, str(file), *map(str, shape)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    peak = re.search(r"VmHWM:\s+(\d+)", done.stdout)
    return int(peak[1]) / 1024 if peak else None


def answers(
    session: onnxruntime.InferenceSession, head_file: Path | None, pixels: list[np.ndarray], step: str
) -> np.ndarray:
    """The class that each image is given, -1 where the scores are not finite. An image per core at a time."""
    head = dict(np.load(head_file, allow_pickle=False)) if head_file and head_file.is_file() else None
    progress = contract.Progress(step, len(pixels))

    def one(image: np.ndarray) -> int:
        logits, embedding = infer(session, image[None])
        scores = logits[0] if head is None else head["weight"] @ embedding[0] + head["bias"]
        return int(scores.argmax()) if np.isfinite(scores).all() else -1

    found = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for answer in pool.map(one, pixels):
            found.append(answer)
            progress.at(len(found))
    return np.array(found)


def latency(session: onnxruntime.InferenceSession, pixels: list[np.ndarray]) -> float:
    """Median milliseconds of one image on one thread."""
    times = []
    for k in range(TIMED + 5):
        image = pixels[k % len(pixels)][None]
        started = time.perf_counter()
        session.run(None, {"image": image})
        times.append(time.perf_counter() - started)
    return float(np.median(times[5:]) * 1000)


def choose(rows: list[dict], wishes: Wishes | None = None) -> str:
    """Among those not refused, at or above the accuracy floor and not too large: under a wished latency the most
    accurate, else the fastest. A variant must save at least a tenth of the time to replace the reference, or be small
    enough where that one is not; where none will do the reference stays.
    """
    wishes = wishes or Wishes()
    reference = rows[0]
    most = 1e6 * wishes.megabytes

    def helps(row: dict) -> bool:
        return row["ms"] <= 0.9 * reference["ms"] or row.get("bytes", 0) <= most < reference.get("bytes", 0)

    better = [row for row in rows[1:] if row["outcome"] == "allowed" and helps(row)]
    fit = [row for row in [reference, *better] if _good_enough(row, wishes)]
    in_time = [row for row in fit if row["ms"] <= wishes.latency_ms]
    if in_time and wishes.latency_ms < float("inf"):
        return max(in_time, key=lambda row: (row["accuracy"]["value"], -row["ms"]))["name"]
    return min(fit, key=lambda row: row["ms"])["name"] if fit else reference["name"]


def _good_enough(row: dict, wishes: Wishes) -> bool:
    return row["accuracy"]["value"] >= wishes.accuracy_floor and row.get("bytes", 0) <= 1e6 * wishes.megabytes


def table(rows: list[dict], chosen: str, wishes: Wishes, left_out: list[str]) -> dict:
    """The competition, schema `optimisation`."""
    row = next(row for row in rows if row["name"] == chosen)

    def stated(wish: float) -> float | None:
        return wish if wish < float("inf") else None

    return {
        "margin": wishes.margin,
        "chosen": chosen,
        "meetsWishes": row["ms"] <= wishes.latency_ms and _good_enough(row, wishes),
        "wishes": {
            "accuracyFloor": wishes.accuracy_floor,
            "latencyMs": stated(wishes.latency_ms),
            "megabytes": stated(wishes.megabytes),
        },
        "variants": rows,
        "leftOut": left_out,
    }


def publish(folder: Path, target: Path, chosen: Variant, found: dict) -> None:
    """The folder of the chosen model, still with the first one's facts, and the table in it and beside it."""
    shutil.copytree(folder, target, dirs_exist_ok=True)
    if chosen.name != "fp32" and chosen.file is not None:
        shutil.copyfile(chosen.file, target / "model.onnx")
    documents.write(target / "optimisation.json", found, "optimisation")
    documents.write(contract.processing_output_dir() / "optimisation.json", found, "optimisation")


def adopted(target: Path, facts: dict, data: dataset.Dataset, files: dict[str, bytes]) -> dict:
    """Another network has other confidences and other embeddings: both are measured anew, the confidences on the
    validation images. The first one's weights and second head are no longer of this model and are taken out.
    """
    from . import calibration

    session = onnxruntime.InferenceSession(str(target / "model.onnx"), providers=["CPUExecutionProvider"])
    progress = contract.Progress("embed with the chosen one", len(data.ids))
    logits, rows = [], []
    for at, name in enumerate(data.ids):
        found = infer(session, decode(files[name], facts["inputSize"])[None])
        logits.append(found[0][0])
        rows.append(found[1][0])
        progress.at(at + 1)
    judged, reference = np.stack(logits).astype(np.float64)[data.validation], np.stack(rows)
    scale = calibration.temperature(judged, data.soft[data.validation])
    target_error = facts.get("abstainTargetError", 0.05)
    threshold = calibration.abstain_threshold(judged, data.hard[data.validation], scale, target_error)
    neighbours.save(target, reference, data.ids, data.hard, data.groups)
    for name in ("network.safetensors", "validation-head.npz"):
        (target / name).unlink(missing_ok=True)
    return facts | {"temperature": scale, "abstainThreshold": threshold}


def finish(target: Path, facts: dict, variant: str) -> None:
    facts = facts | {"onnxSha256": documents.file_sha256(target / "model.onnx"), "variant": variant}
    facts["digest"] = documents.digest(
        {key: facts[key] for key in ("onnxSha256", "temperature", "abstainThreshold", "classes")}
    )
    documents.write(target / "model.json", facts, "training-result")


def wishes_from(arguments: dict[str, str]) -> Wishes:
    return Wishes(
        margin=_number(arguments, "margin", MARGIN, 0, 0.2, "a share of accuracy, 0.01 is one point"),
        accuracy_floor=_number(arguments, "accuracy-floor", 0, 0, 1, "a share of right answers"),
        latency_ms=_number(arguments, "latency-ms", float("inf"), 0, float("inf"), "milliseconds an image"),
        megabytes=_number(arguments, "megabytes", float("inf"), 0, float("inf"), "10^6 bytes of the graph"),
        hourly_price=_number(arguments, "hourly-price", 0.1, 0, 1000, "price of the serving machine per hour"),
        epochs=int(_number(arguments, "epochs", 1, 0, 100, "passes over the training images")),
        minutes=_number(arguments, "minutes", 60, 0, 10_000, "minutes"),
    )


def _number(arguments: dict[str, str], name: str, default: float, low: float, high: float, what: str) -> float:
    text = arguments.get(name, str(default))
    value = contract.number_within(text, low, high)
    if value is None:
        raise BadInput(f"--{name} is {text!r}; allowed: {low:g} to {high:g} ({what})")
    return value
