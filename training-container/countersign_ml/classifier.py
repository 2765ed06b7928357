"""Embedder and linear head as one module, and its ONNX graph."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .backbones import Embedder
from .probe import Head

SAMPLE = np.zeros((2, 48, 40, 3), dtype=np.uint8)
"""To export by: a batch of one would be frozen into the graph as a constant."""


class Classifier(nn.Module):
    """uint8 (n, height, width, 3) -> (logits (n, classes), L2-normalised embedding (n, dim))."""

    def __init__(self, embedder: Embedder, head: nn.Linear) -> None:
        super().__init__()
        self.embedder, self.head = embedder, head

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        embedding = self.embedder(image)
        return self.head(embedding), embedding


def with_head(embedder: Embedder, head: Head) -> Classifier:
    """A classifier that gives the probe's logits."""
    linear = nn.Linear(head.weight.shape[1], head.weight.shape[0])
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(head.weight))
        linear.bias.copy_(torch.from_numpy(head.bias))
    return Classifier(embedder, linear)


def with_new_head(embedder: Embedder, dim: int, classes: int) -> Classifier:
    """A classifier whose logits are ten cosines at the start: rows of about length 10 on unit embeddings."""
    linear = nn.Linear(dim, classes)
    nn.init.normal_(linear.weight, std=10 / dim**0.5)
    nn.init.zeros_(linear.bias)
    return Classifier(embedder, linear)


def export(classifier: Classifier, file: Path, sample: np.ndarray = SAMPLE) -> None:
    """Writes the ONNX graph: input `image` uint8 (n, height, width, 3) of any size, outputs `logits`, `embedding`.

    `sample`: uint8 (2, h, w, 3); a batch of one would be frozen into the graph as a constant. The exporter's notes
    (source lines and where the code lies) are left out: the same weights give the same bytes wherever they are written.
    """
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass
    from torch.export import Dim

    side = {"min": 2, "max": 32768}
    dynamic = [{0: Dim("n", min=1, max=4096), 1: Dim("height", **side), 2: Dim("width", **side)}]
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            classifier.eval(),
            (torch.from_numpy(sample),),
            dynamo=True,
            dynamic_shapes=dynamic,
            input_names=["image"],
            output_names=["logits", "embedding"],
            external_data=False,
            verbose=False,
        )
    assert program is not None
    ClearMetadataAndDocStringPass()(program.model)
    partial = file.with_suffix(".part")
    program.save(str(partial), external_data=False)
    partial.replace(file)
