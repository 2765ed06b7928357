import type { CatalogueEntry } from "../../schemas/catalogue.ts";
import type { Bin, Conditions } from "../../schemas/data-report.ts";
import { captureClusters } from "../split/capture-clusters.ts";

const TENTHS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const HUES = ["red", "yellow", "green", "cyan", "blue", "magenta"] as const;
/** Largest minus smallest of the mean channels below which a picture has no colour worth a name. */
const LEAST_COLOUR = 0.06;
const CAMERAS_SHOWN = 8;

export function conditionsOf(entries: readonly CatalogueEntry[]): Conditions {
  return {
    measures: [
      { measure: "brightness", bins: binned(entries, (e) => e.facts.brightness, TENTHS, "") },
      { measure: "contrast", bins: binned(entries, (e) => e.facts.contrast, [0.05, 0.1, 0.15, 0.2, 0.25, 0.3], "") },
      { measure: "sharpness", bins: binned(entries, (e) => e.facts.blur, TENTHS, "") },
    ],
    colours: coloursOf(entries),
    cameras: camerasOf(entries),
    hours: hoursOf(entries),
    days: daysOf(entries),
    clusters: clustersOf(entries),
  };
}

/** Images below the first edge, between neighbours, and from the last edge on. */
export function binned(
  entries: readonly CatalogueEntry[],
  value: (e: CatalogueEntry) => number,
  edges: readonly number[],
  unit: string,
): Bin[] {
  const bins = [
    ...edges.map((edge, i) => (i === 0 ? `under ${edge}${unit}` : `${edges[i - 1]} to ${edge}${unit}`)),
    `${edges.at(-1)}${unit} and more`,
  ];
  const counts = new Array<number>(bins.length).fill(0);
  for (const entry of entries) {
    const above = edges.findIndex((edge) => value(entry) < edge);
    const bin = above < 0 ? edges.length : above;
    counts[bin] = (counts[bin] as number) + 1;
  }
  return bins.map((label, i) => ({ label, images: counts[i] as number }));
}

/** Hue of a colour in sixths of the circle, red first; undefined for one that is nearly gray. */
function hueOf([r, g, b]: readonly [number, number, number]): (typeof HUES)[number] | undefined {
  const most = Math.max(r, g, b);
  const span = most - Math.min(r, g, b);
  if (span < LEAST_COLOUR) return undefined;
  const turn = most === r ? (g - b) / span : most === g ? 2 + (b - r) / span : 4 + (r - g) / span;
  return HUES[Math.round(turn + 6) % 6];
}

function coloursOf(entries: readonly CatalogueEntry[]): Bin[] {
  const counts = new Map<string, number>([...HUES, "little colour"].map((name) => [name, 0]));
  for (const { facts } of entries) {
    if (facts.colour === undefined) continue;
    const name = hueOf(facts.colour) ?? "little colour";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([label, images]) => ({ label, images }));
}

function camerasOf(entries: readonly CatalogueEntry[]): Bin[] {
  const counts = new Map<string, number>();
  let unknown = 0;
  for (const { facts } of entries) {
    const camera = facts.capture?.camera;
    if (camera === undefined) unknown += 1;
    else counts.set(camera, (counts.get(camera) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const rest = sorted.slice(CAMERAS_SHOWN).reduce((sum, [, images]) => sum + images, 0);
  return [
    ...sorted.slice(0, CAMERAS_SHOWN).map(([label, images]) => ({ label, images })),
    ...(rest > 0 ? [{ label: `${sorted.length - CAMERAS_SHOWN} other cameras`, images: rest }] : []),
    ...(unknown > 0 ? [{ label: "the file does not say", images: unknown }] : []),
  ];
}

function hoursOf(entries: readonly CatalogueEntry[]): Bin[] {
  const counts = new Array<number>(8).fill(0);
  for (const { facts } of entries) {
    if (facts.capture?.at === undefined) continue;
    const slot = Math.floor(Number(facts.capture.at.slice(11, 13)) / 3);
    counts[slot] = (counts[slot] as number) + 1;
  }
  if (counts.every((n) => n === 0)) return [];
  return counts.map((images, slot) => ({ label: `${3 * slot} to ${3 * slot + 3} h`, images }));
}

function daysOf(entries: readonly CatalogueEntry[]): Conditions["days"] {
  const days = entries.flatMap(({ facts }) => facts.capture?.at?.slice(0, 10) ?? []).sort();
  const [from, to] = [days[0], days.at(-1)];
  if (from === undefined || to === undefined) return undefined;
  return { from, to, days: new Set(days).size, images: days.length };
}

function clustersOf(entries: readonly CatalogueEntry[]): Conditions["clusters"] {
  const sizes = new Map<string, number>();
  for (const name of captureClusters(entries)) sizes.set(name, (sizes.get(name) ?? 0) + 1);
  const several = [...sizes.values()].filter((size) => size > 1);
  return {
    clusters: several.length,
    images: several.reduce((sum, size) => sum + size, 0),
    largest: Math.max(0, ...several),
  };
}
