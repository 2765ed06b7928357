/** A campaign in the memory world, made by the product's own stages: images, lots, experts' tasks, evidence, a live model. */
import sharp from "sharp";
import { type MemoryWorld, memoryPorts } from "../../adapters/memory/index.ts";
import { createApi } from "../../lambdas/api/app.ts";
import { tilesOf } from "../../lambdas/imaging/tiles.ts";
import type { Ports } from "../../lambdas/ports.ts";
import { dispatchLots } from "../../lambdas/stages/dispatch-lots.ts";
import { inspectLot } from "../../lambdas/stages/inspect-lot.ts";
import { offerLot } from "../../lambdas/stages/offer-lot.ts";
import { requestApproval } from "../../lambdas/stages/request-approval.ts";
import { updateCycle } from "../../lambdas/store/campaigns.ts";
import { createCampaign, enqueueIntake } from "../../lambdas/store/cycles.ts";
import { digestOf, sha256Hex, writeAddressed, writeDocument } from "../../lambdas/store/documents.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { type Invitation, invite, openSession } from "../../lambdas/store/members.ts";
import { updateRelease } from "../../lambdas/store/release.ts";
import { Campaign, type CampaignInput } from "../../schemas/campaign.ts";
import type { CatalogueEntry, Finding, Tiles } from "../../schemas/catalogue.ts";
import type { Evidence } from "../../schemas/evidence.ts";
import { publicFilesIn } from "../../web/build.ts";
import { drawPicture } from "./picture.ts";

export const ORIGIN = "http://127.0.0.1:4999";
export const MODEL = "ab".repeat(32);

export interface WorldOptions {
  campaign?: string;
  images?: number;
  lotSize?: number;
  agreement?: Partial<CampaignInput>;
  origin?: () => string;
  publicFolder?: string;
  /** Names under which images come in. */
  nameOf?: (index: number) => string;
  /** Further names of an image: exact duplicates. */
  copiesOf?: (index: number) => string[];
  side?: number;
  /** Images with this side and tiles; their web variants keep `side`. */
  tiledSide?: number;
  /** What admission flagged of an image. */
  findingsOf?: (index: number) => Finding[];
  /** The first image of the near-duplicate group that an image belongs to. */
  groupOf?: (index: number) => number;
}
export interface World {
  ports: Ports & MemoryWorld;
  api: { fetch(request: Request): Promise<Response> };
  agreement: Campaign;
  /** sha256 of each image, by place, and what it shows. */
  images: { sha256: string; truth: string }[];
  /** Lot names by vendor. */
  lots: Record<string, string[]>;
  lines: Record<string, unknown>[];
}

/** A campaign with images admitted and one lot per vendor offered. */
export async function portalWorld(options: WorldOptions = {}): Promise<World> {
  const ports = memoryPorts();
  const lines: Record<string, unknown>[] = [];
  const api = createApi({
    ports,
    origin: options.origin ?? (() => ORIGIN),
    publicFiles: publicFilesIn(options.publicFolder),
    log: (line) => lines.push(line),
  });
  const world: World = { ports, api, agreement: agreementOf(options), images: [], lots: {}, lines };
  await addCampaign(world, options);
  return world;
}

function agreementOf(options: WorldOptions): Campaign {
  return Campaign.parse({
    name: options.campaign ?? "parts",
    classes: ["crack", "hole", "ok", "stain"],
    guideline: {
      version: 2,
      text: "Choose the worst defect that you see.\nA scratch that does not break the rim is ok.",
    },
    vendors: [
      { id: "north", name: "North Labels", pricePerAnswer: 0.03 },
      { id: "south", name: "South Data", pricePerAnswer: 0.04 },
      { id: "west", name: "West Annotation", pricePerAnswer: 0.05 },
    ],
    inspection: { level: "S-2", aql: 10 },
    ...options.agreement,
  });
}

