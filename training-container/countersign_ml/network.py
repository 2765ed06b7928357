"""A trained network's weights beside its graph, for what has to train on (pruning, distillation)."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file

from . import small_cnn
from .backbones import Embedder, build
from .classifier import Classifier, with_new_head
from .contract import BadInput

NAME = "network.safetensors"


def save(folder: Path, classifier: Classifier, shape: dict, called: str = NAME) -> None:
    """`shape`: {backbone, inputSize, pooling, view}: what `load` needs to build the same network."""
    state = {name: value.detach().contiguous().clone() for name, value in classifier.state_dict().items()}
    partial = folder / f"{called}.part"
    save_file(state, partial, metadata={"network": json.dumps(shape, sort_keys=True)})
    partial.replace(folder / called)


def load(folder: Path, called: str = NAME) -> Classifier | None:
    """The network of a model folder; None where the folder has none (a model from before it was kept)."""
    file = folder / called
    if not file.is_file():
        return None
    with safe_open(file, "pt") as stored:
        shape = json.loads((stored.metadata() or {}).get("network", "{}"))
    state = load_file(file)
    classes, dim = state["head.weight"].shape
    model = with_new_head(embedder(shape), dim, classes)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise BadInput(f"{called} is not of {shape.get('backbone')}: {str(error)[:200]}; train again") from error
    return model.eval()


def embedder(shape: dict) -> Embedder:
    if shape["backbone"] == small_cnn.NAME:
        return small_cnn.embedder(0, shape["inputSize"])
    return build(
        shape["backbone"],
        None,
        image_size=shape["inputSize"],
        pooling=shape["pooling"],
        view=shape["view"],
        random_weights=True,
    ).embedder
