"""`optimise`: smaller and faster variants of a model compete on held-out images; one not proven as good is refused.

Inputs (processing job): `model`, `dataset` (dataset.json), `shards`; optional `pretrained`, weights of students.
Arguments:
    --margin 0.01          the loss of accuracy that is acceptable
    --accuracy-floor 0     what the chosen one must reach on the held-out images
    --latency-ms N         what it should stay under; without it the fastest is taken
    --megabytes N          how large its graph may be
    --hourly-price 0.1     of the serving machine, for the cost of a million answers
    --epochs 1             of recovery after pruning and of distillation; 0: neither is tried
    --minutes 60           for pruning and distillation: no other one is begun after them
Output: model.tar.gz (the chosen variant's model folder, the table in it) and optimisation.json, the table alone.

Variants are judged where nothing has been fitted. A frozen network: on the validation images, with the head that never
saw them (validation-head.npz), so that a damaged embedding can't hide behind remembered labels. A network that was
trained whole: on a fold, by its sibling (sibling.safetensors) that was trained alike without it; what is done to the
network is done to the sibling, and latency, memory and size are the network's own.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from . import calibration, contract, dataset, documents, neighbours, quantise, shards, sibling, smaller
from .competition import MARGIN, Decoded, Variant, Wishes, choose, compete, table
from .contract import BadInput
from .runtime import infer

REMEMBERED = (
    "The network has learnt from the validation images, so quantisation may cost more on new ones than is said here: "
    "the sealed test judges the variant that was chosen"
)
BY_SIBLING = (
    "The network has learnt from all images, so a sibling that was trained alike without the {n} of one fold answered "
    "for it there; the sealed test judges the variant that was chosen"
)


@dataclass(frozen=True)
class Judges:
    """Who answers for the model's variants, and where."""

    held_out: np.ndarray
    """(m,) rows of the dataset that judge."""
    learn: np.ndarray
    """The others: calibration, pruning and distillation learn from them."""
    sibling: Path | None
    """Graph of the network that answers in the model's place; None: the model itself."""
    remarks: list[str]


def main() -> None:
    wishes = wishes_from(contract.arguments())
    folder = contract.unpacked(contract.processing_input("model"), "model")
    facts = documents.read(folder / "model.json", "training-result")
    data = dataset.read(contract.processing_input("dataset"))
    scratch = contract.scratch_dir() / "variants"
    judges = judges_of(folder, data, scratch)
    files = shards.Images(contract.processing_input("shards"), set(data.ids)).needed(data.ids)
    size = facts["inputSize"]
    pixels = Decoded(files, [data.ids[k] for k in judges.held_out], size)
    shown = Decoded(files, [data.ids[k] for k in judges.learn[: quantise.CALIBRATION_IMAGES]], size)
    variants = [Variant("fp32", folder / "model.onnx", judged=judges.sibling)]
    variants += quantised(folder / "model.onnx", judges.sibling, shown, scratch)
    left_out: list[str] = []
    if wishes.epochs:
        students = contract.optional_processing_input("pretrained")
        found = smaller.build(folder, facts, data, judges.learn, files, scratch, wishes.epochs, students)
        made, left_out = within(found, 60 * wishes.minutes)
        variants += [Variant(name, file, own_head=True) for name, file in made]
    truth, groups = data.hard[judges.held_out], data.groups[judges.held_out]
    rows = compete(variants, folder, pixels, truth, groups, wishes)
    chosen = choose(rows, wishes)
    winner = next(v for v in variants if v.name == chosen)
    target = contract.scratch_dir() / "chosen"
    publish(folder, target, winner, table(rows, chosen, wishes, [*judges.remarks, *left_out]))
    finish(target, adopted(target, facts, data, judges, files) if winner.own_head else facts, chosen)
    contract.packed(target, contract.processing_output_dir() / "model.tar.gz")
    for row in rows:
        measured = f"{row['ms']:.1f} ms, {row['bytes']} bytes" if "ms" in row else row["reason"]
        print(f"{row['name']}: {measured}, {row['outcome']}", flush=True)


