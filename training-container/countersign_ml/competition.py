"""Variants of a model on held-out images: one that is not proven as good is refused, of the others one is chosen."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from . import contract, documents, metrics, shards
from .contract import BadInput
from .parallel import mapped
from .quantise import said
from .runtime import infer

MARGIN = 0.01
TIMED = 30


@dataclass(frozen=True)
class Variant:
    name: str
    file: Path | None
    own_head: bool = False
    """Its graph's head has never seen the held-out images: no other head is put in its place."""
    reason: str = ""
    """Why it could not be made, where there is no file."""
    judged: Path | None = None
    """The graph that answers for it on the held-out images, where its own network has learnt from them."""


@dataclass(frozen=True)
class Decoded(Sequence[np.ndarray]):
    """Images as pixels, each decoded when it is asked for: one is in memory, not all. Raises BadInput naming it."""

    files: Mapping[str, bytes]
    names: list[str]
    size: int
    """The model's input size."""

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, at):
        return shards.decoded(self.names[at], self.files[self.names[at]], self.size)


@dataclass(frozen=True)
class Wishes:
    margin: float = MARGIN
    accuracy_floor: float = 0.0
    latency_ms: float = float("inf")
    megabytes: float = float("inf")
    hourly_price: float = 0.1
    epochs: int = 1
    minutes: float = 60.0


def compete(
    variants: list[Variant],
    folder: Path,
    pixels: Sequence[np.ndarray],
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
            rows.append({"name": variant.name, "outcome": "refused", "reason": variant.reason or said(error)})
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


def measured(
    variant: Variant, folder: Path, pixels: Sequence[np.ndarray], truth: np.ndarray
) -> tuple[dict, np.ndarray]:
    """A variant's latency, memory and size on one thread of this machine, and which held-out images it has right."""
    if variant.file is None:
        raise BadInput(variant.reason)
    session = opened(variant.file)
    head = None if variant.own_head else folder / "validation-head.npz"
    judge = session if variant.judged is None else opened(variant.judged)
    hit: np.ndarray = answers(judge, head, pixels, f"judge {variant.name}") == truth
    row = {
        "name": variant.name,
        "sha256": documents.file_sha256(variant.file),
        "n": len(truth),
        "ms": latency(session, pixels),
        "memoryMb": memory(variant.file, pixels[0].shape),
        "bytes": variant.file.stat().st_size,
    }
    return row, hit


def opened(file: Path) -> onnxruntime.InferenceSession:
    """A graph on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


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
    session: onnxruntime.InferenceSession, head_file: Path | None, pixels: Sequence[np.ndarray], step: str
) -> np.ndarray:
    """The class that each image is given, -1 where the scores are not finite. An image per core at a time."""
    head = dict(np.load(head_file, allow_pickle=False)) if head_file and head_file.is_file() else None
    progress = contract.Progress(step, len(pixels))

    def one(row: int) -> int:
        logits, embedding = infer(session, pixels[row][None])
        scores = logits[0] if head is None else head["weight"] @ embedding[0] + head["bias"]
        return int(scores.argmax()) if np.isfinite(scores).all() else -1

    found = []
    for answer in mapped(one, range(len(pixels))):
        found.append(answer)
        progress.at(len(found))
    return np.array(found)


def latency(session: onnxruntime.InferenceSession, pixels: Sequence[np.ndarray]) -> float:
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
