/** Writes `schemas/json/<name>.schema.json` for every document that travels: the form that Python and other readers check against. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { Answer } from "./answer.ts";
import { Approval } from "./approval.ts";
import { AuditPlan, AuditRecord } from "./audit.ts";
import { Campaign } from "./campaign.ts";
import { AdmissionResult, Catalogue, CatalogueEntry } from "./catalogue.ts";
import { Claims } from "./claims.ts";
import { Consensus } from "./consensus.ts";
import { DatasetVersion, TestTruth } from "./dataset.ts";
import { Evaluation, EvidenceFolder, ImageAttributes, LabelSources, Optimisation } from "./evaluation.ts";
import { Evidence, Judgement } from "./evidence.ts";
import { IntakeItem, IntakeSeal } from "./intake.ts";
import { LedgerEntry, Statement } from "./ledger.ts";
import { Lot, LotPlan, ReviewItem, Verdict } from "./lot.ts";
import { Member, Question } from "./member.ts";
import { ReviewBatch, ReviewTask } from "./review.ts";
import { Dispute, Qualification, Standing } from "./standing.ts";
import { CampaignHead, CycleInput, CycleRecord, JobOrder, Split } from "./state.ts";
import { EmbeddingIndex, TrainingRequest, TrainingResult } from "./training.ts";
import { WavePlan, WaveRecord } from "./wave.ts";

/** Documents that people write are described as they may be written (defaults may be left out); all others as they are stored. */
const WRITTEN_BY_PEOPLE = { campaign: Campaign } as const;

const STORED = {
  "admission-result": AdmissionResult,
  answer: Answer,
  approval: Approval,
  "audit-plan": AuditPlan,
  "audit-record": AuditRecord,
  "campaign-head": CampaignHead,
  catalogue: Catalogue,
  "catalogue-entry": CatalogueEntry,
  claims: Claims,
  consensus: Consensus,
  "cycle-input": CycleInput,
  "cycle-record": CycleRecord,
  dataset: DatasetVersion,
  dispute: Dispute,
  "embedding-index": EmbeddingIndex,
  evaluation: Evaluation,
  evidence: Evidence,
  "evidence-folder": EvidenceFolder,
  "image-attributes": ImageAttributes,
  "intake-item": IntakeItem,
  "intake-seal": IntakeSeal,
  "job-order": JobOrder,
  judgement: Judgement,
  "label-sources": LabelSources,
  "ledger-entry": LedgerEntry,
  lot: Lot,
  "lot-plan": LotPlan,
  member: Member,
  optimisation: Optimisation,
  qualification: Qualification,
  question: Question,
  "review-batch": ReviewBatch,
  "review-item": ReviewItem,
  "review-task": ReviewTask,
  split: Split,
  standing: Standing,
  statement: Statement,
  "test-truth": TestTruth,
  "training-request": TrainingRequest,
  "training-result": TrainingResult,
  verdict: Verdict,
  "wave-plan": WavePlan,
  "wave-record": WaveRecord,
} as const;

/** File name -> text of every generated schema, in order of name. */
export function generatedSchemas(): Map<string, string> {
  const documents: [string, z.ZodType, "input" | "output"][] = [
    ...Object.entries(WRITTEN_BY_PEOPLE).map(([name, schema]): [string, z.ZodType, "input"] => [name, schema, "input"]),
    ...Object.entries(STORED).map(([name, schema]): [string, z.ZodType, "output"] => [name, schema, "output"]),
  ];
  documents.sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(documents.map(([name, schema, io]) => [`${name}.schema.json`, schemaText(name, schema, io)]));
}

function schemaText(name: string, schema: z.ZodType, io: "input" | "output"): string {
  const json = z.toJSONSchema(schema, {
    io,
    override({ jsonSchema }) {
      if (typeof jsonSchema.pattern === "string") jsonSchema.pattern = portablePattern(jsonSchema.pattern);
    },
  });
  return `${JSON.stringify({ $id: `countersign/${name}`, ...json }, null, 2)}\n`;
}

/** `\p{Cc}` (control characters) is no regular expression to Python; its two ranges are one to everybody. */
function portablePattern(pattern: string): string {
  return pattern.replaceAll("\\p{Cc}", "\\u0000-\\u001f\\u007f-\\u009f");
}

if (import.meta.main) {
  const folder = new URL("./json/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const generated = generatedSchemas();
  for (const there of readdirSync(folder)) if (!generated.has(there)) rmSync(new URL(there, folder));
  for (const [file, text] of generated) writeFileSync(new URL(file, folder), text);
  console.log(`${generated.size} schemas in schemas/json`);
}
