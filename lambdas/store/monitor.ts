import { z } from "zod";
import type { Said } from "../../domain/drift/compare.ts";
import { Evidence } from "../../schemas/evidence.ts";
import type { IntakeItem } from "../../schemas/intake.ts";
import { Instant, Micros, ObjectKey } from "../../schemas/names.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { enqueueIntake } from "./cycles.ts";
import { DocumentError, readDocument } from "./documents.ts";
import { type IncomingFile, sealIntake } from "./intakes.ts";
import { objectKeys, recordKeys } from "./keys.ts";
import type { LiveModel } from "./release.ts";

/** Whole days of captures that a look takes in, up to the day before it. */
const DAYS = 7;
/** Captures of one look at most. */
const MOST_CAPTURES = 2000;

const SaidOf = z.looseObject({
  label: z.string(),
  abstained: z.boolean(),
  noveltyDistance: z.number().nullable(),
});
const Capture = SaidOf.extend({ version: z.string(), confidence: z.number() });

/** A captured request: its image's key, and what the model said. */
export interface Captured extends Said {
  image: string;
  confidence: number;
}

/** What people are asked to buy because real requests look unlike the sealed test. */
export const RelabelProposal = z.strictObject({
  campaign: z.string(),
  status: z.enum(["open", "accepted", "dismissed"]),
  openedAt: Instant,
  reportKey: ObjectKey,
  reasons: z.array(z.string()),
  /** Captured images, the least sure first. */
  images: z.array(ObjectKey),
  priceMicros: Micros,
});
export type RelabelProposal = z.infer<typeof RelabelProposal>;

/** What the model said of the sealed test; undefined for a model that was evaluated before this was kept. */
export async function sealedReference(
  ports: Pick<Ports, "objects">,
  campaign: string,
  model: LiveModel,
): Promise<Said[] | undefined> {
  const evidence = await readDocument(ports.objects, objectKeys.evidence(campaign, model.evidenceDigest), Evidence);
  const key = evidence.evaluationKey.replace(/[^/]+$/, "reference.json");
  if ((await ports.objects.head(key)) === undefined) return undefined;
  return readDocument(ports.objects, key, z.array(SaidOf));
}

/** Captured requests that a model answered in the whole days before `day` (a date): the same for every run of that day. */
export async function capturesBefore(
  ports: Pick<Ports, "objects">,
  campaign: string,
  version: string,
  day: string,
): Promise<Captured[]> {
  const found: Captured[] = [];
  for (const date of daysBefore(day)) {
    for await (const { key } of ports.objects.list(objectKeys.capture(campaign, date, ""))) {
      if (!key.endsWith(".json")) continue;
      const capture = await readDocument(ports.objects, key, z.looseObject({ version: z.string() }));
      const parsed = Capture.safeParse(capture);
      if (capture.version !== version || !parsed.success) continue;
      const { label, abstained, noveltyDistance, confidence } = parsed.data;
      found.push({ image: key.replace(/\.json$/, ".image"), label, abstained, noveltyDistance, confidence });
      if (found.length >= MOST_CAPTURES) return found;
    }
  }
  return found;
}

const daysBefore = (day: string): string[] =>
  Array.from({ length: DAYS }, (_, back) =>
    new Date(Date.parse(`${day}T00:00:00Z`) - (back + 1) * 86_400_000).toISOString().slice(0, 10),
  );

/** Captured images of the whole days before `day` as admission takes them; the same bytes once. */
export async function capturedFilesBefore(
  ports: Pick<Ports, "objects">,
  campaign: string,
  day: string,
): Promise<IntakeItem[]> {
  const files = new Map<string, IntakeItem>();
  for (const date of daysBefore(day)) {
    for await (const { key, bytes } of ports.objects.list(objectKeys.capture(campaign, date, ""))) {
      const sha256 = /\/([0-9a-f]{64})\.image$/.exec(key)?.[1];
      if (sha256 !== undefined) files.set(sha256, { key, name: `captured/${date}/${sha256}`, sha256, bytes });
    }
  }
  return [...files.values()];
}

export async function relabelProposal(
  ports: Pick<Ports, "records">,
  campaign: string,
): Promise<RelabelProposal | undefined> {
  const found = await ports.records.get(recordKeys.relabelProposal(campaign));
  return found === undefined ? undefined : RelabelProposal.parse(found.body);
}

/** Opens a proposal; one that is open stays as it is. Returns the open one, and whether it is new. */
export async function openProposal(
  ports: Pick<Ports, "records">,
  proposal: RelabelProposal,
): Promise<{ proposal: RelabelProposal; fresh: boolean }> {
  const key = recordKeys.relabelProposal(proposal.campaign);
  for (let attempt = 0; ; attempt += 1) {
    const found = await ports.records.get(key);
    const there = found === undefined ? undefined : RelabelProposal.parse(found.body);
    if (there?.status === "open" || there?.reportKey === proposal.reportKey) return { proposal: there, fresh: false };
    try {
      await ports.records.put(key, proposal, found === undefined ? "absent" : { version: found.version });
      return { proposal, fresh: true };
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= 20) throw error;
    }
  }
}

/**
 * Brings the proposed images in as an intake: the next cycle labels and learns from them. Safe to call again.
 * Throws BadInputError where nothing is proposed.
 */
export async function acceptProposal(
  ports: Pick<Ports, "records" | "objects" | "clock" | "workflows">,
  campaign: string,
): Promise<{ intake: string; files: number; cycle: number | null }> {
  const proposal = await relabelProposal(ports, campaign);
  if (proposal === undefined || proposal.status === "dismissed")
    throw new BadInputError(`nothing is proposed for "${campaign}"; a proposal comes when real requests drift`);
  const { intake, files } = await sealIntake(ports, { campaign, files: capturedFiles(ports, proposal.images) });
  const cycle = await enqueueIntake(ports, campaign, intake);
  await endProposal(ports, campaign, "accepted");
  return { intake, files, cycle: cycle ?? null };
}

/** Closes the open proposal. Throws BadInputError where none is open. */
export async function endProposal(
  ports: Pick<Ports, "records">,
  campaign: string,
  status: "accepted" | "dismissed",
): Promise<void> {
  const found = await ports.records.get(recordKeys.relabelProposal(campaign));
  const proposal = found === undefined ? undefined : RelabelProposal.parse(found.body);
  if (found === undefined || proposal === undefined || (proposal.status !== "open" && proposal.status !== status))
    throw new BadInputError(`no proposal of "${campaign}" is open`);
  await ports.records.put(recordKeys.relabelProposal(campaign), { ...proposal, status }, { version: found.version });
}

async function* capturedFiles(ports: Pick<Ports, "objects">, images: readonly string[]): AsyncGenerator<IncomingFile> {
  for (const key of images) {
    const there = await ports.objects.head(key);
    // Captures may be deleted at a person's wish: what is left is brought in.
    if (there === undefined) continue;
    const read = async () => {
      const found = await ports.objects.get(key);
      if (found === undefined) throw new DocumentError(`${key} was deleted while it was read`);
      return found.bytes;
    };
    async function* stream() {
      yield await read();
    }
    yield { name: `captured/${key.split("/").slice(-2).join("/")}`, bytes: there.bytes, read, stream };
  }
}
