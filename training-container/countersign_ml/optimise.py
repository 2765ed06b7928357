"""`optimise`: compressed variants of a model compete on held-out images; one that is not proven as good is refused.

Inputs (processing job): `model`, `dataset` (dataset.json), `shards`. Arguments: `--margin 0.01`, the loss of accuracy
that is acceptable. Output: model/ (the chosen variant, with model.json brought up to date) and optimisation.json.

Variants are judged where the shipped head has not been fitted: on the validation images, with the head that never saw
them where the model has one (validation-head.npz), so that a damaged embedding can't hide behind remembered labels.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from . import contract, dataset, documents, metrics, shards
from .contract import BadInput
from .images import decode
from .runtime import infer

MARGIN = 0.01
CALIBRATION_IMAGES = 100
TIMED = 30


@dataclass(frozen=True)
class Variant:
    name: str
    file: Path


def main() -> None:
    margin = _margin(contract.arguments().get("margin", str(MARGIN)))
    folder = contract.unpacked(contract.processing_input("model"), "model")
    facts = documents.read(folder / "model.json", "training-result")
    data = dataset.read(contract.processing_input("dataset"))
    if not data.validation.any():
        raise BadInput(
            "the dataset has no validation images; variants can't be compared: freeze it with a validation split"
        )
    held_out = np.nonzero(data.validation)[0]
    learnt = np.nonzero(~data.validation)[0][:CALIBRATION_IMAGES]
    wanted = {data.ids[k] for k in [*held_out, *learnt]}
    files = shards.load(contract.processing_input("shards"), wanted)
    size = facts["inputSize"]
    pixels = [decode(files[data.ids[k]], size) for k in held_out]
    calibration = [decode(files[data.ids[k]], size) for k in learnt]
    scratch = contract.root() / "scratch" / "variants"
    scratch.mkdir(parents=True, exist_ok=True)
    variants = [Variant("fp32", folder / "model.onnx"), *build(folder / "model.onnx", calibration, scratch)]
    rows = compete(variants, folder, pixels, data.hard[held_out], data.groups[held_out], margin)
    chosen = choose(rows)
    publish(folder, next(v for v in variants if v.name == chosen), facts, rows, margin)
    for row in rows:
        print(f"{row['name']}: {row['ms']:.1f} ms, {row['bytes']} bytes, {row['outcome']}", flush=True)


def build(source: Path, calibration: list[np.ndarray], scratch: Path) -> list[Variant]:
    """int8 by static quantisation (activations calibrated on training images) and by dynamic quantisation."""
    prepared = scratch / "prepared.onnx"
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    progress = contract.Progress("quantise", 2)
    static, dynamic = scratch / "static-int8.onnx", scratch / "dynamic-int8.onnx"
    kinds = ["Conv", "MatMul", "Gemm"]
    quantize_static(
        str(prepared),
        str(static),
        _Reader(calibration),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=kinds,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    progress.at(1)
    quantize_dynamic(
        str(prepared),
        str(dynamic),
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )
    progress.at(2)
    return [Variant("static-int8", static), Variant("dynamic-int8", dynamic)]


class _Reader(CalibrationDataReader):
    def __init__(self, images: list[np.ndarray]) -> None:
        self.images = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[override]
        image = next(self.images, None)
        return None if image is None else {"image": image[None]}


def compete(variants, folder: Path, pixels, truth: np.ndarray, groups: np.ndarray, margin: float) -> list[dict]:
    """One row per variant, the first is the reference: accuracy on held-out images, paired drop, latency, size."""
    rows: list[dict] = []
    reference: np.ndarray | None = None
    for variant in variants:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(variant.file), options, providers=["CPUExecutionProvider"])
        hit: np.ndarray = answers(session, folder, pixels, f"judge {variant.name}") == truth
        if reference is None:
            reference = hit
        drop = metrics.paired(reference, hit, groups)
        passed = variant.name == "fp32" or drop["difference"]["high"] <= margin
        rows.append(
            {
                "name": variant.name,
                "accuracy": metrics.share(hit, groups),
                "accuracyDrop": drop["difference"],
                "discordant": drop["discordant"],
                "n": len(truth),
                "ms": latency(session, pixels),
                "bytes": variant.file.stat().st_size,
                "outcome": "reference" if variant.name == "fp32" else "allowed" if passed else "refused",
            }
        )
    return rows


def answers(session: onnxruntime.InferenceSession, folder: Path, pixels: list[np.ndarray], step: str) -> np.ndarray:
    file = folder / "validation-head.npz"
    head = np.load(file, allow_pickle=False) if file.is_file() else None
    progress = contract.Progress(step, len(pixels))
    found = []
    for at, image in enumerate(pixels):
        logits, embedding = infer(session, image[None])
        scores = logits[0] if head is None else head["weight"] @ embedding[0] + head["bias"]
        found.append(int(scores.argmax()) if np.isfinite(scores).all() else -1)
        progress.at(at + 1)
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


def choose(rows: list[dict]) -> str:
    """The fastest that is not refused; a variant must save at least a tenth of the time to replace the reference."""
    reference = rows[0]
    allowed = [row for row in rows[1:] if row["outcome"] == "allowed" and row["ms"] <= 0.9 * reference["ms"]]
    return min(allowed, key=lambda row: row["ms"])["name"] if allowed else reference["name"]


def publish(folder: Path, chosen: Variant, facts: dict, rows: list[dict], margin: float) -> None:
    out = contract.processing_output_dir()
    target = out / "model"
    shutil.copytree(folder, target, dirs_exist_ok=True)
    if chosen.name != "fp32":
        shutil.copyfile(chosen.file, target / "model.onnx")
    facts = facts | {"onnxSha256": documents.file_sha256(target / "model.onnx"), "variant": chosen.name}
    facts["digest"] = documents.digest(
        {key: facts[key] for key in ("onnxSha256", "temperature", "abstainThreshold", "classes")}
    )
    documents.write(target / "model.json", facts, "training-result")
    documents.write(out / "optimisation.json", {"margin": margin, "chosen": chosen.name, "variants": rows})


def _margin(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 0.2:
        raise BadInput(f"--margin is {text!r}; allowed: 0 to 0.2 (a share of accuracy, 0.01 is one point)")
    return value
