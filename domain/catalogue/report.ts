import type { Catalogue, CatalogueEntry, FindingCode } from "../../schemas/catalogue.ts";

/** What the data team sees of an intake before a label is bought. */
export interface DataReport {
  campaign: string;
  cycle: number;
  counts: Catalogue["counts"];
  images: number;
  /** Why files were kept out: commonest first. */
  refused: { code: FindingCode; files: number; examples: { name: string; message: string }[] }[];
  /** What admitted images were flagged for: commonest first, the most extreme examples first. */
  flagged: { code: FindingCode; images: number; share: number; examples: string[] }[];
  /** Images per long side in pixels, and per shape (width / height). */
  longSides: Bin[];
  shapes: Bin[];
  types: Record<string, number>;
  /** Groups of more than one image, the largest first. */
  groups: { group: string; images: string[] }[];
  /** How the conditions of capture are covered: images per stretch of each measure. */
  coverage: { measure: "brightness" | "contrast" | "sharpness"; bins: Bin[] }[];
  /** Plain sentences: what the numbers suggest to do before buying. */
  advice: string[];
}

export interface Bin {
  label: string;
  images: number;
}

const EXAMPLES = 12;

/** Pure view of a catalogue. No images give a report of zeros with one piece of advice. */
export function dataReport(catalogue: Catalogue): DataReport {
  const { entries, counts, campaign, cycle } = catalogue;
  const flagged = flagsOf(entries);
  const groups = groupsOf(entries);
  const coverage = coverageOf(entries);
  return {
    campaign,
    cycle,
    counts,
    images: entries.length,
    refused: refusedOf(catalogue),
    flagged,
    longSides: binned(
      entries,
      (e) => Math.max(e.facts.width, e.facts.height),
      [128, 256, 512, 1024, 2048, 4096],
      " px",
    ),
    shapes: binned(entries, (e) => e.facts.width / e.facts.height, [0.35, 0.67, 0.9, 1.1, 1.5, 2.8], ""),
    types: countBy(entries, (e) => e.facts.type),
    groups,
    coverage,
    advice: adviceOf(catalogue, flagged, groups, coverage),
  };
}

function refusedOf({ quarantined }: Catalogue): DataReport["refused"] {
  const byCode = new Map<FindingCode, { name: string; message: string }[]>();
  for (const { name, findings } of quarantined) {
    const first = findings[0];
    if (first === undefined) continue;
    const list = byCode.get(first.code) ?? [];
    list.push({ name, message: first.message });
    byCode.set(first.code, list);
  }
  return [...byCode]
    .map(([code, list]) => ({ code, files: list.length, examples: list.slice(0, EXAMPLES) }))
    .sort((a, b) => b.files - a.files || (a.code < b.code ? -1 : 1));
}

/** Codes whose larger values are the more extreme ones; of the others the smaller are. */
const LARGE_IS_EXTREME: ReadonlySet<FindingCode> = new Set(["trailing-bytes", "odd-size"]);

function flagsOf(entries: readonly CatalogueEntry[]): DataReport["flagged"] {
  const byCode = new Map<FindingCode, { sha256: string; value: number }[]>();
  for (const { sha256, findings } of entries) {
    for (const { code, value } of findings) {
      const list = byCode.get(code) ?? [];
      list.push({ sha256, value: (value ?? 0) * (LARGE_IS_EXTREME.has(code) ? -1 : 1) });
      byCode.set(code, list);
    }
  }
  return [...byCode]
    .map(([code, list]) => ({
      code,
      images: list.length,
      share: list.length / entries.length,
      examples: list
        .sort((a, b) => a.value - b.value || (a.sha256 < b.sha256 ? -1 : 1))
        .slice(0, EXAMPLES)
        .map((e) => e.sha256),
    }))
    .sort((a, b) => b.images - a.images || (a.code < b.code ? -1 : 1));
}

function groupsOf(entries: readonly CatalogueEntry[]): DataReport["groups"] {
  const byGroup = new Map<string, string[]>();
  for (const { group, sha256 } of entries) {
    const list = byGroup.get(group) ?? [];
    list.push(sha256);
    byGroup.set(group, list);
  }
  return [...byGroup]
    .filter(([, images]) => images.length > 1)
    .map(([group, images]) => ({ group, images }))
    .sort((a, b) => b.images.length - a.images.length || (a.group < b.group ? -1 : 1));
}

function coverageOf(entries: readonly CatalogueEntry[]): DataReport["coverage"] {
  const tenths = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
  return [
    { measure: "brightness", bins: binned(entries, (e) => e.facts.brightness, tenths, "") },
    { measure: "contrast", bins: binned(entries, (e) => e.facts.contrast, [0.05, 0.1, 0.15, 0.2, 0.25, 0.3], "") },
    { measure: "sharpness", bins: binned(entries, (e) => e.facts.blur, tenths, "") },
  ];
}

/** Images below the first edge, between neighbours, and from the last edge on. */
function binned(
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

function countBy<T>(items: readonly T[], key: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
  return counts;
}

function adviceOf(
  { entries, counts }: Catalogue,
  flagged: DataReport["flagged"],
  groups: DataReport["groups"],
  coverage: DataReport["coverage"],
): string[] {
  if (entries.length === 0) return ["No image was admitted: look at why files were kept out, and bring others."];
  const advice: string[] = [];
  if (counts.quarantined > 0.02 * counts.files) {
    advice.push(
      `${counts.quarantined} of ${counts.files} files were kept out: see whether the export or the copying damages files before bringing more.`,
    );
  }
  const grouped = groups.reduce((sum, g) => sum + g.images.length - 1, 0);
  if (grouped > 0.05 * entries.length) {
    advice.push(
      `${grouped} images are near-duplicates of others: labels for them teach little; pictures taken further apart would teach more.`,
    );
  }
  for (const { code, images, share } of flagged) {
    if (share < 0.05 || !["dark", "light", "blurry", "low-information"].includes(code)) continue;
    advice.push(
      `${images} images (${Math.round(share * 100)} %) are ${code}: keep them if production sees such, else retake them.`,
    );
  }
  const brightness = coverage.find((c) => c.measure === "brightness")?.bins ?? [];
  const most = Math.max(...brightness.map((b) => b.images));
  if (entries.length >= 50 && most > 0.8 * entries.length) {
    const where = brightness.find((b) => b.images === most)?.label;
    advice.push(
      `${Math.round((100 * most) / entries.length)} % of the images have a brightness of ${where}: collect other lighting if production has it.`,
    );
  }
  if (advice.length === 0) advice.push("Nothing stands out: the images can be labelled as they are.");
  return advice;
}
