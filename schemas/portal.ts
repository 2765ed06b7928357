/** What the pages and other clients say to the portal's API and what it answers. */
import { z } from "zod";
import { AnswerValue } from "./answer.ts";
import { Approval } from "./approval.ts";
import type { AuditResult } from "./audit.ts";
import type { Evidence } from "./evidence.ts";
import type { Statement } from "./ledger.ts";
import type { LotStatus } from "./lot.ts";
import { type Member, type Question, Role } from "./member.ts";
import { CampaignName, Sha256, Slug } from "./names.ts";
import type { Dispute } from "./standing.ts";
import type { CycleRecord } from "./state.ts";

/** Which events of a cycle's execution; without a cycle, of the newest one. */
export const HistoryQuery = z.strictObject({
  cycle: z.coerce.number().int().min(1).optional(),
  /** Events with a greater id. */
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  /** A part of the event's type, such as `Failed` or `StateEntered`. */
  type: z.string().max(80).default(""),
  /** The name of the state in which it happened. */
  state: z.string().max(80).default(""),
});
export const SessionRequest = z.strictObject({ invitation: z.string().min(1).max(2000) });
export const LeaseRequest = z.strictObject({ count: z.int().min(1).max(500) });
export const AnswersRequest = z.strictObject({
  round: z.int().min(1),
  answers: z
    .array(z.strictObject({ item: Slug, value: AnswerValue, seconds: z.number().min(0).max(86_400) }))
    .min(1)
    .max(500),
});
export const QualificationRequest = z.strictObject({
  answers: z
    .array(z.strictObject({ item: Slug, value: AnswerValue }))
    .min(1)
    .max(100),
});
export const ReviseRequest = z.strictObject({
  round: z.int().min(1),
  item: Slug,
  value: AnswerValue,
  seconds: z.number().min(0).max(86_400),
});
export const QuestionRequest = z.strictObject({
  lot: Slug,
  item: Slug.optional(),
  text: z.string().trim().min(1).max(2000),
});
export const ReplyRequest = z.strictObject({
  question: z.string().regex(/^[0-9a-f]{32}$/),
  text: z.string().trim().min(1).max(4000),
});
export const ReviewAnswersRequest = z.strictObject({
  answers: z
    .array(z.strictObject({ task: z.string().min(1).max(300), value: AnswerValue }))
    .min(1)
    .max(500),
});
export const DecisionRequest = z.strictObject({
  cycle: z.int().min(1),
  evidenceDigest: Sha256,
  /** First eight characters of the model's sha256, typed by the person. */
  modelVersion: z.string().min(1).max(64),
  decision: Approval.shape.decision,
  reason: z.string().max(2000).default(""),
});
export const InviteRequest = z.strictObject({
  role: Role,
  vendor: Slug.optional(),
  subject: Slug,
  ttlSeconds: z
    .int()
    .min(60)
    .max(31_622_400)
    .default(7 * 24 * 3600),
});
export const RevokeRequest = z.strictObject({ member: z.string().regex(/^[0-9a-f]{32}$/) });
/** Why, and to which version where it is not the one before. */
export const RollbackRequest = z.strictObject({ reason: z.string().trim().min(1).max(500), to: Slug.optional() });
export const StatusRequest = z.strictObject({ status: z.enum(["active", "paused", "cancelled"]) });
export const ImageQuery = z.strictObject({ image: z.string().min(1).max(1024) });
export const CampaignQuery = z.strictObject({ campaign: CampaignName });

export const DisputeRequest = z.strictObject({
  lot: Slug,
  round: z.int().min(1),
  reason: z.string().trim().min(1).max(2000),
});
export const AdjudicationRequest = z.strictObject({
  lot: Slug,
  round: z.int().min(1),
  decision: z.enum(["upheld", "overturned"]),
  note: z.string().trim().min(1).max(2000),
});

