import type { Catalogue, CatalogueEntry, FindingCode } from "../../schemas/catalogue.ts";
import type { Bin, DataReport } from "../../schemas/data-report.ts";
import type { Decision } from "../../schemas/decision.ts";
import { adviceOf } from "./advice.ts";
import { binned, conditionsOf } from "./conditions.ts";

/** What is known beside the catalogue. */
export interface KnownBeside {
  /** The campaign's classes. */
  classes?: readonly string[];
  /** Labels that were bought, by image: of the newest frozen dataset. */
  labels?: ReadonlyMap<string, string>;
  /** Labels that came with the photos, by image. */
  claims?: ReadonlyMap<string, readonly { label: string; source: string }[]>;
  decisions?: ReadonlyMap<string, Decision>;
}

const EXAMPLES = 12;

/** Pure view of a catalogue and of what is known beside it. No images give a report of zeros with one piece of advice. */
export function dataReport(catalogue: Catalogue, beside: KnownBeside = {}): DataReport {
  const { entries, counts, campaign, cycle } = catalogue;
  const spoken = [...(beside.decisions?.values() ?? [])];
  const report = {
    campaign,
    cycle,
    counts,
    images: entries.length,
    refused: refusedOf(catalogue),
    flagged: flagsOf(entries),
    longSides: binned(
      entries,
      (e) => Math.max(e.facts.width, e.facts.height),
      [128, 256, 512, 1024, 2048, 4096],
      " px",
    ),
    shapes: binned(entries, (e) => e.facts.width / e.facts.height, [0.35, 0.67, 0.9, 1.1, 1.5, 2.8], ""),
    types: countBy(entries, (e) => e.facts.type),
    groups: groupsOf(entries),
    copies: copiesOf(entries),
    conditions: conditionsOf(entries),
    labels: labelsOf(beside),
    claims: claimsOf(entries, beside),
    accepted: spoken.filter(({ decision }) => decision === "accept").length,
    excluded: spoken
      .filter(({ decision }) => decision === "exclude")
      .map(({ image, reason, by, at }) => ({ image, reason, by, at }))
      .sort((a, b) => (a.at > b.at ? -1 : a.at < b.at ? 1 : a.image < b.image ? -1 : 1)),
  };
  return { ...report, advice: adviceOf(catalogue, report) };
}

function labelsOf({ labels, classes = [] }: KnownBeside): DataReport["labels"] {
  return labels === undefined || labels.size === 0 ? undefined : { classes: perClass(classes, labels.values()) };
}

function claimsOf(
  entries: readonly CatalogueEntry[],
  { claims, labels, classes = [] }: KnownBeside,
): DataReport["claims"] {
  if (claims === undefined || claims.size === 0) return undefined;
  const sole = [...claims].flatMap(([image, said]) => {
    const names = new Set(said.map(({ label }) => label));
    return names.size === 1 ? [{ image, label: said[0]?.label as string }] : [];
  });
  const compared = sole.filter(({ image }) => labels?.has(image) === true);
  return {
    images: claims.size,
    classes: perClass(
      classes,
      sole.map(({ label }) => label),
    ),
    compared: compared.length,
    agreeing: compared.filter(({ image, label }) => labels?.get(image) === label).length,
    conflicts: entries.flatMap(({ sha256: image, names }) => {
      const said = [...(claims.get(image) ?? [])];
      return new Set(said.map(({ label }) => label)).size > 1 ? [{ image, names, said }] : [];
    }),
  };
}

function perClass(classes: readonly string[], labels: Iterable<string>): Bin[] {
  const counts = new Map(classes.map((name) => [name, 0]));
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].map(([label, images]) => ({ label, images }));
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

/** All images of a catalogue that were flagged for `code`, the most extreme first. */
export function flaggedFor({ entries }: Pick<Catalogue, "entries">, code: FindingCode): string[] {
  return extremeFirst(byFlag(entries).get(code) ?? []);
}

function flagsOf(entries: readonly CatalogueEntry[]): DataReport["flagged"] {
  return [...byFlag(entries)]
    .map(([code, list]) => ({
      code,
      images: list.length,
      share: list.length / entries.length,
      examples: extremeFirst(list).slice(0, EXAMPLES),
    }))
    .sort((a, b) => b.images - a.images || (a.code < b.code ? -1 : 1));
}

function extremeFirst(list: readonly { sha256: string; value: number }[]): string[] {
  return [...list].sort((a, b) => a.value - b.value || (a.sha256 < b.sha256 ? -1 : 1)).map((e) => e.sha256);
}

function byFlag(entries: readonly CatalogueEntry[]): Map<FindingCode, { sha256: string; value: number }[]> {
  const byCode = new Map<FindingCode, { sha256: string; value: number }[]>();
  for (const { sha256, findings } of entries) {
    for (const { code, value } of findings) {
      const list = byCode.get(code) ?? [];
      list.push({ sha256, value: (value ?? 0) * (LARGE_IS_EXTREME.has(code) ? -1 : 1) });
      byCode.set(code, list);
    }
  }
  return byCode;
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

function copiesOf(entries: readonly CatalogueEntry[]): DataReport["copies"] {
  return entries
    .filter(({ names }) => names.length > 1)
    .map(({ sha256: image, names }) => ({ image, names }))
    .sort((a, b) => b.names.length - a.names.length || (a.image < b.image ? -1 : 1));
}

function countBy<T>(items: readonly T[], key: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
  return counts;
}
