"""`serve`: GET /ping, POST /invocations, GET /metrics. ONNX Runtime only, so that it is ready in about a second."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from . import contract
from .images import FORMATS, Undecodable, decode
from .neighbours import Reference
from .runtime import Model

MAX_BYTES = 6 * 1024 * 1024
"""SageMaker's real-time limit; a serverless endpoint stops at 4 MB by itself."""
DRAINED = 4 * MAX_BYTES
MAX_WAITING = 32
"""Requests that may wait for the model; the next one gets 429."""
NEIGHBOURS = {str(number) for number in range(101)}
"""How many of them an answer may be asked for."""


class Service:
    """One model, one request in the model at a time (it uses every core), a bounded number waiting."""

    def __init__(self, model: Model, max_waiting: int = MAX_WAITING) -> None:
        self.model, self.max_waiting = model, max_waiting
        self.reference = Reference.load(model.folder)
        self.version = os.environ.get("COUNTERSIGN_MODEL_VERSION") or model.facts["datasetVersion"][:12]
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="model")
        # The next image is decoded while the model is at work, and neither holds up the loop that takes requests.
        self.decoders = ThreadPoolExecutor(2, thread_name_prefix="decode")
        self.inside = 0
        self.counts: dict[int, int] = {}
        self.seconds: deque[float] = deque(maxlen=1000)

    async def ping(self, _request: Request) -> Response:
        return PlainTextResponse("\n")

    async def invocations(self, request: Request) -> Response:
        started = time.perf_counter()
        response = await self._answer(request)
        self.counts[response.status_code] = self.counts.get(response.status_code, 0) + 1
        self.seconds.append(time.perf_counter() - started)
        return response

    async def _answer(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind not in FORMATS.values():
            return _error(415, f'content type "{kind}"', f"send one of {', '.join(FORMATS.values())}")
        wanted = request.query_params.get("neighbours", "0")
        if wanted not in NEIGHBOURS:
            return _error(400, f'neighbours is "{wanted[:20]}"', "ask for a whole number from 0 to 100")
        if self.inside >= self.max_waiting:
            return _error(429, f"{self.inside} requests are waiting", "try again later", {"Retry-After": "1"})
        self.inside += 1
        try:
            body = await _bounded(request)
            if body is None:
                return _error(413, f"the body has more than {MAX_BYTES} bytes", "send a smaller image")
            if not body:
                return _error(400, "the body is empty", "send the bytes of one image")
            loop = asyncio.get_running_loop()
            try:
                pixels = await loop.run_in_executor(self.decoders, decode, body, self.model.facts["inputSize"])
            except Undecodable as error:
                return _error(400, f"the image {error}", f"send a whole one of {', '.join(FORMATS.values())}")
            return await loop.run_in_executor(self.pool, self._predict, pixels, int(wanted))
        finally:
            self.inside -= 1

    def warm_up(self) -> None:
        """The first answers of a session are slow: they are given to nobody."""
        for _ in range(2):
            self._predict(np.zeros((64, 64, 3), dtype=np.uint8), 0)

    def _predict(self, pixels: np.ndarray, wanted: int) -> Response:
        found = self.model.predict_pixels(pixels)
        best = int(found.probabilities.argmax())
        confidence = float(found.probabilities[best])
        novelty = self.reference.novelty(found.embedding) if self.reference else None
        answer = {
            "classes": self.model.classes,
            "probabilities": [float(p) for p in found.probabilities],
            "label": self.model.classes[best],
            "confidence": confidence,
            "abstained": confidence < self.model.facts["abstainThreshold"],
            "novel": novelty.beyond if novelty else False,
            "noveltyDistance": novelty.distance if novelty else None,
            "embedding": [float(v) for v in found.embedding],
            "modelVersion": self.version,
            "modelDigest": self.model.digest,
        }
        if wanted and self.reference:
            nearest = self.reference.nearest(found.embedding, wanted)
            answer["neighbours"] = [n | {"label": self.model.classes[n["label"]]} for n in nearest]
        return JSONResponse(answer)

    async def metrics(self, _request: Request) -> Response:
        """Prometheus text: requests by status, waiting now, latency quantiles of the last 1,000."""
        ordered = sorted(self.seconds)
        lines = [f'countersign_requests_total{{status="{k}"}} {n}' for k, n in sorted(self.counts.items())]
        lines.append(f"countersign_requests_waiting {self.inside}")
        for quantile in (0.5, 0.95, 0.99):
            if ordered:
                value = ordered[min(len(ordered) - 1, int(quantile * len(ordered)))]
                lines.append(f'countersign_request_seconds{{quantile="{quantile}"}} {value:.6f}')
        return PlainTextResponse("\n".join(lines) + "\n")


async def _bounded(request: Request) -> bytes | None:
    """The body, or None where it is over the limit. A little too much is read and dropped, so that the client hears the
    answer and not a broken connection; what is announced as far too much is not read at all.
    """
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > DRAINED:
        return None
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > DRAINED:
            return None
        if size <= MAX_BYTES:
            parts.append(part)
    return b"".join(parts) if size <= MAX_BYTES else None


def _error(status: int, what: str, instead: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": what, "do": instead}, status_code=status, headers=headers)


def app(service: Service) -> Starlette:
    return Starlette(
        routes=[
            Route("/ping", service.ping, methods=["GET"]),
            Route("/invocations", service.invocations, methods=["POST"]),
            Route("/metrics", service.metrics, methods=["GET"]),
        ]
    )


def main() -> None:
    host, port = contract.bind()
    service = Service(Model(contract.unpacked(contract.model_dir(), "served")))
    config = uvicorn.Config(
        app(service), host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=25
    )
    service.warm_up()
    # What is here stays: the collector need not walk through it while somebody waits.
    gc.collect()
    gc.freeze()
    server = _Server(config)
    # uvicorn restores the handlers that it found and raises the signal again: let that end quietly.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server.run()


class _Server(uvicorn.Server):
    """Says on stdout which port it got, so that port 0 is usable."""

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            print(f'{{"listening": {{"port": {port}}}}}', flush=True)