/** Adds the world's campaign: intake, catalogue, lots. */
async function addCampaign(world: World, options: WorldOptions): Promise<void> {
  const { ports, agreement } = world;
  const campaign = agreement.name;
  await createCampaign(ports, agreement, "asker");
  await enqueueIntake(ports, campaign, "intake-1");
  const entries: CatalogueEntry[] = [];
  const pack: Uint8Array[] = [];
  let offset = 0;
  for (let index = 0; index < (options.images ?? 12); index += 1) {
    const truth = agreement.classes[index % agreement.classes.length] as string;
    const side = options.side ?? 64;
    const whole = await drawPicture(index, index % 4, options.tiledSide ?? side);
    const web = options.tiledSide === undefined ? whole : await sharp(whole).resize(side, side).jpeg().toBuffer();
    const tiles = options.tiledSide === undefined ? undefined : await tiledInto(ports, campaign, whole);
    const sha256 = sha256Hex(`${campaign} ${index}`);
    const place = { key: `campaigns/${campaign}/packs/one.bin`, offset, bytes: web.length };
    pack.push(web);
    offset += web.length;
    entries.push({
      sha256,
      names: [options.nameOf?.(index) ?? `part-${index}.jpg`, ...(options.copiesOf?.(index) ?? [])],
      findings: options.findingsOf?.(index) ?? [],
      facts: {
        width: 64,
        height: 64,
        type: "jpeg",
        bytes: web.length,
        brightness: 0.5,
        contrast: 0.2,
        entropy: 6,
        blur: 50,
        grayscale: false,
        dHash: "0".repeat(16),
        pHash: "0".repeat(16),
      },
      web: place,
      thumbnail: place,
      ...(tiles === undefined ? {} : { tiles }),
      group: sha256Hex(`${campaign} ${options.groupOf?.(index) ?? index}`),
      cycle: 1,
    });
    world.images.push({ sha256, truth });
  }
  await ports.objects.put(`campaigns/${campaign}/packs/one.bin`, Buffer.concat(pack), "any");
  const files = entries.reduce((sum, { names }) => sum + names.length, 0);
  const counts = { files, admitted: entries.length, quarantined: 0, duplicates: files - entries.length };
  const catalogue = { campaign, cycle: 1, counts: { ...counts, known: 0 }, entries, quarantined: [], shards: [] };
  const { key } = await writeAddressed(ports.objects, (digest) => objectKeys.catalogue(campaign, digest), catalogue);
  await updateCycle(ports, campaign, 1, (record) => ({ ...record, refs: { ...record.refs, catalogue: key }, counts }));
  await offerWave(world, 0, options.lotSize ?? 6);
}

async function tiledInto(ports: Ports, campaign: string, whole: Uint8Array): Promise<Tiles> {
  const { block, ...grid } = await tilesOf(whole);
  const key = objectKeys.pack(campaign, sha256Hex(block));
  await ports.objects.put(key, block, "any");
  return { key, offset: 0, bytes: block.length, ...grid };
}

/** One more wave: a lot for each vendor over the first images, offered. */
export async function offerWave(world: World, wave: number, lotSize: number): Promise<void> {
  const { ports, agreement } = world;
  const campaign = agreement.name;
  const lots: string[] = [];
  for (const vendor of agreement.vendors) {
    const lot = `${wave}-${vendor.id}`;
    lots.push(lot);
    world.lots[vendor.id] = [...(world.lots[vendor.id] ?? []), lot];
    await writeDocument(ports.objects, objectKeys.lotPlan(campaign, lot), {
      lot,
      campaign,
      cycle: 1,
      wave,
      vendor: vendor.id,
      pricePerAnswerMicros: Math.round(vendor.pricePerAnswer * 1e6),
      guidelineVersion: agreement.guideline.version,
      classSet: digestOf(agreement.classes),
      items: world.images
        .slice(wave * lotSize, (wave + 1) * lotSize)
        .map(({ sha256 }, at) => ({ item: `i-${lot}-${at}`, image: sha256, purpose: at === 0 ? "gold" : "label" })),
      inspection: agreement.inspection,
      deadlineSeconds: 72 * 3600,
      reviewSeconds: 72 * 3600,
    });
  }
  const waveKey = objectKeys.wave(campaign, 1, wave);
  const answers = { label: lots.length * (lotSize - 1), gold: lots.length, test: 0 };
  await writeDocument(ports.objects, waveKey, {
    campaign,
    cycle: 1,
    wave,
    lots,
    answers,
    priceMicros: 0,
    timeoutSeconds: 1_000_000,
  });
  ports.tokens.issue(`wave-${wave}`);
  await dispatchLots.run({ campaign, cycle: 1, wave, waveKey, token: `wave-${wave}` }, ports);
  for (const lot of lots) {
    ports.tokens.issue(`offer-${lot}`);
    await offerLot.run({ lot, campaign, token: `offer-${lot}` }, ports);
  }
}

/** What the lot's workflow does when its last answer is in: puts a sample before the experts. */
export async function inspect(world: World, lot: string): Promise<{ sample: number }> {
  world.ports.tokens.issue(`inspect-${lot}`);
  return inspectLot.run({ lot, campaign: world.agreement.name, token: `inspect-${lot}` }, world.ports);
}

export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<{ status: number; body: unknown; headers: Headers }>;

/** A client with one member's bearer session. */
export async function memberOf(
  world: World,
  who: Omit<Invitation, "campaign" | "ttlSeconds"> & { campaign?: string },
): Promise<{ ask: Ask; session: string; id: string }> {
  const secret = await invite(world.ports, { campaign: world.agreement.name, ttlSeconds: 3600, ...who });
  const { session, member } = await openSession(world.ports, secret);
  return { ask: client(world, { authorization: `Bearer ${session}` }), session, id: member.id };
}