def judges_of(folder: Path, data: dataset.Dataset, scratch: Path) -> Judges:
    """The sibling's fold where the model folder has one, else the validation images. Raises BadInput without either."""
    scratch.mkdir(parents=True, exist_ok=True)
    found = sibling.load(folder, data.ids)
    if found is not None:
        network, held_out = found
        learn = np.setdiff1d(np.arange(len(data.ids)), held_out)
        return Judges(held_out, learn, sibling.graph(network, scratch), [BY_SIBLING.format(n=len(held_out))])
    if not data.validation.any():
        raise BadInput(
            "the dataset has no validation images; variants can't be compared: freeze it with a validation split"
        )
    remarks = [] if (folder / "validation-head.npz").exists() else [REMEMBERED]
    return Judges(np.nonzero(data.validation)[0], np.nonzero(~data.validation)[0], None, remarks)


def quantised(model: Path, judge: Path | None, shown: Decoded, scratch: Path) -> list[Variant]:
    """The model's int8 variants, calibrated on the images `shown`, each with the sibling's (`judge`) of the same making
    to answer for it.
    """
    made = quantise.build(model, shown, scratch)
    if judge is None:
        return [Variant(name, file, reason=reason) for name, file, reason in made]
    theirs = {name: (file, reason) for name, file, reason in quantise.build(judge, shown, judge.parent)}
    variants = []
    for name, file, reason in made:
        judged, why = theirs[name]
        variants.append(Variant(name, file if judged else None, reason=reason or why, judged=judged))
    return variants


def within(found: Iterator[tuple[str, Path]], seconds: float) -> tuple[list[tuple[str, Path]], list[str]]:
    """What was made before the time was over, and a word on the rest: none is begun after it."""
    made, started = [], time.monotonic()
    for one in found:
        made.append(one)
        if time.monotonic() - started > seconds:
            after = f"After {one[0]} the {seconds / 60:g} minutes were over; others were not begun"
            print(after, flush=True)
            return made, [after]
    return made, []


def publish(folder: Path, target: Path, chosen: Variant, found: dict) -> None:
    """The folder of the chosen model, still with the first one's facts, and the table in it and beside it. The sibling
    has said what it had to say and is left out: nobody serves it.
    """
    shutil.copytree(folder, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("sibling.*"))
    if chosen.name != "fp32" and chosen.file is not None:
        shutil.copyfile(chosen.file, target / "model.onnx")
    documents.write(target / "optimisation.json", found, "optimisation")
    documents.write(contract.processing_output_dir() / "optimisation.json", found, "optimisation")


def adopted(target: Path, facts: dict, data: dataset.Dataset, judges: Judges, files: Mapping[str, bytes]) -> dict:
    """Another network has other confidences and other embeddings: both are measured anew, confidences and what is novel
    on the held-out images. The first one's weights and second head are no longer of this model and are taken out.
    """
    session = onnxruntime.InferenceSession(str(target / "model.onnx"), providers=["CPUExecutionProvider"])
    progress = contract.Progress("embed with the chosen one", len(data.ids))
    logits, rows = [], []
    for at, image in enumerate(Decoded(files, data.ids, facts["inputSize"])):
        found = infer(session, image[None])
        logits.append(found[0][0])
        rows.append(found[1][0])
        progress.at(at + 1)
    new = judges.held_out
    judged, reference = np.stack(logits).astype(np.float64)[new], np.stack(rows)
    scale = calibration.temperature(judged, data.soft[new])
    target_error = facts.get("abstainTargetError", 0.05)
    threshold = calibration.abstain_threshold(judged, data.hard[new], scale, target_error)
    novel = neighbours.threshold_of_new(reference[judges.learn], reference[new])
    neighbours.save(target, reference, data.ids, data.hard, novel)
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
