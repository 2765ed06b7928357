"""What can be said of the Dockerfiles and the pinned lists without building anything."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import distributions, requires, version
from pathlib import Path

import pytest
from conftest import REPOSITORY, Scene

CONTAINER = REPOSITORY / "training-container"
IMAGES = ["train", "serve"]


def lines(name: str) -> list[str]:
    return [line.strip() for line in (CONTAINER / name).read_text().splitlines() if line.strip()]


@pytest.mark.parametrize("image", IMAGES)
def test_the_entrypoint_is_in_exec_form_so_that_signals_arrive(image):
    entry = [line for line in lines(f"Dockerfile.{image}") if line.startswith("ENTRYPOINT")]
    assert entry == ['ENTRYPOINT ["python", "-m", "countersign_ml"]']


@pytest.mark.parametrize("image", IMAGES)
def test_the_base_is_given_by_the_build_and_never_a_moving_tag(image):
    assert [line for line in lines(f"Dockerfile.{image}") if line.startswith("FROM")] == ["FROM ${BASE}"]
    assert [line for line in lines(f"Dockerfile.{image}") if line.startswith("ARG")] == ["ARG BASE"]


@pytest.mark.parametrize("image", IMAGES)
def test_packages_are_installed_by_hash_only(image):
    installs = [line for line in lines(f"Dockerfile.{image}") if "pip install" in line]
    assert len(installs) == 1 and "--require-hashes" in installs[0] and "--no-deps" in installs[0]
    for line in lines(f"requirements/{image}.lock"):
        assert re.fullmatch(r"[a-z0-9._-]+==[^ ]+ --hash=sha256:[0-9a-f]{64}", line), line


@pytest.mark.parametrize("image", IMAGES)
def test_what_is_copied_exists(image):
    for line in lines(f"Dockerfile.{image}"):
        if line.startswith("COPY"):
            assert (REPOSITORY / line.split()[1]).exists(), line


def test_the_server_does_not_run_as_root_and_has_no_torch():
    assert "USER 10001" in lines("Dockerfile.serve")
    assert not any(line.startswith(("torch", "timm")) for line in lines("requirements/serve.lock"))


@pytest.mark.parametrize("image", IMAGES)
def test_a_lock_holds_every_package_of_its_list_at_its_version(image):
    locked = {line.split(" ")[0].replace("_", "-") for line in lines(f"requirements/{image}.lock")}
    listed = {line.lower().replace("_", "-") for line in lines(f"requirements/{image}.txt") if not line.startswith("#")}
    assert listed <= locked


def packages(name: str) -> dict[str, str]:
    """Package -> version of requirements/<name>.txt; extras such as moto[server] are left out of the name."""
    pairs = [line.split("==") for line in lines(f"requirements/{name}.txt") if not line.startswith("#")]
    return {re.sub(r"\[.*", "", package).lower().replace("_", "-"): wanted for package, wanted in pairs}


def test_the_lists_name_what_is_installed_here():
    for name in ("runtime", "serve", "train", "dev"):
        for package, wanted in packages(name).items():
            assert (package, version(package)) == (package, wanted)


def test_whatever_a_list_brings_with_it_is_pinned_too():
    pinned = packages("constraints")
    for name in ("runtime", "serve", "train", "dev"):
        for package, wanted in packages(name).items():
            assert (package, pinned[package]) == (package, wanted)
    installed = {each.metadata["Name"].lower().replace("_", "-"): each.version for each in distributions()}
    assert {name: installed[name] for name in pinned if name in installed} == {
        name: wanted for name, wanted in pinned.items() if name in installed
    }
    needed = {
        re.split(r"[ \[;<>=!~(]", wanted)[0].lower().replace("_", "-")
        for name in pinned
        if name in installed
        for wanted in requires(name) or []
        if "extra ==" not in wanted
    }
    assert {name for name in needed if name in installed} - set(pinned) <= {"torch", "pip", "setuptools"}


def test_serving_imports_no_torch():
    watched = ("torch", "timm", "sklearn", "scipy")
    program = f"import sys, countersign_ml.serve; print([m for m in {watched} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(CONTAINER)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_nobody_is_told_which_models_are_opened(scene: Scene, tmp_path: Path):
    """ONNX Runtime's telemetry begins with a device id in the home folder; there is none, so nothing was sent."""
    program = "import sys, pathlib; from countersign_ml.runtime import Model; Model(pathlib.Path(sys.argv[1]))"
    environment = {"PYTHONPATH": str(CONTAINER), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program, str(scene.model)], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_says_so_to_whatever_runs_in_it(image):
    assert "ORT_DISABLE_TELEMETRY=1" in (CONTAINER / f"Dockerfile.{image}").read_text()
