"""Imports torchvision where only a CPU build of torch is installed.

torchvision's wheel links CUDA; beside a CPU torch its operators are not registered and the import dies with
`operator torchvision::nms does not exist`. Nothing here calls those operators, so their schemas are declared and
the import is tried again. Import this module before timm, torchmetrics or torchvision. No effect elsewhere.
"""

import sys

import torch

_library: torch.library.Library | None = None  # unregisters its operators when collected: keep it

try:
    import torchvision
except RuntimeError as error:
    if "torchvision::" not in str(error):
        raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    _library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        _library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision  # noqa: F401
