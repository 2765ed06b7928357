/** Numbers and names as people read them. */

import type { z } from "zod";
import type { CannotTellReason } from "../schemas/answer.ts";

export function money(micros: number, currency: string): string {
  const amount = micros / 1e6;
  const digits = Math.abs(amount) >= 1000 ? 0 : 2;
  return `${amount.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${currency}`;
}

/** A small price, with as many decimals as it has. */
export function price(micros: number, currency: string): string {
  return `${(micros / 1e6).toLocaleString("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 6 })} ${currency}`;
}

export function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`;
}

export function count(n: number): string {
  return n.toLocaleString("en-GB");
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

export function dateTime(instant: string | undefined): string {
  if (instant === undefined || instant === "") return "-";
  return new Date(instant).toLocaleString("en-GB", {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  });
}

/** Hours or days between two instants, rounded: `in 3 days`, `5 hours ago`. */
export function relative(instant: string | undefined, now: number): string {
  if (instant === undefined || instant === "") return "";
  const hours = (Date.parse(instant) - now) / 3_600_000;
  const size = Math.abs(hours);
  const text =
    size < 1
      ? plural(Math.max(1, Math.round(size * 60)), "minute")
      : size < 48
        ? plural(Math.round(size), "hour")
        : plural(Math.round(size / 24), "day");
  return hours >= 0 ? `in ${text}` : `${text} ago`;
}

/** `AdmitImages` -> `Admit images`. */
export function stateWords(name: string): string {
  const spaced = name.replaceAll(/(?<!^)([A-Z])/g, (_, letter: string) => ` ${letter.toLowerCase()}`);
  return spaced;
}

export const REASONS: { reason: z.infer<typeof CannotTellReason>; words: string }[] = [
  { reason: "unclear-image", words: "The image is unclear" },
  { reason: "none-of-the-classes", words: "None of the classes" },
  { reason: "several-classes", words: "Several classes" },
  { reason: "guideline-silent", words: "The guideline doesn't say" },
  { reason: "other", words: "Something else" },
];

export const OUTCOMES: Record<string, string> = {
  open: "running",
  "nothing-admitted": "no new images",
  "too-few-images": "too few images",
  reject: "stopped by the gates",
  "not-enough-data": "not enough data",
  "refused-by-data-team": "photos refused by the data team",
  "data-review-expired": "photos not accepted in time",
  "rejected-by-owner": "rejected by the owner",
  "approval-expired": "not decided in time",
  live: "live",
  promoted: "promoted",
  "rolled-back": "rolled back",
  unproven: "unproven",
  failed: "failed",
  cancelled: "cancelled",
};
