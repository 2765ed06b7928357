"""Small SVG charts, written by hand so that evidence opens anywhere: no script, no font, no plotting library."""

from __future__ import annotations

from xml.sax.saxutils import escape

import numpy as np

_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.axis{stroke:#888}.grid{stroke:#ddd}"
    ".line{fill:none;stroke:#1f5fa8;stroke-width:2}.other{fill:none;stroke:#b4531a;stroke-width:2}"
    ".ahead{stroke-dasharray:6 5}.ideal{stroke:#888;stroke-dasharray:4 4}.dot{fill:#1f5fa8}"
    ".title{font-weight:600;font-size:14px}"
)


def _document(width: int, height: int, title: str, body: list[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f'<rect width="{width}" height="{height}" fill="#fff"/>'
        f'<text class="title" x="12" y="20">{escape(title)}</text>' + "".join(body) + "</svg>\n"
    )


def _tick(high: float, k: int) -> str:
    """The k-th of five parts of an axis; counts are whole."""
    return f"{high * k / 5:.0f}" if high > 10 else f"{high * k / 5:.3g}"


class _Axes:
    """A 0..1 x [low, high] chart area."""

    left, top, width, height = 52, 36, 380, 300

    def __init__(self, x_name: str, y_name: str, y_high: float = 1.0, x_high: float = 1.0) -> None:
        self.y_high, self.x_high = y_high, x_high
        self.body: list[str] = []
        for k in range(6):
            x, y = self.x(x_high * k / 5), self.y(y_high * k / 5)
            self.body.append(
                f'<line class="grid" x1="{self.left}" x2="{self.left + self.width}" y1="{y:.1f}" y2="{y:.1f}"/>'
            )
            self.body.append(f'<text x="{self.left - 6}" y="{y + 4:.1f}" text-anchor="end">{y_high * k / 5:.3g}</text>')
            base = self.top + self.height + 16
            self.body.append(f'<text x="{x:.1f}" y="{base}" text-anchor="middle">{_tick(x_high, k)}</text>')
        middle = self.left + self.width / 2
        self.body.append(
            f'<text x="{middle}" y="{self.top + self.height + 36}" text-anchor="middle">{escape(x_name)}</text>'
        )
        self.body.append(
            f'<text transform="translate(14 {self.top + self.height / 2}) rotate(-90)" text-anchor="middle">'
            f"{escape(y_name)}</text>"
        )

    def x(self, value: float) -> float:
        return self.left + self.width * value / self.x_high

    def y(self, value: float) -> float:
        return self.top + self.height * (1 - value / self.y_high)

    def line(self, xs, ys, style: str) -> None:
        points = " ".join(f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in zip(xs, ys, strict=True))
        self.body.append(f'<polyline class="{style}" points="{points}"/>')

    def svg(self, title: str) -> str:
        return _document(452, 388, title, self.body)


def confusion(matrix: np.ndarray, classes: list[str]) -> str:
    """Rows are truth, columns predictions; the shade is the share of the row. Cells show counts up to 30 classes."""
    n = len(classes)
    cell = max(8, min(48, 640 // n))
    label = 8 * max(4, min(18, max(len(name) for name in classes)))
    body = []
    totals = matrix.sum(axis=1)
    for row in range(n):
        y = 60 + row * cell
        name = escape(classes[row][:18])
        if cell >= 12:
            body.append(f'<text x="{label + 4}" y="{y + cell / 2 + 4:.0f}" text-anchor="end">{name}</text>')
            x = label + 10 + (row + 0.5) * cell
            tail = 60 + n * cell + 8
            body.append(f'<text transform="translate({x:.0f} {tail}) rotate(45)">{name}</text>')
        for column in range(n):
            share = matrix[row, column] / totals[row] if totals[row] else 0
            hue = "31,95,168" if row == column else "180,83,26"
            x = label + 10 + column * cell
            tip = f"{classes[row]} taken for {classes[column]}: {matrix[row, column]} of {totals[row]}"
            body.append(
                f'<rect x="{x}" y="{y}" width="{cell - 1}" height="{cell - 1}" '
                f'fill="rgba({hue},{max(0.04, share):.3f})">'
                f"<title>{escape(tip)}</title></rect>"
            )
            if n <= 30 and matrix[row, column]:
                fill = "#fff" if share > 0.6 else "#222"
                body.append(
                    f'<text x="{x + cell / 2:.0f}" y="{y + cell / 2 + 4:.0f}" text-anchor="middle" '
                    f'style="fill:{fill}">{matrix[row, column]}</text>'
                )
    side = n * cell
    body.append(f'<text x="{label + 10}" y="48">predicted to the right, truth downwards</text>')
    return _document(label + side + 90, side + label + 90, "Confusion: what was taken for what", body)


def reliability(bins: list[dict], error: float) -> str:
    axes = _Axes("confidence", "share that is right")
    axes.body.append(f'<line class="ideal" x1="{axes.x(0)}" y1="{axes.y(0)}" x2="{axes.x(1)}" y2="{axes.y(1)}"/>')
    axes.line([b["confidence"] for b in bins], [b["accuracy"] for b in bins], "line")
    largest = max((b["n"] for b in bins), default=1)
    for b in bins:
        radius = 2 + 8 * (b["n"] / largest) ** 0.5
        axes.body.append(
            f'<circle class="dot" fill-opacity=".5" '
            f'cx="{axes.x(b["confidence"]):.1f}" cy="{axes.y(b["accuracy"]):.1f}" '
            f'r="{radius:.1f}"><title>{b["n"]} images</title></circle>'
        )
    return axes.svg(f"Reliability: expected calibration error {100 * error:.1f} %")


def risk_coverage(coverage: np.ndarray, error: np.ndarray, threshold_coverage: float) -> str:
    high = max(0.01, float(np.ceil(error.max() * 20) / 20))
    axes = _Axes("share of images answered", "error among the answered", y_high=high)
    keep = np.unique(np.linspace(0, len(coverage) - 1, 300).astype(int))
    axes.line(coverage[keep], error[keep], "line")
    x = axes.x(threshold_coverage)
    axes.body.append(f'<line class="ideal" x1="{x:.1f}" x2="{x:.1f}" y1="{axes.top}" y2="{axes.top + axes.height}"/>')
    return axes.svg(f"Risk and coverage: the abstain threshold answers {100 * threshold_coverage:.0f} %")


def scatter(places: np.ndarray, truth: np.ndarray, hit: np.ndarray, classes: list[str]) -> str:
    """`places`: (n, 2) in 0..1. A colour per class (hue); mistakes are ringed and say themselves on hover."""
    hues = [f"hsl({round(360 * k / max(1, len(classes)))} 65% {40 + 12 * (k % 3)}%)" for k in range(len(classes))]
    side, body = 560, []
    for k in np.argsort(~hit, kind="stable"):
        x, y = 20 + side * places[k, 0], 36 + side * (1 - places[k, 1])
        ring = "" if hit[k] else ' stroke="#111" stroke-width="1.5"'
        tip = classes[truth[k]] + ("" if hit[k] else ", mistaken")
        body.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 if hit[k] else 4.5}" fill="{hues[truth[k]]}" '
            f'fill-opacity=".75"{ring}><title>{escape(tip)}</title></circle>'
        )
    for k, name in enumerate(classes[:28]):
        y = 48 + 20 * k
        body.append(f'<circle cx="{side + 44}" cy="{y - 4}" r="5" fill="{hues[k]}"/>')
        body.append(f'<text x="{side + 56}" y="{y}">{escape(name[:22])}</text>')
    return _document(side + 240, side + 60, "Test images by their embeddings; mistakes are ringed", body)


def curve(xs, low, value, high, measured: int, title: str, x_name: str, y_name: str) -> str:
    """A line with its interval, for example a learning curve; dashed after the first `measured` points."""
    axes = _Axes(x_name, y_name, y_high=1.0, x_high=max(xs))
    points = [(axes.x(a), axes.y(b)) for a, b in zip(xs, high, strict=True)]
    points += [(axes.x(a), axes.y(b)) for a, b in reversed(list(zip(xs, low, strict=True)))]
    band = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    axes.body.append(f'<polygon points="{band}" fill="#1f5fa8" fill-opacity=".15"/>')
    axes.line(xs[:measured], value[:measured], "line")
    axes.line(xs[measured - 1 :], value[measured - 1 :], "line ahead")
    return axes.svg(title)
