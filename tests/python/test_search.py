"""What is chosen on the user's own images: backbone, resolution, view, class weights, settings of the fine-tune."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest
import torch
from conftest import Room, dataset, png, sha256, shard, succeed_here
from countersign_ml import documents, search
from countersign_ml.backbones import Backbone, build
from countersign_ml.classifier import export, with_new_head
from countersign_ml.contract import BadInput
from countersign_ml.dataset import from_document
from countersign_ml.runtime import infer


def scratched(fine: bool, n: int) -> bytes:
    """Grey grain, 256 px; `fine`: a patch of stripes two pixels wide each, grey once the image is small."""
    rng = np.random.default_rng(n)
    pixels = np.full((256, 256, 3), 128.0)
    if fine:
        x, y = rng.integers(20, 180, 2)
        stripes = np.where(np.arange(48) // 2 % 2, 40.0, -40.0)
        pixels[y // 4 * 4 : y // 4 * 4 + 48, x // 4 * 4 : x // 4 * 4 + 48] += stripes[None, :, None]
    light = rng.normal(0, 8, (8, 8, 1)).repeat(32, axis=0).repeat(32, axis=1)
    return png((pixels + light + rng.normal(0, 3, pixels.shape)).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def minute() -> dict[str, tuple[str, bytes]]:
    drawn = [("fine" if k % 2 else "plain", scratched(bool(k % 2), k)) for k in range(24)]
    return {sha256(data): (label, data) for label, data in drawn}


def described(candidate: search.Candidate) -> Backbone:
    return build("descriptor", None, image_size=candidate.image_size, view=candidate.view)


def test_what_only_a_larger_picture_shows_makes_the_search_take_it(minute, inside: Room):
    shard(inside.channel("shards") / "0.tar", [data for _, data in minute.values()])
    data = from_document(dataset({name: label for name, (label, _) in minute.items()}, ["fine", "plain"]))
    space = search.Space(("descriptor",), ("whole",), (32, 256))
    folds = data.folds(3, 1)
    chosen, left_out = search.search(
        space, data.ids, inside.channel("shards"), data.soft, folds, described, search.Budget(600)
    )
    assert chosen.best.candidate.image_size == 256 and left_out == [], chosen.tried
    assert (chosen.searched.out_of_fold.argmax(axis=1) == data.hard).mean() >= 0.9


def test_a_spent_budget_leaves_candidates_out_by_name_but_never_all(minute, inside: Room):
    shard(inside.channel("shards") / "0.tar", [data for _, data in minute.values()])
    data = from_document(dataset({name: label for name, (label, _) in minute.items()}, ["fine", "plain"]))
    space = search.Space(("descriptor",), ("whole", "tiles"))
    args = (space, data.ids, inside.channel("shards"), data.soft, data.folds(2, 1), described)
    chosen, left_out = search.search(*args, search.Budget(0))
    assert chosen.best.candidate == search.Candidate("descriptor")
    assert [row["view"] for row in left_out] == ["tiles"] and "more than the budget leaves" in left_out[0]["why"]


def test_a_training_job_searches_and_ships_what_it_found(minute, room: Room):
    shard(room.channel("shards") / "0.tar", [data for _, data in minute.values()])
    document = dataset({name: label for name, (label, _) in minute.items()}, ["fine", "plain"])
    (room.channel("dataset") / "dataset.json").write_text(json.dumps(document))
    room.hyperparameters(command="train", backbones="descriptor", imageSizes="32", views="whole,tiles", folds=3, seed=1)
    succeed_here(room, "train")
    model = documents.read(room.root / "model/model.json", "training-result")
    found = model["notes"]["search"]
    assert found["chosen"]["view"] == "tiles" and model["inputSize"] == 256
    assert found["leftOut"] == [] and found["tried"][0]["logLoss"] <= found["tried"][-1]["logLoss"]
    session = onnxruntime.InferenceSession(str(room.root / "model/model.onnx"))
    logits, embedding = infer(session, np.zeros((1, 70, 90, 3), dtype=np.uint8))
    assert logits.shape == (1, 2) and np.linalg.norm(embedding) == pytest.approx(1, abs=1e-4)


def test_tiles_look_at_each_quarter_by_itself():
    backbone = build("descriptor", None, view="tiles", image_size=64)
    image = torch.zeros((1, 64, 64, 3), dtype=torch.uint8)
    bright = image.clone()
    bright[:, :32, :32] = 255
    moved = image.clone()
    moved[:, 32:, 32:] = 255
    with torch.inference_mode():
        plain, first, last = (backbone.embedder(one) for one in (image, bright, moved))
    half = first.shape[1] // 2
    # Where the bright quarter lies is all the same to the strongest of the tiles, and not to the whole.
    assert torch.allclose(first[:, half:], last[:, half:], atol=1e-5)
    assert not torch.allclose(first[:, :half], last[:, :half], atol=1e-3)
    assert not torch.allclose(first[:, half:], plain[:, half:], atol=1e-3)


@pytest.mark.slow
def test_a_tiled_timm_network_exports_and_answers_as_in_torch(tmp_path):
    backbone = build("deit_tiny_patch16_224", None, view="tiles", image_size=64, random_weights=True)
    model = with_new_head(backbone.embedder, 384, 3)
    export(model, tmp_path / "m.onnx", np.zeros((2, 48, 40, 3), dtype=np.uint8))
    image = np.random.default_rng(0).integers(0, 255, (3, 90, 70, 3), dtype=np.uint8)
    logits, _ = infer(onnxruntime.InferenceSession(str(tmp_path / "m.onnx")), image)
    with torch.inference_mode():
        assert np.abs(logits - model(torch.from_numpy(image))[0].numpy()).max() < 1e-3


@pytest.mark.parametrize(
    ("hyper", "said"),
    [
        ({"views": "whole,sideways"}, "views"),
        ({"imageSizes": "224,huge"}, "imageSizes"),
        ({"views": "tiles", "imageSizes": "225"}, "even"),
        ({"backbones": "all"}, "manifest.json"),
    ],
)
def test_a_search_space_that_makes_no_sense_is_refused(hyper, said):
    with pytest.raises(BadInput, match=said):
        search.space_from({"backbones": "descriptor"} | hyper, None)


def test_a_budget_that_is_no_time_is_refused():
    with pytest.raises(BadInput, match="searchMinutes"):
        search.minutes_from({"searchMinutes": "soon"}, "searchMinutes", 1)


def test_without_named_backbones_nothing_is_searched():
    assert search.space_from({"backbone": "descriptor"}, None) is None
