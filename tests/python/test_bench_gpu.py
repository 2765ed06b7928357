"""The GPU benchmark, rehearsed on a CPU: that it runs, that it times the product's own fit, that it claims nothing."""

from __future__ import annotations

import importlib.util
import json
import sys

import pytest
import torch
from conftest import REPOSITORY, Room
from countersign_ml import fitting


@pytest.fixture(scope="module")
def gpu():
    spec = importlib.util.spec_from_file_location("bench_gpu", REPOSITORY / "bench/training/gpu.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_a_rehearsal_goes_through_the_products_own_fit_and_gives_no_figure(gpu, inside: Room, monkeypatch, capsys):
    fitted: list[torch.Tensor] = []
    monkeypatch.setattr(gpu, "fit", lambda *given, **named: fitted.append(given[2]) or fitting.fit(*given, **named))
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--rehearse", "--json"])
    gpu.main()
    row = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [tuple(images.shape) for images in fitted] == [(24, 32, 32, 3)]
    assert "nothing was measured" in row["rehearsal"] and row["chip"] is None
    assert not any(isinstance(value, float) for value in row.values())


def test_without_a_gpu_it_says_so_and_measures_nothing(gpu, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    said = capsys.readouterr()
    assert ended.value.code == 3 and "needs a CUDA GPU" in said.err and said.out == ""


def test_compiling_is_for_long_trainings_on_a_gpu():
    long = fitting.Schedule(epochs=100, batch=32, learning_rate=1e-3)
    short = fitting.Schedule(epochs=5, batch=32, learning_rate=1e-3)
    assert fitting.compiles(5000, long, torch.device("cuda"))
    assert not fitting.compiles(5000, short, torch.device("cuda"))
    assert not fitting.compiles(5000, long, torch.device("cpu"))
