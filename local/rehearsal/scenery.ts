import type { Ports } from "../../lambdas/ports.ts";
import { createCampaign } from "../../lambdas/store/cycles.ts";
import { digestOf, sha256Hex, writeAddressed } from "../../lambdas/store/documents.ts";
import { objectKeys, recordKeys } from "../../lambdas/store/keys.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import type { Catalogue } from "../../schemas/catalogue.ts";
import type { CycleRecord, Split } from "../../schemas/state.ts";
import { definitionText, type MachineName, stageName, stagePlaceholders } from "../../workflow/definition.ts";

/** A picture that needs no decoding: its bytes are its name, and somebody knows what it shows. */
export interface Picture {
  sha256: string;
  label: string;
  /** What people easily take it for, and how often. */
  looksLike?: { label: string; rate: number };
}

/** Pictures of all classes in turn, from number `from` on. */
export function pictures(count: number, classes: readonly string[], from = 0): Picture[] {
  return Array.from({ length: count }, (_, i) => {
    const label = classes[(from + i) % classes.length] as string;
    return { sha256: sha256Hex(`picture ${from + i} of ${label}`), label };
  });
}

/** Writes campaign, open cycle, catalogue and split as the stages before PlanWave leave them. Fine to call again. */
export async function furnish(
  ports: Ports,
  agreement: Campaign,
  options: {
    pictures: readonly Picture[];
    split: (images: string[]) => Pick<Split, "test" | "gold" | "pool">;
    /** The embedding job's model.tar.gz; without one no model has a say. */
    embeddings?: Uint8Array | undefined;
  },
): Promise<{ splitKey: string; catalogueKey: string }> {
  const campaign = agreement.name;
  const entries: Catalogue["entries"] = [];
  const pieces: Buffer[] = [];
  let offset = 0;
  const pack = objectKeys.pack(campaign, sha256Hex("pack"));
  for (const { sha256, label } of options.pictures) {
    const bytes = Buffer.from(sha256);
    pieces.push(bytes);
    const place = { key: pack, offset, bytes: bytes.length };
    offset += bytes.length;
    const facts = {
      width: 9,
      height: 9,
      type: "png" as const,
      bytes: 9,
      brightness: 0,
      contrast: 0,
      entropy: 0,
      blur: 0,
      grayscale: false,
      dHash: "0".repeat(16),
      pHash: "0".repeat(16),
    };
    entries.push({
      sha256,
      findings: [],
      names: [`${label}/${sha256}.png`],
      facts,
      web: place,
      thumbnail: place,
      group: sha256,
      cycle: 1,
    });
  }
  if ((await ports.objects.head(pack)) === undefined) await ports.objects.put(pack, Buffer.concat(pieces), "any");
  const count = entries.length;
  const catalogue: Catalogue = {
    campaign,
    cycle: 1,
    counts: { files: count, admitted: count, quarantined: 0, duplicates: 0, known: 0 },
    entries,
    quarantined: [],
    shards: [],
  };
  if (options.embeddings !== undefined) await ports.objects.put(embeddingsKeyOf(campaign), options.embeddings, "any");
  const images = options.pictures.map(({ sha256 }) => sha256).sort();
  const parts = options.split(images);
  const split: Split = {
    campaign,
    cycle: 1,
    classes: agreement.classes,
    ...parts,
    withheld: [],
    groups: Object.fromEntries(images.map((image) => [image, image])),
  };
  const { key: catalogueKey } = await writeAddressed(
    ports.objects,
    (d) => objectKeys.catalogue(campaign, d),
    catalogue,
  );
  const { key: splitKey } = await writeAddressed(ports.objects, (d) => objectKeys.split(campaign, d), split);
  if ((await ports.records.get(recordKeys.campaign(campaign))) === undefined) {
    await createCampaign(ports, agreement, "data-team");
    const record: CycleRecord = {
      campaign,
      cycle: 1,
      intake: "first",
      agreementKey: objectKeys.agreement(campaign, digestOf(agreement)),
      outcome: "open",
      openedAt: new Date(ports.clock.now()).toISOString(),
      refs: { catalogue: catalogueKey, split: splitKey },
      counts: { newcomers: images.length, gold: parts.gold.length },
    };
    await ports.records.put(recordKeys.cycle(campaign, 1), record, "absent");
    const head = await ports.records.get<Record<string, unknown>>(recordKeys.campaign(campaign));
    await ports.records.put(recordKeys.campaign(campaign), { ...head?.body, cycles: 1, openCycle: 1 }, "any");
  }
  return { splitKey, catalogueKey };
}

/**
 * The lot's machine, and `labelling`: the states from PlanWave to FreezeDataset of campaign.asl.json, as they stand there,
 * between a start and an end of ours.
 */
export function labellingMachines(
  campaign: string,
  splitKey: string,
  catalogueKey: string,
  text: (machine: MachineName) => string = definitionText,
): Record<string, unknown> {
  const whole = JSON.parse(filled(text("campaign"))) as { States: Record<string, Record<string, unknown>> };
  const kept = ["PlanWave", "WhatToBuy", "LabelWave", "ConsultExperts", "SettleWave", "FreezeDataset"];
  const states = Object.fromEntries(kept.map((name) => [name, { ...whole.States[name] }]));
  for (const state of Object.values(states)) {
    const catches = state.Catch as { Next: string }[] | undefined;
    if (catches !== undefined) state.Catch = catches.filter(({ Next }) => Next !== "RecordFailure");
    if ((state.Catch as unknown[] | undefined)?.length === 0) delete state.Catch;
  }
  const freeze = states.FreezeDataset as Record<string, unknown>;
  delete freeze.Next;
  delete freeze.Assign;
  states.FreezeDataset = { ...freeze, Output: "{% $states.result.Payload %}", End: true };
  const Assign = {
    cycle: { campaign, cycle: 1 },
    split: { key: splitKey },
    catalogue: { key: catalogueKey },
    embeddingsKey: embeddingsKeyOf(campaign),
    embedding: { backbone: "descriptor" },
  };
  const labelling = {
    QueryLanguage: "JSONata",
    StartAt: "Begin",
    States: { Begin: { Type: "Pass", Assign, Next: "PlanWave" }, ...states },
  };
  return { labelling, lot: JSON.parse(filled(text("lot"))) };
}

const embeddingsKeyOf = (campaign: string) => `${objectKeys.embeddings(campaign)}/rehearsal/output/model.tar.gz`;

function filled(text: string): string {
  const names = new Map(stagePlaceholders(text).map((name) => [name, stageName(name)]));
  return text.replaceAll(/\$\{([A-Za-z0-9_]+)\}/g, (_, name: string) => names.get(name) ?? name);
}
