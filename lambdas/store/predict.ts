import { createHash } from "node:crypto";
import type { Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { cycleAgreement } from "./campaigns.ts";
import { objectKeys } from "./keys.ts";
import { type LiveModel, releaseState } from "./release.ts";
import { watchRollout } from "./rollout.ts";
import { count } from "./traffic.ts";

export interface Prediction {
  status: number;
  body: Uint8Array;
  /** Which model answered. */
  version: string;
}

/** Requests of a candidate between two looks at its rollout. */
const LOOK_EVERY = 5;

/**
 * The predict front: splits requests between champion and candidate by the image's hash (the same image always goes the
 * same way), counts what came back, keeps a sample, and answers from the champion when the candidate fails.
 * Throws BadInputError when the campaign has no live model.
 */
export async function predict(
  ports: Ports,
  request: { campaign: string; body: Uint8Array; contentType: string },
): Promise<Prediction> {
  const { champion, candidate } = await releaseState(ports, request.campaign);
  if (champion === undefined) throw new BadInputError(`"${request.campaign}" has no live model yet`);
  const hash = createHash("sha256").update(request.body).digest();
  const share = hash.readUInt32BE(0) / 2 ** 32;
  const spread = hash.readUInt32BE(4);
  const chosen = candidate !== undefined && share < candidate.share ? candidate : champion;
  let answer = await timed(ports, request, chosen.endpoint, spread);
  let version = chosen.version;
  if (chosen === candidate) {
    if (answer.status >= 500) {
      answer = await timed(ports, request, champion.endpoint, spread);
      version = champion.version;
    }
    if (spread % LOOK_EVERY === 0 || answer.status >= 500) await watchRollout(ports, request.campaign);
  }
  await capture(ports, request, version === candidate?.version ? candidate : champion, hash, answer);
  return { ...answer, version };
}

/** One call with its counts: a broken endpoint is a 503 and an error of that endpoint; a refused image is the caller's. */
async function timed(
  ports: Ports,
  request: { campaign: string; body: Uint8Array; contentType: string },
  endpoint: string,
  spread: number,
): Promise<{ status: number; body: Uint8Array }> {
  const started = performance.now();
  let answer: { status: number; body: Uint8Array };
  try {
    answer = await ports.endpoints.invoke(endpoint, request.body, request.contentType);
  } catch (error) {
    const message = JSON.stringify({ error: "EndpointUnavailable", message: (error as Error).message });
    answer = { status: 503, body: Buffer.from(message) };
  }
  const milliseconds = performance.now() - started;
  const errors = answer.status >= 500 ? 1 : 0;
  await count(ports, request.campaign, endpoint, { requests: 1, errors, milliseconds }, spread);
  return answer;
}

/** With how many times the labels that a rollout waits for its captures are reckoned: some can't be shown or named. */
const CAPTURES_PER_LABEL = 2;

/**
 * Keeps the image and the answer of a share of the requests, by hash, for the audit; more of a candidate whose rollout waits
 * for labels. The same image is kept once a day.
 */
async function capture(
  ports: Ports,
  request: { campaign: string; body: Uint8Array },
  model: LiveModel & { share?: number },
  hash: Buffer,
  answer: { status: number; body: Uint8Array },
): Promise<void> {
  if (answer.status !== 200) return;
  const { release, monitor } = await cycleAgreement(ports, request.campaign, model.cycle);
  const isHeld = model.share !== undefined && monitor?.holdsRollout === true;
  const needed = isHeld ? (CAPTURES_PER_LABEL * monitor.labels) / release.minimumRequests : 0;
  if (hash.readUInt32BE(8) / 2 ** 32 >= Math.max(release.captureShare, needed)) return;
  const day = new Date(ports.clock.now()).toISOString().slice(0, 10);
  const key = objectKeys.capture(request.campaign, day, hash.toString("hex"));
  await ports.objects.put(`${key}.image`, request.body, "any");
  const said = JSON.parse(Buffer.from(answer.body).toString("utf8")) as Record<string, unknown>;
  const { embedding: _embedding, ...kept } = said;
  const body = Buffer.from(JSON.stringify({ ...kept, version: model.version }));
  await ports.objects.put(`${key}.json`, body, "any", "application/json");
}
