import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { editDistance } from "../domain/edit-distance.ts";
import { BadInputError } from "../lambdas/stage.ts";
import { Campaign } from "../schemas/campaign.ts";

/** campaign.yaml is the agreement, and where the photos are on this computer. */
export interface CampaignFile {
  agreement: Campaign;
  images: string | undefined;
}

/** Reads campaign.yaml. Throws BadInputError that names the key, the bad value, what is allowed, and the nearest allowed key. */
export async function readCampaignFile(path: string): Promise<CampaignFile> {
  const text = await readFile(path, "utf8").catch((error: Error) => {
    throw new BadInputError(`${path} can't be read: ${error.message}; give the path of a campaign.yaml`);
  });
  const document = parseDocument(text, { uniqueKeys: true });
  const broken = document.errors[0];
  if (broken !== undefined) throw new BadInputError(`${path} is not YAML: ${broken.message.split("\n")[0]}`);
  const value: unknown = document.toJS();
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new BadInputError(`${path} holds no campaign: expected keys such as name, classes and vendors`);
  }
  const { images, ...rest } = value as Record<string, unknown>;
  if (images !== undefined && typeof images !== "string") {
    throw new BadInputError(
      `${path}: images is ${JSON.stringify(images)}; expected the path of the folder with the photos`,
    );
  }
  return {
    agreement: parseAgreement(rest, path),
    images: images === undefined ? undefined : resolve(dirname(path), images),
  };
}

/** An agreement from what a person wrote. Throws BadInputError. */
export function parseAgreement(value: unknown, where: string): Campaign {
  const parsed = Campaign.safeParse(value);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => explain(issue, value));
  throw new BadInputError(`${where}: ${lines.join("; ")}`);
}

function explain(issue: z.core.$ZodIssue, value: unknown): string {
  const path = issue.path.map(String);
  const at = path.length === 0 ? "" : `${path.join(".")}: `;
  if (issue.code === "unrecognized_keys") {
    const allowed = keysAt(Campaign, path);
    return issue.keys
      .map((key) => {
        const near = nearest(key, allowed);
        const meant = near === undefined ? "" : `, did you mean "${near}"?`;
        return `${at}"${key}" is not a key${meant} (allowed: ${allowed.join(", ")})`;
      })
      .join("; ");
  }
  const bad = issue.path.reduce<unknown>(
    (v, part) => (v as Record<PropertyKey, unknown> | undefined)?.[part as PropertyKey],
    value,
  );
  const shown = bad === undefined ? "missing" : `${JSON.stringify(bad)?.slice(0, 80)} is wrong`;
  return `${at}${shown}: ${issue.message}`;
}

/** Keys that the schema allows at a path. */
function keysAt(schema: z.ZodType, path: readonly string[]): string[] {
  let json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema | undefined;
  for (const part of path) json = /^\d+$/.test(part) ? json?.items : json?.properties?.[part];
  return Object.keys(json?.properties ?? {});
}
interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
}

/** The allowed word with the smallest edit distance, if it is near enough to be a typo. */
export function nearest(word: string, allowed: readonly string[]): string | undefined {
  let best: { word: string; distance: number } | undefined;
  for (const candidate of allowed) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (best === undefined || distance < best.distance) best = { word: candidate, distance };
  }
  return best !== undefined && best.distance <= Math.max(2, word.length / 3) ? best.word : undefined;
}
