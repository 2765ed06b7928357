"""Settings of the fine-tune, tuned within a budget: the same by seed, after a cut too, and never on what judges."""

from __future__ import annotations

import json

import botocore.session
import numpy as np
import pytest
from botocore.validate import ParamValidator
from conftest import Embedded, Room, Scene, dataset, link, succeed
from countersign_ml import finetune, probe, time_budget, tuning, tuning_job
from countersign_ml.classifier import with_head
from countersign_ml.contract import BadInput
from countersign_ml.finetune_run import Run

UNTUNED = {
    "learningRate": "0.0002",
    "layerDecay": "0.7",
    "smoothing": "0.0",
    "mixup": "0.0",
    "augmentation": "1.0",
    "epochs": "6",
}


def bowl(settings: dict[str, str]) -> float:
    """Least at a rate of 1e-4 and no smoothing."""
    return (np.log10(float(settings["learningRate"])) + 4) ** 2 + float(settings["smoothing"])


def test_tuning_finds_better_settings_than_it_was_given_and_the_same_again(tmp_path):
    limits = tuning.Limits(14, 600)
    found = tuning.tune(bowl, UNTUNED, limits, 7, tmp_path / "a.jsonl")
    assert found.trials[0]["settings"] == UNTUNED
    assert bowl(found.settings) == min(row["logLoss"] for row in found.trials) < 0.6 * bowl(UNTUNED)
    again = tuning.tune(bowl, UNTUNED, limits, 7, tmp_path / "b.jsonl")
    assert [row["settings"] for row in again.trials] == [row["settings"] for row in found.trials]
    other = tuning.tune(bowl, UNTUNED, limits, 8, tmp_path / "c.jsonl")
    assert [row["settings"] for row in other.trials] != [row["settings"] for row in found.trials]


def test_a_search_that_was_cut_in_a_trial_ends_as_one_that_was_not(tmp_path):
    limits = tuning.Limits(9, 600)
    whole = tuning.tune(bowl, UNTUNED, limits, 3, tmp_path / "whole.jsonl")
    begun: list[dict[str, str]] = []

    def cut(settings: dict[str, str]) -> float:
        begun.append(settings)
        if len(begun) in (3, 8):
            raise KeyboardInterrupt
        return bowl(settings)

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            tuning.tune(cut, UNTUNED, limits, 3, tmp_path / "cut.jsonl")
    found = tuning.tune(cut, UNTUNED, limits, 3, tmp_path / "cut.jsonl")
    assert begun[2] == begun[3] and len(begun) == 11
    told = [[(row["settings"], row["logLoss"]) for row in each.trials] for each in (found, whole)]
    assert told[0] == told[1] and found.settings == whole.settings


def test_no_trial_begins_once_the_time_is_spent_and_the_first_always_does(tmp_path):
    now = [0.0]

    def slow(settings: dict[str, str]) -> float:
        now[0] += 40
        return bowl(settings)

    found = tuning.tune(slow, UNTUNED, tuning.Limits(50, 100), 1, tmp_path / "a.jsonl", clock=lambda: now[0])
    assert len(found.trials) == 3 and found.seconds == 120
    more = tuning.tune(slow, UNTUNED, tuning.Limits(50, 100), 1, tmp_path / "a.jsonl", clock=lambda: now[0])
    assert more.trials == found.trials


def test_a_loss_that_is_no_number_is_a_trial_of_many_and_never_chosen(tmp_path):
    def broken(settings: dict[str, str]) -> float:
        return float("nan") if float(settings["learningRate"]) > 1.5e-4 else bowl(settings)

    found = tuning.tune(broken, UNTUNED, tuning.Limits(12, 600), 5, tmp_path / "a.jsonl")
    assert found.trials[0]["logLoss"] is None and len(found.trials) == 12
    assert float(found.settings["learningRate"]) <= 1.5e-4
    with pytest.raises(BadInput, match="none of 2 trials"):
        tuning.tune(lambda _: float("nan"), UNTUNED, tuning.Limits(2, 600), 5, tmp_path / "b.jsonl")


@pytest.mark.parametrize(
    ("hyper", "said"), [({"tuneTrials": "many"}, "tuneTrials"), ({"tuneMinutes": "-1"}, "tuneMinutes")]
)
def test_a_budget_that_makes_no_sense_is_refused(hyper, said):
    with pytest.raises(BadInput, match=said):
        tuning.limits_from(hyper)


def test_nothing_is_tuned_unless_it_is_asked_for():
    assert tuning.limits_from({}) is None
    assert tuning.limits_from({"tuneTrials": "0"}) is None
    assert tuning.limits_from({"tuneMinutes": "3"}) == tuning.Limits(tuning.TRIALS, 180)


def test_every_name_of_the_space_is_a_setting_of_the_fine_tune():
    names = tuning.distributions(tuning.space())
    assert set(names) == set(UNTUNED) == set(finetune.untuned(finetune.DEFAULT))
    for name in names:
        with pytest.raises(BadInput, match=name):
            finetune.schedule_from({name: "sideways"}, ["a", "b"])
    settings = {"learningRate": "0.0001", "layerDecay": "0.8", "smoothing": "0.05", "mixup": "0.3"}
    settings |= {"augmentation": "0.5", "epochs": "9"}
    assert finetune.untuned(finetune.schedule_from(settings, ["a", "b"])) == settings


