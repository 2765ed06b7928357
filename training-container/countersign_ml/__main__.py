"""Entry point. On AWS the image is started with `train` or `serve`; `train` dispatches on hyperparameter command."""

from __future__ import annotations

import importlib
import sys

from . import contract

TRAINING_JOBS = ("embed", "train")
PROCESSING_JOBS = ("evaluate", "optimise")
COMMANDS = (*TRAINING_JOBS, *PROCESSING_JOBS, "serve")


def run(command: str) -> None:
    if command == "train":
        command = contract.hyperparameters().get("command", "train")
        if command not in TRAINING_JOBS:
            raise contract.BadInput(f'hyperparameter command is "{command}"; allowed: {", ".join(TRAINING_JOBS)}')
    # Imported late: the server must not wait for torch.
    importlib.import_module(f".{command}", __package__).main()


def main() -> int:
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command not in COMMANDS:
        print(f"usage: python -m countersign_ml {'|'.join(COMMANDS)} (got {command!r})", file=sys.stderr)
        return contract.EXIT_BAD_INPUT
    return contract.entry(command, lambda: run(command))


if __name__ == "__main__":
    sys.exit(main())
