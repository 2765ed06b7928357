"""Structured pruning by magnitude: whole hidden units and channels go, so that any processor gains.

Only inner widths are cut: hidden units of transformer MLPs, and channels between the convolutions of one residual
block. What enters and leaves a block keeps its width, so blocks fit together as before.
"""

from __future__ import annotations

import copy
import itertools
from typing import Any

import torch
from torch import nn

from .fitting import Network
from .small_cnn import SmallCnn

FEWEST = 8
"""Channels that are always kept."""


def pruned(model: Network, share: float) -> tuple[Network, int]:
    """A copy without the `share` of inner channels of least magnitude, and how many layers were made narrower.

    0 layers: nothing in this architecture is known how to cut.
    """
    model = copy.deepcopy(model)
    cut = 0
    for module in model.modules():
        for pair in _inner(module):
            cut += _narrow(pair, share)
    return model, cut


def _inner(module: Any) -> list[tuple[Any, Any, Any, Any]]:
    """(producer, its norm or None, depthwise (convolution, norm) or None, consumer) of each inner width."""
    kind = type(module).__name__
    if kind == "Mlp" and isinstance(getattr(module, "norm", None), nn.Identity):
        # Linear layers, or convolutions of one pixel.
        first = module.fc1
        known = isinstance(first, nn.Linear) or (isinstance(first, nn.Conv2d) and first.groups == 1)
        return [(first, None, None, module.fc2)] if known else []
    if kind == "BasicBlock" and module.conv1.groups == 1:
        return [(module.conv1, module.bn1, None, module.conv2)]
    if kind == "Bottleneck" and module.conv2.groups == 1:
        return [(module.conv1, module.bn1, None, module.conv2), (module.conv2, module.bn2, None, module.conv3)]
    if kind == "InvertedResidual" and isinstance(module.se, nn.Identity):
        return [(module.conv_pw, module.bn1, (module.conv_dw, module.bn2), module.conv_pwl)]
    if isinstance(module, SmallCnn):
        blocks = [list(block.children()) for block in module.body]
        return [(a[0], a[1], None, b[0]) for a, b in itertools.pairwise(blocks)]
    return []


def _narrow(inner: tuple[Any, Any, Any, Any], share: float) -> int:
    producer, norm, depthwise, consumer = inner
    width = producer.weight.shape[0]
    kept = max(FEWEST, round(width * (1 - share)))
    if kept >= width:
        return 0
    # What a channel can say: the length of its weights, as its norm scales them, times that of those who listen to it.
    told = producer.weight.flatten(1).norm(dim=1)
    if norm is not None:
        told = told * norm.weight.abs() / (norm.running_var + norm.eps).sqrt()
    heard = consumer.weight.transpose(0, 1).flatten(1).norm(dim=1)
    keep = torch.topk(told * heard, kept).indices.sort().values
    _select(producer, keep, 0)
    for layer in (norm, *(depthwise or ())):
        if layer is not None:
            _select(layer, keep, 0)
    _select(consumer, keep, 1)
    return 1


def _select(layer: Any, keep: torch.Tensor, axis: int) -> None:
    for name in ("weight", "bias", "running_mean", "running_var"):
        value = getattr(layer, name, None)
        if value is None or (axis == 1 and name != "weight"):
            continue
        chosen = value.detach().index_select(axis, keep).clone()
        setattr(layer, name, nn.Parameter(chosen) if isinstance(value, nn.Parameter) else chosen)
    for name in ("in_features", "in_channels") if axis else ("out_features", "out_channels", "num_features"):
        if hasattr(layer, name):
            setattr(layer, name, len(keep))
    if isinstance(layer, nn.Conv2d) and axis == 0 and layer.groups > 1:
        layer.groups = layer.in_channels = len(keep)
