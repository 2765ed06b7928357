"""Drawn scenes small enough that a whole job takes a second or two."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from countersign_ml.backbones import Backbone
    from countersign_ml.dataset import Dataset

# Some cases import ONNX Runtime before the package that says so.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
REPOSITORY = Path(__file__).resolve().parents[2]
CLASSES = ["blue", "red", "striped"]


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def jpeg(pixels: np.ndarray, **options) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", **options)
    return stream.getvalue()


def draw(label: str, n: int, side: int = 32) -> bytes:
    """Blue, red, or stripes, each with grain of its own."""
    pixels = np.zeros((side, side, 3), dtype=np.float64)
    if label == "striped":
        pixels[:, (np.arange(side) // 4) % 2 == 0] = 220
    else:
        pixels[:] = (40, 60, 190) if label == "blue" else (190, 60, 40)
    grain = np.random.default_rng(hash_of(label, n)).normal(0, 12, pixels.shape)
    return png((pixels + grain).clip(0, 255).astype(np.uint8))


def hash_of(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def shard(file: Path, images: list[bytes], kind: str = "png") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w") as archive:
        for data in images:
            member = tarfile.TarInfo(f"{sha256(data)}.{kind}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def packed(folder: Path, archive: Path) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as tar:
        for file in sorted(folder.iterdir()):
            tar.add(file, arcname=file.name)


@dataclass
class Room:
    """A private /opt/ml and a way to run a command in it as a process of its own."""

    root: Path

    def hyperparameters(self, **values: object) -> Room:
        file = self.root / "input/config/hyperparameters.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({key: str(value) for key, value in values.items()}))
        return self

    def channel(self, name: str) -> Path:
        folder = self.root / "input/data" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def environment(self, **extra: str) -> dict[str, str]:
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith(("SM_", "COUNTERSIGN_"))},
            "COUNTERSIGN_ML_ROOT": str(self.root),
            "PYTHONPATH": str(REPOSITORY / "training-container"),
            "OMP_NUM_THREADS": "1",
            **extra,
        }

    def start(self, command: str, **extra: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "countersign_ml", command],
            env=self.environment(**extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
        )

    def run(self, command: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "countersign_ml", command],
            env=self.environment(**extra),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=240,
        )

    def here(self, command: str, *words: str) -> subprocess.CompletedProcess[str]:
        """run() in this very process: a job that needs none of its own is spared seconds of imports."""
        from countersign_ml import __main__ as entry

        before, line = dict(os.environ), sys.argv
        out, err = io.StringIO(), io.StringIO()
        os.environ.clear()
        os.environ.update(self.environment())
        sys.argv = ["countersign_ml", command, *words]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = entry.main()
        finally:
            os.environ.clear()
            os.environ.update(before)
            sys.argv = line
            # `train` asks for it, of all that runs in its process afterwards.
            if "torch" in sys.modules:
                sys.modules["torch"].use_deterministic_algorithms(False)
        return subprocess.CompletedProcess([command, *words], code, out.getvalue(), err.getvalue())

    @property
    def failure(self) -> str:
        file = self.root / "output/failure"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "ml")


@pytest.fixture
def inside(room: Room, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """The room as this very process's /opt/ml: for cases that need no process of their own."""
    for key in list(os.environ):
        if key.startswith(("SM_", "COUNTERSIGN_")):
            monkeypatch.delenv(key)
    monkeypatch.setenv("COUNTERSIGN_ML_ROOT", str(room.root))
    yield room


def dataset(images: dict[str, str], classes: list[str] = CLASSES, validation_every: int = 5) -> dict:
    """A dataset version of {sha256: label}; every image is a group of its own."""
    items = [
        {
            "sha256": name,
            "split": "validation" if at % validation_every == 0 else "train",
            "group": name,
            "label": label,
            "soft": [1.0 if label == c else 0.0 for c in classes],
        }
        for at, (name, label) in enumerate(sorted(images.items()))
    ]
    return {
        "version": "a" * 64,
        "campaign": "t",
        "classes": classes,
        "guidelineVersion": 1,
        "items": items,
        "testSha256": "b" * 64,
        "counts": {"train": len(items), "validation": 0, "test": 0, "withheld": 0},
        "emptyClasses": [],
        "shards": ["shards/0.tar"],
    }


