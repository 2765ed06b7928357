import type { AnswerValue } from "../../schemas/answer.ts";
import type { Catalogue } from "../../schemas/catalogue.ts";
import { Consensus } from "../../schemas/consensus.ts";
import { DatasetVersion } from "../../schemas/dataset.ts";
import type { Decision } from "../../schemas/decision.ts";
import type { ImageEvent, ImageHistory } from "../../schemas/portal.ts";
import { type CycleRecord, Split } from "../../schemas/state.ts";
import type { Ports } from "../ports.ts";
import { readCampaign, readCycle } from "./campaigns.ts";
import { immutableCatalogue } from "./catalogues.ts";
import { claimsByImage } from "./claims.ts";
import { everyRecord } from "./every-record.ts";
import { objectKeys, recordKeys } from "./keys.ts";
import { findLot, readImmutable, readLotPlan, type VendorLot } from "./lot-records.ts";
import type { AnswerRecord } from "./submissions.ts";

type Store = Pick<Ports, "records" | "objects">;

/**
 * Everything that happened to one image, by cycle: how it came in, what it was drawn for, who said what of it, what was
 * concluded, where it ended. Of a sealed test image only that it is one: what people said of it stays sealed.
 * Asked for by sha256 or by a name under which it was dropped; undefined where the campaign knows neither.
 */
export async function imageHistory(ports: Store, campaign: string, asked: string): Promise<ImageHistory | undefined> {
  const { head, agreement } = await readCampaign(ports, campaign);
  const cycles: CycleRecord[] = [];
  for (let cycle = 1; cycle <= head.cycles; cycle += 1) cycles.push(await readCycle(ports, campaign, cycle));
  const catalogues = new Map<number, Catalogue>();
  for (const { cycle, refs } of cycles) {
    if (refs.catalogue !== undefined) catalogues.set(cycle, await immutableCatalogue(ports.objects, refs.catalogue));
  }
  const image = [...catalogues.values()].map((catalogue) => shaOf(catalogue, asked)).find((sha) => sha !== undefined);
  if (image === undefined) return undefined;
  const events: ImageEvent[] = [];
  let sealed = false;
  for (const { cycle, refs, openedAt } of cycles) {
    const catalogue = catalogues.get(cycle);
    if (catalogue !== undefined) events.push(...admission(catalogue, cycle, image, openedAt));
    if (refs.split !== undefined) {
      const drawn = drawnFor(await readImmutable(ports.objects, refs.split, Split), image);
      sealed ||= drawn === "test";
      if (drawn !== undefined) events.push({ what: "drawn", detail: `cycle ${cycle}: ${DRAWN[drawn]}` });
    }
    if (!sealed) events.push(...(await concluded(ports, campaign, cycle, image)));
    if (refs.dataset !== undefined) events.push(...(await frozen(ports, refs.dataset, cycle, image)));
  }
  for (const { label, source } of (await claimsByImage(ports, campaign)).get(image) ?? [])
    events.push({ what: "claimed", detail: `${source} came with the label ${label}; it counts as nobody's answer` });
  const decided = await ports.records.get<Decision>(recordKeys.decision(campaign, image));
  if (decided !== undefined) events.push(decidedEvent(decided.body));
  if (!sealed) for (const { id } of agreement.vendors) events.push(...(await saidBy(ports, campaign, id, image)));
  return { campaign, image, events };
}

const DECIDED = { accept: "kept", exclude: "left out", restore: "taken back in" } as const;

function decidedEvent({ decision, by, reason, at }: Decision): ImageEvent {
  return { at, what: DECIDED[decision], detail: `by ${by}: ${reason}` };
}

/** By digest, by the name as it was dropped, or by the file's own name where its folder is left out. */
function shaOf(catalogue: Catalogue, asked: string): string | undefined {
  const bears = (name: string) => name === asked || name.endsWith(`/${asked}`);
  return (
    catalogue.entries.find((entry) => entry.sha256 === asked || entry.names.some(bears))?.sha256 ??
    catalogue.quarantined.find((file) => file.sha256 === asked || bears(file.name))?.sha256
  );
}

