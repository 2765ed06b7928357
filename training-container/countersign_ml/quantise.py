"""int8 graphs of a model, by static quantisation (activations calibrated on training images) and by dynamic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from . import contract

CALIBRATION_IMAGES = 100
NAMES = ("static-int8", "dynamic-int8")


def build(source: Path, calibration: Sequence[np.ndarray], scratch: Path) -> list[tuple[str, Path | None, str]]:
    """(name, graph or None, why it could not be made) of each; `calibration`: uint8 (height, width, 3) each."""
    prepared = scratch / "prepared.onnx"
    progress = contract.Progress("quantise", len(NAMES))
    try:
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    except Exception as error:  # a graph that the tool does not know is no fault of the model's
        return [(name, None, said(error)) for name in NAMES]
    variants: list[tuple[str, Path | None, str]] = []
    for done, (name, make) in enumerate(zip(NAMES, (_static, _dynamic), strict=True)):
        file = scratch / f"{name}.onnx"
        try:
            make(prepared, file, calibration)
            variants.append((name, file, ""))
        except Exception as error:  # as above: this variant is refused, the others compete
            variants.append((name, None, said(error)))
        progress.at(done + 1)
    return variants


def said(error: Exception) -> str:
    return f"could not be made: {type(error).__name__}: {error}"[:300]


def _static(prepared: Path, file: Path, calibration: Sequence[np.ndarray]) -> None:
    quantize_static(
        str(prepared),
        str(file),
        _Reader(calibration),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv", "MatMul", "Gemm"],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def _dynamic(prepared: Path, file: Path, _calibration: Sequence[np.ndarray]) -> None:
    quantize_dynamic(
        str(prepared),
        str(file),
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )


class _Reader(CalibrationDataReader):
    def __init__(self, images: Sequence[np.ndarray]) -> None:
        self.images = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[override]
        image = next(self.images, None)
        return None if image is None else {"image": image[None]}
