"""The server as a process, over loopback."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from conftest import CLASSES, Room, Scene, link


class Server:
    def __init__(self, room: Room, **extra: str) -> None:
        self.child = room.start("serve", COUNTERSIGN_BIND="127.0.0.1", COUNTERSIGN_PORT="0", **extra)
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        assert line, self.child.stderr and self.child.stderr.read()
        self.port = json.loads(line)["listening"]["port"]

    def request(self, path: str, body: bytes | None = None, kind: str = "image/png") -> tuple[int, bytes]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data=body, headers={"content-type": kind} if body is not None else {}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def stop(self) -> int:
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.communicate(timeout=30)
        finally:
            self.child.kill()
        return self.child.returncode


@pytest.fixture(scope="module")
def server(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    room = Room(tmp_path_factory.mktemp("serve") / "ml")
    (room.root / "model").mkdir(parents=True)
    link(scene.model, room.root / "model")
    running = Server(room, COUNTERSIGN_MODEL_VERSION="v7")
    yield running
    running.stop()


def test_ping_answers(server: Server):
    assert server.request("/ping")[0] == 200


def test_an_image_gets_a_whole_answer(server: Server, scene: Scene):
    for name, label in list(scene.test.items())[:4]:
        status, body = server.request("/invocations", scene.bytes[name])
        answer = json.loads(body)
        assert status == 200
        assert answer["label"] == label and answer["classes"] == CLASSES
        assert sum(answer["probabilities"]) == pytest.approx(1)
        assert answer["confidence"] == max(answer["probabilities"])
        assert sum(v * v for v in answer["embedding"]) == pytest.approx(1, abs=1e-4)
        assert answer["modelVersion"] == "v7" and len(answer["modelDigest"]) == 64
        assert answer["abstained"] is False


def test_neighbours_are_training_images_of_the_same_class(server: Server, scene: Scene):
    name, label = next(iter(scene.test.items()))
    _, body = server.request("/invocations?neighbours=3", scene.bytes[name])
    found = json.loads(body)["neighbours"]
    assert [n["label"] for n in found] == [label] * 3
    assert {n["sha256"] for n in found} <= set(scene.training)


@pytest.mark.parametrize("wanted", ["abc", "-3", "2.5", "", "\u00b2", "101", "9" * 5000])
def test_a_wrong_number_of_neighbours_is_refused(server: Server, scene: Scene, wanted: str):
    status, body = server.request(f"/invocations?neighbours={quote(wanted)}", next(iter(scene.bytes.values())))
    assert status == 400 and "from 0 to 100" in json.loads(body)["do"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"garbage", "image/png", 400),
        (b"", "image/png", 400),
        (b"x", "text/plain", 415),
        (b"x", "", 415),
        (b"x" * (6 * 1024 * 1024 + 1), "image/jpeg", 413),
    ],
)
def test_bad_requests_are_told_what_to_do(server: Server, body, kind, status):
    got, answer = server.request("/invocations", body, kind)
    assert got == status
    assert set(json.loads(answer)) == {"error", "do"}


def test_a_body_of_50_mb_is_refused_without_being_read(server: Server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link_:
        link_.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 52428800\r\n\r\n"
        )
        assert b" 413 " in link_.recv(200)


def test_a_body_that_hides_its_length_is_cut_off_at_the_limit(server: Server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link_:
        link_.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        part = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        try:
            for _ in range(30):
                link_.sendall(part)
        except OSError:
            pass
        assert b" 413 " in link_.recv(200)


def test_get_changes_nothing(server: Server):
    assert server.request("/invocations")[0] == 405


def test_metrics_count_what_happened(server: Server, scene: Scene):
    server.request("/invocations", next(iter(scene.bytes.values())))
    _, body = server.request("/metrics")
    assert 'countersign_requests_total{status="200"}' in body.decode()
    assert 'quantile="0.99"' in body.decode()


def test_more_than_may_wait_get_429_and_the_rest_are_answered(server: Server, scene: Scene):
    image = next(iter(scene.bytes.values()))
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(server.request("/invocations", image)[0])) for _ in range(120)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 429} and statuses.count(200) >= 32
    assert server.request("/invocations", image)[0] == 200


def test_sigterm_ends_the_server_with_0(scene: Scene, room: Room):
    (room.root / "model").mkdir(parents=True)
    link(scene.model, room.root / "model")
    started = time.monotonic()
    running = Server(room)
    assert running.stop() == 0
    assert time.monotonic() - started < 30


def test_a_server_without_a_model_says_so(room: Room):
    done = room.run("serve", COUNTERSIGN_BIND="127.0.0.1", COUNTERSIGN_PORT="0")
    assert done.returncode == 2
    assert "model.json is missing" in room.failure
