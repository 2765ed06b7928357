import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../../web/style/tokens.css", import.meta.url), "utf8");

/** Name -> [light, dark] of every colour token. */
const tokens = new Map(
  [...css.matchAll(/--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(([, name, light, dark]) => [
    name as string,
    [light as string, dark as string] as const,
  ]),
);

/** Relative luminance by WCAG 2.2. */
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** Every text colour on every ground it stands on. */
const PAIRS: [string, string][] = [
  ...["paper", "sheet", "sunk", "accent-wash"].map((ground): [string, string] => ["ink", ground]),
  ...["paper", "sheet", "sunk"].map((ground): [string, string] => ["soft", ground]),
  ...["paper", "sheet", "accent-wash"].map((ground): [string, string] => ["accent", ground]),
  ["accent-ink", "accent"],
  ["good", "good-wash"],
  ["warn", "warn-wash"],
  ["bad", "bad-wash"],
  ["bad", "paper"],
  ["plum", "paper"],
];

describe("colours", () => {
  it("black on white is 21 to 1", () => expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5));
  for (const [text, ground] of PAIRS) {
    it(`${text} on ${ground} is readable by day and by night (4.5 to 1)`, () => {
      for (const time of [0, 1] as const) {
        const pair = [tokens.get(text)?.[time], tokens.get(ground)?.[time]] as [string, string];
        expect(contrast(...pair), time === 0 ? "day" : "night").toBeGreaterThanOrEqual(4.5);
      }
    });
  }
});
