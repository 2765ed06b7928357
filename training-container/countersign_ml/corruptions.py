"""What cameras and networks do to images, in 5 severities each (families after Hendrycks and Dietterich 2019)."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

SEVERITIES = (1, 2, 3, 4, 5)


def _image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels)


def lighting(pixels: np.ndarray, severity: int) -> np.ndarray:
    """Darker: the value is multiplied by 0.8 ... 0.2."""
    return (pixels * (1 - 0.16 * severity)).astype(np.uint8)


def angle(pixels: np.ndarray, severity: int) -> np.ndarray:
    """Turned by 6 ... 30 degrees about the centre."""
    fill = tuple(int(v) for v in pixels.reshape(-1, 3).mean(axis=0))
    return np.asarray(_image(pixels).rotate(6 * severity, Image.Resampling.BILINEAR, fillcolor=fill))


def blur(pixels: np.ndarray, severity: int) -> np.ndarray:
    """Gaussian, radius 0.4 ... 2 % of the shorter side."""
    radius = 0.004 * severity * min(pixels.shape[:2])
    return np.asarray(_image(pixels).filter(ImageFilter.GaussianBlur(radius)))


def noise(pixels: np.ndarray, severity: int) -> np.ndarray:
    """Gaussian, standard deviation 8 ... 40 of 255; the same noise for the same pixels."""
    rng = np.random.default_rng(severity + int(pixels.sum(dtype=np.int64)) % 2**32)
    return (pixels + rng.normal(0, 8 * severity, pixels.shape)).clip(0, 255).astype(np.uint8)


def compression(pixels: np.ndarray, severity: int) -> np.ndarray:
    """JPEG at quality 50, 30, 20, 12, 6."""
    stream = io.BytesIO()
    _image(pixels).save(stream, "JPEG", quality=(50, 30, 20, 12, 6)[severity - 1])
    return np.asarray(Image.open(stream).convert("RGB"))


FAMILIES: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "lighting": lighting,
    "angle": angle,
    "blur": blur,
    "noise": noise,
    "compression": compression,
}
