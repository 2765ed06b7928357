"""Compression, fine-tuning, corruptions, slices, the model card: the parts that decide and warn."""

from __future__ import annotations

import json
import tarfile

import numpy as np
import pytest
from conftest import Embedded, Room, Scene, dataset, link, packed, succeed
from countersign_ml import competition, corruptions, documents, finetune, metrics, optimise, probe, slices
from countersign_ml.contract import BadInput
from countersign_ml.dataset import from_document
from countersign_ml.fitting import Schedule, augment, flips_for


def row(name: str, ms: float, outcome: str, accuracy: float = 0.9) -> dict:
    return {"name": name, "ms": ms, "outcome": outcome, "accuracy": {"value": accuracy}}


def test_the_fastest_variant_that_is_not_refused_is_chosen():
    rows = [row("fp32", 20, "reference"), row("static-int8", 5, "refused"), row("dynamic-int8", 12, "allowed")]
    assert competition.choose(rows) == "dynamic-int8"


def test_a_variant_that_saves_less_than_a_tenth_is_not_worth_it():
    assert competition.choose([row("fp32", 20, "reference"), row("dynamic-int8", 19, "allowed")]) == "fp32"


def test_with_every_variant_refused_the_reference_stays():
    assert competition.choose([row("fp32", 20, "reference"), row("static-int8", 5, "refused")]) == "fp32"


def test_a_drop_whose_interval_reaches_beyond_the_margin_is_not_proven_harmless():
    reference = np.ones(400, dtype=bool)
    worse = reference.copy()
    worse[:20] = False
    assert metrics.paired(reference, worse, np.arange(400))["difference"]["high"] > competition.MARGIN


def test_one_lucky_difference_among_a_few_images_proves_nothing():
    def worst(n: int) -> float:
        reference, lucky = np.ones(n, dtype=bool), np.ones(n, dtype=bool)
        reference[0] = False
        return metrics.paired(reference, lucky, np.arange(n))["difference"]["high"]

    assert worst(50) > competition.MARGIN
    assert worst(500) <= competition.MARGIN


def test_the_accuracy_floor_and_the_latency_of_the_campaign_choose():
    rows = [
        row("fp32", 20, "reference", 0.92),
        row("pruned-30", 12, "allowed", 0.915),
        row("static-int8", 5, "allowed", 0.90),
    ]
    assert competition.choose(rows) == "static-int8"
    assert competition.choose(rows, competition.Wishes(accuracy_floor=0.91)) == "pruned-30"
    assert competition.choose(rows, competition.Wishes(latency_ms=15)) == "pruned-30"
    assert competition.choose(rows, competition.Wishes(accuracy_floor=0.99)) == "fp32"


@pytest.mark.parametrize(("name", "value"), [("margin", "-1"), ("margin", "0.5"), ("latency-ms", "soon")])
def test_a_wish_out_of_range_is_refused(name, value):
    with pytest.raises(BadInput, match="allowed: 0 to"):
        optimise.wishes_from({name: value})


def test_optimising_a_model_ends_with_a_model_that_serves(scene: Scene, room: Room):
    inputs = room.root / "processing/input"
    packed(scene.model, inputs / "model/model.tar.gz")
    (inputs / "dataset").mkdir(parents=True)
    (inputs / "dataset/dataset.json").write_text(json.dumps(dataset(scene.training)))
    (inputs / "shards").mkdir()
    link(scene.shards, inputs / "shards")
    succeed(room, "optimise")
    out = room.root / "processing/output"
    report = json.loads((out / "optimisation.json").read_text())
    names = [v["name"] for v in report["variants"]]
    # The descriptor is smaller than any student, and has nothing to prune.
    assert names == ["fp32", "static-int8", "dynamic-int8"]
    assert any(v["pareto"] for v in report["variants"]) and all(v["costPerMillion"] > 0 for v in report["variants"])
    # Six validation images prove nothing: no variant may pass on them.
    assert {v["outcome"] for v in report["variants"][1:]} == {"refused"}
    assert report["chosen"] == "fp32" and report["leftOut"] == []
    # Packed as a training job packs: the same place and form, so that whatever takes a model takes this one.
    with tarfile.open(out / "model.tar.gz") as archive:
        archive.extractall(out / "model", filter="data")
    facts = documents.read(out / "model/model.json", "training-result")
    digest = documents.file_sha256(out / "model/model.onnx")
    assert facts["onnxSha256"] == digest == report["variants"][0]["sha256"]
    assert documents.read(out / "model/optimisation.json", "optimisation") == report


def test_a_network_that_has_learnt_the_validation_images_says_so_beside_its_variants(scene: Scene, tmp_path):
    data = from_document(dataset(scene.training))

    def remarks() -> list[str]:
        return optimise.judges_of(tmp_path, data, tmp_path / "scratch").remarks

    assert "has learnt from the validation images" in remarks()[0]
    (tmp_path / "validation-head.npz").write_bytes(b"")
    assert remarks() == []


