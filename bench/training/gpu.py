"""Training throughput on a GPU: our own fit(), a plain torchvision script, and the same model on synthetic data.

    npm run bench:gpu -- [--images N] [--size PX] [--epochs N] [--models A,B] [--rehearse] [--json]

Images are drawn JPEGs on disk. Ours is what the jobs run: pixels.fixed_size, then fitting.fit with every layer trained.
The plain script is a DataLoader with torchvision transforms in fp32; the ceiling trains on one resident batch.
Ends with exit code 3 and says so where there is no GPU. --rehearse goes through all of it on a CPU with a few tiny
images: it shows that the program runs, and its figures, which are left out, would say nothing of a GPU.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from countersign_ml import torchvision_cure  # noqa: F401  (before timm and torchvision)
from countersign_ml.backbones import build
from countersign_ml.classifier import with_new_head
from countersign_ml.fitting import Schedule, compiles, device, fit
from countersign_ml.pixels import fixed_size
from PIL import Image

import timm  # isort: skip
from torchvision import transforms  # isort: skip

CLASSES = 10
REHEARSED = {"images": 24, "size": 32, "epochs": 2, "batch": 8, "models": "mobilenetv3_small_050"}


@dataclass(frozen=True)
class Job:
    files: list[Path]
    size: int
    schedule: Schedule
    steps: int = 60
    """Of the synthetic run; the first third warms up."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--models", default="resnet50,vit_small_patch16_224")
    parser.add_argument("--rehearse", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.rehearse:
        vars(options).update(REHEARSED)
    elif not torch.cuda.is_available():
        print("bench:gpu needs a CUDA GPU and finds none: nothing was measured", file=sys.stderr)
        raise SystemExit(3)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COUNTERSIGN_ML_ROOT"] = folder
        schedule = Schedule(epochs=options.epochs, batch=options.batch, learning_rate=1e-3, half=True)
        job = Job(drawn(Path(folder), options.images), options.size, schedule)
        if options.rehearse:
            job = replace(job, steps=3, workers=0)
        for name in options.models.split(","):
            row = measured(name, job)
            if options.rehearse:
                row = {key: value for key, value in row.items() if not isinstance(value, float)}
                row |= {"chip": None, "rehearsal": "ran on a CPU with tiny sizes; nothing was measured"}
            print(json.dumps(row) if options.json else json.dumps(row, indent=2), flush=True)


def measured(name: str, job: Job) -> dict:
    """Images per second: ours over the whole job and from the second epoch on, the plain script's, the ceiling."""
    whole, later = ours(name, job)
    by_script, ceiling = plain(name, job), synthetic(name, job)
    return {
        "chip": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "model": name,
        "images": len(job.files),
        "size": job.size,
        "epochs": job.schedule.epochs,
        "batch": job.schedule.batch,
        "oursImagesPerSecond": whole,
        "oursFromEpoch2": later,
        "plainImagesPerSecond": by_script,
        "syntheticImagesPerSecond": ceiling,
        "timesPlain": whole / by_script,
        "shareOfSynthetic": later / ceiling,
        "shareOfSyntheticWholeJob": whole / ceiling,
    }


def drawn(folder: Path, count: int) -> list[Path]:
    def one(k: int) -> Path:
        rng = np.random.default_rng(k)
        coarse = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        file = folder / f"{k:06}.jpg"
        Image.fromarray(coarse).resize((400, 320), Image.Resampling.BICUBIC).save(file, quality=88)
        return file

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, range(count)))


def ours(name: str, job: Job) -> tuple[float, float]:
    """(images per second over the whole job with reading and decoding, the same from the second epoch on)."""
    embedder = build(name, None, image_size=job.size, random_weights=True).embedder
    with torch.inference_mode():
        dimension = embedder(torch.zeros((1, job.size, job.size, 3), dtype=torch.uint8)).shape[1]
    model = with_new_head(embedder, dimension, CLASSES)
    soft = torch.eye(CLASSES)[torch.arange(len(job.files)) % CLASSES]
    ends: list[float] = []

    def report(done: int, total: int) -> None:
        if done % (total // job.schedule.epochs) == 0:
            _wait()
            ends.append(time.perf_counter())

    _wait()
    started = time.perf_counter()
    images = fixed_size(((file.stem, file.read_bytes()) for file in job.files), [f.stem for f in job.files], job.size)
    fit(model, [{"params": list(model.parameters()), "scale": 1.0}], images, soft, job.schedule, 0, report=report)
    count = len(job.files)
    later = (job.schedule.epochs - 1) * count / (ends[-1] - ends[0]) if len(ends) > 1 else float("nan")
    return job.schedule.epochs * count / (ends[-1] - started), later


class _Files(torch.utils.data.Dataset):
    def __init__(self, files: list[Path], size: int) -> None:
        self.files = files
        self.transform = transforms.Compose(
            [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
        )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, at: int):
        data = io.BytesIO(self.files[at].read_bytes())
        return self.transform(Image.open(data).convert("RGB")), at % CLASSES


def plain(name: str, job: Job) -> float:
    """The script that one would write first: fp32, DataLoader with a worker per core, two epochs."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    loader = torch.utils.data.DataLoader(
        _Files(job.files, job.size), batch_size=job.schedule.batch, shuffle=True, num_workers=job.workers
    )
    where = device()
    model = _network(name, job.size).to(where)
    optimiser = torch.optim.AdamW(model.parameters(), lr=job.schedule.learning_rate)
    started = time.perf_counter()
    for _ in range(2):
        for batch, labels in loader:
            loss = torch.nn.functional.cross_entropy(model(batch.to(where)), labels.to(where))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    _wait()
    return 2 * len(job.files) / (time.perf_counter() - started)


def synthetic(name: str, job: Job) -> float:
    """What the network alone can do: one batch that lies in memory, bfloat16, channels last, compiled where ours is."""
    where, batch = device(), job.schedule.batch
    model = _network(name, job.size).to(where, memory_format=torch.channels_last)
    step = torch.compile(model) if compiles(len(job.files), job.schedule, where) else model
    optimiser = torch.optim.AdamW(model.parameters(), lr=job.schedule.learning_rate, fused=True)
    pixels = torch.randn(batch, 3, job.size, job.size, device=where).to(memory_format=torch.channels_last)
    labels = torch.arange(batch, device=where) % CLASSES
    warm, started = job.steps // 3, 0.0
    for k in range(job.steps):
        if k == warm:
            _wait()
            started = time.perf_counter()
        with torch.autocast(where.type, torch.bfloat16):
            loss = torch.nn.functional.cross_entropy(step(pixels), labels)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    _wait()
    return (job.steps - warm) * batch / (time.perf_counter() - started)


def _network(name: str, size: int) -> torch.nn.Module:
    model = timm.create_model(name, num_classes=CLASSES)
    if hasattr(model, "set_input_size"):
        model.set_input_size(img_size=(size, size))
    return model


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
