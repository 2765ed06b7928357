"""Memory that does not suffice, sets larger than memory, runs that are cut: less speed, the same result."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Room, Scene, draw, link
from countersign_ml import embed
from countersign_ml.backbones import Backbone, Embedder, Prepare, build
from countersign_ml.contract import BadInput, Stopped
from countersign_ml.finetune_run import _Watch, calibrated_loss
from countersign_ml.fitting import Schedule, TooLarge, fit
from countersign_ml.parallel import mapped
from countersign_ml.pixels import fixed_size
from PIL import Image
from torch import nn


class Narrow(nn.Module):
    """A network of a machine that has room for so many images at a time."""

    def __init__(self, room: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.room, self.asked = nn.Linear(12, 3), room, []

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.asked.append(len(images))
        if len(images) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        flat = images.flatten(1) / 255
        return self.layer(flat), flat


def fitted(room: int, cores: int = 1) -> Narrow:
    model = Narrow(room)
    images = torch.randint(0, 256, (20, 2, 2, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    soft = torch.eye(3)[torch.arange(20) % 3]
    schedule = Schedule(epochs=2, batch=8, learning_rate=1e-2)
    before = torch.get_num_threads()
    torch.set_num_threads(cores)
    try:
        fit(model, [{"params": list(model.parameters()), "scale": 1.0}], images, soft, schedule, seed=0)
    finally:
        torch.set_num_threads(before)
    return model


def test_a_batch_too_large_goes_through_in_parts_and_gives_the_same_weights():
    whole, parts = fitted(100), fitted(3)
    assert max(parts.asked) == 8 and parts.asked[:3] == [8, 4, 2] and set(parts.asked[3:]) <= {1, 2}
    assert torch.allclose(whole.layer.weight, parts.layer.weight, atol=1e-5)


def test_a_batch_falls_to_all_cores_and_gives_the_same_weights_bit_by_bit_each_time():
    whole, parts, again = fitted(100), fitted(100, cores=2), fitted(100, cores=2)
    assert max(whole.asked) == 8 and max(parts.asked) <= 5
    assert torch.allclose(whole.layer.weight, parts.layer.weight, atol=1e-5)
    assert torch.equal(parts.layer.weight, again.layer.weight)


def test_cores_that_run_out_of_memory_together_go_on_one_after_the_other():
    whole, parts = fitted(100), fitted(3, cores=2)
    assert max(parts.asked) <= 5 and torch.allclose(whole.layer.weight, parts.layer.weight, atol=1e-5)


def test_one_image_too_large_for_the_machine_is_a_clear_failure():
    with pytest.raises(TooLarge, match="smaller imageSize"):
        fitted(0)


class Normed(torch.nn.Module):
    """Batch norm can't take a batch of a single image."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(12), torch.nn.Linear(12, 3))

    def forward(self, images):
        return self.layers(images.float()), images.flatten(1)


def test_one_image_left_over_is_no_batch_of_its_own():
    images = torch.randint(0, 256, (17, 2, 2, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    model = Normed()
    schedule = Schedule(epochs=2, batch=8, learning_rate=1e-2)
    fit(
        model,
        [{"params": list(model.parameters()), "scale": 1.0}],
        images,
        torch.eye(3)[torch.arange(17) % 3],
        schedule,
        seed=0,
    )
    assert all(torch.isfinite(p).all() for p in model.parameters())


def private_kilobytes() -> int:
    """Of this process, without mapped files; 0 where the system does not tell (then only equality is shown)."""
    if not Path("/proc/self/status").exists():
        return 0
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1])


def test_pixels_larger_than_the_memory_allowed_lie_in_a_file_and_are_the_same(inside: Room):
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(stream, "JPEG")
    names = [f"{k:064x}" for k in range(150)]

    def images():
        return ((name, stream.getvalue()) for name in reversed(names))

    fixed_size(images(), names, 320, memory=1_000_000)  # what decoders keep for themselves is there before
    before = private_kilobytes()
    filed = fixed_size(images(), names, 320, memory=1_000_000)
    grown = private_kilobytes() - before
    assert filed.nbytes == 150 * 320 * 320 * 3 and grown < filed.nbytes / 1024 / 3
    assert torch.equal(filed[7], fixed_size(images(), names[:8], 320)[7])
    assert torch.equal(filed[torch.tensor([3, 140])], filed[[3, 140]])


