"""A trained model under ONNX Runtime: bytes in, prediction out. Imports no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from . import documents
from .contract import BadInput
from .images import MAX_PIXELS, decode


@dataclass(frozen=True)
class Prediction:
    logits: np.ndarray
    probabilities: np.ndarray
    """(classes,) after temperature."""
    embedding: np.ndarray


class Model:
    """An unpacked model folder (model.onnx, model.json). Raises BadInput where the two don't belong together."""

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        self.folder = folder
        self.facts = documents.read(folder / "model.json", "training-result")
        self.classes: list[str] = self.facts["classes"]
        file = folder / "model.onnx"
        if not file.is_file():
            raise BadInput(
                f"model.onnx is missing beside model.json in {folder.name}/; take the train job's model.tar.gz"
            )
        self.sha256 = documents.file_sha256(file)
        if self.sha256 != self.facts["onnxSha256"]:
            raise BadInput(
                f"model.onnx has sha256 {self.sha256[:12]}..., model.json says {self.facts['onnxSha256'][:12]}...; "
                "the model was changed after training, take it from the job again"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or os.cpu_count() or 1
        options.log_severity_level = 3
        # Waiting threads sleep: an idle endpoint uses no processor, and neighbours on the machine keep theirs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    @property
    def digest(self) -> str:
        return str(self.facts.get("digest", self.sha256))

    def predict(self, data: bytes, max_pixels: int = MAX_PIXELS) -> Prediction:
        """Raises images.Undecodable."""
        return self.predict_pixels(decode(data, self.facts["inputSize"], max_pixels))

    def predict_pixels(self, pixels: np.ndarray) -> Prediction:
        """`pixels`: uint8 (height, width, 3)."""
        logits, embedding = infer(self.session, pixels[None])
        return Prediction(logits[0], softmax(logits[0] / self.facts["temperature"]), embedding[0])


def infer(session: onnxruntime.InferenceSession, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits (n, classes) and embeddings (n, dim) of images uint8 (n, height, width, 3) of one size."""
    logits, embedding = session.run(["logits", "embedding"], {"image": images})
    assert isinstance(logits, np.ndarray) and isinstance(embedding, np.ndarray)  # a graph may have other outputs
    return logits, embedding


def softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp((logits - logits.max()).astype(np.float64))
    return shifted / shifted.sum()
