"""The evaluation's folder, closed: index.html shows all of it without a network, manifest.json names every digest."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path

from . import documents

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "svg{max-width:100%;height:auto}.row{display:flex;flex-wrap:wrap;gap:12px}"
    "figure{margin:0;width:9.5rem}figure img{width:100%;border-radius:4px}figcaption{font-size:12px}"
    "pre{white-space:pre-wrap;background:#f6f6f4;padding:1rem;overflow-wrap:anywhere}"
)
_KINDS = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


def seal(folder: Path, evaluation: dict) -> None:
    """Writes index.html and, last, manifest.json (schema `evidence-folder`) over all other files."""
    (folder / "index.html").write_text(_page(folder, evaluation), encoding="utf-8")
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


def _page(folder: Path, evaluation: dict) -> str:
    found = evaluation["accuracy"]
    charts = "".join(f"<section>{file.read_text(encoding='utf-8')}</section>" for file in sorted(folder.glob("*.svg")))
    mistakes = "".join(_mistake(folder, mistake) for mistake in evaluation["mistakes"])
    card = escape((folder / "model-card.md").read_text(encoding="utf-8"))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Evaluation {evaluation['modelSha256'][:12]}</title><style>{_STYLE}</style></head><body>"
        f"<h1>Evaluation of model {evaluation['modelSha256'][:12]}</h1>"
        f"<p>{evaluation['n']} sealed images: accuracy {found['value']:.4f} "
        f"[{found['low']:.4f}, {found['high']:.4f}].</p>{charts}"
        f'<h2>Worst mistakes</h2><div class="row">{mistakes or "<p>none</p>"}</div>'
        f"<h2>Model card</h2><pre>{card}</pre></body></html>\n"
    )


def _mistake(folder: Path, mistake: dict) -> str:
    file = next((folder / "mistakes").glob(f"{mistake['sha256']}.*"))
    data = base64.b64encode(file.read_bytes()).decode()
    said = f"{mistake['truth']} taken for {mistake['predicted']} ({100 * mistake['confidence']:.0f} % sure)"
    image = f'<img alt="{escape(said)}" src="data:{_KINDS[file.suffix]};base64,{data}">'
    return f"<figure>{image}<figcaption>{escape(said)}</figcaption></figure>"
