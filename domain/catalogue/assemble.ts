import type { AdmissionResult, Catalogue, CatalogueEntry, Finding, Shard } from "../../schemas/catalogue.ts";
import { groupsOf, proposePairs } from "../duplicates/groups.ts";
import { flagsAmong } from "../image-checks/flags.ts";

/** Files of the manifest that no admission result speaks of. */
export function withoutResult(
  files: readonly { name: string; sha256: string }[],
  results: readonly AdmissionResult[],
): string[] {
  const seen = new Set(results.map((r) => r.sha256));
  return files.filter((file) => !seen.has(file.sha256)).map((file) => file.name);
}

/**
 * Accounts for every file of a cycle's manifest: admitted + quarantined + duplicates = files.
 *
 * - Identical bytes are one image with several names; the extra names are duplicates, and so is every file whose
 *   bytes an earlier cycle admitted (`known`).
 * - Bytes that any result admitted are admitted: a second look that ran out of time changes nothing.
 * - Entries are sorted by sha256 and hold the earlier cycles' images as well; groups are proposed over all of them.
 *
 * Precondition: `withoutResult` is empty. Does not depend on the order of files or results.
 */
export function assembleCatalogue(input: {
  campaign: string;
  cycle: number;
  files: readonly { name: string; sha256: string }[];
  results: readonly AdmissionResult[];
  shards: readonly Shard[];
  earlier?: Catalogue | undefined;
}): Catalogue {
  const { campaign, cycle, files, earlier } = input;
  const admitted = firstByName(input.results.filter((r) => r.verdict === "admitted"));
  const refused = firstByName(input.results.filter((r) => r.verdict === "quarantined"));
  const entries = new Map<string, CatalogueEntry>();
  for (const entry of earlier?.entries ?? []) entries.set(entry.sha256, entry);
  const counts = { files: files.length, admitted: 0, quarantined: 0, duplicates: 0, known: 0 };
  const quarantined: Catalogue["quarantined"] = [];
  for (const { name, sha256 } of [...files].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const there = entries.get(sha256);
    const result = admitted.get(sha256);
    if (there !== undefined) {
      counts.duplicates += 1;
      if (there.cycle < cycle) counts.known += 1;
      entries.set(sha256, { ...there, names: [...new Set([...there.names, name])].sort() });
    } else if (result !== undefined) {
      counts.admitted += 1;
      entries.set(sha256, newEntry(result, name, cycle));
    } else {
      counts.quarantined += 1;
      quarantined.push({ name, sha256, findings: refused.get(sha256)?.findings ?? [] });
    }
  }
  const sorted = [...entries.values()].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
  const shards = new Map([...(earlier?.shards ?? []), ...input.shards].map((s) => [s.key, s]));
  return {
    campaign,
    cycle,
    counts,
    entries: grouped(withSetFlags(sorted, cycle)),
    quarantined,
    shards: [...shards.values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
  };
}

/** One result per bytes: that of the first name, so that a retried batch changes nothing. */
function firstByName(results: readonly AdmissionResult[]): Map<string, AdmissionResult> {
  const first = new Map<string, AdmissionResult>();
  for (const result of results) {
    const there = first.get(result.sha256);
    if (there === undefined || result.name < there.name) first.set(result.sha256, result);
  }
  return first;
}

function newEntry(result: AdmissionResult, name: string, cycle: number): CatalogueEntry {
  const { sha256, findings, facts, web, thumbnail, tiles } = result;
  if (facts === undefined || web === undefined || thumbnail === undefined) {
    throw new TypeError(`image ${sha256} was admitted without facts, web variant or thumbnail`);
  }
  const copies = { web, thumbnail, ...(tiles === undefined ? {} : { tiles }) };
  return { sha256, findings, facts, ...copies, names: [name], group: sha256, cycle };
}

/** Adds what only shows among the others to this cycle's entries; earlier ones keep what they were told. */
function withSetFlags(entries: CatalogueEntry[], cycle: number): CatalogueEntry[] {
  const flags = new Map<number, Finding[]>();
  for (const { index, finding } of flagsAmong(entries.map((e) => e.facts))) {
    flags.set(index, [...(flags.get(index) ?? []), finding]);
  }
  return entries.map((entry, i) =>
    entry.cycle === cycle && flags.has(i)
      ? { ...entry, findings: [...entry.findings, ...(flags.get(i) as Finding[])] }
      : entry,
  );
}

/** Catalogue entries as the duplicate search takes them. */
export function hashedImage(entry: CatalogueEntry) {
  const { sha256, facts, findings } = entry;
  return {
    sha256,
    pHash: facts.pHash,
    dHash: facts.dHash,
    flat: findings.some((f) => f.code === "low-information"),
  };
}

function grouped(entries: CatalogueEntry[]): CatalogueEntry[] {
  const { pairs } = proposePairs(entries.map(hashedImage));
  const groups = groupsOf(
    entries.map((e) => e.sha256),
    pairs,
  );
  return entries.map((entry, i) => ({ ...entry, group: groups[i] as string }));
}
