"""Folders of images as labelled sets: sub-folders are classes, or an official split in train.txt, val.txt, test.txt."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

KEPT = Path(__file__).resolve().parents[2] / "build/bench-training"
"""What the benchmarks keep between calls."""
KINDS = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True)
class LabelledSet:
    name: str
    classes: list[str]
    ids: list[str]
    labels: np.ndarray
    parts: np.ndarray | None
    """train | val | test per image, where the set has an official split."""
    bytes: dict[str, bytes]

    def write_shards(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(folder / "0.tar", "w") as archive:
            for name in sorted(self.bytes):
                member = tarfile.TarInfo(f"{name}.jpg")
                member.size = len(self.bytes[name])
                archive.addfile(member, io.BytesIO(self.bytes[name]))


def load(folder: Path) -> list[LabelledSet]:
    if not folder.is_dir():
        raise SystemExit(f"{folder} is no folder; give a folder of classes, or one with train.txt, val.txt, test.txt")
    if (folder / "train.txt").is_file():
        return _official(folder)
    files = sorted(file for file in folder.glob("*/*") if file.suffix.lower() in KINDS)
    if not files:
        raise SystemExit(f"{folder} holds no <class>/<image>")
    rows = [(file, file.parent.name, None) for file in files]
    return [_set(folder.name, rows)]


def _official(folder: Path) -> list[LabelledSet]:
    fine, coarse = [], []
    for part in ("train", "val", "test"):
        for line in (folder / f"{part}.txt").read_text().splitlines():
            if not line.strip():
                continue
            path, fine_label, coarse_label = (text.strip() for text in line.rsplit(",", 2))
            fine.append((folder / path, fine_label, part))
            coarse.append((folder / path, coarse_label, part))
    names = {len({label for _, label, _ in rows}): rows for rows in (fine, coarse)}
    return [_set(f"{folder.name}-{count}", rows) for count, rows in sorted(names.items(), reverse=True)]


def _set(name: str, rows) -> LabelledSet:
    found: dict[str, tuple[str, str | None]] = {}
    data: dict[str, bytes] = {}
    for file, label, part in rows:
        content = file.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        # The same bytes twice are one image; a copy that also lies in the test part counts as test only.
        if sha256 in found and part != "test":
            continue
        found[sha256], data[sha256] = (label, part), content
    ids = sorted(found)
    classes = sorted({label for label, _ in found.values()})
    labels = np.array([classes.index(found[name_][0]) for name_ in ids])
    parts = None if rows[0][2] is None else np.array([found[name_][1] for name_ in ids])
    return LabelledSet(name, classes, ids, labels, parts, data)


def near_duplicate_groups(rows: np.ndarray, similarity: float = 0.98) -> np.ndarray:
    """Groups of images whose embeddings point the same way: they stay together in cross-validation."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    left, right = [], []
    for start in range(0, len(rows), 512):
        a, b = np.nonzero(rows[start : start + 512] @ rows.T >= similarity)
        left.append(a + start)
        right.append(b)
    a, b = np.concatenate(left), np.concatenate(right)
    graph = coo_matrix((np.ones(len(a)), (a, b)), shape=(len(rows), len(rows)))
    return connected_components(graph, directed=False)[1]
