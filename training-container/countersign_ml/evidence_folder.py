"""The evaluation's folder, closed: index.html shows all of it without a network, manifest.json names every digest."""

from __future__ import annotations

from pathlib import Path

from . import documents, evidence_page


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
