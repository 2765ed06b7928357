"""Bytes to pixels, the same for training and serving. Imports no torch: the server starts from here."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
MAX_PIXELS = 64_000_000
"""Refused above this: 64 megapixels are 192 MB decoded."""

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
_SRGB = ImageCms.createProfile("sRGB")


class Undecodable(ValueError):
    """These bytes are not an image that we take; the message says why."""


def decode(data: bytes, input_size: int, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """uint8 pixels (height, width, 3), upright, sRGB, transparent parts on white.

    A JPEG much larger than the model's input is decoded at a power-of-two fraction, never below twice the input,
    so that the resize in the model's graph still has detail to average over. Raises Undecodable.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=list(FORMATS))
            width, height = image.size
            if width * height > max_pixels:
                raise Undecodable(f"has {width} x {height} pixels; at most {max_pixels} are taken")
            profile = image.info.get("icc_profile")
            if image.format == "JPEG" and image.mode == "RGB":
                image.draft("RGB", (2 * input_size, 2 * input_size))
            image.load()
            image = ImageOps.exif_transpose(image)
            return np.asarray(_to_srgb(_flattened(image), profile))
    except Undecodable:
        raise
    except UnidentifiedImageError as error:
        raise Undecodable("is not a JPEG, PNG or WebP image") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Undecodable(f"has too many pixels; at most {max_pixels} are taken") from error
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Warning) as error:
        raise Undecodable(f"can't be decoded: {error}") from error
    except Exception as error:  # decoders raise what they like on hostile bytes (struct.error, IndexError, ...)
        raise Undecodable(f"can't be decoded: {type(error).__name__}: {error}") from error


def _flattened(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "I;16", "I;16B", "F"):
        values = np.asarray(image, dtype=np.float32)
        image = Image.fromarray((values / (257 if values.max(initial=0) > 255 else 1)).clip(0, 255).astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        canvas = Image.new("RGBA", rgba.size, "white")
        canvas.alpha_composite(rgba)
        image = canvas
    return image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileName(source):
            return image
        return ImageCms.profileToProfile(image, source, _SRGB) or image
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # a broken profile, or one for CMYK: the colours as they are
