"""Brings pretrained weights from timm's hub into a folder that `--weights` takes. Never run inside a job.

usage: python -m countersign_ml.fetch ARCHITECTURE FOLDER
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from .contract import BadInput
from .documents import file_sha256
from .pretrained import HOW_TO_GET


def fetch(architecture: str, folder: Path, file: Path | None = None) -> Path:
    """Writes FOLDER/ARCHITECTURE/{model.safetensors, manifest.json}, returns that folder; `file` instead of the hub.

    BadInput when the architecture is unknown or the weights can't be had. The manifest keeps the hub's licence word
    as it is: whether it may be used is decided where weights are loaded.
    """
    from safetensors.torch import save_file

    from . import torchvision_cure  # noqa: F401  (before timm)
    import timm  # isort: skip

    if not timm.is_model(architecture.split(".")[0]):
        raise BadInput(f'timm knows no architecture "{architecture}"')
    overlay: dict[str, Any] = {} if file is None else {"pretrained_cfg_overlay": {"file": str(file)}}
    try:
        model: Any = timm.create_model(architecture, pretrained=True, **overlay)
    except Exception as error:
        raise BadInput(
            f'weights for "{architecture}" could not be had from timm\'s hub ({type(error).__name__}); {HOW_TO_GET}'
        ) from error
    config = model.pretrained_cfg
    target = folder / architecture
    target.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, target / "model.safetensors")
    manifest = {
        "architecture": architecture,
        "licence": str(config.get("license") or "unknown"),
        "mean": list(config["mean"]),
        "std": list(config["std"]),
        "source": str(config.get("hf_hub_id") or config.get("url") or config.get("file") or "unknown"),
        "sha256": file_sha256(target / "model.safetensors"),
        "bytes": (target / "model.safetensors").stat().st_size,
    }
    (target / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return target


def answers(url: str, seconds: float = 5) -> bool:
    """Whether anything answers there, be it with an error."""
    try:
        urllib.request.urlopen(url, timeout=seconds).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    # Somebody waits: one question whether the hub is there, then short tries. Without it the hub's client would try
    # again for most of a minute; told that it is offline, it looks into its own cache and says so at once.
    if not answers(os.environ.get("HF_ENDPOINT", "https://huggingface.co")):
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_ETAG_TIMEOUT", "5")
    os.environ.setdefault("HF_HUB_DOWNLOAD_TIMEOUT", "30")
    try:
        print(fetch(sys.argv[1], Path(sys.argv[2])))
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
