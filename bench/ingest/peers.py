"""The whole check set by the peers, on the files of a list: `peers.py tuned|cleanvision|flags LIST`, one JSON object out.

`tuned` is Pillow's draft mode and OpenCV, one decode for everything, as a careful Python program would do it.
`cleanvision` is cleanvision for the checks and imagededup for the hashes, as installed, each opening the file itself.
`flags` is cleanvision's flags and scores alone, untimed.
CPU milliseconds per image are user + system of this process and its children, after the imports.
"""

from __future__ import annotations

import hashlib
import io
import json
import resource
import sys
from pathlib import Path

import numpy as np
from PIL import Image

THUMBNAIL = 160


def cpu() -> float:
    spent = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        spent += usage.ru_utime + usage.ru_stime
    return 1000 * spent


def thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=80)
    return out.getvalue()


def tuned(paths: list[str]) -> dict:
    import cv2

    cv2.setNumThreads(1)

    def check(path: str) -> None:
        data = Path(path).read_bytes()
        hashlib.sha256(data).hexdigest()
        image = Image.open(io.BytesIO(data))
        image.draft("RGB", (512, 512))
        image = image.convert("RGB")
        image.thumbnail((512, 512), Image.Resampling.BOX)
        pixels = np.asarray(image)
        squares = pixels.astype(np.float32) ** 2 @ np.array([0.241, 0.691, 0.068], np.float32)
        np.sqrt(np.percentile(squares, [5, 99])) / 255
        image.entropy()
        gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(gray, (64, 64), interpolation=cv2.INTER_AREA)
        np.sqrt(cv2.Laplacian(small, cv2.CV_16S, ksize=1).var())
        np.std(cv2.calcHist([gray], [0], None, [256], [0, 256]))
        bool((pixels[:, :, 0] == pixels[:, :, 1]).all() and (pixels[:, :, 1] == pixels[:, :, 2]).all())
        nine = cv2.resize(gray, (9, 8), interpolation=cv2.INTER_AREA)
        np.packbits(nine[:, 1:] > nine[:, :-1])
        low = cv2.dct(cv2.resize(gray, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32))[:8, :8]
        np.packbits(low >= np.median(low.ravel()[1:]))
        thumbnail(image)

    check(paths[0])
    rounds = []
    for _ in range(2):
        start = cpu()
        for path in paths:
            check(path)
        rounds.append(cpu() - start)
    return {"ms": min(rounds) / len(paths)}


def cleanvision(paths: list[str]) -> dict:
    sys.path.insert(0, str(Path(__file__).parents[2] / "training-container"))
    import countersign_ml.torchvision_cure  # noqa: F401  imagededup imports torchvision, which dies on a CPU torch
    from cleanvision import Imagelab
    from imagededup.methods import DHash, PHash

    hashes = [PHash(verbose=False), DHash(verbose=False)]
    start = cpu()
    lab = Imagelab(filepaths=paths)
    lab.find_issues(n_jobs=1, verbose=False)
    for path in paths:
        for method in hashes:
            method.encode_image(image_file=path)
        thumbnail(Image.open(path).convert("RGB"))
    return {"ms": (cpu() - start) / len(paths)}


def flags(paths: list[str]) -> dict:
    from cleanvision import Imagelab

    wanted = ["dark", "light", "blurry", "low_information", "odd_aspect_ratio", "odd_size", "grayscale"]
    lab = Imagelab(filepaths=paths)
    lab.find_issues({name: {} for name in wanted}, n_jobs=1, verbose=False)
    return {
        "flags": {t: sorted(lab.issues.index[lab.issues[f"is_{t}_issue"]]) for t in wanted},
        "scores": {t: lab.issues[f"{t}_score"].to_dict() for t in wanted},
    }


def main() -> None:
    paths = Path(sys.argv[2]).read_text().splitlines()
    result = {"tuned": tuned, "cleanvision": cleanvision, "flags": flags}[sys.argv[1]](paths)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
