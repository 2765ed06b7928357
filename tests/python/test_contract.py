"""What SageMaker promises and expects, case by case."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import time

import pytest
from conftest import Room, draw, packed, shard
from countersign_ml import contract
from countersign_ml.contract import BadInput


def test_the_root_is_opt_ml_unless_moved(monkeypatch):
    monkeypatch.delenv("COUNTERSIGN_ML_ROOT", raising=False)
    assert str(contract.root()) == "/opt/ml"


def test_hyperparameters_are_read_as_strings(inside: Room):
    inside.hyperparameters(seed=3, backbone="descriptor")
    assert contract.hyperparameters() == {"seed": "3", "backbone": "descriptor"}


def test_hyperparameters_that_an_sdk_has_json_encoded_lose_their_quotes(inside: Room):
    inside.hyperparameters(recipe='"probe"')
    assert contract.hyperparameters()["recipe"] == "probe"


def test_sm_hps_overrides_single_hyperparameters(inside: Room, monkeypatch):
    inside.hyperparameters(seed=3, backbone="descriptor")
    monkeypatch.setenv("SM_HPS", '{"seed": 4}')
    assert contract.hyperparameters() == {"seed": "4", "backbone": "descriptor"}


def test_no_hyperparameters_file_means_none(inside: Room):
    assert contract.hyperparameters() == {}


@pytest.mark.parametrize("text", ["{", "[1]", '"x"'])
def test_a_damaged_hyperparameters_file_is_named(inside: Room, text):
    file = inside.root / "input/config/hyperparameters.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(BadInput, match=r"hyperparameters\.json"):
        contract.hyperparameters()


def test_a_missing_channel_names_those_that_are_there(inside: Room):
    inside.channel("dataset").joinpath("x").touch()
    with pytest.raises(BadInput, match=r'channel "shards" is missing.*dataset'):
        contract.channel("shards")


def test_an_empty_channel_counts_as_missing(inside: Room):
    inside.channel("shards")
    with pytest.raises(BadInput, match="missing or empty"):
        contract.channel("shards")


def test_sm_channel_overrides_where_a_channel_lies(inside: Room, monkeypatch, tmp_path):
    (tmp_path / "x").touch()
    monkeypatch.setenv("SM_CHANNEL_SHARDS", str(tmp_path))
    assert contract.channel("shards") == tmp_path


def test_a_model_archive_in_a_channel_is_unpacked(inside: Room, tmp_path):
    (tmp_path / "content").mkdir()
    (tmp_path / "content/a.txt").write_text("hello")
    packed(tmp_path / "content", inside.channel("model") / "model.tar.gz")
    assert (contract.unpacked(contract.channel("model"), "m") / "a.txt").read_text() == "hello"


def test_a_damaged_archive_is_named(inside: Room):
    (inside.channel("model") / "model.tar.gz").write_bytes(b"\x1f\x8bnot really")
    with pytest.raises(BadInput, match=r"model\.tar\.gz"):
        contract.unpacked(contract.channel("model"), "m")


def test_an_archive_that_climbs_out_is_refused(inside: Room):
    import io
    import tarfile

    with tarfile.open(inside.channel("model") / "model.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("../../evil")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(BadInput, match="can't be unpacked"):
        contract.unpacked(contract.channel("model"), "m")
    assert not (inside.root / "evil").exists()


def test_bad_input_ends_with_2_and_its_message_in_the_failure_file(inside: Room):
    def fail():
        raise BadInput("colour is mauve")

    assert contract.entry("train", fail) == 2
    assert inside.failure == "BadInput: colour is mauve"


def test_the_failure_file_has_at_most_1024_characters(inside: Room):
    def fail():
        raise RuntimeError("x" * 5000)

    assert contract.entry("train", fail) == 1
    assert len(inside.failure) == 1024
    assert inside.failure.startswith("RuntimeError: xxx")


def test_out_of_memory_says_what_to_do(inside: Room):
    def fail():
        raise MemoryError

    assert contract.entry("train", fail) == 1
    assert "larger instance" in inside.failure


def test_a_full_disk_is_named(inside: Room):
    def fail():
        raise OSError(errno.ENOSPC, "No space left on device", "model.onnx")

    assert contract.entry("train", fail) == 1
    assert inside.failure.startswith("DiskFull: no space left while writing model.onnx")


def test_a_full_disk_is_named_where_a_library_has_an_error_of_its_own(inside: Room):
    """What safetensors said on a volume of a megabyte. Half-written files make room for the failure file."""
    draft = inside.root / "model/network.safetensors.part"
    draft.parent.mkdir(parents=True)

    def write():
        draft.write_bytes(b"half of it")
        raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")

    assert contract.entry("train", write) == 1
    assert inside.failure.startswith("DiskFull") and "larger volume" in inside.failure
    assert not draft.exists()


def test_torch_does_not_say_that_the_disk_is_full_so_the_volume_is_asked(inside: Room, monkeypatch):
    """What torch.save said on the same volume."""
    inside.root.mkdir(parents=True)

    def write():
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534")

    assert contract.entry("train", write) == 1
    assert inside.failure.startswith("RuntimeError")
    monkeypatch.setattr(contract, "FULL", 2**80)
    assert contract.entry("train", write) == 1
    assert inside.failure.startswith("DiskFull")


@pytest.mark.parametrize(
    "said",
    [
        "CUDA out of memory. Tried to allocate 2 GiB",
        "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes",
        "Failed to allocate memory for requested buffer of size 602112",
        "std::bad_alloc",
    ],
)
def test_out_of_memory_is_named_whichever_library_ran_out(inside: Room, said):
    def fail():
        raise RuntimeError(said)

    assert contract.entry("embed", fail) == 1
    assert inside.failure.startswith("OutOfMemory") and "larger instance" in inside.failure


def test_a_failure_that_cannot_be_written_still_ends_with_its_code(inside: Room, capsys):
    inside.root.mkdir(parents=True)
    (inside.root / "output").write_text("a file in the way")

    def fail():
        raise BadInput("x")

    assert contract.entry("train", fail) == 2
    assert "could not be written" in capsys.readouterr().err


def test_success_leaves_no_failure_file(inside: Room):
    assert contract.entry("train", lambda: None) == 0
    assert not (inside.root / "output/failure").exists()


def test_sigterm_ends_with_143_and_no_failure_file(inside: Room):
    assert contract.entry("train", lambda: os.kill(os.getpid(), signal.SIGTERM) or time.sleep(5)) == 143
    assert inside.failure == ""


def test_the_handler_found_before_is_put_back(inside: Room):
    before = signal.getsignal(signal.SIGTERM)
    contract.entry("train", lambda: None)
    assert signal.getsignal(signal.SIGTERM) is before


def test_progress_tells_the_first_and_the_last_and_few_between(capsys):
    progress = contract.Progress("embed", 1000)
    for done in range(1, 1001):
        progress.at(done)
    lines = [json.loads(line)["progress"] for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"step": "embed", "done": 0, "total": 1000}
    assert lines[-1] == {"step": "embed", "done": 1000, "total": 1000}
    assert len(lines) < 10


@pytest.mark.parametrize("port", ["http", "99999", "-1"])
def test_a_port_that_is_none_is_refused(monkeypatch, port):
    monkeypatch.setenv("COUNTERSIGN_PORT", port)
    with pytest.raises(BadInput, match="0 to 65535"):
        contract.bind()


def test_the_server_listens_on_8080_of_every_interface_in_a_container(monkeypatch):
    for key in ("COUNTERSIGN_PORT", "COUNTERSIGN_BIND", "SAGEMAKER_BIND_TO_PORT"):
        monkeypatch.delenv(key, raising=False)
    assert contract.bind() == ("0.0.0.0", 8080)


def test_an_unknown_command_is_refused_with_the_known_ones(room: Room):
    done = room.run("tune")
    assert done.returncode == 2
    assert "embed|train|evaluate|optimise|serve" in done.stderr


def test_the_train_argument_dispatches_on_the_hyperparameter_command(room: Room):
    done = room.hyperparameters(command="serve").run("train")
    assert done.returncode == 2
    assert 'command is "serve"; allowed: embed, train' in room.failure


def test_a_job_without_its_channel_fails_with_the_channels_name(room: Room):
    done = room.hyperparameters(command="embed", backbone="descriptor").run("train")
    assert done.returncode == 2
    assert 'channel "shards"' in room.failure


def test_a_child_ends_when_its_parents_pipe_closes(room: Room):
    """A laptop's host may die by kill -9: nothing but the pipe tells the child."""
    shard(room.channel("shards") / "0.tar", [draw("blue", n) for n in range(200)])
    room.hyperparameters(command="embed", backbone="descriptor", imageSize=512)
    child = room.start("train", COUNTERSIGN_PARENT_STDIN="1")
    assert child.stdin is not None and child.stdout is not None
    child.stdout.readline()
    child.stdin.close()
    assert child.wait(timeout=20) in (143, 137)
    child.stdout.close()
    assert child.stderr is not None
    child.stderr.close()


def test_without_the_pipe_watch_a_closed_stdin_means_nothing(room: Room):
    shard(room.channel("shards") / "0.tar", [draw("blue", 1)])
    room.hyperparameters(command="embed", backbone="descriptor")
    assert room.run("train").returncode == 0


def test_the_container_paths_stand_in_one_file():
    found = subprocess.run(
        ["grep", "-rlE", r"^[^#\"]*[\"'](/opt/ml|SM_)", "--include=*.py", "training-container"],
        cwd=Room.__init__.__globals__["REPOSITORY"],
        capture_output=True,
        text=True,
    ).stdout.split()
    assert found == ["training-container/countersign_ml/contract.py"]