export function client(world: Pick<World, "api">, always: Record<string, string> = {}): Ask {
  return async (method, path, body, headers = {}) => {
    const response = await world.api.fetch(
      new Request(`${ORIGIN}${path}`, {
        method,
        headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...always, ...headers },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    );
    const bytes = new Uint8Array(await response.arrayBuffer());
    const text = Buffer.from(bytes).toString("utf8");
    const json = response.headers.get("content-type")?.startsWith("application/json") ?? false;
    return {
      status: response.status,
      body: json && text !== "" ? (JSON.parse(text) as unknown) : bytes,
      headers: response.headers,
    };
  };
}

/** Puts a judged model before the owner; the step's token is `ask-owner`. */
export async function askOwner(
  world: World,
  change: (evidence: Omit<Evidence, "digest">) => Omit<Evidence, "digest"> = (e) => e,
): Promise<Evidence> {
  const { ports, agreement } = world;
  const campaign = agreement.name;
  const evidence = change(evidenceOf(world));
  const digest = digestOf(evidence);
  const evidenceKey = objectKeys.evidence(campaign, digest);
  const whole = { ...evidence, digest };
  await writeDocument(ports.objects, evidenceKey, whole);
  await updateCycle(ports, campaign, 1, (record) => ({ ...record, refs: { ...record.refs, evidence: evidenceKey } }));
  ports.tokens.issue("ask-owner");
  await requestApproval.run({ campaign, cycle: 1, evidenceKey, token: "ask-owner" }, ports);
  return whole;
}

function evidenceOf({ agreement, images }: World): Omit<Evidence, "digest"> {
  const { classes } = agreement;
  const n = classes.length;
  const confusion = classes.map((_, row) =>
    classes.map((__, column) =>
      row === column
        ? Math.max(20, 46 - row * 2)
        : (row + 1) % n === column
          ? 3 + (row % 5)
          : row === column + 1
            ? 1
            : 0,
    ),
  );
  const sum = (row: number[]) => row.reduce((a, b) => a + b, 0);
  const total = confusion.reduce((all, row) => all + sum(row), 0);
  const right = confusion.reduce((all, row, at) => all + (row[at] ?? 0), 0);
  const spread = (share: number, of: number) => 1.96 * Math.sqrt((share * (1 - share)) / of);
  const estimate = (share: number, of: number) => ({
    value: share,
    low: Math.max(0, share - spread(share, of)),
    high: Math.min(1, share + spread(share, of)),
  });
  const accuracy = estimate(right / total, total);
  return {
    campaign: agreement.name,
    cycle: 1,
    datasetVersion: "cd".repeat(32),
    modelKey: "models/one",
    modelSha256: MODEL,
    backbone: "mobilenetv3_small_100",
    evaluationKey: "evaluations/one",
    evaluation: {
      schemaVersion: 1,
      classes,
      n: total,
      groups: total - 8,
      accuracy,
      balancedAccuracy: accuracy.value,
      macroF1: accuracy.value,
      logLoss: 0.31,
      brier: 0.12,
      ece: 0.03,
      majorityClass: { label: classes[0] as string, accuracy: 0.26 },
      perClass: classes.map((label, row) => ({
        label,
        n: sum(confusion[row] ?? []),
        precision: 0.9,
        recall: estimate((confusion[row]?.[row] ?? 0) / sum(confusion[row] ?? []), sum(confusion[row] ?? [])),
        f1: 0.9,
      })),
      confusion,
      mistakes: images.slice(0, 8).map(({ sha256, truth }, at) => ({
        sha256,
        truth,
        predicted: classes[(classes.indexOf(truth) + 1) % n] as string,
        confidence: 0.97 - at * 0.04,
      })),
      champion: null,
      modelSha256: MODEL,
    },
    judgement: {
      outcome: "promote",
      gates: [
        {
          name: "better than the commonest class",
          outcome: "pass",
          measured: accuracy.value,
          low: accuracy.low,
          high: accuracy.high,
          required: 0.26,
          reason: `The accuracy's lower bound ${(accuracy.low * 100).toFixed(1)} % beats 26.0 %.`,
        },
      ],
    },
    dataset: { train: 740, validation: 132, test: total },
    labels: { bought: 2480, perImage: 2.84, spentMicros: 131_400_000, budgetMicros: 500_000_000, currency: "USD" },
    residualLabelError: 0.021,
    madeAt: "2026-01-01T00:00:00.000Z",
  };
}

/** A live model that says the same of every image. */
export async function goLive(world: World): Promise<void> {
  const campaign = world.agreement.name;
  await updateRelease(world.ports, campaign, (record) => ({
    ...record,
    champion: {
      endpoint: `${campaign}-live`,
      version: MODEL.slice(0, 12),
      modelKey: "models/one",
      modelSha256: MODEL,
      evidenceDigest: "0".repeat(64),
      cycle: 1,
      since: "2026-01-01T00:00:00.000Z",
    },
  }));
  world.ports.endpoints.serve(`${campaign}-live`, async (body) => {
    const { width } = await sharp(body).metadata();
    return { status: 200, body: Buffer.from(JSON.stringify({ label: "ok", probabilities: { ok: 1 }, width })) };
  });
}
