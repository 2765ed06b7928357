"""A small network for images that no pretrained weights know and that are few: the drawn sample."""

from __future__ import annotations

import torch
from torch import nn

from .backbones import Embedder, Prepare

INPUT_SIZE = 96
DIMENSION = 128
NAME = "small-cnn"


def _block(fan_in: int, fan_out: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(fan_in, fan_out, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(fan_out), nn.ReLU(inplace=True))


class SmallCnn(nn.Module):
    """(n, 3, 96, 96) -> (n, 128): 6 convolutions; the mean and the strongest of each map, for minute defects."""

    num_features = DIMENSION

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _block(3, 16, 2),
            _block(16, 24, 1),
            _block(24, 32, 2),
            _block(32, 48, 1),
            _block(48, 64, 2),
            _block(64, 64, 1),
        )
        self.project = nn.Sequential(nn.Linear(128, DIMENSION, bias=False), nn.BatchNorm1d(DIMENSION))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = self.body(x)
        return self.project(torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1))


def embedder(seed: int, size: int = INPUT_SIZE) -> Embedder:
    torch.manual_seed(seed)
    return Embedder(Prepare(size, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), SmallCnn())
