"""What SageMaker promises a container and expects of it. No other file names a path below /opt/ml.

Training-type jobs (embed, train): https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
Processing jobs (evaluate, optimise): .../dg/build-your-own-processing-container.html
Inference: .../dg/your-algorithms-inference-code.html

`COUNTERSIGN_ML_ROOT` moves the whole tree, so the same entry points run as plain processes on a laptop.
"""

from __future__ import annotations

import errno
import gzip
import json
import os
import shutil
import signal
import sys
import tarfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FAILURE_CHARACTERS = 1024
"""SageMaker shows at most this much of /opt/ml/output/failure."""

FULL = 1_000_000
"""Bytes left on a volume below which a write that failed is taken to have failed for that."""

EXIT_FAILED, EXIT_BAD_INPUT, EXIT_STOPPED = 1, 2, 143


class BadInput(Exception):
    """The caller's data or settings are wrong; the message says what, which value, what is allowed, what to do."""


class Stopped(BaseException):
    """SIGTERM arrived (Spot interruption, StopTrainingJob, the laptop host going away)."""


def root() -> Path:
    return Path(os.environ.get("COUNTERSIGN_ML_ROOT") or "/opt/ml")


def model_dir() -> Path:
    return _made(root() / "model")


def output_data_dir() -> Path:
    return _made(root() / "output" / "data")


def checkpoint_dir() -> Path:
    return _made(root() / "checkpoints")


def scratch_dir() -> Path:
    return _made(root() / "scratch")


def processing_output_dir() -> Path:
    return _made(root() / "processing" / "output")


def hyperparameters() -> dict[str, str]:
    """The job's hyperparameters, strings as the API has them. `SM_HPS` (JSON), where set, overrides single keys."""
    file = root() / "input" / "config" / "hyperparameters.json"
    values = _json_object(file) if file.exists() else {}
    override = os.environ.get("SM_HPS")
    if override:
        try:
            values |= json.loads(override)
        except (ValueError, TypeError) as error:
            raise BadInput(f"SM_HPS is not a JSON object: {error}") from error
    # Some SDKs JSON-encode every value: "\"probe\"" means probe.
    return {key: _unquoted(str(value)) for key, value in values.items()}


def arguments() -> dict[str, str]:
    """A processing job has no hyperparameters: `--key value` on the command line, else COUNTERSIGN_<KEY>."""
    found: dict[str, str] = {}
    words = sys.argv[2:]
    for at, word in enumerate(words):
        if word.startswith("--"):
            key, has_value, value = word[2:].partition("=")
            found[key] = value if has_value else (words[at + 1] if at + 1 < len(words) else "")
    return found


def number_within(text: str, low: float, high: float) -> float | None:
    """The number that a text says, or None where it says none between the two, ends included."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if low <= value <= high else None


def whole_number(hyper: dict[str, str], key: str, default: int) -> int:
    """Hyperparameter `key` as a whole number of 0 or more. Raises BadInput."""
    text = hyper.get(key, str(default))
    if not text.isdigit():
        raise BadInput(f"hyperparameter {key} is {text!r}; expected a whole number of 0 or more")
    return int(text)


def channel(name: str) -> Path:
    """Folder of an input channel. Raises BadInput where the job was started without it or it is empty."""
    path = optional_channel(name)
    if path is None:
        there = sorted(p.name for p in (root() / "input" / "data").glob("*")) or ["none"]
        raise BadInput(
            f'input channel "{name}" is missing or empty (channels with files: {", ".join(there)}); '
            f"add it to the job's InputDataConfig"
        )
    return path


def optional_channel(name: str) -> Path | None:
    override = os.environ.get(f"SM_CHANNEL_{name.upper()}")
    path = Path(override) if override else root() / "input" / "data" / name
    return path if path.is_dir() and any(path.iterdir()) else None


def processing_input(name: str) -> Path:
    path = optional_processing_input(name)
    if path is None:
        raise BadInput(f'processing input "{name}" is missing or empty; add it to the job\'s ProcessingInputs')
    return path


def optional_processing_input(name: str) -> Path | None:
    path = root() / "processing" / "input" / name
    return path if path.is_dir() and any(path.iterdir()) else None


def unpacked(folder: Path, into: str) -> Path:
    """A channel that holds another job's `model.tar.gz`, unpacked below the scratch folder; else the folder itself.

    Archives are opened with tarfile's `data` filter: no links, no absolute paths, no devices.
    """
    archives = sorted(folder.glob("*.tar.gz"))
    if not archives:
        return folder
    target = _made(root() / "scratch" / into)
    try:
        with tarfile.open(archives[0], "r:gz") as archive:
            archive.extractall(target, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise BadInput(f"{archives[0].name} in {folder.name} can't be unpacked: {error}; make it anew") from error
    return target


def packed(folder: Path, archive: Path) -> None:
    """A folder as a .tar.gz in the form of a training job's: files in order, without times or owners."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, compresslevel=1) as stream,
        tarfile.open(fileobj=stream, mode="w") as tar,
    ):
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            entry = tarfile.TarInfo(file.relative_to(folder).as_posix())
            entry.size = file.stat().st_size
            with file.open("rb") as content:
                tar.addfile(entry, content)


