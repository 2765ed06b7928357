/** Many tiny images through the synthesized workflow's intake, and the same through the stages alone. */
import sharp from "sharp";
import { memoryObjects } from "../../adapters/memory/objects.ts";
import { sharedImagingPool } from "../../lambdas/imaging/pool.ts";
import type { Ports } from "../../lambdas/ports.ts";
import { runStage, type Stage } from "../../lambdas/stage.ts";
import { admitImages } from "../../lambdas/stages/admit-images.ts";
import { buildCatalogue } from "../../lambdas/stages/build-catalogue.ts";
import { createCampaign, enqueueIntake } from "../../lambdas/store/cycles.ts";
import { readLines } from "../../lambdas/store/documents.ts";
import { type IncomingFile, sealIntake } from "../../lambdas/store/intakes.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { IntakeItem } from "../../schemas/intake.ts";
import { openAccount } from "./account.ts";

const CAMPAIGN = "many";
const SIDE = 16;
/** The workflow's own batches: a catalogue says where copies lie, and those are packed by batch. */
const DIRECT_BATCH = 200;

const agreement = Campaign.parse({
  name: CAMPAIGN,
  classes: ["dark", "light"],
  vendors: [{ id: "alder", name: "alder", pricePerAnswer: 0.03 }],
  training: { backbone: "descriptor" },
});

/** Noise of 16 by 16 pixels by number: every file another one, none much like another. */
async function* tinyImages(count: number): AsyncIterable<IncomingFile> {
  for (let i = 0; i < count; i += 1) {
    const pixels = Buffer.alloc(SIDE * SIDE * 3);
    let state = i + 1;
    for (let at = 0; at < pixels.length; at += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      pixels[at] = state >>> 24;
    }
    const bytes = await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toBuffer();
    yield {
      name: `${i % 2 === 0 ? "dark" : "light"}/${String(i).padStart(7, "0")}.png`,
      bytes: bytes.length,
      read: async () => bytes,
      async *stream() {
        yield bytes;
      },
    };
  }
}

export interface Intake {
  images: number;
  /** Names the catalogue's content. */
  catalogueKey: string;
  admitted: number;
  seconds: number;
}

/** By the deployed functions and the synthesized definition, from the sealed manifest to the order of the embedding. */
export async function intakeByWorkflow(images: number) {
  const began = performance.now();
  const objects = memoryObjects();
  let embedding: () => void = () => {};
  const ordered = new Promise<void>((resolve) => {
    embedding = resolve;
  });
  // The job itself is another part's business: the execution is stopped when it is ordered.
  const account = await openAccount({ objects, onJob: () => embedding() });
  try {
    const { ports, engine } = account;
    await createCampaign(ports, agreement, "data-team");
    await sealIntake({ ...ports, objects }, { campaign: CAMPAIGN, files: tinyImages(images) });
    const sealed = performance.now();
    // S3 tells EventBridge of the seal, which was not written through it here.
    await account.announce(`campaigns/${CAMPAIGN}/intakes/${await onlyIntake(objects)}/_SUCCESS`);
    const arn = `arn:aws:states:local:000000000000:execution:countersign-dev-campaign:${CAMPAIGN}-1`;
    const ended = (async () => {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 250));
        const { status, error, cause } = engine.describe(arn) ?? {};
        if (status !== undefined && status !== "RUNNING")
          throw new Error(`the cycle ended ${status}: ${error}: ${cause}`);
      }
    })();
    await Promise.race([ordered, ended]);
    ended.catch(() => {});
    const history = engine.history(arn);
    engine.stop(arn, "Measured", "the intake is what was asked for");
    const events = history.length;
    const texts = history
      .flatMap((event) => Object.values(event))
      .flatMap((value) => (typeof value === "object" && value !== null ? Object.values(value) : []));
    const stateBytes = Math.max(
      ...texts.filter((text) => typeof text === "string").map((text) => Buffer.byteLength(text)),
    );
    const catalogue = history.map((event) => JSON.stringify(event)).find((text) => text.includes("catalogues/"));
    const catalogueKey = /campaigns\/many\/catalogues\/[0-9a-f]{64}\.json/.exec(catalogue ?? "")?.[0] ?? "none";
    const children = engine.list({ children: true }).filter(({ executionArn }) => executionArn !== arn).length;
    const invocations = account.functions.invocations.length;
    const seconds = round((performance.now() - sealed) / 1000);
    return {
      images,
      catalogueKey,
      events,
      stateBytes,
      children,
      invocations,
      seconds,
      sealSeconds: round((sealed - began) / 1000),
      findings: [...account.front.findings],
      troubles: account.troubles,
    };
  } finally {
    await account.close();
  }
}

/** By the stages alone, called one after the other on the same files. */
export async function intakeByStages(images: number, ports: Ports): Promise<Intake> {
  await createCampaign(ports, agreement, "data-team");
  const { intake, manifestKey } = await sealIntake(ports, { campaign: CAMPAIGN, files: tinyImages(images) });
  const began = performance.now();
  const cycle = (await enqueueIntake(ports, CAMPAIGN, intake)) as number;
  const items = await readLines(ports.objects, manifestKey, IntakeItem);
  let admitted = 0;
  for (let at = 0; at < items.length; at += DIRECT_BATCH) {
    const batch = { campaign: CAMPAIGN, cycle, items: items.slice(at, at + DIRECT_BATCH) };
    admitted += ((await runStage(admitImages as Stage, batch, ports)) as { admitted: number }).admitted;
  }
  sharedImagingPool().close();
  const admissionPrefix = objectKeys.admission(CAMPAIGN, cycle);
  const built = (await runStage(
    buildCatalogue as Stage,
    { campaign: CAMPAIGN, cycle, manifestKey, admissionPrefix },
    ports,
  )) as { catalogue: { key: string } };
  return { images, catalogueKey: built.catalogue.key, admitted, seconds: round((performance.now() - began) / 1000) };
}

async function onlyIntake(objects: Ports["objects"]): Promise<string> {
  for await (const { key } of objects.list(`campaigns/${CAMPAIGN}/intakes/`)) return key.split("/")[3] as string;
  throw new Error("nothing was sealed");
}
const round = (n: number) => Math.round(10 * n) / 10;
