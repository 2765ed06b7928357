"""What others make of the same images.

`duplicate_peers.py imagededup LIST RADIUS` finds near-duplicates with imagededup's PHash and prints one JSON object
{ms, pairs: [[position, position], ...]}. `duplicate_peers.py embed LIST BACKBONE WEIGHTS OUT` writes one row of 32-bit
floats per image, of length 1, by the product's own backbones.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "training-container"))
BATCH = 16


def imagededup(paths: list[str], radius: int) -> dict:
    import countersign_ml.torchvision_cure  # noqa: F401  imagededup imports torchvision, which dies on a CPU torch
    from imagededup.methods import PHash

    method = PHash(verbose=False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    encodings = {str(i): method.encode_image(image_file=path) for i, path in enumerate(paths)}
    ms = 1000 * (resource.getrusage(resource.RUSAGE_SELF).ru_utime - before) / len(paths)
    found = method.find_duplicates(encoding_map=encodings, max_distance_threshold=radius, num_dist_workers=0)
    pairs = {tuple(sorted((int(a), int(b)))) for a, near in found.items() for b in near}
    return {"ms": ms, "pairs": sorted(pairs)}


def embed(paths: list[str], name: str, weights: str, out: str) -> dict:
    import numpy as np
    from countersign_ml import backbones, embed

    backbone = backbones.build(name, Path(weights) / name if name != "descriptor" else None)
    rows = []
    for start in range(0, len(paths), BATCH):
        batch = [(path, Path(path).read_bytes()) for path in paths[start : start + BATCH]]
        found = embed._embed_batch(backbone, batch)
        rows += [found[path] for path, _ in batch]
    np.stack(rows).astype("<f4").tofile(out)
    return {"dim": int(rows[0].shape[0])}


def main() -> None:
    mode, listed, *rest = sys.argv[1:]
    paths = Path(listed).read_text().splitlines()
    result = imagededup(paths, int(rest[0])) if mode == "imagededup" else embed(paths, rest[0], rest[1], rest[2])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
