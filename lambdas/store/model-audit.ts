import { type AuditFinding, judgeAudit } from "../../domain/planner/audit.ts";
import { rank } from "../../domain/split/rank.ts";
import type { ImageFit, Known } from "./consensus.ts";

/** Share of the images settled on a model's word alone that experts look at. */
const AUDIT_SHARE = 0.05;

/** A random share of the images that a model alone settles: the same ones in every wave, so that none is asked for twice. */
export function auditedModelWords(
  { seed }: { seed: number },
  { modelWords }: Pick<ImageFit, "modelWords">,
  settled: ReadonlySet<string>,
): string[] {
  return [...modelWords.keys()].filter((image) => settled.has(image) && rank(seed, "audit", image) < AUDIT_SHARE);
}

/** What experts found of images that a model alone had settled, beside what it had predicted of itself. */
export function auditOf({ experts }: Pick<Known, "experts">, modelWords: ImageFit["modelWords"]): AuditFinding {
  const audited = [...modelWords].flatMap(([image, { label, predictedError }]) => {
    const finding = experts.get(image);
    return finding?.kind === "audit" && finding.truth !== undefined
      ? [{ predictedError, wrong: finding.truth !== label }]
      : [];
  });
  return judgeAudit(audited);
}