def test_every_corruption_keeps_the_shape_and_grows_with_severity():
    rng = np.random.default_rng(0)
    pixels = np.repeat(np.repeat(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8), 8, axis=0), 8, axis=1)
    for name, corrupt in corruptions.FAMILIES.items():
        distances = []
        for severity in corruptions.SEVERITIES:
            found = corrupt(pixels, severity)
            assert found.shape == pixels.shape and found.dtype == np.uint8, name
            assert np.array_equal(found, corrupt(pixels, severity)), name
            distances.append(np.abs(found.astype(float) - pixels).mean())
        assert distances[0] < distances[-1], name


def test_words_lists_and_numbers_become_slices():
    known = [
        {"camera": "A", "vendor": ["alder", "birch"], "size": 100 * k} if k else {"vendor": "birch"} for k in range(9)
    ]
    masks = slices.by_value(known)
    assert sorted(masks) == ["camera A", "high size", "low size", "vendor alder", "vendor birch"]
    assert masks["vendor birch"].all() and masks["camera A"].sum() == masks["vendor alder"].sum() == 8
    # Quarters of the eight that have a size: 100 to 800; the one without is in neither.
    assert list(np.nonzero(masks["low size"])[0]) == [1, 2] and list(np.nonzero(masks["high size"])[0]) == [7, 8]


def test_a_slice_that_is_worse_warns_and_one_that_is_not_does_not():
    brightness = np.arange(400.0)
    hit = np.ones(400, dtype=bool)
    hit[:60:2] = False
    masks = slices.by_quartile("brightness", brightness)
    found = {row["slice"]: row for row in slices.report(masks, hit, np.arange(400))}
    assert found["low brightness"]["warns"] is True
    assert found["high brightness"]["warns"] is False


def test_a_slice_of_a_few_images_is_not_looked_at():
    assert slices.report({"rare": np.arange(100) < 5}, np.ones(100, dtype=bool), np.arange(100)) == []


def test_classes_of_left_and_right_are_not_mirrored():
    assert flips_for(["left shoe", "right shoe"]) == "none"
    assert flips_for(["turn_left", "straight"]) == "none"
    assert flips_for(["daisy", "rose"]) == "horizontal"


def test_an_augmentation_with_everything_off_changes_nothing():
    import torch

    schedule = Schedule(epochs=1, batch=2, learning_rate=1, flips="none", shift=0, zoom=0, turn=0, light=0)
    images = torch.randint(0, 256, (2, 16, 16, 3), dtype=torch.uint8)
    out = augment(images, schedule, torch.Generator().manual_seed(0))
    assert torch.allclose(out, images.float(), atol=1e-2)


@pytest.mark.parametrize(("key", "value"), [("flips", "diagonal"), ("epochs", "many"), ("learningRate", "fast")])
def test_settings_of_fine_tuning_that_make_no_sense_are_refused(key, value):
    with pytest.raises(BadInput):
        finetune.schedule_from({key: value}, ["a", "b"])


@pytest.mark.parametrize("probe_is_right", [True, False])
def test_a_network_ships_only_where_it_beats_the_probe(embedded: Embedded, probe_is_right):
    data, backbone, embeddings = embedded
    answered = data.soft if probe_is_right else np.roll(data.soft, 1, axis=1)
    probed = probe.CrossValidation(0.1, {0.1: 0.0}, 9 * answered)
    hyper = {"epochs": "1", "tuneFolds": "1"}
    tuned = finetune.fine_tune(hyper, data, data.folds(2, 1), embeddings, probed, backbone, seed=1)
    assert (tuned.classifier is None) == probe_is_right
    assert (tuned.gain["difference"]["low"] > 0) != probe_is_right
    assert tuned.gain["n"] == tuned.judged.sum() > 0


@pytest.mark.slow
def test_a_fine_tuning_job_keeps_the_numbers_it_decided_by(scene: Scene, tmp_path):
    embedding = Room(tmp_path / "embed").hyperparameters(
        command="embed", backbone="mobilenetv3_small_050", imageSize=32, weights="random", seed=1
    )
    link(scene.shards, embedding.channel("shards"))
    succeed(embedding, "train")
    room = Room(tmp_path / "tune").hyperparameters(
        command="train",
        recipe="finetune",
        backbone="mobilenetv3_small_050",
        imageSize=32,
        weights="random",
        seed=1,
        epochs=1,
        folds=2,
        tuneFolds=1,
    )
    link(scene.shards, room.channel("shards"))
    link(embedding.root / "model", room.channel("embeddings"))
    (room.channel("dataset") / "dataset.json").write_text(json.dumps(dataset(scene.training)))
    succeed(room, "train")
    facts = documents.read(room.root / "model/model.json", "training-result")
    notes = facts["notes"]["fineTuning"]
    # What shipped, and not what was asked for, is told of the model.
    assert facts["recipe"] == ("finetune" if notes["shipped"] else "probe")
    assert notes["judged"] == notes["n"] > 0
    assert notes["shipped"] == (notes["difference"]["low"] > 0)
