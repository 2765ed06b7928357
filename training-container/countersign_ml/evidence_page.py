"""The evidence folder's index.html: figures, charts, worst mistakes and model card on one page, without a network."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from html import escape
from itertools import groupby
from pathlib import Path

_STYLE = (
    ":root{color-scheme:light}*{box-sizing:border-box}"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:66rem;margin:0 auto;padding:1.25rem 1rem 3rem;color:#222;"
    "background:#fff;overflow-wrap:anywhere}"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}h2{font-size:1.15rem;margin:2.25rem 0 .75rem}"
    "nav{display:flex;flex-wrap:wrap;gap:.25rem 1rem;margin:.75rem 0 0}a{color:#1f5fa8}"
    "dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;margin:1rem 0}"
    "dl div{background:#f6f6f4;border-radius:6px;padding:.6rem .75rem}"
    "dt{font-size:12px;color:#555}dd{margin:0;font-size:1.15rem;font-variant-numeric:tabular-nums}"
    "dd small{display:block;font-size:12px;color:#555}"
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1.25rem}"
    ".charts section,.scroll{overflow-x:auto}"
    ".charts svg{display:block;width:100%;max-width:calc(1.25*var(--width));height:auto}"
    ".charts .wide{grid-column:1/-1}.charts .wide svg{min-width:min(var(--width),34rem)}"
    ".mistakes{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));gap:12px}"
    "figure{margin:0}figure img{width:100%;aspect-ratio:1;object-fit:contain;background:#f6f6f4;border-radius:4px}"
    "figcaption{font-size:12px;line-height:1.35}"
    "table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}"
    "th,td{padding:.3rem .75rem .3rem 0;text-align:left;border-bottom:1px solid #ddd;white-space:nowrap}"
    "th{font-weight:600;color:#555}"
    "h3{font-size:1rem;margin:1.25rem 0 .25rem}p{margin:.5rem 0;max-width:46rem}code{font-size:13px;white-space:normal}"
    ".card{background:#f6f6f4;border-radius:6px;padding:.25rem 1rem 1rem}.card td:first-child{color:#555}"
    ".card td{white-space:normal;overflow-wrap:normal}.card td code{overflow-wrap:anywhere}"
)
_KINDS = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
_WIDE = 480
"""Charts drawn wider than this (pixels) have a row of their own, and are scrolled on a phone."""


def page(folder: Path, evaluation: dict, facts: dict) -> str:
    """HTML from evaluation.json, the folder's *.svg and mistakes/, and the model's facts (model.json)."""
    name = escape(facts.get("digest", evaluation["modelSha256"])[:12])
    sections = {
        "Charts": _charts(folder),
        "Worst mistakes": _mistakes(folder, evaluation["mistakes"]),
        "Classes": _classes(evaluation["perClass"]),
        "Slices": _slices(evaluation.get("slices", [])),
        "Corruptions": _corruptions(evaluation.get("corruptions", [])),
        "Tuning": _tuning((facts.get("notes", {}).get("fineTuning") or {}).get("tuning")),
        "Model card": f'<div class="card">{_card((folder / "model-card.md").read_text(encoding="utf-8"))}</div>',
    }
    shown = {title: body for title, body in sections.items() if body}
    links = "".join(f'<a href="#{_anchor(title)}">{title}</a>' for title in shown)
    bodies = "".join(f'<h2 id="{_anchor(title)}">{title}</h2>{body}' for title, body in shown.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Evaluation of model {name}</title><style>{_STYLE}</style></head><body>"
        f"<h1>Evaluation of model {name}</h1>{_figures(evaluation)}<nav>{links}</nav>{bodies}</body></html>\n"
    )


def _figures(found: dict) -> str:
    accuracy, rival = found["accuracy"], found.get("champion")
    figures = [
        ("accuracy", f"{accuracy['value']:.3f}", f"{_range(accuracy)}, 95 %"),
        ("sealed images", str(found["n"]), f"{found['groups']} duplicate groups"),
        ("balanced accuracy", f"{found['balancedAccuracy']:.3f}", f"macro F1 {found['macroF1']:.3f}"),
        ("log loss", f"{found['logLoss']:.3f}", f"Brier {found['brier']:.3f}"),
        ("calibration error", f"{100 * found['ece']:.1f} %", "expected, over all classes"),
        ("largest class", f"{found['majorityClass']['accuracy']:.3f}", "right by always naming it"),
    ]
    if rival:
        gain = rival["difference"]
        figures.append(("against the champion", f"{100 * gain['value']:+.1f} points", _range(gain, 100, "+.1f")))
    rows = "".join(
        f"<div><dt>{what}</dt><dd>{value}<small>{escape(note)}</small></dd></div>" for what, value, note in figures
    )
    return f"<dl>{rows}</dl>"


def _charts(folder: Path) -> str:
    """The narrow ones first, side by side."""
    narrow, wide = [], []
    for file in sorted(folder.glob("*.svg")):
        svg = file.read_text(encoding="utf-8")
        found = re.search(r'viewBox="0 0 (\d+)', svg)
        width = int(found[1]) if found else _WIDE
        kind, into = (' class="wide"', wide) if width > _WIDE else ("", narrow)
        into.append(f'<section{kind} id="{file.stem}" style="--width:{width}px">{svg}</section>')
    return f'<div class="charts">{"".join([*narrow, *wide])}</div>'


def _card(text: str) -> str:
    """The Markdown that model_card.py writes, without its first heading: sections, tables, paragraphs, code."""
    parts: list[str] = []
    for kind, lines in groupby(text.splitlines()[1:], key=lambda line: line[:1] if line[:1] in "#|" else "p"):
        if kind == "#":
            parts += [f"<h3>{escape(line.lstrip('# '))}</h3>" for line in lines]
        elif kind == "|":
            rows = ["".join(f"<td>{_inline(cell)}</td>" for cell in line.strip("|").split("|")) for line in lines]
            # The first row names columns, or is empty; the second one only says that they are columns.
            body = "".join(f"<tr>{row}</tr>" for at, row in enumerate(rows) if at != 1 and re.search(r">[^<]", row))
            parts.append(f'<div class="scroll" tabindex="0"><table><tbody>{body}</tbody></table></div>')
        else:
            parts += [f"<p>{_inline(line)}</p>" for line in lines if line]
    return "".join(parts)


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text.strip()))


def _mistakes(folder: Path, mistakes: list[dict]) -> str:
    return f'<div class="mistakes">{"".join(_mistake(folder, one) for one in mistakes) or "<p>None.</p>"}</div>'


def _mistake(folder: Path, mistake: dict) -> str:
    file = next((folder / "mistakes").glob(f"{mistake['sha256']}.*"))
    data = base64.b64encode(file.read_bytes()).decode()
    said = f"{mistake['truth']} taken for {mistake['predicted']} ({100 * mistake['confidence']:.0f} % sure)"
    image = f'<img alt="{escape(said)}" src="data:{_KINDS[file.suffix]};base64,{data}">'
    return f"<figure>{image}<figcaption>{escape(said)}</figcaption></figure>"


def _classes(rows: list[dict]) -> str:
    return _table(
        ("class", "images", "recall", "95 %", "precision", "95 %", "F1"),
        (
            (
                row["label"],
                row["n"],
                f"{row['recall']['value']:.3f}",
                _range(row["recall"]),
                f"{row['precision']:.3f}",
                _range(row["precisionInterval"]),
                f"{row['f1']:.3f}",
            )
            for row in rows
        ),
    )


def _slices(rows: list[dict]) -> str:
    return _table(
        ("slice", "images", "accuracy", "95 %", ""),
        (
            (
                row["slice"],
                row["n"],
                f"{row['accuracy']['value']:.3f}",
                _range(row["accuracy"]),
                "worse than the rest" if row["warns"] else "",
            )
            for row in rows
        ),
    )


def _corruptions(rows: list[dict]) -> str:
    severities = sorted({row["severity"] for row in rows})
    by_family: dict[str, dict[int, float]] = {}
    for row in rows:
        by_family.setdefault(row["family"], {})[row["severity"]] = row["value"]
    return _table(
        ("accuracy at severity", *severities),
        ((family, *(f"{found[severity]:.3f}" for severity in severities)) for family, found in by_family.items()),
    )


def _tuning(found: dict | None) -> str:
    if not found:
        return ""
    names = list(found["chosen"])
    best = min((row["logLoss"] for row in found["trials"] if row["logLoss"] is not None), default=None)
    return f"<p>Tried on {found['images']} images that judge nothing, in {found['seconds']:.0f} s.</p>" + _table(
        ("trial", "log loss", *names, "seconds", ""),
        (
            (
                row["number"],
                "no number" if row["logLoss"] is None else f"{row['logLoss']:.4f}",
                *(f"{float(row['settings'][name]):.3g}" for name in names),
                f"{row['seconds']:.0f}",
                "chosen" if row["logLoss"] == best else "",
            )
            for row in found["trials"]
        ),
    )


def _table(heads: tuple, rows: Iterable[tuple]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    if not body:
        return ""
    head = "".join(f"<th>{escape(str(name))}</th>" for name in heads)
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _range(found: dict, times: float = 1.0, form: str = ".3f") -> str:
    return f"[{times * found['low']:{form}}, {times * found['high']:{form}}]"


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")
