import type { DataReport } from "../schemas/data-report.ts";

/** Copies and conflicts that the answer names; the report names more. */
const NAMED = 20;

/** What a report comes to, for a terminal or a program. */
export function short(report: DataReport) {
  const { images, counts, flagged, groups, copies, claims, excluded, advice } = report;
  const conflicts = claims?.conflicts ?? [];
  return {
    images,
    keptOut: counts.quarantined,
    flagged: Object.fromEntries(flagged.map((one) => [one.code, one.images])),
    duplicates: counts.duplicates,
    copies: copies.slice(0, NAMED).map(({ names }) => names),
    nearDuplicateGroups: groups.length,
    ...(claims === undefined
      ? {}
      : {
          conflictingLabels: conflicts.length,
          conflicts: conflicts.slice(0, NAMED).map(({ names, said }) => ({ names, said })),
        }),
    excluded: excluded.length,
    advice,
  };
}
