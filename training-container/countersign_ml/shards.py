"""Tar shards of normalised images: entries `<sha256>.<jpg|png|webp>`."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from .contract import BadInput

_ENTRY = re.compile(r"^(?:.*/)?([0-9a-f]{64})\.(?:jpe?g|png|webp)$")


def entries(folder: Path, wanted: set[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """(sha256, bytes) of every image, each id once, in the order of shard name and position.

    Other names are skipped. Raises BadInput where there is no shard, or one is no tar file.
    """
    shards = sorted(folder.rglob("*.tar"))
    if not shards:
        raise BadInput(f'channel "{folder.name}" holds no .tar file; it needs the tar shards that admission wrote')
    seen: set[str] = set()
    for shard in shards:
        try:
            with tarfile.open(shard, "r:") as archive:
                for member in archive:
                    match = _ENTRY.match(member.name) if member.isfile() else None
                    if match is None or match[1] in seen or (wanted is not None and match[1] not in wanted):
                        continue
                    seen.add(match[1])
                    stream = archive.extractfile(member)
                    if stream is not None:
                        yield match[1], stream.read()
        except tarfile.TarError as error:
            raise BadInput(f"shard {shard.name} is not a readable tar file: {error}") from error


def load(folder: Path, wanted: set[str]) -> dict[str, bytes]:
    """The bytes of the wanted images. Raises BadInput naming how many and which are absent."""
    found = dict(entries(folder, wanted))
    missing = sorted(wanted - found.keys())
    if missing:
        raise BadInput(f"{len(missing)} of {len(wanted)} images are in no shard, the first is {missing[0]}")
    return found
