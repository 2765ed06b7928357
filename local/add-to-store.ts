import { basename, join } from "node:path";
import type { Ports } from "../lambdas/ports.ts";
import { BadInputError } from "../lambdas/stage.ts";
import { keepClaims, mustBeOf } from "../lambdas/store/claims.ts";
import { readDocument } from "../lambdas/store/documents.ts";
import { sealIntake } from "../lambdas/store/intakes.ts";
import { objectKeys } from "../lambdas/store/keys.ts";
import { Campaign } from "../schemas/campaign.ts";
import { type LabelSource, openSource } from "./formats/source.ts";

export interface AddedToStore {
  intake: string;
  files: number;
  bytes: number;
  claims: number;
  notes: string[];
}

/**
 * Seals what a folder, archive or list holds as an intake in a deployment's bucket; the seal starts the cycle there. Safe to
 * call again after it was cut off: what is stored is not sent twice. Throws BadInputError where the bucket has no such campaign.
 */
export async function addToStore(
  store: Pick<Ports, "objects" | "clock">,
  campaign: string,
  path: string,
  options: { labels?: LabelSource; by?: string; scratch: string; onFile?: (done: number) => void },
): Promise<AddedToStore> {
  const agreement = await anyAgreement(store, campaign);
  const source = await openSource(path, join(options.scratch, "unpacked"), options.labels);
  try {
    mustBeOf(agreement, source.labels);
    const { intake, files, bytes } = await sealIntake(store, {
      campaign,
      files: source.files,
      ...(options.onFile === undefined ? {} : { onFile: options.onFile }),
      // Before the seal, which starts the cycle: whoever looks at it then finds the claims.
      beforeSeal: async (sealing) => {
        if (source.labels.size === 0) return;
        const about = { campaign, intake: sealing, source: `${basename(path)} (${source.format})` };
        await keepClaims(store, { ...about, by: options.by ?? "data-team" }, source.labels);
      },
    });
    return { intake, files, bytes, claims: source.labels.size, notes: source.notes };
  } finally {
    await source.close();
  }
}

/** Any agreement of the campaign: its classes are those of all. */
async function anyAgreement({ objects }: Pick<Ports, "objects">, campaign: string): Promise<Campaign> {
  for await (const { key } of objects.list(objectKeys.agreement(campaign, "").replace(/[^/]*$/, "")))
    return readDocument(objects, key, Campaign);
  throw new BadInputError(
    `the bucket has no campaign "${campaign}"; see the campaigns in the studio, or start this one there first`,
  );
}
