"""Weights from timm's hub: real loading code, tried on a file that timm itself wrote, and without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from countersign_ml import pretrained, torchvision_cure  # noqa: F401  (before timm)
from countersign_ml.contract import BadInput
from countersign_ml.fetch import fetch

CONTAINER = Path(__file__).resolve().parents[2] / "training-container"


def test_fetched_weights_are_what_the_container_loads(tmp_path: Path) -> None:
    import timm
    from safetensors.torch import save_file

    model = timm.create_model("test_vit", pretrained=False)
    save_file(model.state_dict(), tmp_path / "hub.safetensors")
    folder = fetch("test_vit", tmp_path / "weights", file=tmp_path / "hub.safetensors")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["architecture"] == "test_vit"
    assert manifest["bytes"] == (folder / "model.safetensors").stat().st_size
    weights = pretrained.find(tmp_path / "weights", "test_vit", accept_licences=manifest["licence"])
    assert weights.sha256 == manifest["sha256"]


def test_an_unknown_architecture_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match='no architecture "vit_enormous"'):
        fetch("vit_enormous", tmp_path)


def test_without_a_hub_it_says_where_weights_can_come_from(tmp_path: Path) -> None:
    # A hub address where nobody listens: the same as no network, without leaving this machine.
    env = {
        **os.environ,
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HOME": str(tmp_path / "hub"),
        "HF_HUB_ETAG_TIMEOUT": "1",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "countersign_ml.fetch", "test_vit", str(tmp_path / "weights")],
        cwd=CONTAINER,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 2
    assert "--weights DIR" in ended.stderr and "COUNTERSIGN_WEIGHTS" in ended.stderr
