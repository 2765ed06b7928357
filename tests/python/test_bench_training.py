"""The benchmarks of training and serving on drawn images and random weights: that they run to the end."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import CLASSES, REPOSITORY, draw

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, inside):
    """bench(name, *words): a benchmark's JSON lines, as `npm run bench:<name> -- words --json` prints them."""
    monkeypatch.syspath_prepend(str(REPOSITORY / "bench/training"))
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY / "training-container"))

    def run(name: str, *words: str, capsys) -> list[dict]:
        module = importlib.import_module(name)
        monkeypatch.setattr(module, "KEPT", tmp_path / "kept")
        # To random weights all drawn images look alike.
        monkeypatch.setattr(module, "near_duplicate_groups", lambda rows: np.arange(len(rows)))
        monkeypatch.setattr(sys, "argv", [name, *words, "--json"])
        module.main()
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
        return [line for line in lines if "set" in line]

    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "drawn"
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for n in range(12):
            (folder / name / f"{n}.png").write_bytes(draw(name, n, 48))
    return folder


def test_a_folder_of_classes_is_probed_and_fine_tuned_by_folds(bench, photos, weights, capsys):
    words = (
        str(photos),
        "--weights",
        str(weights.parent),
        "--views",
        "whole",
        "--epochs",
        "1",
        "--finetune-size",
        "64",
    )
    (found,) = bench("training", *words, "--tune-trials", "2", capsys=capsys)
    assert found["images"] == 36 and found["probe"]["low"] <= found["probe"]["accuracy"] <= found["probe"]["high"]
    tuned = found["finetuned"]
    assert tuned["how"].startswith("1 of 5 folds") and tuned["settings"]["imageSize"] == "64"
    assert len(tuned["tuning"]["trials"]) == 2
    assert found["shipped"] == ("finetuned" if tuned["gain"]["difference"]["low"] > 0 else "probe")
    assert found["cachedSeconds"] <= found["probe"]["seconds"]


def test_an_official_split_is_tuned_on_val_and_the_test_looked_at_only_when_asked(bench, photos, weights, capsys):
    split: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for file in sorted(photos.glob("*/*")):
        part = ("train", "train", "val", "test")[int(file.stem) % 4]
        coarse = "plain" if file.parent.name != "striped" else "striped"
        split[part].append(f"{file.relative_to(photos)}, {file.parent.name}, {coarse}")
    for part, lines in split.items():
        (photos / f"{part}.txt").write_text("\n".join(lines) + "\n")
    words = (
        str(photos),
        "--weights",
        str(weights.parent),
        "--views",
        "centre",
        "--epochs",
        "1",
        "--finetune-size",
        "64",
    )
    fine, coarse = bench("training", *words, "--look", "val", capsys=capsys)
    assert fine["set"].endswith("-3") and coarse["set"].endswith("-2")
    assert fine["judged"] == 9 and "not looked at" in fine["how"] and "val" in fine["finetuned"]["how"]
    fine, _ = bench("training", *words, capsys=capsys)
    assert fine["judged"] == 9 and "one look at test" in fine["how"]
    assert fine["finetuned"]["gain"]["n"] == 9 and "gainOnValidation" in fine["finetuned"]


def test_serving_is_measured_to_the_end(bench, photos, weights, capsys):
    words = (str(photos), "--weights", str(weights.parent), "--backbone", "mobilenetv3_small_050", "--requests", "20")
    (found,) = bench("serving", *words, capsys=capsys)
    assert "cut" not in found and found["maxProbabilityDifference"] < 1e-4 and found["sameTop1"] == 1
    assert found["p50Ms"] <= found["p99Ms"] and found["readySeconds"] > 0 and found["rssMb"] > 0
    assert [row["name"] for row in found["variants"]] == ["fp32", "static-int8", "dynamic-int8"]
    # A dozen images prove nothing of a compressed variant.
    assert [row["outcome"] for row in found["variants"][1:]] == ["refused", "refused"]