const DRAWN = {
  test: "sealed test set; what people say of it stays sealed",
  gold: "gold: two experts author its truth",
  pool: "to be labelled",
  withheld: "withheld: its duplicates bridge the test set and the rest",
} as const;

function drawnFor(split: Split, image: string): keyof typeof DRAWN | undefined {
  return (Object.keys(DRAWN) as (keyof typeof DRAWN)[]).find((part) => split[part].includes(image));
}

function admission(catalogue: Catalogue, cycle: number, image: string, at: string): ImageEvent[] {
  const rejected = catalogue.quarantined.find((one) => one.sha256 === image);
  if (rejected !== undefined) {
    return [
      {
        at,
        what: "quarantined",
        detail: `cycle ${cycle}: ${rejected.name}: ${rejected.findings.map((f) => f.message).join("; ")}`,
      },
    ];
  }
  const entry = catalogue.entries.find((one) => one.sha256 === image);
  if (entry === undefined || entry.cycle !== cycle) return [];
  const { width, height, type, bytes } = entry.facts;
  const flags = entry.findings.map((finding) => `; ${finding.message}`).join("");
  const group = entry.group === image ? "" : `; near-duplicate group ${entry.group.slice(0, 12)}`;
  return [
    {
      at,
      what: "admitted",
      detail: `cycle ${cycle}: ${entry.names.join(", ")} (${width} x ${height} ${type}, ${bytes} bytes)${group}${flags}`,
    },
  ];
}

async function concluded(ports: Store, campaign: string, cycle: number, image: string): Promise<ImageEvent[]> {
  const events: ImageEvent[] = [];
  for (let wave = 0; ; wave += 1) {
    const key = objectKeys.consensus(campaign, cycle, wave);
    if ((await ports.objects.head(key)) === undefined) return events;
    const { images, classes } = await readImmutable(ports.objects, key, Consensus);
    const one = images.find((entry) => entry.image === image);
    if (one === undefined) continue;
    const best = one.posterior.indexOf(Math.max(...one.posterior));
    const sure = ((one.posterior[best] ?? 0) * 100).toFixed(1);
    events.push({
      what: "consensus",
      detail: `cycle ${cycle}, wave ${wave}: ${classes[best]} (${sure} %) from ${one.answers} answers, ${one.settled ? "settled" : "not settled"}`,
    });
  }
}

async function frozen(ports: Store, key: string, cycle: number, image: string): Promise<ImageEvent[]> {
  const { items, version } = await readImmutable(ports.objects, key, DatasetVersion);
  const item = items.find((one) => one.sha256 === image);
  return item === undefined
    ? []
    : [
        {
          what: "dataset",
          detail: `cycle ${cycle}: ${item.split} of version ${version.slice(0, 12)} as ${item.label}`,
        },
      ];
}

async function saidBy(ports: Store, campaign: string, vendor: string, image: string): Promise<ImageEvent[]> {
  const events: ImageEvent[] = [];
  for await (const { body } of everyRecord<VendorLot>(
    ports.records,
    recordKeys.vendorLot(campaign, vendor, "").pk,
    "lot#",
  )) {
    const found = await findLot(ports, campaign, body.lot);
    if (found === undefined) continue;
    const items = (await readLotPlan(ports, found.lot)).items.filter((one) => one.image === image);
    for (const { item } of items) {
      for (let round = body.fromRound; round <= (body.toRound ?? found.lot.round); round += 1) {
        const answer = await ports.records.get<AnswerRecord>(recordKeys.answer(campaign, body.lot, round, item));
        if (answer === undefined) continue;
        const { annotator, value, at } = answer.body;
        events.push({
          at,
          what: "answer",
          detail: `${annotator} of ${vendor} said ${said(value)} (lot ${body.lot}, round ${round}, ${found.lot.status})`,
        });
      }
    }
  }
  return events;
}

function said(value: AnswerValue): string {
  return value.task === "class"
    ? value.label
    : `cannot tell: ${value.reason}${value.note === undefined ? "" : ` (${value.note})`}`;
}
