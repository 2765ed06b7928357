"""A hand-made image descriptor for where no pretrained weights are: nothing in it is learnt, nothing is random.

Per cell of a 4 x 4 grid: mean and spread of luma and two opponent colours, and mean strength of Gaussian-derivative
edges (8 directions x 2 scales) and of blobs (2 scales); over the whole image the strongest of each of those responses,
and a soft histogram of luma. Values are square-rooted, which tames their long tails.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import nn

INPUT_SIZE = 128
GRID = 4
BINS = 16


def _filters() -> list[torch.Tensor]:
    """Per scale a bank (9 filters, 1, k, k): 8 directions of the first derivative of a Gaussian, and its Laplacian."""
    banks = []
    for sigma in (1.0, 2.5):
        radius = math.ceil(3 * sigma)
        axis = torch.arange(-radius, radius + 1, dtype=torch.float32)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        gauss = torch.exp(-(x**2 + y**2) / (2 * sigma**2))
        directions = [math.pi * k / 8 for k in range(8)]
        bank = [(x * math.cos(a) + y * math.sin(a)) * gauss for a in directions]
        laplacian = (x**2 + y**2 - 2 * sigma**2) * gauss
        bank.append(laplacian - laplacian.mean())
        banks.append(torch.stack([f / f.abs().sum() for f in bank]).unsqueeze(1))
    return banks


class Descriptor(nn.Module):
    """(n, 3, h, w) floats in [-1, 1] -> (n, num_features)."""

    num_features = GRID * GRID * (6 + 18) + 18 + BINS
    bank0: torch.Tensor
    bank1: torch.Tensor
    centres: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        for scale, bank in enumerate(_filters()):
            self.register_buffer(f"bank{scale}", bank)
        self.register_buffer("centres", torch.linspace(-1, 1, BINS).view(1, BINS, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        red, green, blue = x[:, 0:1], x[:, 1:2], x[:, 2:3]
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        colours = torch.cat([luma, red - green, 0.5 * (red + green) - blue], dim=1)
        cells = functional.adaptive_avg_pool2d(colours, GRID)
        spread = (functional.adaptive_avg_pool2d(colours**2, GRID) - cells**2).clamp(min=0).add(1e-8).sqrt()
        edges = torch.cat([self._edges(luma, bank) for bank in (self.bank0, self.bank1)], dim=1)
        edge_cells = functional.adaptive_avg_pool2d(edges, GRID).add(1e-8).sqrt()
        strongest = functional.adaptive_max_pool2d(edges, 1).add(1e-8).sqrt()
        membership = torch.exp(-(((luma - self.centres) * BINS / 2) ** 2))
        histogram = membership.mean(dim=(2, 3)).add(1e-8).sqrt()
        return torch.cat([v.flatten(1) for v in (cells, spread, edge_cells, strongest, histogram)], dim=1)

    @staticmethod
    def _edges(luma: torch.Tensor, bank: torch.Tensor) -> torch.Tensor:
        radius = bank.shape[-1] // 2
        return functional.conv2d(functional.pad(luma, (radius,) * 4, mode="replicate"), bank).abs()
