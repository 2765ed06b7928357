"""What lies beyond the classes: unknown images through the server, and its neighbours, exact however many there are."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from conftest import Room, Scene, link, png
from countersign_ml import neighbours
from test_serve import Server


def test_the_server_calls_an_unknown_thing_novel_and_a_known_one_not(scene: Scene, room: Room):
    (room.root / "model").mkdir(parents=True)
    link(scene.model, room.root / "model")
    server = Server(room)
    try:
        known = [json.loads(server.request("/invocations", scene.bytes[name])[1]) for name in scene.test]
        rng = np.random.default_rng(5)
        discs = (np.hypot(*np.mgrid[-16:16, -16:16]) % 7 < 3)[..., None] * np.array([20, 255, 20])
        strange = [png(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)), png(discs.astype(np.uint8))]
        unknown = [json.loads(server.request("/invocations", data)[1]) for data in strange]
    finally:
        server.stop()
    assert all(answer["novel"] for answer in unknown)
    assert np.mean([answer["novel"] for answer in known]) <= 0.2
    farthest = max(answer["noveltyDistance"] for answer in known)
    assert min(answer["noveltyDistance"] for answer in unknown) > farthest


def test_neighbours_of_100_000_are_exact():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(100_000, 64)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ids = [f"{k:064x}" for k in range(len(rows))]
    reference = neighbours.Reference(ids, np.arange(len(rows)) % 7, rows, 0.5)
    for k in (3, 99_999):
        query = rows[k] + 0.05 * rng.normal(size=64)
        query /= np.linalg.norm(query)
        started = time.perf_counter()
        found = reference.nearest(query, 10)
        assert time.perf_counter() - started < 2
        distance = np.linalg.norm(rows.astype(np.float64) - query, axis=1)
        assert [n["sha256"] for n in found] == [ids[at] for at in np.argsort(distance)[:10]]
        assert found[0]["sha256"] == ids[k] and found[0]["label"] == k % 7
        fifth = 1 - np.sort(rows.astype(np.float64) @ query)[-neighbours.K]
        assert reference.novelty(query).distance == pytest.approx(fifth, abs=1e-5)