def bind() -> tuple[str, int]:
    """Address of the server: every interface in a container, COUNTERSIGN_BIND (127.0.0.1) on a laptop."""
    port = os.environ.get("COUNTERSIGN_PORT") or os.environ.get("SAGEMAKER_BIND_TO_PORT") or "8080"
    if not port.isdigit() or int(port) > 65535:
        raise BadInput(f"COUNTERSIGN_PORT is {port!r}; allowed: 0 to 65535")
    return os.environ.get("COUNTERSIGN_BIND") or "0.0.0.0", int(port)


class Progress:
    """Prints `{"progress": {"step", "done", "total"}}` lines, at most four a second; the first and last always."""

    def __init__(self, step: str, total: int) -> None:
        self.step, self.total, self._last = step, total, 0.0
        self.at(0)

    def at(self, done: int) -> None:
        now = time.monotonic()
        if done in (0, self.total) or now - self._last >= 0.25:
            self._last = now
            print(json.dumps({"progress": {"step": self.step, "done": done, "total": self.total}}), flush=True)


def entry(command: str, main: Callable[[], None]) -> int:
    """Runs a command under the contract; returns its exit code and leaves /opt/ml/output/failure on failure."""
    try:
        with _stopping():
            _watch_parent()
            main()
        return 0
    except Stopped:
        print(f"{command}: stopped by SIGTERM; a checkpoint, where one is kept, is saved", file=sys.stderr, flush=True)
        return EXIT_STOPPED
    except BadInput as error:
        return _failed(f"BadInput: {error}", EXIT_BAD_INPUT)
    except Exception as error:
        traceback.print_exc()
        if disk_full(error):
            _clear_drafts()
            written = getattr(error, "filename", None) or "its files"
            return _failed(f"DiskFull: no space left while writing {written}; give the job a larger volume")
        if out_of_memory(error):
            said = str(error) or f"{command} ran out of memory"
            return _failed(f"OutOfMemory: {said}; take a larger instance or a smaller batchSize")
        return _failed(f"{type(error).__name__}: {error}")


def out_of_memory(error: BaseException) -> bool:
    """Whether Python, torch (either processor) or ONNX Runtime says so."""
    said = ("out of memory", "allocate memory", "bad_alloc", "bad allocation")
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in said)


def disk_full(error: BaseException) -> bool:
    """Whether a write failed for want of space. torch says only that it could not write: the volume is asked then."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return True
    text = str(error)
    if "No space left on device" in text:
        return True
    unsaid = "inline_container" in text or "PytorchStreamWriter" in text
    return unsaid and shutil.disk_usage(root()).free < FULL


def _clear_drafts() -> None:
    """Room for the failure file: what was half written, and the scratch folder."""
    for draft in [*root().rglob("*.part")]:
        draft.unlink(missing_ok=True)
    shutil.rmtree(root() / "scratch", ignore_errors=True)


def _failed(text: str, code: int = EXIT_FAILED) -> int:
    print(text, file=sys.stderr, flush=True)
    try:
        file = root() / "output" / "failure"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text[:FAILURE_CHARACTERS], encoding="utf-8")
    except OSError as error:
        print(f"the failure file could not be written: {error}", file=sys.stderr, flush=True)
    return code


@contextmanager
def _stopping() -> Iterator[None]:
    """SIGTERM raises Stopped in the main thread, once; a second one is ignored while the first is handled."""

    def on_term(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Stopped

    before = signal.signal(signal.SIGTERM, on_term)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _watch_parent() -> None:
    """On a laptop the child must not outlive its host: stdin closing counts as SIGTERM, then as SIGKILL."""
    if os.environ.get("COUNTERSIGN_PARENT_STDIN") != "1":
        return

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
        os._exit(137)

    threading.Thread(target=wait, daemon=True, name="parent-watch").start()


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        try:
            return str(json.loads(value))
        except ValueError:
            return value
    return value


def _json_object(file: Path) -> dict[str, object]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"{file.name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadInput(f"{file.name} holds {type(value).__name__}, expected a JSON object")
    return value
