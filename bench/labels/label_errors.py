"""Embeds a folder of class folders, or cross-validates a probe on given labels. Argument: JSON, see label-errors.ts.

{"step": "embed", "folder", "weights", "backbone", "out"}: writes embeddings.f32 + embeddings.json into out, and images.csv
    (sha256,class index in order of folder name; byte-identical images once).
{"step": "probe", "out", "labels", "classes", "seed"}: labels is a file of int32 in the order of images.csv; writes
    probabilities.f64 (images x classes) as training does, each row from a probe that did not see its image.
"""

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

import numpy as np
from countersign_ml import backbones, calibration, embed, kernel_probe, probe
from countersign_ml.contract import BadInput
from sklearn.model_selection import StratifiedKFold


def embed_folder(folder: Path, weights: Path, backbone: str, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    seen: dict[str, int] = {}
    classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    with tarfile.open(out / "images.tar", "w") as archive:
        for index, name in enumerate(classes):
            for path in sorted((folder / name).iterdir()):
                suffix = path.suffix.lower()
                if suffix not in (".jpg", ".jpeg", ".png", ".webp"):
                    continue
                data = path.read_bytes()
                sha256 = hashlib.sha256(data).hexdigest()
                if sha256 in seen:
                    continue
                seen[sha256] = index
                member = tarfile.TarInfo(f"{sha256}{suffix}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    # Class token and mean patch token side by side where there are any: chosen on the half of the photos that does not judge.
    try:
        model = backbones.build(backbone, weights, pooling="tokens")
    except BadInput:
        model = backbones.build(backbone, weights)
    ids, rows = embed.embed_shards(out, model)
    embed.write(out, model, ids, rows)
    (out / "images.tar").unlink()
    (out / "images.csv").write_text("".join(f"{name},{seen[name]}\n" for name in ids))


def cross_validated(out: Path, labels: Path, classes: int, seed: int) -> None:
    _, rows = embed.read(out)
    embeddings = np.stack(list(rows.values()))
    said = np.fromfile(labels, dtype="<i4")
    folds = list(StratifiedKFold(5, shuffle=True, random_state=seed).split(embeddings, said))
    soft = np.eye(classes)[said]
    logits = probe.cross_validate(embeddings, soft, folds).out_of_fold
    straight = probe.softmax(logits / calibration.temperature(logits, soft))
    by, probabilities = kernel_probe.surer(kernel_probe.out_of_fold(embeddings, soft, folds, seed), straight, soft)
    probabilities.astype("<f8").tofile(out / "probabilities.f64")
    print(f"seed {seed}: labels are doubted by the {by}", file=sys.stderr)


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    if task["step"] == "embed":
        embed_folder(Path(task["folder"]), Path(task["weights"]), task["backbone"], Path(task["out"]))
    else:
        cross_validated(Path(task["out"]), Path(task["labels"]), task["classes"], task["seed"])