def truth(images: dict[str, str], classes: list[str] = CLASSES) -> dict:
    items = [
        {"sha256": name, "group": name, "label": label, "source": "experts", "answers": 3}
        for name, label in sorted(images.items())
    ]
    return {
        "campaign": "t",
        "classes": classes,
        "items": items,
        "residualError": {"audited": 0, "wrong": 0, "upper": 0.1},
    }


@dataclass
class Scene:
    """Drawn images and every job's output on them, made once per test run."""

    folder: Path
    training: dict[str, str]
    test: dict[str, str]
    bytes: dict[str, bytes]

    @property
    def shards(self) -> Path:
        return self.folder / "shards"

    @property
    def embeddings(self) -> Path:
        return self.folder / "embed/model"

    @property
    def model(self) -> Path:
        return self.folder / "train/model"


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("scene")
    drawn = [(label, draw(label, n)) for label in CLASSES for n in range(14)]
    labels = {sha256(data): label for label, data in drawn}
    names = [sha256(data) for _, data in drawn]
    test = {name: labels[name] for name in names[::3]}
    training = {name: label for name, label in labels.items() if name not in test}
    shard(folder / "shards/0.tar", [data for _, data in drawn])
    made = Scene(folder, training, test, {sha256(data): data for _, data in drawn})

    embed = Room(folder / "embed").hyperparameters(command="embed", backbone="descriptor", seed=1)
    link(made.shards, embed.channel("shards"))
    succeed(embed, "train")
    train = Room(folder / "train").hyperparameters(command="train", recipe="probe", backbone="descriptor", seed=1)
    link(made.shards, train.channel("shards"))
    packed(made.embeddings, train.channel("embeddings") / "model.tar.gz")
    (train.channel("dataset") / "dataset.json").write_text(json.dumps(dataset(training)))
    succeed(train, "train")
    return made


def link(source: Path, folder: Path) -> None:
    for file in source.iterdir():
        (folder / file.name).symlink_to(file)


def succeed_here(room: Room, command: str, *words: str) -> subprocess.CompletedProcess[str]:
    done = room.here(command, *words)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def succeed(room: Room, command: str, **extra: str) -> subprocess.CompletedProcess[str]:
    done = room.run(command, **extra)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


Embedded = tuple["Dataset", "Backbone", np.ndarray]


@pytest.fixture
def embedded(scene: Scene, inside: Room) -> Embedded:
    """The scene's training images, a small network of random weights, and its embeddings of them, a row for each."""
    from countersign_ml import embed
    from countersign_ml.backbones import build
    from countersign_ml.dataset import from_document

    link(scene.shards, inside.channel("shards"))
    data = from_document(dataset(scene.training))
    backbone = build("mobilenetv3_small_050", None, image_size=32, random_weights=True)
    ids, rows = embed.embed_shards(inside.channel("shards"), backbone, wanted=set(data.ids))
    return data, backbone, rows[[ids.index(name) for name in data.ids]].astype(np.float64)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Random weights of a small CNN, as a pretrained folder."""
    import torch
    from countersign_ml import documents, torchvision_cure  # noqa: F401  (before timm)
    from safetensors.torch import save_file

    import timm  # isort: skip

    folder = tmp_path / "weights" / "small"
    folder.mkdir(parents=True)
    torch.manual_seed(3)
    save_file(timm.create_model("mobilenetv3_small_050").state_dict(), folder / "model.safetensors")
    manifest = {
        "architecture": "mobilenetv3_small_050",
        "licence": "apache-2.0",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "sha256": documents.file_sha256(folder / "model.safetensors"),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