def test_the_folds_that_judge_hold_no_image_that_was_tuned_on(embedded: Embedded, monkeypatch):
    data, backbone, embeddings = embedded
    folds = data.folds(3, 1)
    seen: list[np.ndarray] = []
    real = Run.trial
    monkeypatch.setattr(Run, "trial", lambda run, part: seen.append(part) or real(run, part))
    probed = probe.CrossValidation(0.1, {0.1: 0.0}, 9 * data.soft)
    hyper = {"epochs": "1", "tuneTrials": "1", "tuneFolds": "2", "weights": "random", "tuneImageSize": "48"}
    tuned = finetune.compare(hyper, data, folds, embeddings, probed, backbone, seed=1)
    assert tuned.tuning is not None and len(tuned.tuning["trials"]) == 1
    assert np.array_equal(seen[0], folds[0][1])
    assert not tuned.judged[folds[0][1]].any() and tuned.judged[folds[1][1]].all()
    # It may look at another size than the probe, and remembers which.
    assert tuned.run.pixels.shape[1:] == (48, 48, 3) and tuned.run.backbone.input_size == 48


@pytest.mark.parametrize(("minutes", "trials"), [("10000", True), ("fits three folds only", False)])
def test_minutes_that_are_left_over_are_spent_on_tuning(embedded: Embedded, monkeypatch, minutes, trials):
    data, backbone, embeddings = embedded
    folds = data.folds(4, 1)
    monkeypatch.setattr(time_budget, "seconds_per_image", lambda run: 1.0)
    if not trials:
        three = time_budget.SLACK * (len(data.ids) + sum(len(learn) for learn, _ in folds[1:]))
        minutes = str((three + 1) / 60)
    monkeypatch.setattr(tuning, "TRIALS", 1)
    monkeypatch.setattr(Run, "trial", lambda run, part: 0.5)
    monkeypatch.setattr(Run, "one", lambda run, number, part: with_head(backbone.embedder, head))
    head = probe.fit(embeddings, data.soft, 0.1)
    probed = probe.CrossValidation(0.1, {0.1: 0.0}, 9 * data.soft)
    hyper = {"epochs": "1", "tuneFolds": "3", "fineTuneMinutes": minutes}
    tuned = finetune.compare(hyper, data, folds, embeddings, probed, backbone, seed=1)
    assert (tuned.tuning is not None) == trials
    # The fold that tunes judges nothing; epochs stay what the minutes were reckoned for.
    assert tuned.judged[folds[0][1]].any() != trials and tuned.judged[folds[1][1]].all()
    assert tuned.run.schedule.epochs == 1 and (not trials or "epochs" not in (tuned.tuning or {})["chosen"])
    asked = finetune.compare(hyper | {"tuneTrials": "0"}, data, folds, embeddings, probed, backbone, seed=1)
    assert asked.tuning is None and asked.judged[folds[0][1]].all()
    # Settings that SageMaker's tuner found on the first fold are judged on the others.
    before = finetune.compare(hyper | {"tuned": "true"}, data, folds, embeddings, probed, backbone, seed=1)
    assert before.tuning is None and not before.judged[folds[0][1]].any() and before.judged[folds[1][1]].all()
    with pytest.raises(BadInput, match="tuned"):
        finetune.compare(hyper | {"tuned": "maybe"}, data, folds, embeddings, probed, backbone, seed=1)


@pytest.mark.slow
def test_a_job_for_sagemakers_tuner_prints_what_the_tuner_reads(scene: Scene, tmp_path):
    embedding = Room(tmp_path / "embed").hyperparameters(
        command="embed", backbone="mobilenetv3_small_050", imageSize=32, weights="random", seed=1
    )
    link(scene.shards, embedding.channel("shards"))
    succeed(embedding, "train")
    room = Room(tmp_path / "trial").hyperparameters(
        command="train",
        recipe="finetune-trial",
        backbone="mobilenetv3_small_050",
        imageSize=32,
        weights="random",
        **(UNTUNED | {"epochs": "1"}),
    )
    link(scene.shards, room.channel("shards"))
    link(embedding.root / "model", room.channel("embeddings"))
    (room.channel("dataset") / "dataset.json").write_text(json.dumps(dataset(scene.training)))
    said = succeed(room, "train").stdout
    told = json.loads((room.root / "model/trial.json").read_text())
    assert f"{tuning.OBJECTIVE}={told['logLoss']:.6f};" in said


TRAINING = {
    "TrainingJobName": "c-train-0123",
    "HyperParameters": {"command": "train", "recipe": "finetune", "seed": "3", "learningRate": "0.0003"},
    "AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "File"},
    "RoleArn": "arn:aws:iam::123456789012:role/training",
    "InputDataConfig": [
        {
            "ChannelName": "dataset",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/d/"}},
        }
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://b/models/"},
    "ResourceConfig": {"InstanceType": "ml.g6.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
    "EnableManagedSpotTraining": True,
    "EnableNetworkIsolation": True,
    "CheckpointConfig": {"S3Uri": "s3://b/checkpoints/"},
}


def test_sagemakers_tuner_is_asked_in_its_own_words_over_the_same_space():
    made = tuning_job.request(TRAINING, "c-tune-1", 12, 2, 3)
    shape = (
        botocore.session.get_session()
        .get_service_model("sagemaker")
        .operation_model("CreateHyperParameterTuningJob")
        .input_shape
    )
    report = ParamValidator().validate(made, shape)
    assert not report.has_errors(), report.generate_report()
    assert made["HyperParameterTuningJobConfig"]["ParameterRanges"] == tuning.space()
    static = made["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static == {"command": "train", "recipe": "finetune-trial", "seed": "3"}


def test_a_job_without_settings_to_tune_is_refused():
    with pytest.raises(ValueError, match="'probe'"):
        tuning_job.request(TRAINING | {"HyperParameters": {"recipe": "probe"}}, "n", 1, 1, 0)
