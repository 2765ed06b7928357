import type { Catalogue } from "../../schemas/catalogue.ts";
import { Decision, type DecisionKind } from "../../schemas/decision.ts";
import { Split } from "../../schemas/state.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { readCampaign, readCycle } from "./campaigns.ts";
import { immutableCatalogue } from "./catalogues.ts";
import { digestOf, writeDocument } from "./documents.ts";
import { everyRecord } from "./every-record.ts";
import { objectKeys, recordKeys } from "./keys.ts";
import { readImmutable } from "./lot-records.ts";

type Store = Pick<Ports, "records" | "objects" | "clock">;

export interface Decided {
  decided: string[];
  /** Images of which the same was said before. */
  unchanged: string[];
  /** Images of the sealed test set: they stay, for production sees such images too. */
  kept: string[];
}

/**
 * Writes down what the data team says of images, named by sha256 or by a name under which they were dropped: the last word
 * in the records, every word as an object that stays. Nothing is written unless all images are known.
 * Throws BadInputError for an unknown image, a name that several images bear, and an exclusion without a reason.
 */
export async function decide(
  ports: Store,
  asked: { campaign: string; images: readonly string[]; decision: DecisionKind; reason: string; by: string },
): Promise<Decided> {
  const { campaign, decision, by } = asked;
  const reason = asked.reason.trim();
  if (reason === "" && decision !== "accept")
    throw new BadInputError(`to ${decision} an image, say why: the reason is kept with your name`);
  const known = await newestCatalogue(ports, campaign);
  if (known === undefined) throw new BadInputError(`"${campaign}" has admitted no images yet`);
  const images = [...new Set(asked.images.map((name) => imageNamed(known, campaign, name)))];
  const sealed = decision === "exclude" ? await sealedTest(ports, campaign) : new Set<string>();
  const result: Decided = { decided: [], unchanged: [], kept: [] };
  for (const image of images) {
    const written = sealed.has(image)
      ? "kept"
      : await write(ports, { campaign, image, decision, reason: reason === "" ? "looked at" : reason, by });
    result[written].push(image);
  }
  return result;
}

/** The last word on each image that somebody spoke of. */
export async function decisions(ports: Pick<Ports, "records">, campaign: string): Promise<Map<string, Decision>> {
  const all = new Map<string, Decision>();
  for await (const { sk, body } of everyRecord<Decision>(ports.records, recordKeys.decision(campaign, "").pk))
    all.set(sk, Decision.parse(body));
  return all;
}

/** The split without the images that the data team left out. The sealed test set stays as it was drawn. */
export async function withoutExcluded(ports: Pick<Ports, "records">, campaign: string, split: Split): Promise<Split> {
  const out = new Set(
    [...(await decisions(ports, campaign)).values()]
      .filter(({ decision }) => decision === "exclude")
      .map(({ image }) => image),
  );
  if (out.size === 0) return split;
  const stays = (image: string) => !out.has(image);
  return { ...split, pool: split.pool.filter(stays), gold: split.gold.filter(stays) };
}

/** The newest catalogue of a campaign; undefined before anything was admitted. */
export async function newestCatalogue(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
): Promise<Catalogue | undefined> {
  const key = await newestRef(ports, campaign, "catalogue");
  return key === undefined ? undefined : immutableCatalogue(ports.objects, key);
}

/** The newest cycle's reference of a name, failed cycles passed over. */
export async function newestRef(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  name: string,
): Promise<string | undefined> {
  const { head } = await readCampaign(ports, campaign);
  for (let cycle = head.cycles; cycle >= 1; cycle -= 1) {
    const { refs, outcome } = await readCycle(ports, campaign, cycle);
    if (refs[name] !== undefined && outcome !== "failed") return refs[name];
  }
  return undefined;
}

function imageNamed({ entries }: Catalogue, campaign: string, asked: string): string {
  const bears = (name: string) => name === asked || name.endsWith(`/${asked}`);
  const found = entries.filter(({ sha256, names }) => sha256 === asked || names.some(bears));
  const [one, ...others] = found;
  if (one !== undefined && others.length === 0) return one.sha256;
  const exact = found.filter(({ names }) => names.includes(asked));
  if (exact.length === 1) return exact[0]?.sha256 as string;
  throw new BadInputError(
    one === undefined
      ? `"${campaign}" has no admitted image "${asked.slice(0, 200)}"; give a file's name as it was dropped, or its sha256`
      : `${found.length} images bear the name "${asked.slice(0, 200)}", such as ${found
          .slice(0, 3)
          .map(({ names }) => names[0])
          .join(", ")}; give the folder as well, or a sha256`,
  );
}

async function sealedTest(ports: Pick<Ports, "records" | "objects">, campaign: string): Promise<Set<string>> {
  const key = await newestRef(ports, campaign, "split");
  return new Set(key === undefined ? [] : (await readImmutable(ports.objects, key, Split)).test);
}

async function write(ports: Store, about: Omit<Decision, "at">): Promise<"decided" | "unchanged"> {
  const key = recordKeys.decision(about.campaign, about.image);
  for (;;) {
    const there = await ports.records.get<Decision>(key);
    const before = there === undefined ? undefined : Decision.parse(there.body);
    const isSame = before?.decision === about.decision && before.reason === about.reason;
    // Nothing was left out that could be taken back in.
    if (isSame || (about.decision === "restore" && before?.decision !== "exclude")) return "unchanged";
    const decision: Decision = { ...about, at: new Date(ports.clock.now()).toISOString() };
    await writeDocument(ports.objects, objectKeys.decision(about.campaign, digestOf(decision)), decision);
    try {
      await ports.records.put(key, decision, there === undefined ? "absent" : { version: there.version });
      return "decided";
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}
