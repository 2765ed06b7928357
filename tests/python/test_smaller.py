"""Pruned copies and students: narrower, still the same shape outside, and as right where the task allows it."""

from __future__ import annotations

import copy
import dataclasses
import json

import numpy as np
import onnxruntime
import pytest
import torch
from conftest import CLASSES, Room, Scene, dataset
from countersign_ml import network, optimise, probe, small_cnn, smaller
from countersign_ml.backbones import build
from countersign_ml.classifier import with_head, with_new_head
from countersign_ml.dataset import from_document
from countersign_ml.pruning import _narrow, pruned
from countersign_ml.runtime import Model, infer

PIXELS = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("deit_tiny_patch16_224", 64),
        ("resnet18", 64),
        pytest.param("resnet50", 64, marks=pytest.mark.slow),
        pytest.param("mobilenetv2_100", 64, marks=pytest.mark.slow),
        pytest.param("convnext_atto", 64, marks=pytest.mark.slow),
    ],
)
def test_a_pruned_network_is_narrower_and_embeds_into_as_many_numbers(name, size):
    model = build(name, None, image_size=size, random_weights=True).embedder
    small, cut = pruned(model, 0.5)
    assert cut >= 6
    count = [sum(p.numel() for p in m.parameters()) for m in (model, small)]
    assert count[1] < 0.85 * count[0]
    with torch.inference_mode():
        assert small(PIXELS).shape == model(PIXELS).shape


def test_channels_that_say_nothing_are_the_ones_that_go():
    """Half of the first layer's channels are silent: cutting half changes no answer."""
    model = small_cnn.embedder(1, 32)
    small = copy.deepcopy(model)
    for block in (model.features.get_submodule("body.0"), small.features.get_submodule("body.0")):
        for layer in list(block.children())[:2]:
            layer.get_parameter("weight").data[::2] = 0
    producer, norm, _ = small.features.get_submodule("body.0").children()
    assert _narrow((producer, norm, None, small.features.get_submodule("body.1.0")), 0.5) == 1
    with torch.inference_mode():
        assert torch.allclose(small.eval()(PIXELS), model.eval()(PIXELS), atol=1e-5)


def test_a_network_comes_back_as_it_was_kept(tmp_path):
    model = with_new_head(small_cnn.embedder(3, 32), small_cnn.DIMENSION, 3)
    network.save(tmp_path, model, {"backbone": small_cnn.NAME, "inputSize": 32, "pooling": "default", "view": "whole"})
    again = network.load(tmp_path)
    assert again is not None
    with torch.inference_mode():
        assert torch.equal(model.eval()(PIXELS)[0], again(PIXELS)[0])


def test_a_model_folder_without_its_network_has_no_smaller_ones(tmp_path):
    assert list(smaller.build(tmp_path, {}, None, np.zeros(0), {}, tmp_path, 1, None)) == []  # type: ignore[arg-type]


@pytest.mark.slow
def test_pruned_copies_of_a_trained_network_answer_as_it_does_and_serve(scene: Scene, inside: Room, tmp_path):
    data = from_document(dataset(scene.training))
    model = with_new_head(small_cnn.embedder(1, 32), small_cnn.DIMENSION, len(CLASSES))
    facts = {"backbone": small_cnn.NAME, "inputSize": 32, "notes": {}}
    learn = np.nonzero(~data.validation)[0]
    pixels = smaller.fixed_size(scene.bytes.items(), data.ids, 32)
    schedule = smaller.Schedule(epochs=30, batch=16, learning_rate=4e-3, average=0.9)
    smaller.fitted(model, pixels[torch.from_numpy(learn)], torch.from_numpy(data.soft[learn]).float(), schedule)
    network.save(tmp_path, model, facts | {"pooling": "default", "view": "whole"})
    found = dict(smaller.build(tmp_path, facts, data, learn, scene.bytes, tmp_path, 1, None))
    assert list(found) == ["pruned-30", "pruned-50"]
    for file in found.values():
        session = onnxruntime.InferenceSession(str(file))
        hits = [
            infer(session, pixels[k].numpy()[None])[0].argmax() == data.hard[k] for k in np.nonzero(data.validation)[0]
        ]
        assert np.mean(hits) >= 0.8
    # Chosen, such a copy is served under facts of its own.
    target = tmp_path / "chosen"
    target.mkdir()
    (target / "model.onnx").write_bytes(found["pruned-50"].read_bytes())
    first = json.loads((scene.model / "model.json").read_text()) | {"inputSize": 32}
    judges = optimise.Judges(np.nonzero(data.validation)[0], learn, None, [])
    optimise.finish(target, optimise.adopted(target, first, data, judges, scene.bytes), "pruned-50")
    served = Model(target)
    assert served.facts["variant"] == "pruned-50" and served.digest != first["digest"]
    with np.load(target / "reference.npz") as stored:
        assert stored["embeddings"].shape == (len(data.ids), small_cnn.DIMENSION)


def taught(scene: Scene, tmp_path, monkeypatch, epochs: int):
    """A student whose labels say nothing: what it knows it has from its teacher, who swaps the classes round."""
    data = from_document(dataset(scene.training))
    data = dataclasses.replace(data, soft=np.full(data.soft.shape, 1 / 3))
    backbone = build("mobilenetv3_small_050", None, image_size=32, random_weights=True)
    pixels = smaller.fixed_size(scene.bytes.items(), data.ids, 32)
    with torch.inference_mode():
        embeddings = backbone.embedder(pixels).double().numpy()
    swapped = np.eye(3)[(data.hard + 1) % 3]
    teacher = with_head(backbone.embedder, probe.fit(embeddings, swapped, 10.0))
    shape = {"backbone": backbone.name, "inputSize": 32, "pooling": "default", "view": "whole"}
    network.save(tmp_path, teacher, shape)
    monkeypatch.setattr(smaller, "SHARES", ())
    learn = np.nonzero(~data.validation)[0]
    made = dict(smaller.build(tmp_path, {**shape, "notes": {}}, data, learn, scene.bytes, tmp_path, epochs, None))
    assert list(made) == ["distilled-small-cnn"]
    size = sum(p.numel() for p in teacher.parameters()) * 4
    assert made["distilled-small-cnn"].stat().st_size < 0.9 * size
    return onnxruntime.InferenceSession(str(made["distilled-small-cnn"])), pixels, data


def test_a_student_smaller_than_its_teacher_is_made_and_answers(scene: Scene, inside: Room, tmp_path, monkeypatch):
    session, pixels, data = taught(scene, tmp_path, monkeypatch, 1)
    logits, embedding = infer(session, pixels[:3].numpy())
    assert logits.shape == (3, len(data.classes))
    assert np.linalg.norm(embedding, axis=1) == pytest.approx(1, abs=1e-4)


@pytest.mark.slow
def test_a_student_answers_as_its_teacher_does_on_images_that_neither_learnt_from(
    scene: Scene, inside: Room, tmp_path, monkeypatch
):
    session, pixels, data = taught(scene, tmp_path, monkeypatch, 80)
    held_out = np.nonzero(data.validation)[0]
    told = [infer(session, pixels[k].numpy()[None])[0].argmax() for k in held_out]
    assert np.mean(np.array(told) == (data.hard[held_out] + 1) % 3) >= 0.8
