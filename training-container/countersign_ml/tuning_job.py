"""SageMaker's tuner over search-space.json: prints the CreateHyperParameterTuningJob request for a training job's.

    python -m countersign_ml.tuning_job <CreateTrainingJob request, JSON> --name NAME [--jobs 12] [--parallel 2]
        [--seed 0] > request.json
    aws sagemaker create-hyper-parameter-tuning-job --cli-input-json file://request.json

Each of its jobs runs recipe finetune-trial; afterwards train with recipe finetune, the best job's settings and
tuned=true, which keeps the fold that they were found on out of the judgement.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from . import tuning

OF_THE_JOB = ("TrainingJobName", "HyperParameters", "Tags", "Environment", "ExperimentConfig", "ProfilerConfig")
"""Parts of a training job's request that are said elsewhere in a tuner's, or that it has not."""


def request(training: dict, name: str, jobs: int, parallel: int, seed: int) -> dict:
    """`training`: a CreateTrainingJob request with recipe finetune. Raises ValueError where a tuner can't run it."""
    hyper = dict(training.get("HyperParameters", {}))
    if hyper.get("recipe") != "finetune":
        raise ValueError(f"the training job's recipe is {hyper.get('recipe')!r}; only finetune has settings to tune")
    if not 1 <= len(name) <= 32:
        raise ValueError(f"the name {name!r} has {len(name)} characters; a tuning job's has 1 to 32")
    ranges = tuning.space()
    tuned = {row["Name"] for rows in ranges.values() for row in rows} | {
        "tuneMinutes",
        "tuneTrials",
        "tuneFolds",
        "tuned",
    }
    fixed = {key: value for key, value in hyper.items() if key not in tuned} | {"recipe": "finetune-trial"}
    metric = {"Name": tuning.OBJECTIVE, "Regex": f"{tuning.OBJECTIVE}=([0-9.]+);"}
    definition = {key: value for key, value in training.items() if key not in OF_THE_JOB}
    definition["AlgorithmSpecification"] = {
        key: value
        for key, value in training["AlgorithmSpecification"].items()
        if key in ("TrainingImage", "TrainingInputMode")
    } | {"MetricDefinitions": [metric]}
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": tuning.OBJECTIVE},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": min(parallel, jobs)},
            "ParameterRanges": ranges,
            "RandomSeed": seed,
        },
        "TrainingJobDefinition": definition | {"StaticHyperParameters": fixed},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("training", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--jobs", type=int, default=tuning.TRIALS)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    training = json.loads(options.training.read_text(encoding="utf-8"))
    try:
        made = request(training, options.name, options.jobs, options.parallel, options.seed)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    print(json.dumps(made, indent=2))


if __name__ == "__main__":
    main()
