"""The evaluation's folder: index.html shows all of it without a network, manifest.json names every file's digest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from . import documents, embedding_map, evidence_page, metrics, plots
from .judging import Judged


def write_predictions(out: Path, classes: list[str], items: list[dict], judged: Judged, rival: Judged | None) -> None:
    rows = []
    for k, item in enumerate(items):
        row = {
            "sha256": item["sha256"],
            "truth": item["label"],
            "predicted": classes[judged.predicted[k]],
            "confidence": float(judged.probabilities[k].max()),
        }
        if rival is not None:
            row["champion"] = classes[rival.predicted[k]]
        rows.append(row)
    documents.write(out / "predictions.json", rows)


def write_reference(out: Path, classes: list[str], judged: Judged, threshold: float) -> None:
    """What the model says of the sealed test, without a truth or a name: real requests are compared with it."""
    rows = [
        {
            "label": classes[judged.predicted[k]],
            "abstained": bool(judged.probabilities[k].max() < threshold),
            "noveltyDistance": None if np.isnan(judged.novelty[k]) else float(judged.novelty[k]),
        }
        for k in np.nonzero(judged.decodable)[0]
    ]
    documents.write(out / "reference.json", rows)


def write_mistakes(out: Path, mistakes: list[dict], files: Mapping[str, bytes]) -> None:
    documents.write(out / "mistakes.json", mistakes)
    folder = out / "mistakes"
    folder.mkdir(exist_ok=True)
    for mistake in mistakes:
        data = files[mistake["sha256"]]
        kind = "png" if data[:4] == b"\x89PNG" else "webp" if data[8:12] == b"WEBP" else "jpg"
        (folder / f"{mistake['sha256']}.{kind}").write_bytes(data)


def write_charts(out: Path, classes, items, judged: Judged, evaluation: dict, facts: dict) -> None:
    truth = np.array([classes.index(item["label"]) for item in items])
    hit, confidence = judged.hit(truth), judged.probabilities.max(axis=1)
    error, bins = metrics.calibration_error(confidence, hit)
    coverage, risk = metrics.risk_coverage(confidence, hit)
    charts = {
        "confusion": plots.confusion(np.array(evaluation["confusion"]), classes),
        "reliability": plots.reliability(bins, error),
        "risk-coverage": plots.risk_coverage(coverage, risk, float((confidence >= facts["abstainThreshold"]).mean())),
    }
    shown = sorted(judged.embeddings)[: embedding_map.MOST]
    if shown:
        places = embedding_map.places(np.stack([judged.embeddings[k] for k in shown]))
        charts["embedding-map"] = plots.scatter(places, truth[shown], hit[shown], classes)
    if curve := facts.get("notes", {}).get("learningCurve"):
        rows = [*curve["points"], *curve["expected"]]
        n, low, value, high = ([row[key] for row in rows] for key in ("n", "low", "value", "high"))
        charts["learning-curve"] = plots.curve(
            n,
            low,
            value,
            high,
            len(curve["points"]),
            f"Learning curve: expected beyond {curve['points'][-1]['n']} images",
            "training images",
            "accuracy out of fold",
        )
    for name, svg in charts.items():
        (out / f"{name}.svg").write_text(svg, encoding="utf-8")


def seal(folder: Path, evaluation: dict, facts: dict) -> None:
    """Writes index.html and, last, manifest.json (schema `evidence-folder`) over all other files."""
    (folder / "index.html").write_text(evidence_page.page(folder, evaluation, facts), encoding="utf-8")
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != "manifest.json")
    entries = [
        {
            "path": file.relative_to(folder).as_posix(),
            "sha256": documents.file_sha256(file),
            "bytes": file.stat().st_size,
        }
        for file in files
    ]
    manifest = {"schemaVersion": 1, "modelSha256": evaluation["modelSha256"], "files": entries}
    documents.write(folder / "manifest.json", manifest, "evidence-folder")
