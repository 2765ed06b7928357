"""Tar shards of normalised images: entries `<sha256>.<jpg|png|webp>`."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from .contract import BadInput
from .images import Undecodable, decode

_ENTRY = re.compile(r"^(?:.*/)?([0-9a-f]{64})\.(?:jpe?g|png|webp)$")


class Images(Mapping[str, bytes]):
    """sha256 -> bytes of every image in a folder's shards, in the order of shard name and position, each id once.

    Only places are kept in memory; an image's bytes are read when they are asked for, by any number of threads. Other
    names are skipped. Raises BadInput where there is no shard, or one is no tar file.
    """

    def __init__(self, folder: Path, wanted: Collection[str] | None = None) -> None:
        shards = sorted(folder.rglob("*.tar"))
        if not shards:
            raise BadInput(f'channel "{folder.name}" holds no .tar file; it needs the tar shards that admission wrote')
        self._places: dict[str, tuple[Path, int, int]] = {}
        for shard in shards:
            for name, start, size in _members(shard):
                if wanted is None or name in wanted:
                    self._places.setdefault(name, (shard, start, size))

    def __getitem__(self, name: str) -> bytes:
        shard, start, size = self._places[name]
        with shard.open("rb", buffering=0) as stream:
            stream.seek(start)
            data = stream.read(size)
        if len(data) < size:
            raise BadInput(f"shard {shard.name} ends in the middle of image {name}: write it again")
        return data

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def of(self, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """(sha256, bytes) of these, as they lie in the shards, one at a time."""
        return ((name, self[name]) for name in self if name in names)

    def needed(self, names: Iterable[str]) -> Images:
        """Itself, where it holds all of these. Raises BadInput naming how many and which are absent."""
        asked = set(names)
        missing = sorted(asked - self.keys())
        if missing:
            raise BadInput(f"{len(missing)} of {len(asked)} images are in no shard, the first is {missing[0]}")
        return self


def entries(folder: Path, wanted: Collection[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """(sha256, bytes) of every image, an image at a time; see Images."""
    return iter(Images(folder, wanted).items())


def decoded(name: str, data: bytes, input_size: int) -> np.ndarray:
    """images.decode of one of them. Admission has decoded it before: where it can't be here, BadInput names it."""
    try:
        return decode(data, input_size)
    except Undecodable as error:
        raise BadInput(f"image {name} in the shards {error}; admit the intake again") from error


def _members(shard: Path) -> Iterator[tuple[str, int, int]]:
    """(sha256, where its bytes begin, how many they are) of a shard's images."""
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                match = _ENTRY.match(member.name) if member.isfile() and not member.issparse() else None
                if match is not None:
                    yield match[1], member.offset_data, member.size
    except tarfile.TarError as error:
        raise BadInput(f"shard {shard.name} is not a readable tar file: {error}") from error
