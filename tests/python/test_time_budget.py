"""Recipe `auto`: what fits into the minutes is fine-tuned, and why nothing was is told."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import Embedded, Room, Scene, dataset, link, succeed_here
from countersign_ml import documents, finetune, probe, time_budget
from countersign_ml.contract import BadInput


class Two:
    """As much of a run as the budget asks for: 100 images, 2 epochs."""

    data = type("Data", (), {"ids": ["image"] * 100})
    schedule = type("Schedule", (), {"epochs": 2})


FOLDS = [(np.arange(60), np.arange(60, 100))] * 3


@pytest.mark.parametrize(("minutes", "folds"), [(200, 3), (10.7, 2), (8, 1), (6.14, 1)])
def test_as_many_folds_are_used_as_fit(minutes, folds):
    # A second an image: 2 epochs of 100 + k x 60 images and 15 % for the rest are 368, 506 and 644 s for 1, 2, 3 folds.
    found = time_budget.folds_within(Two(), FOLDS, minutes, lambda run: 1.0)  # type: ignore[arg-type]
    assert len(found) == folds


def test_what_does_not_fit_is_left_out_with_the_time_that_it_would_take():
    with pytest.raises(time_budget.NotFineTuned, match=r"about 6 minutes, 1\.5 are allowed"):
        time_budget.folds_within(Two(), FOLDS, 1.5, lambda run: 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["soon", "-1", "1e9"])
def test_minutes_that_are_none_are_refused(text):
    with pytest.raises(BadInput, match="fineTuneMinutes"):
        time_budget.minutes_from({"fineTuneMinutes": text})


def test_the_speed_is_measured_once_so_that_a_cut_job_decides_as_before(embedded: Embedded):
    data, backbone, embeddings = embedded
    run = finetune.Run(data, embeddings, 0.1, backbone, finetune.DEFAULT, 1, 2)
    before = {name: value.clone() for name, value in backbone.embedder.state_dict().items()}
    found = time_budget.seconds_per_image(run)
    assert 0 < found < 5 and time_budget.seconds_per_image(run) == found
    assert all((value == before[name]).all() for name, value in backbone.embedder.state_dict().items())
    probed = probe.CrossValidation(0.1, {0.1: 0.0}, 9 * data.soft)
    with pytest.raises(time_budget.NotFineTuned):
        finetune.compare({"fineTuneMinutes": "0.0001"}, data, data.folds(2, 1), embeddings, probed, backbone, seed=1)


def test_hand_made_features_ship_as_a_probe_and_say_why(scene: Scene, inside: Room):
    inside.hyperparameters(command="train", recipe="auto", seed=1, fineTuneMinutes=5)
    link(scene.shards, inside.channel("shards"))
    link(scene.embeddings, inside.channel("embeddings"))
    (inside.channel("dataset") / "dataset.json").write_text(json.dumps(dataset(scene.training)))
    succeed_here(inside, "train")
    facts = documents.read(inside.root / "model/model.json", "training-result")
    assert facts["recipe"] == "probe"
    assert "nothing to fine-tune" in facts["notes"]["fineTuning"]["leftOut"]
