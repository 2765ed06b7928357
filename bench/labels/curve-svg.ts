/** A curve of accuracy over answers bought per image; `marked` points are labelled with their numbers. */
export interface Curve {
  name: string;
  colour: string;
  points: readonly { labels: number; accuracy: number; low?: number; high?: number }[];
}

const WIDTH = 760;
const HEIGHT = 440;
const LEFT = 64;
const RIGHT = 190;
const TOP = 44;
const BOTTOM = 56;

/**
 * A plot with a logarithmic axis of labels per image and a linear one of accuracy. Self-contained SVG, readable on light and
 * dark ground, the same for the same curves. Throws RangeError without points.
 */
export function curveSvg(title: string, note: string, curves: readonly Curve[]): string {
  const points = curves.flatMap((curve) => curve.points);
  if (points.length === 0) throw new RangeError("a plot needs points");
  const labels = points.map((point) => point.labels);
  const accuracies = points.flatMap(({ accuracy, low, high }) => [accuracy, low ?? accuracy, high ?? accuracy]);
  const [from, to] = [Math.min(...labels) / 1.15, Math.max(...labels) * 1.15];
  const bottom = Math.floor(Math.min(...accuracies) * 200) / 200;
  const top = Math.ceil(Math.max(...accuracies) * 200) / 200;
  const x = (value: number) => LEFT + (Math.log(value / from) / Math.log(to / from)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => HEIGHT - BOTTOM - ((value - bottom) / (top - bottom)) * (HEIGHT - TOP - BOTTOM);
  const at = (value: number) => Math.round(value * 10) / 10;
  const ticks = [0.3, 0.5, 1, 2, 3, 5, 10, 20, 47].filter((tick) => tick >= from && tick <= to);
  const levels = Array.from({ length: Math.round((top - bottom) / 0.005) + 1 }, (_, i) => bottom + 0.005 * i);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="24" font-size="15" font-weight="600" fill="#1b1f24">${escaped(title)}</text>`,
    ...levels.map(
      (level) =>
        `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y(level))}" y2="${at(y(level))}" stroke="#e3e6ea"/>` +
        `<text x="${LEFT - 8}" y="${at(y(level) + 4)}" text-anchor="end" fill="#57606a">${(100 * level).toFixed(1)} %</text>`,
    ),
    ...ticks.map(
      (tick) =>
        `<line x1="${at(x(tick))}" x2="${at(x(tick))}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="#f0f2f4"/>` +
        `<text x="${at(x(tick))}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#57606a">${tick}</text>`,
    ),
    `<text x="${at((LEFT + WIDTH - RIGHT) / 2)}" y="${HEIGHT - 18}" text-anchor="middle" fill="#1b1f24">${escaped(note)}</text>`,
    ...curves.map((curve, i) => {
      const ordered = curve.points.toSorted((a, b) => a.labels - b.labels);
      const line = ordered.map((point) => `${at(x(point.labels))},${at(y(point.accuracy))}`).join(" ");
      const bars = ordered.flatMap(({ labels: l, low, high }) =>
        low === undefined || high === undefined
          ? []
          : [`<line x1="${at(x(l))}" x2="${at(x(l))}" y1="${at(y(low))}" y2="${at(y(high))}" stroke-opacity=".35"/>`],
      );
      const dots = ordered.map((p) => `<circle cx="${at(x(p.labels))}" cy="${at(y(p.accuracy))}" r="3.5"/>`);
      const key = TOP + 16 + 22 * i;
      return (
        `<g stroke="${curve.colour}" fill="${curve.colour}"><polyline points="${line}" fill="none" stroke-width="2"/>` +
        `${bars.join("")}${dots.join("")}<circle cx="${WIDTH - RIGHT + 18}" cy="${key - 4}" r="5"/></g>` +
        `<text x="${WIDTH - RIGHT + 30}" y="${key}" fill="#1b1f24">${escaped(curve.name)}</text>`
      );
    }),
    "</svg>",
  ];
  return `${parts.join("\n")}\n`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
