"""What is said of a network that learnt from every image comes from images that are new to it, or to its sibling."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import CLASSES, Embedded, Room, Scene, dataset, draw, sha256, shard
from countersign_ml import (
    calibration,
    competition,
    contract,
    neighbours,
    network,
    optimise,
    probe,
    shards,
    sibling,
    small_cnn,
    train,
)
from countersign_ml.classifier import Classifier, export, with_new_head
from countersign_ml.contract import BadInput
from countersign_ml.dataset import Dataset, from_document
from countersign_ml.model_folder import Trained, write
from countersign_ml.pixels import fixed_size, predict

SHAPE = {"backbone": small_cnn.NAME, "inputSize": 32, "pooling": "default", "view": "whole"}


def saying(label: int) -> Classifier:
    """A network that gives every image the same class."""
    torch.manual_seed(0)
    model = with_new_head(small_cnn.embedder(0, 32), small_cnn.DIMENSION, len(CLASSES))
    with torch.no_grad():
        model.head.bias[label] = 1000
    return model.eval()


@pytest.fixture
def data(scene: Scene) -> Dataset:
    return from_document(dataset(scene.training))


def test_the_sibling_answers_for_every_int8_variant_where_the_network_itself_remembers(
    scene: Scene, data: Dataset, inside: Room, tmp_path: Path
):
    """The network says red of everything, its sibling blue: what is told of right answers is the sibling's."""
    export(saying(1), tmp_path / "model.onnx")
    held_out = np.arange(3, 15)
    sibling.Sibling(saying(0), held_out, np.zeros((len(data.ids), 2))).save(tmp_path, data.ids, SHAPE)
    judges = optimise.judges_of(tmp_path, data, tmp_path / "scratch")
    assert np.array_equal(judges.held_out, held_out) and len(judges.learn) == len(data.ids) - 12
    assert "12 of one fold" in judges.remarks[0]
    pixels = competition.Decoded(scene.bytes, [data.ids[k] for k in held_out], 32)
    variants = [competition.Variant("fp32", tmp_path / "model.onnx", judged=judges.sibling)]
    variants += optimise.quantised(tmp_path / "model.onnx", judges.sibling, pixels, tmp_path / "scratch")
    truth = data.hard[held_out]
    rows = competition.compete(variants, tmp_path, pixels, truth, np.arange(12), competition.Wishes())
    assert [row["name"] for row in rows] == ["fp32", "static-int8", "dynamic-int8"]
    blue = float((truth == 0).mean())
    assert blue != float((truth == 1).mean())
    for variant, row in zip(variants, rows, strict=True):
        assert row["accuracy"]["value"] == pytest.approx(blue)
        assert variant.file is not None and variant.judged not in (None, variant.file)
        assert row["bytes"] == variant.file.stat().st_size


def test_the_sibling_is_the_network_that_answered_for_its_fold(embedded: Embedded, monkeypatch):
    """Fine-tuned against a probe that is always wrong, so it ships."""
    data, backbone, embeddings = embedded
    wrong = probe.CrossValidation(0.1, {0.1: 0.0}, 9 * np.roll(data.soft, 1, axis=1))
    hyper = {"epochs": "1", "tuneFolds": "1", "imageSize": "32"}
    monkeypatch.setattr(train, "probed", lambda *_: (hyper, backbone, embeddings, wrong, {}))
    folds = data.folds(2, 1)
    trained = train.train_probe(hyper, data, folds, 1, fine_tuning="always")
    assert trained.notes["fineTuning"]["shipped"] and trained.validation_head is None
    assert trained.sibling is not None and trained.judged is not None
    held_out = trained.sibling.held_out
    assert np.array_equal(np.nonzero(trained.judged)[0], np.sort(held_out))
    pixels = fixed_size(shards.entries(contract.channel("shards")), data.ids, 32)
    told = predict(trained.sibling.classifier, pixels[torch.from_numpy(held_out)])[0]
    assert np.allclose(told, trained.out_of_fold[held_out], atol=1e-5)


def test_a_sibling_of_another_dataset_is_refused(data: Dataset, tmp_path: Path):
    network.save(tmp_path, saying(0), SHAPE, sibling.NAME)
    (tmp_path / sibling.ROWS).write_text(json.dumps({"heldOut": ["f" * 64]}))
    with pytest.raises(BadInput, match="1 of the 1 images"):
        sibling.load(tmp_path, data.ids)