export interface ApiError {
  error: string;
  message: string;
}
/** Who one is, in one campaign (`*`: the data team in all). */
export interface Me {
  role: Role;
  campaign: string;
  subject: string;
  vendor?: string;
  openedAt: string;
}
export interface SessionView extends Me {
  /** Left out where an identity provider vouches for people: its own token is the session. */
  session?: string;
  expiresAt: string;
}
/** What an annotator or expert must know beside the images. */
export interface Guide {
  campaign: string;
  classes: string[];
  guideline: { version: number; text: string };
  questions: Question[];
}
export interface OpenLot {
  lot: string;
  round: number;
  items: number;
  answered: number;
  dueAt: string;
  status: LotStatus;
  wave: number;
  cycle: number;
}
/** The test before the first lot, as its annotator sees it; `work` are questions that wait for an answer. */
export interface QualificationView {
  state: "not-needed" | "waiting" | "open" | "qualified" | "not-qualified";
  questions: number;
  toPass: number;
  answered: number;
  right?: number;
  work: { item: string; url: string }[];
}
/** An image's tiles at full resolution. */
export interface TileGrid {
  /** Of the tiled picture, in pixels. */
  width: number;
  height: number;
  /** Side of a tile; those at the right and the bottom may be smaller. */
  size: number;
  columns: number;
  rows: number;
  /** Address of the tile in column c and row r: this, a slash, c, a hyphen, r. */
  url: string;
}
/** An image to look at: its web variant, and tiles where that shows less than there is. */
export interface ImageView {
  url: string;
  tiles?: TileGrid;
}
export interface Lease {
  round: number;
  leasedUntil: string;
  guidelineVersion: number;
  items: (ImageView & { item: string })[];
}
export interface Reviewed {
  accepted: number;
  refused: { task: string; reason: string }[];
  done: string[];
}
export interface Submitted {
  accepted: number;
  refused: { item: string; reason: string }[];
  delivered: boolean;
}
export interface ReviewImage extends ImageView {
  task: string;
}
/** One inspection as its vendor may see it: how many were wrong and which classes were mixed up; never which images. */
export interface BoardVerdict {
  round: number;
  verdict: "accept" | "rework" | "reassign" | "reject";
  sampleSize: number;
  acceptanceNumber: number;
  defects: number;
  confused: { said: string; truth: string; count: number }[];
  undecided: number;
  reasons: string[];
  /** The vendor's objection, and what came of it. */
  dispute?: Pick<Dispute, "status" | "reason" | "at" | "note">;
}
/** One lot as its vendor sees it. */
export interface BoardLot {
  lot: string;
  cycle: number;
  wave: number;
  round: number;
  status: LotStatus | "given-away";
  items: number;
  answered: number;
  pricePerAnswerMicros: number;
  offeredAt?: string;
  dueAt?: string;
  deliveredAt?: string;
  closedAt?: string;
  /** Its verdicts may be disputed until then; open lots have no end yet. */
  disputableUntil?: string;
  verdicts: BoardVerdict[];
}
/** A dispute as the data team decides on it: what a third blind expert made of each defect. */
export interface DisputeView extends Dispute {
  defects: number;
  /** Defects that a third expert has looked at, and those on which it agrees with the two. */
  seenByThird: number;
  confirmed: number;
  /** The same verdict with the defects that stand; while third experts are out, with those that may stand. */
  wouldBe: "accepted" | "rejected";
}
export interface VendorBoard {
  campaign: string;
  vendor: string;
  name: string;
  currency: string;
  lots: BoardLot[];
  statement: Statement;
}
export interface ApprovalView {
  campaign: string;
  currency: string;
  /** Undefined: nothing waits for a decision. */
  pending?: {
    cycle: number;
    modelVersion: string;
    needed: number;
    evidence: Evidence;
    decisions: { by: string; decision: string; reason: string; at: string }[];
    mistakes: { url: string; truth: string; predicted: string; confidence: number }[];
    /** What an approval starts. */
    release: { firstRelease: boolean; candidateShare: number; minimumRequests: number; watchHours: number };
    mayDecide: boolean;
    /** What one expert answer costs: the price of putting one wrong answer right by hand. */
    expertPriceMicros: number;
  };
}
export interface StateNode {
  name: string;
  type: string;
  comment: string;
  next: string[];
  /** Where it goes when the world breaks. */
  catches: string[];
  visits: number;
  status: "untouched" | "running" | "done" | "failed";
  enteredAt?: string;
}
export interface QualityPoint {
  cycle: number;
  wave: number;
  images: number;
  settled: number;
  /** Mean answers per image. */
  answersPerImage: number;
  gold?: { n: number; right: number };
}
export interface WatchLot {
  lot: string;
  vendor: string;
  cycle: number;
  wave: number;
  status: string;
  round: number;
  items: number;
  answered: number;
  dueAt?: string;
}
export interface WatchView {
  campaign: string;
  status: "active" | "paused" | "cancelled";
  classes: string[];
  currency: string;
  budgetMicros: number;
  spent: {
    micros: number;
    byKind: { kind: string; units: number; amountMicros: number }[];
    byVendor: { vendor: string; amountMicros: number }[];
  };
  queue: number;
  cycles: CycleRecord[];
  execution?: { name: string; status: string; startedAt: string; stoppedAt?: string };
  workflow: StateNode[];
  lots: WatchLot[];
  quality: QualityPoint[];
  models: { cycle: number; accuracy: { value: number; low: number; high: number }; outcome: string }[];
  release: {
    champion?: { version: string; cycle: number; since: string };
    candidate?: { version: string; cycle: number; share: number };
    history: { version: string; cycle: number; outcome: string; reason: string; at: string }[];
    /** Labels bought for real requests, newest first; no results while people still answer. */
    audits: { day: string; results?: AuditResult[] }[];
  };
  questions: Question[];
  disputes: DisputeView[];
  members: Omit<Member, "campaign" | "epoch">[];
  vendors: string[];
  mayAct: boolean;
}
/** One event as Step Functions keeps it; task tokens in its details are struck out. */
export interface HistoryRow {
  id: number;
  previousEventId: number;
  timestamp: string;
  type: string;
  /** The state in which it happened; none before the first and between states. */
  state?: string;
  details?: Record<string, unknown>;
}
export interface HistoryPage {
  cycle: number;
  execution: string;
  status: string;
  /** Events of the whole execution, whatever was asked for. */
  total: number;
  events: HistoryRow[];
  /** The `after` of the next page; none on the last. */
  next?: number;
}
export interface CampaignSummary {
  campaign: string;
  status: string;
  cycles: number;
  openCycle: number | null;
  waiting: number;
  lastOutcome?: string;
  needsDecision: boolean;
}
/** One image's story in a campaign. */
export interface ImageHistory {
  campaign: string;
  image: string;
  events: ImageEvent[];
}
/** One thing that happened to an image, oldest first. */
export interface ImageEvent {
  at?: string;
  what: string;
  detail: string;
}
