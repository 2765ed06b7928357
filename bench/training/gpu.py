"""Training throughput on a GPU: our loop, a plain torchvision script, and the same model on synthetic data.

    npm run bench:gpu -- [--images N] [--size PX] [--epochs N] [--json]

Images are drawn JPEGs on disk. Ours decodes once into GPU memory and augments there in bfloat16; the plain script is a
DataLoader with torchvision transforms in fp32; the ceiling trains on one resident batch. Ends with exit code 3 and says
so where there is no GPU.
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
from pathlib import Path

import numpy as np
import torch
from countersign_ml import torchvision_cure  # noqa: F401
from countersign_ml.fitting import Schedule, augment
from PIL import Image

import timm  # isort: skip
from torchvision import transforms  # isort: skip

BATCH = 256
CLASSES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--models", default="resnet50,vit_small_patch16_224")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("bench:gpu needs a CUDA GPU and finds none: nothing was measured", file=sys.stderr)
        raise SystemExit(3)
    chip = torch.cuda.get_device_name()
    with tempfile.TemporaryDirectory() as folder:
        files = drawn(Path(folder), options.images)
        for name in options.models.split(","):
            ours, later = our_job(name, files, options)
            row = {
                "chip": chip,
                "model": name,
                "images": options.images,
                "epochs": options.epochs,
                "oursImagesPerSecond": ours,
                "oursFromEpoch2": later,
                "plainImagesPerSecond": plain(name, files, options),
                "syntheticImagesPerSecond": synthetic(name, options),
            }
            row["timesPlain"] = row["oursImagesPerSecond"] / row["plainImagesPerSecond"]
            row["shareOfSynthetic"] = row["oursFromEpoch2"] / row["syntheticImagesPerSecond"]
            row["shareOfSyntheticWholeJob"] = row["oursImagesPerSecond"] / row["syntheticImagesPerSecond"]
            print(json.dumps(row) if options.json else json.dumps(row, indent=2), flush=True)


def drawn(folder: Path, count: int) -> list[Path]:
    def one(k: int) -> Path:
        rng = np.random.default_rng(k)
        coarse = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        file = folder / f"{k}.jpg"
        Image.fromarray(coarse).resize((400, 320), Image.Resampling.BICUBIC).save(file, quality=88)
        return file

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, range(count)))


def our_job(name: str, files: list[Path], options: argparse.Namespace) -> tuple[float, float]:
    """(images per second over the whole job with decoding, the same from epoch 2 on)."""
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    schedule = Schedule(epochs=options.epochs, batch=BATCH, learning_rate=1e-3)
    started = time.perf_counter()

    def pixels(file: Path) -> np.ndarray:
        image = Image.open(io.BytesIO(file.read_bytes()))
        image.draft("RGB", (options.size, options.size))
        return np.asarray(image.convert("RGB").resize((options.size, options.size), Image.Resampling.BICUBIC))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        images = torch.from_numpy(np.stack(list(pool.map(pixels, files)))).cuda()
    labels = torch.arange(len(files), device="cuda") % CLASSES
    model = timm.create_model(name, num_classes=CLASSES).cuda().to(memory_format=torch.channels_last)
    step = torch.compile(model) if options.epochs * len(files) > 20_000 else model
    optimiser = torch.optim.AdamW(model.parameters(), lr=schedule.learning_rate, fused=True)
    chance, first = torch.Generator().manual_seed(0), 0.0
    for epoch in range(options.epochs):
        for at in torch.randperm(len(files)).cuda().split(BATCH):
            with torch.autocast("cuda", torch.bfloat16):
                batch = augment(images[at], schedule, chance).permute(0, 3, 1, 2).div(128).sub(1)
                loss = torch.nn.functional.cross_entropy(step(batch), labels[at])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
        if epoch == 0:
            torch.cuda.synchronize()
            first = time.perf_counter()
    torch.cuda.synchronize()
    ended = time.perf_counter()
    later = (options.epochs - 1) * len(files) / (ended - first) if options.epochs > 1 else float("nan")
    return options.epochs * len(files) / (ended - started), later


class _Files(torch.utils.data.Dataset):
    def __init__(self, files: list[Path], size: int) -> None:
        self.files = files
        self.transform = transforms.Compose(
            [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
        )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, at: int):
        return self.transform(Image.open(self.files[at]).convert("RGB")), at % CLASSES


def plain(name: str, files: list[Path], options: argparse.Namespace) -> float:
    """The script that one would write first: fp32, DataLoader with a worker per core, two epochs."""
    torch.backends.cuda.matmul.allow_tf32 = False
    loader = torch.utils.data.DataLoader(
        _Files(files, options.size), batch_size=BATCH, shuffle=True, num_workers=os.cpu_count() or 1
    )
    model = timm.create_model(name, num_classes=CLASSES).cuda()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    started = time.perf_counter()
    for _ in range(2):
        for batch, labels in loader:
            loss = torch.nn.functional.cross_entropy(model(batch.cuda()), labels.cuda())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    torch.cuda.synchronize()
    return 2 * len(files) / (time.perf_counter() - started)


def synthetic(name: str, options: argparse.Namespace) -> float:
    model = timm.create_model(name, num_classes=CLASSES).cuda().to(memory_format=torch.channels_last)
    step = torch.compile(model) if options.epochs * options.images > 20_000 else model
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    batch = torch.randn(BATCH, 3, options.size, options.size, device="cuda").to(memory_format=torch.channels_last)
    labels = torch.arange(BATCH, device="cuda") % CLASSES
    started = 0.0
    for k in range(60):
        if k == 20:
            torch.cuda.synchronize()
            started = time.perf_counter()
        with torch.autocast("cuda", torch.bfloat16):
            loss = torch.nn.functional.cross_entropy(step(batch), labels)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    torch.cuda.synchronize()
    return 40 * BATCH / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