def test_an_image_in_no_shard_is_named_by_the_reader(inside: Room):
    with pytest.raises(BadInput, match="1 of 2 images are in no shard"):
        fixed_size([("a", draw("red", 0))], ["a", "b"], 16)


class Roomless(nn.Module):
    """Features of a machine that has room for so many images at a time."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if len(images) > self.room:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return images.mean(dim=(2, 3))


def test_embedding_that_does_not_fit_goes_through_in_halves_and_gives_the_same_rows():
    def rows(room: int) -> np.ndarray:
        prepare = Prepare(16, (0.0,) * 3, (1.0,) * 3)
        backbone = Backbone("roomless", Embedder(prepare, Roomless(room)), 16, None, "")
        return embed._forward(backbone, [np.full((20 + k, 30, 3), 10 * k + 5, dtype=np.uint8) for k in range(7)])

    assert np.allclose(rows(7), rows(2)) and rows(2).shape == (7, 3)
    with pytest.raises(TooLarge, match="smaller imageSize"):
        rows(0)


def test_what_is_told_to_end_does_not_first_do_the_rest():
    begun: list[int] = []

    def slow(n: int) -> int:
        begun.append(n)
        time.sleep(0.05)
        return n

    with pytest.raises(Stopped):
        for found in mapped(slow, range(500)):
            if found == 3:
                raise Stopped
    assert len(begun) < 50


def test_embedding_goes_on_where_it_was_cut(scene: Scene, inside: Room, monkeypatch, tmp_path):
    monkeypatch.setattr(embed, "PART", 16)
    link(scene.shards, inside.channel("shards"))
    backbone = build("descriptor", None)
    whole = embed.embed_shards(inside.channel("shards"), backbone)
    first = embed._embed_batch

    def cut_at_the_last(backbone_, batch):
        if len(batch) < embed.BATCH:
            raise RuntimeError("cut")
        return first(backbone_, batch)

    monkeypatch.setattr(embed, "_embed_batch", cut_at_the_last)
    with pytest.raises(RuntimeError, match="cut"):
        embed.embed_shards(inside.channel("shards"), backbone, kept=tmp_path)
    again: list[str] = []

    def counted(backbone_, batch):
        again.extend(name for name, _ in batch)
        return first(backbone_, batch)

    monkeypatch.setattr(embed, "_embed_batch", counted)
    ids, rows = embed.embed_shards(inside.channel("shards"), backbone, kept=tmp_path)
    assert len(again) == len(scene.bytes) % embed.BATCH
    assert ids == whole[0] and np.array_equal(rows, whole[1])


def test_the_best_epoch_is_remembered_over_a_cut_and_an_epoch_seen_twice_counts_once(tmp_path):
    model = nn.Linear(2, 2)
    file = tmp_path / "best.pt"
    watch = _Watch(file, 1.0, model)
    assert watch.seen(0, 0.5, model) == 0
    best = model.weight.detach().clone()
    with torch.no_grad():
        model.weight.add_(1)
    assert watch.seen(1, 0.7, model) == 1
    again = _Watch(file, 1.0, model)
    assert again.seen(1, 0.7, model) == 1 and again.seen(2, 0.8, model) == 2
    assert torch.equal(again.state["weight"], best)


def test_the_start_is_no_epoch_without_progress(tmp_path):
    watch = _Watch(tmp_path / "w.pt", 0.4, nn.Linear(2, 2))
    assert [watch.seen(epoch, 0.5, nn.Linear(2, 2)) for epoch in range(3)] == [0, 1, 2]


def test_a_network_that_doubts_itself_is_not_taken_for_a_worse_one():
    rng = np.random.default_rng(0)
    truth = np.eye(3)[rng.integers(0, 3, 200)]
    logits = 2 * truth + rng.normal(0, 1, truth.shape)
    assert calibrated_loss(0.3 * logits, truth) == pytest.approx(calibrated_loss(logits, truth), abs=1e-4)
    assert calibrated_loss(rng.normal(0, 1, truth.shape), truth) > calibrated_loss(logits, truth) + 0.1
