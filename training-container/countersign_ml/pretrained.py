"""Pretrained weights: folders of `model.safetensors` + `manifest.json`, given as a channel, never downloaded."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from .contract import BadInput
from .documents import file_sha256

PERMISSIVE = ("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "cc0-1.0", "cc-by-4.0", "unlicense")
"""Licences under which weights may be used commercially without asking (SPDX ids, lower case)."""

HOW_TO_GET = (
    "pass a folder of weights with --weights DIR or the environment variable COUNTERSIGN_WEIGHTS: "
    "DIR/<name>/model.safetensors + manifest.json {architecture, licence, mean, std, sha256}"
)


@dataclass(frozen=True)
class Weights:
    architecture: str
    file: Path
    sha256: str
    licence: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def find(folder: Path | None, architecture: str, accept_licences: str = "") -> Weights:
    """The weights for a timm architecture in a folder, or in a folder of such folders; checked bytes and licence.

    `accept_licences`: comma-separated licence texts that the operator accepts beyond PERMISSIVE.
    """
    manifests = [] if folder is None else sorted(folder.glob("manifest.json")) + sorted(folder.glob("*/manifest.json"))
    there: list[str] = []
    for manifest in manifests:
        try:
            facts = json.loads(manifest.read_text(encoding="utf-8"))
            there.append(str(facts["architecture"]))
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{manifest.parent.name}/manifest.json is unreadable: {error!r}") from error
        if facts["architecture"] == architecture:
            return _checked(manifest, facts, accept_licences)
    raise BadInput(f'no pretrained weights for "{architecture}" (found: {", ".join(there) or "none"}); {HOW_TO_GET}')


def _checked(manifest: Path, facts: dict, accept_licences: str) -> Weights:
    file = manifest.parent / "model.safetensors"
    if not file.is_file():
        raise BadInput(f"{manifest.parent.name}/manifest.json points at model.safetensors, which is missing beside it")
    licence = str(facts.get("licence", "")).strip()
    spdx = re.split(r"[\s;,(]", licence.lower(), maxsplit=1)[0]
    accepted = {text.strip().lower() for text in accept_licences.split(",") if text.strip()}
    if spdx not in PERMISSIVE and licence.lower() not in accepted and spdx not in accepted:
        raise BadInput(
            f'weights {manifest.parent.name} are licensed "{licence or "unknown"}"; taken without asking: '
            f"{', '.join(PERMISSIVE)}; if your use is allowed, name it in acceptLicences"
        )
    sha256 = file_sha256(file)
    if sha256 != facts.get("sha256"):
        raise BadInput(
            f"{manifest.parent.name}/model.safetensors has sha256 {sha256[:12]}..., its manifest says "
            f"{str(facts.get('sha256'))[:12]}...; fetch the file again"
        )
    mean, std = (tuple(float(v) for v in facts.get(key, (0.5, 0.5, 0.5))) for key in ("mean", "std"))
    if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
        raise BadInput(f"{manifest.parent.name}/manifest.json: mean and std need three numbers each, std above 0")
    return Weights(facts["architecture"], file, sha256, licence, mean, std)  # type: ignore[arg-type]
