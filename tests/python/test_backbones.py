"""Every family by name, from random weights: forward, a step of fine-tuning, and for one of each kind the graph."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest
import torch
from countersign_ml import documents, finetune_run, pretrained, probe
from countersign_ml.backbones import Prepare, build
from countersign_ml.classifier import export, with_head
from countersign_ml.contract import BadInput
from countersign_ml.fitting import NotFinite, Schedule, fit

# name, image size: the smallest of each family that the plan names
FAMILIES = [
    ("resnet18", 64),
    ("vgg11", 64),
    ("efficientnet_b0", 64),
    ("mobilenetv3_small_050", 64),
    ("mobilenetv4_conv_small_050", 64),
    ("convnext_atto", 64),
    ("deit_tiny_patch16_224", 64),
    ("vit_tiny_patch16_224", 64),
    ("vit_small_patch14_dinov2", 70),
    ("mobilevit_xxs", 64),
    ("edgenext_xx_small", 64),
    ("levit_128s", 224),
    ("coatnet_0_rw_224", 224),
]
PIXELS = torch.randint(0, 256, (2, 48, 56, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


# One of each kind in every run; `npm run verify:python` runs the others.
QUICK = {"mobilenetv3_small_050", "deit_tiny_patch16_224", "mobilevit_xxs"}


@pytest.mark.parametrize(
    ("name", "size"),
    [pytest.param(*row, id=row[0], marks=() if row[0] in QUICK else pytest.mark.slow) for row in FAMILIES],
)
def test_a_family_embeds_and_takes_a_training_step(name, size):
    backbone = build(name, None, image_size=size, random_weights=True)
    with torch.inference_mode():
        before = backbone.embedder(PIXELS)
    assert torch.allclose(before.norm(dim=1), torch.ones(2), atol=1e-4)
    dim = before.shape[1]
    model = with_head(backbone.embedder, probe.Head(np.eye(2, dim), np.zeros(2)))
    finetune_run.freeze_batch_norms(model)
    schedule = Schedule(epochs=1, batch=2, learning_rate=1e-3, warmup=0.0, average=0.0)
    images = torch.nn.functional.interpolate(PIXELS.permute(0, 3, 1, 2).float(), size=(size, size)).to(torch.uint8)
    fit(
        model,
        finetune_run.parameter_groups(model, 0.05, 0.7),
        images.permute(0, 2, 3, 1),
        torch.eye(2),
        schedule,
        seed=0,
    )
    with torch.inference_mode():
        after = backbone.embedder(PIXELS)
    assert torch.isfinite(after).all()
    assert not torch.equal(before, after)


# A hybrid takes half a minute to export: convolutions and attention in one graph.
EXPORTED = {"deit_tiny_patch16_224"}


@pytest.mark.parametrize(
    ("name", "size"),
    [pytest.param(*row, id=row[0], marks=() if row[0] in EXPORTED else pytest.mark.slow) for row in FAMILIES],
)
def test_the_graph_of_a_family_equals_torch(name, size, tmp_path):
    backbone = build(name, None, image_size=size, random_weights=True)
    with torch.inference_mode():
        dim = backbone.embedder(PIXELS).shape[1]
    model = with_head(backbone.embedder, probe.Head(np.eye(3, dim), np.zeros(3)))
    export(model, tmp_path / "model.onnx", np.zeros((2, 40, 48, 3), dtype=np.uint8))
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    for shape in [(1, 90, 31), (3, 48, 56)]:
        image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
        with torch.inference_mode():
            expected = model(torch.from_numpy(image))
        for ours, theirs in zip(session.run(["logits", "embedding"], {"image": image}), expected, strict=True):
            assert np.abs(ours - theirs.numpy()).max() < 1e-4


def test_the_view_of_the_centre_is_the_undistorted_middle():
    image = torch.randint(0, 256, (1, 100, 160, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    middle = image[:, 5:95, 35:125].permute(0, 3, 1, 2).float()
    expected = torch.nn.functional.interpolate(middle, size=(32, 32), mode="bicubic", antialias=True).clamp(0, 255)
    found = Prepare(32, (0.0,) * 3, (1 / 255,) * 3, "centre")(image)
    # At the rim the view may look beyond its own border; a crop can't.
    assert torch.allclose(found[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], atol=1e-2)


@pytest.mark.slow
def test_the_graph_of_the_centre_view_takes_any_size(tmp_path):
    backbone = build("mobilenetv3_small_050", None, image_size=32, view="centre", random_weights=True)
    model = with_head(backbone.embedder, probe.Head(np.eye(3, 1024), np.zeros(3)))
    export(model, tmp_path / "model.onnx", np.zeros((2, 40, 48, 3), dtype=np.uint8))
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    for shape in [(1, 90, 31), (2, 33, 200)]:
        image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
        with torch.inference_mode():
            expected = model(torch.from_numpy(image))[0].numpy()
        assert np.abs(np.asarray(session.run(["logits"], {"image": image})[0]) - expected).max() < 1e-4


def test_an_unknown_backbone_is_refused_with_near_names():
    with pytest.raises(BadInput, match="resnet"):
        build("resnet17x", None, random_weights=True)


def test_tokens_need_a_class_token():
    with pytest.raises(BadInput, match="class token"):
        build("resnet18", None, random_weights=True, pooling="tokens")


def changed(weights, **facts):
    manifest = json.loads((weights / "manifest.json").read_text()) | facts
    (weights / "manifest.json").write_text(json.dumps(manifest))
    return weights.parent


def test_weights_are_loaded_whole_and_named_by_their_digest(weights):
    backbone = build("mobilenetv3_small_050", weights.parent)
    assert backbone.weights_sha256 == documents.file_sha256(weights / "model.safetensors")
    random = build("mobilenetv3_small_050", None, random_weights=True, seed=9)
    assert not torch.equal(backbone.embedder(PIXELS), random.embedder(PIXELS))


def test_weights_of_another_architecture_are_refused(weights):
    with pytest.raises(BadInput, match="not of architecture resnet18"):
        build("resnet18", changed(weights, architecture="resnet18"))


def test_weights_with_other_bytes_than_the_manifest_says_are_refused(weights):
    with pytest.raises(BadInput, match="its manifest says 0000"):
        build("mobilenetv3_small_050", changed(weights, sha256="0" * 64))


@pytest.mark.parametrize("licence", ["cc-by-nc-4.0", "dinov3-license", "", "research only"])
def test_a_licence_that_needs_asking_is_refused_until_it_is_accepted(weights, licence):
    folder = changed(weights, licence=licence)
    with pytest.raises(BadInput, match="acceptLicences"):
        pretrained.find(folder, "mobilenetv3_small_050")
    if licence:
        assert pretrained.find(folder, "mobilenetv3_small_050", licence).licence == licence


def test_a_manifest_that_points_nowhere_is_refused(weights):
    (weights / "model.safetensors").unlink()
    with pytest.raises(BadInput, match="missing beside it"):
        build("mobilenetv3_small_050", weights.parent)


def test_a_loss_that_is_not_a_number_ends_the_training():
    backbone = build("mobilenetv3_small_050", None, image_size=32, random_weights=True)
    model = with_head(backbone.embedder, probe.Head(np.full((2, 1024), np.nan), np.zeros(2)))
    images = torch.zeros((2, 32, 32, 3), dtype=torch.uint8)
    schedule = Schedule(epochs=1, batch=2, learning_rate=1e-3)
    with pytest.raises(NotFinite, match="lower learningRate"):
        fit(model, [{"params": list(model.parameters()), "scale": 1.0}], images, torch.eye(2), schedule, seed=0)
