import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { flagsAmong } from "../../domain/image-checks/flags.ts";
import { examine } from "../../lambdas/imaging/inspect.ts";
import type { Finding, ImageFacts } from "../../schemas/catalogue.ts";
import type { PeerFlags } from "./peers.ts";

/** cleanvision's issue types and our findings' codes. */
const CODES: Readonly<Record<string, string>> = {
  dark: "dark",
  light: "light",
  blurry: "blurry",
  low_information: "low-information",
  odd_aspect_ratio: "odd-aspect",
  odd_size: "odd-size",
  grayscale: "grayscale",
};
const MOST_TOLD = 300;

export interface Agreement {
  images: number;
  types: Record<string, { both: number; onlyOurs: number; onlyTheirs: number; neither: number; agreement: number }>;
  /** What one of the two flags and the other does not, with cleanvision's score of it (low is bad) and what we measured. */
  disagreements: { path: string; type: string; flaggedBy: "ours" | "cleanvision"; score?: number; value?: number }[];
}

/** Per issue type: how many images are flagged by both, by one of us only, and by neither. */
export async function agreementOf(paths: readonly string[], theirs: PeerFlags): Promise<Agreement> {
  const seen: { findings: Finding[]; facts: ImageFacts }[] = [];
  for (const path of paths) {
    const bytes = readFileSync(path);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const { findings, facts } = await examine({ name: path, sha256, bytes });
    seen.push({ findings, facts });
  }
  for (const { index, finding } of flagsAmong(seen.map((s) => s.facts))) seen[index]?.findings.push(finding);
  const agreement: Agreement = { images: paths.length, types: {}, disagreements: [] };
  const measured: Record<string, (facts: ImageFacts) => number> = {
    blurry: (facts) => facts.blur,
    low_information: (facts) => facts.entropy * 0.1,
  };
  for (const [type, code] of Object.entries(CODES)) {
    const counts = { both: 0, onlyOurs: 0, onlyTheirs: 0, neither: 0 };
    const flagged = new Set(theirs.flags[type] ?? []);
    paths.forEach((path, i) => {
      const finding = seen[i]?.findings.find((f) => f.code === code);
      const they = flagged.has(path);
      if ((finding !== undefined) === they) {
        counts[they ? "both" : "neither"] += 1;
        return;
      }
      counts[they ? "onlyTheirs" : "onlyOurs"] += 1;
      if (agreement.disagreements.length >= MOST_TOLD) return;
      const score = theirs.scores[type]?.[path];
      const facts = seen[i]?.facts;
      const value = (facts && measured[type]?.(facts)) ?? finding?.value;
      agreement.disagreements.push({
        path,
        type,
        flaggedBy: they ? "cleanvision" : "ours",
        ...(score === undefined ? {} : { score }),
        ...(value === undefined ? {} : { value }),
      });
    });
    const share = (counts.both + counts.neither) / paths.length;
    agreement.types[type] = { ...counts, agreement: Math.round(share * 1e4) / 1e4 };
  }
  return agreement;
}

/** Changes that should raise a flag, each in three strengths about the thresholds. */
const SPOILT: Readonly<Record<string, (image: Sharp, strength: number) => Sharp>> = {
  darkened: (image, s) => image.linear([0.45, 0.3, 0.15][s] as number, 0),
  brightened: (image, s) => image.linear([0.25, 0.1, 0.05][s] as number, [190, 235, 246][s] as number),
  glared: (image, s) => image.linear([1.5, 3, 6][s] as number, [80, 140, 190][s] as number),
  blurred: (image, s) => image.blur([2, 5, 10][s] as number),
  flattened: (image, s) => image.linear([0.2, 0.05, 0.01][s] as number, 110),
  stretched: (image, s) => image.resize(256, [110, 80, 40][s] as number, { fit: "fill" }),
  strip: (image, s) =>
    image.resize(256, 256).extract({ left: 0, top: 60, width: 256, height: [100, 80, 30][s] as number }),
  resized: (image, s) => image.resize([16, 900, 1600][s] as number),
  uncoloured: (image) => image.toColourspace("b-w"),
  "gray-as-rgb": (image) => image.grayscale().toColourspace("srgb"),
};

/** Writes spoilt copies of photos into a folder; the names say what was done. */
export async function spoiltCopies(paths: readonly string[], folder: string): Promise<string[]> {
  const made: string[] = [];
  for (const [i, path] of paths.entries()) {
    for (const [kind, change] of Object.entries(SPOILT)) {
      const to = join(folder, `${kind}-${i % 3}-${i}.jpg`);
      writeFileSync(
        to,
        await change(sharp(readFileSync(path)), i % 3)
          .jpeg({ quality: 90 })
          .toBuffer(),
      );
      made.push(to);
    }
  }
  return made;
}
