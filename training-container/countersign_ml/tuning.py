"""Settings of the fine-tune, tuned within a budget: by Optuna in the job, or by SageMaker's tuner over the same space.

The space is search-space.json, in the form of SageMaker's ParameterRanges; its names are hyperparameters of `train`.
Every trial is in a journal among the checkpoints, so a job that is cut goes on with the next one. What trial n tries
depends on the seed, n and the trials before it, and on nothing else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .contract import BadInput, Progress

if TYPE_CHECKING:
    import optuna

SPACE_FILE = Path(__file__).with_name("search-space.json")
OBJECTIVE = "validation:log_loss"
"""As it is printed, `<name>=<number>;`, and as SageMaker's tuner reads it."""
TRIALS, MOST_TRIALS = 12, 500


@dataclass(frozen=True)
class Limits:
    trials: int
    seconds: float
    """A trial that has begun is ended; none begins once they are spent."""


@dataclass(frozen=True)
class Found:
    settings: dict[str, str]
    """Of the best trial; the first trial are the settings without tuning."""
    trials: list[dict]
    """{number, settings, logLoss, seconds} in their order; logLoss null where the loss was no number."""
    seconds: float

    def notes(self) -> dict:
        return {"chosen": self.settings, "trials": self.trials, "seconds": round(self.seconds, 1)}


def limits_from(hyper: dict[str, str]) -> Limits | None:
    """Hyperparameters tuneMinutes (no limit where only trials are named) and tuneTrials (12); None where neither is."""
    if "tuneMinutes" not in hyper and "tuneTrials" not in hyper:
        return None
    trials, minutes = hyper.get("tuneTrials", str(TRIALS)), hyper.get("tuneMinutes", "10000")
    if not (trials.isdigit() and int(trials) <= MOST_TRIALS):
        raise BadInput(f"hyperparameter tuneTrials is {trials!r}; allowed: 0 to {MOST_TRIALS}, 0 tunes nothing")
    try:
        seconds = 60 * float(minutes)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 600_000:
        raise BadInput(f"hyperparameter tuneMinutes is {minutes!r}; expected minutes, 0 to 10000, 0 tunes nothing")
    return Limits(int(trials), seconds) if int(trials) and seconds else None


def space() -> dict[str, list[dict]]:
    return json.loads(SPACE_FILE.read_text(encoding="utf-8"))


def distributions(ranges: dict[str, list[dict]]) -> dict[str, optuna.distributions.BaseDistribution]:
    """SageMaker's ParameterRanges in Optuna's words."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    made: dict[str, Any] = {}
    for row in ranges.get("ContinuousParameterRanges", []):
        log = row["ScalingType"] == "Logarithmic"
        made[row["Name"]] = FloatDistribution(float(row["MinValue"]), float(row["MaxValue"]), log=log)
    for row in ranges.get("IntegerParameterRanges", []):
        log = row["ScalingType"] == "Logarithmic"
        made[row["Name"]] = IntDistribution(int(row["MinValue"]), int(row["MaxValue"]), log=log)
    for row in ranges.get("CategoricalParameterRanges", []):
        made[row["Name"]] = CategoricalDistribution(row["Values"])
    return made


def tune(
    objective: Callable[[dict[str, str]], float],
    untuned: dict[str, str],
    limits: Limits,
    seed: int,
    journal: Path,
    ranges: dict[str, list[dict]] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """The settings with the least objective. `untuned` is tried first, clipped to the space: what is chosen is never
    worse than it where trials are judged. `journal`: a file of this search alone; one that is there is gone on with.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import TrialState

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    wanted = distributions(space() if ranges is None else ranges)
    storage = JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.create_study(storage=storage, study_name="fine-tune", direction="minimize", load_if_exists=True)
    if not study.get_trials():
        study.enqueue_trial(_clipped(untuned, wanted))
    progress = Progress("tune", limits.trials)
    while True:
        done = study.get_trials(states=(TrialState.COMPLETE, TrialState.FAIL))
        spent: dict[str, float] = study.user_attrs.get("seconds", {})
        progress.at(min(len(done), limits.trials))
        if len(done) >= limits.trials or (done and sum(spent.values()) >= limits.seconds):
            break
        number, params = _next(study, wanted, seed + 100_003 * len(done))
        settings, started = {name: _text(value) for name, value in params.items()}, clock()
        value = objective(settings)
        study.set_user_attr("seconds", spent | {str(number): clock() - started})
        # A loss that is no number is a failed trial, not the end of the search.
        finite = value == value and abs(value) != float("inf")
        study.tell(number, value if finite else None, TrialState.COMPLETE if finite else TrialState.FAIL)
        print(f"trial {number}: {OBJECTIVE}={value:.6f}; {settings}", flush=True)
    return _found(study)


def _next(study: optuna.Study, wanted: dict, seed: int) -> tuple[int, dict[str, Any]]:
    """A trial that was cut, or a new one."""
    import optuna
    from optuna.trial import TrialState

    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        if trial.params.keys() == wanted.keys():
            return trial.number, trial.params
    study.sampler = optuna.samplers.TPESampler(seed=seed % 2**32, n_startup_trials=5)
    trial = study.ask(fixed_distributions=wanted)
    return trial.number, trial.params


def _found(study: optuna.Study) -> Found:
    from optuna.trial import TrialState

    spent: dict[str, float] = study.user_attrs.get("seconds", {})
    trials = [
        {
            "number": trial.number,
            "settings": {name: _text(value) for name, value in trial.params.items()},
            "logLoss": trial.value if trial.state == TrialState.COMPLETE else None,
            "seconds": round(spent.get(str(trial.number), 0.0), 1),
        }
        for trial in study.get_trials(states=(TrialState.COMPLETE, TrialState.FAIL))
        if str(trial.number) in spent
    ]
    told = [row for row in trials if row["logLoss"] is not None]
    if not told:
        raise BadInput(
            f"none of {len(trials)} trials gave a loss that is a number; check the images and the weights, or leave "
            "tuneMinutes and tuneTrials out"
        )
    best = min(told, key=lambda row: (row["logLoss"], row["number"]))
    return Found(best["settings"], trials, sum(spent.values()))


def _clipped(settings: dict[str, str], wanted: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, allowed in wanted.items():
        if (text := settings.get(name)) is None:
            continue
        if hasattr(allowed, "choices"):
            found[name] = text if text in allowed.choices else allowed.choices[0]
        else:
            kind = type(allowed.low)
            found[name] = kind(min(max(kind(float(text)), allowed.low), allowed.high))
    return found


def _text(value: object) -> str:
    return repr(round(value, 8)) if isinstance(value, float) else str(value)