def test_new_images_of_a_known_kind_are_not_called_novel_by_a_network_that_draws_its_own_together():
    rng = np.random.default_rng(0)

    def unit(rows: np.ndarray) -> np.ndarray:
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    centres = np.repeat(np.eye(8)[:3], 100, axis=0)
    learnt = unit(centres + rng.normal(0, 0.02, centres.shape))
    held_out, later = (unit(centres + rng.normal(0, 0.1, centres.shape)) for _ in range(2))

    def called_novel(threshold: float) -> float:
        distances = [neighbours.kth_distance(learnt.astype(np.float32), row) for row in later]
        return float(np.mean(np.array(distances) > threshold))

    assert called_novel(neighbours.threshold_of_known(learnt, np.arange(300))) > 0.9
    assert called_novel(neighbours.threshold_of_new(learnt, held_out)) < 0.05


def test_temperature_and_figures_come_from_the_rows_that_such_networks_judged(data: Dataset, tmp_path: Path):
    """The probe's rows, ten times as sure and all wrong, must not be heard."""
    model = with_new_head(small_cnn.embedder(0, 32), small_cnn.DIMENSION, len(CLASSES))
    judged = np.arange(len(data.ids)) % 3 > 0
    rng = np.random.default_rng(1)
    theirs = 3 * data.soft + rng.normal(0, 1, data.soft.shape)
    logits = np.where(judged[:, None], theirs, -30 * data.soft)
    embeddings = torch.nn.functional.normalize(torch.randn(len(data.ids), 8)).numpy()
    trained = Trained(
        classifier=model,
        backbone=small_cnn.NAME,
        input_size=32,
        weights_sha256=None,
        out_of_fold=logits,
        folds=3,
        training_logits=theirs,
        reference=embeddings,
        notes={},
        sibling=sibling.Sibling(model, np.nonzero(judged)[0][:9], embeddings),
        judged=judged,
    )
    write(tmp_path, data, trained, "finetune", 0, 0.05)
    facts = json.loads((tmp_path / "model.json").read_text())
    assert facts["temperature"] == pytest.approx(calibration.temperature(theirs[judged], data.soft[judged]))
    assert facts["crossValidation"]["n"] == judged.sum()
    right = theirs.argmax(axis=1) == data.hard
    assert facts["crossValidation"]["accuracy"] == pytest.approx(right[judged].mean())
    assert facts["validation"]["n"] == (data.validation & judged).sum()
    items = json.loads((tmp_path / "cv-predictions.json").read_text())["items"]
    assert len(items) == len(data.ids) and all(abs(sum(item["probabilities"]) - 1) < 1e-4 for item in items)
    with np.load(tmp_path / "reference.npz") as stored:
        assert float(stored["threshold"]) == pytest.approx(trained.sibling.novelty_threshold())  # type: ignore[union-attr]
    found = sibling.load(tmp_path, data.ids)
    assert found is not None and np.array_equal(found[1], np.nonzero(judged)[0][:9])
    pixels = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    assert np.allclose(predict(found[0], pixels)[0], predict(model.eval(), pixels)[0])


def test_shards_are_read_image_by_image(tmp_path: Path):
    rng = np.random.default_rng(0)
    made = [rng.bytes(500_000) for _ in range(40)]
    shard(tmp_path / "shards/0.tar", made[:25])
    shard(tmp_path / "shards/1.tar", [made[3], *made[25:]])
    tracemalloc.start()
    images = shards.Images(tmp_path / "shards")
    names = [name for name, data in images.items() if sha256(data) == name]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert names == [sha256(data) for data in made]
    assert peak < 4_000_000
    assert [name for name, _ in images.of({names[30], names[2]})] == [names[2], names[30]]
    with pytest.raises(BadInput, match="1 of 2 images are in no shard"):
        images.needed([names[0], "f" * 64])


def test_a_corrupt_image_among_those_that_judge_is_named():
    pixels = competition.Decoded({"a": draw("red", 0), "b": b"\xff\xd8 nothing"}, ["a", "b"], 32)
    assert pixels[0].shape == (32, 32, 3) and len(pixels) == 2
    with pytest.raises(BadInput, match="image b in the shards"):
        pixels[1]


def test_what_is_published_leaves_the_sibling_behind(tmp_path: Path, inside: Room):
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("model.onnx", "network.safetensors", sibling.NAME, sibling.ROWS):
        (folder / name).write_bytes(b"x")
    table = {
        "margin": 0.01,
        "chosen": "fp32",
        "meetsWishes": True,
        "wishes": {"accuracyFloor": 0, "latencyMs": None, "megabytes": None},
        "variants": [{"name": "fp32", "outcome": "refused", "reason": "x", "pareto": False}],
        "leftOut": [],
    }
    optimise.publish(folder, tmp_path / "target", competition.Variant("fp32", folder / "model.onnx"), table)
    there = {file.name for file in (tmp_path / "target").iterdir()}
    assert there == {"model.onnx", "network.safetensors", "optimisation.json"}
