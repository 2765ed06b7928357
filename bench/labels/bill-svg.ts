/** What one arm paid, by what for; parts in the same order in every bill. */
export interface Bill {
  name: string;
  /** Beside the sum, such as how right the model became. */
  note: string;
  parts: readonly { what: string; amount: number }[];
}

const WIDTH = 820;
const LEFT = 120;
const RIGHT = 170;
const TOP = 92;
const ROW = 54;
const BAR = 30;
/** What a policy of buying decides stands out; what every arm pays is grey. */
const COLOURS = ["#0b6bcb", "#8fb8e8", "#4b5563", "#7b8594", "#a5adb8", "#c7ccd3", "#e5a83b"];

/**
 * Bills as stacked bars, one under the other, with the sum and a note at each end. Self-contained SVG, readable on light and
 * dark ground, the same for the same bills. Throws RangeError without bills.
 */
export function billSvg(title: string, note: string, bills: readonly Bill[]): string {
  const [first] = bills;
  if (first === undefined) throw new RangeError("a plot needs bills");
  const sum = ({ parts }: Bill) => parts.reduce((total, { amount }) => total + amount, 0);
  const scale = (WIDTH - LEFT - RIGHT) / Math.max(...bills.map(sum));
  const height = TOP + bills.length * ROW + 34;
  const at = (value: number) => Math.round(value * 10) / 10;
  const shown = first.parts.flatMap(({ what }, part) =>
    bills.some(({ parts }) => (parts[part]?.amount ?? 0) > 0) ? [{ what, colour: COLOURS[part % COLOURS.length] }] : [],
  );
  const colourOf = new Map(shown.map(({ what, colour }) => [what, colour]));
  const perLine = Math.ceil(shown.length / 2);
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="16" y="26" font-size="15" font-weight="600" fill="#1b1f24">${escaped(title)}</text>`,
    ...shown.map(({ what, colour }, i) => {
      const [x, y] = [16 + (i % perLine) * 200, 50 + 20 * Math.floor(i / perLine)];
      return (
        `<rect x="${x}" y="${y - 10}" width="12" height="12" fill="${colour}"/>` +
        `<text x="${x + 18}" y="${y}" fill="#1b1f24">${escaped(what)}</text>`
      );
    }),
    ...bills.flatMap((bill, row) => {
      const y = TOP + row * ROW;
      let x = LEFT;
      const bars = bill.parts.flatMap(({ what, amount }) => {
        if (amount <= 0) return [];
        const width = amount * scale;
        const left = x;
        x += width;
        const figure =
          width < 26
            ? ""
            : `<text x="${at(left + width / 2)}" y="${y + 20}" text-anchor="middle" font-size="12" fill="${inkOn(colourOf.get(what))}">${Math.round(amount)}</text>`;
        return [
          `<rect x="${at(left)}" y="${y}" width="${at(width)}" height="${BAR}" fill="${colourOf.get(what)}"/>${figure}`,
        ];
      });
      return [
        `<text x="${LEFT - 10}" y="${y + 20}" text-anchor="end" fill="#1b1f24">${escaped(bill.name)}</text>`,
        ...bars,
        `<text x="${at(x + 8)}" y="${y + 14}" font-weight="600" fill="#1b1f24">${sum(bill).toFixed(0)} USD</text>`,
        `<text x="${at(x + 8)}" y="${y + 29}" font-size="12" fill="#57606a">${escaped(bill.note)}</text>`,
      ];
    }),
    `<text x="16" y="${height - 14}" font-size="12" fill="#57606a">${escaped(note)}</text>`,
    "</svg>",
  ];
  return `${lines.join("\n")}\n`;
}

/** White on dark colours, black on light ones. */
function inkOn(colour = "#ffffff"): string {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((i) => Number.parseInt(colour.slice(i, i + 2), 16));
  return 0.3 * r + 0.59 * g + 0.11 * b < 140 ? "#ffffff" : "#1b1f24";
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
