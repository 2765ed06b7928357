"""Countersign's training container: `python -m countersign_ml embed|train|evaluate|optimise|serve`."""

import os

# ONNX Runtime tells its maker of every model that it opens (name, hashes, a device id kept under HOME) unless this is
# set before it is first imported: https://github.com/microsoft/onnxruntime/pull/27379.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
