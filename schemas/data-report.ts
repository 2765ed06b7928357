/** The data report: what the photos of a campaign are like, before and while money is spent on them. */
import { z } from "zod";
import type { Catalogue, FindingCode } from "./catalogue.ts";
import { DecisionKind } from "./decision.ts";

export interface Bin {
  label: string;
  images: number;
}

/** How the conditions under which pictures were taken are covered. */
export interface Conditions {
  /** Images per stretch of each measure. */
  measures: { measure: "brightness" | "contrast" | "sharpness"; bins: Bin[] }[];
  /** Mean colour of the pictures, by hue; those without much colour apart. */
  colours: Bin[];
  /** The commonest cameras; images whose file does not say come last. */
  cameras: Bin[];
  /** Local hours of the day; only images whose file says when. */
  hours: Bin[];
  /** Days with pictures, and how many images say their day. */
  days: { from: string; to: string; days: number; images: number } | undefined;
  /** Images that were captured together: such a cluster is drawn as one. */
  clusters: { clusters: number; images: number; largest: number };
}

/** One image, several labels that came with it; each says where it came from. */
export interface Conflict {
  image: string;
  names: string[];
  said: { label: string; source: string }[];
}

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
  /** Images that came under more than one name, those of most names first: identical bytes count once. */
  copies: { image: string; names: string[] }[];
  conditions: Conditions;
  /** Images per class among those labelled; undefined before any label was bought. */
  labels: { classes: Bin[] } | undefined;
  /**
   * What came with the photos: images per class, and how often what was bought says the same. Images of which two things
   * were said are `conflicts` and count for no class.
   */
  claims: { images: number; classes: Bin[]; compared: number; agreeing: number; conflicts: Conflict[] } | undefined;
  /** Flagged images of which the data team has said that they stay. */
  accepted: number;
  /** What the data team left out: newest first. */
  excluded: { image: string; reason: string; by: string; at: string }[];
  /** Plain sentences: what the numbers suggest to do before buying, and what to collect next. */
  advice: string[];
}

/** An image as the report's page shows it. */
export interface DataImage {
  image: string;
  names: string[];
  width: number;
  height: number;
  findings: string[];
  /** Address of its thumbnail. */
  url: string;
  decision?: { decision: DecisionKind; reason: string; by: string; at: string };
}

/** The report with the images that it shows. */
export interface DataReportView {
  report: DataReport;
  images: Record<string, DataImage>;
  /** Whether the person may decide; an owner may only look. */
  mayAct: boolean;
  /** The cycle that waits for the data team to accept the report; null where none does. */
  waits: number | null;
}

/** Flagged images that the page shows of one code at most; the others are decided by command. */
export const MOST_FLAGGED_SHOWN = 1000;

/** How many flagged images to show by code, where more than the report's examples: `dark:60,blurry:108`. */
export const DataReportQuery = z.strictObject({
  more: z
    .string()
    .max(500)
    .regex(/^[a-z-]+:\d{1,6}(,[a-z-]+:\d{1,6})*$/, "a list such as dark:60,blurry:108")
    .optional(),
});

export const DecisionsRequest = z.strictObject({
  images: z.array(z.string().min(1).max(1024)).min(1).max(500),
  decision: DecisionKind,
  reason: z.string().max(500).default(""),
});
export interface DecisionsAnswer {
  decided: string[];
  unchanged: string[];
  /** Images of the sealed test set, which stay. */
  kept: string[];
}
