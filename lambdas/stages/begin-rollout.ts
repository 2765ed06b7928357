import { z } from "zod";
import type { Traffic } from "../../domain/gates/rollout.ts";
import { CycleRef } from "../../schemas/state.ts";
import { stage } from "../stage.ts";
import { cycleAgreement, readCycle } from "../store/campaigns.ts";
import { catalogueEntries } from "../store/catalogues.ts";
import { type LiveModel, leftBehind, reasonOf, releaseState, updateRelease, withoutOrder } from "../store/release.ts";
import { traffic } from "../store/traffic.ts";
import { ReleaseOrder } from "./prepare-release.ts";

/** The candidate's endpoint did not answer its smoke request as a model of this campaign would. */
export class SmokeTestError extends Error {
  override name = "SmokeTestError";
}

const Prediction = z.looseObject({ probabilities: z.array(z.number().min(0).max(1)).min(2), label: z.string() });

/** Does the candidate answer? Then it gets its share, or everything where no champion is live. */
export const beginRollout = stage({
  name: "begin-rollout",
  input: CycleRef.extend({ release: ReleaseOrder }),
  output: z.strictObject({ mode: z.enum(["live", "watch"]), watchSeconds: z.int().positive() }),
  async run({ campaign, cycle, release }, ports) {
    const agreement = await cycleAgreement(ports, campaign, cycle);
    const { refs } = await readCycle(ports, campaign, cycle);
    const first = (await catalogueEntries(ports.objects, refs.catalogue ?? "").next()).value?.[0];
    if (first === undefined) throw new SmokeTestError("the catalogue holds no image to try the endpoint with");
    const image = await ports.objects.getRange(first.web.key, first.web.offset, first.web.bytes);
    const answer = await ports.endpoints.invoke(release.endpointName, image ?? new Uint8Array(), "image/jpeg");
    const text = Buffer.from(answer.body).toString("utf8");
    const prediction = answer.status === 200 ? Prediction.safeParse(JSON.parse(text)) : undefined;
    if (!prediction?.success || !agreement.classes.includes(prediction.data.label)) {
      throw new SmokeTestError(`${release.endpointName} answered ${answer.status}: ${text.slice(0, 300)}`);
    }
    const model: LiveModel = {
      endpoint: release.endpointName,
      version: release.version,
      modelKey: release.modelKey,
      modelSha256: release.modelSha256,
      evidenceDigest: release.evidenceDigest,
      cycle,
      since: new Date(ports.clock.now()).toISOString(),
    };
    const { champion } = await releaseState(ports, campaign);
    const counted = champion === undefined ? undefined : await traffic(ports, campaign, champion.endpoint);
    const record = await updateRelease(ports, campaign, (before) => {
      const there = [before.champion, before.candidate];
      if (there.some((one) => one?.endpoint === model.endpoint && one.version === model.version)) return before;
      if (before.champion === undefined) {
        const entry = {
          version: model.version,
          cycle,
          outcome: "live" as const,
          reason: "first release, approved and tried",
          at: model.since,
        };
        return { ...before, champion: model, history: [...before.history, entry] };
      }
      if (before.champion.endpoint === model.endpoint) {
        const isOrdered = before.order?.version === model.version;
        const entry = {
          version: model.version,
          cycle,
          outcome: "promoted" as const,
          reason: isOrdered
            ? reasonOf(before, model.version, "promote")
            : "its canary ran without an alarm, and all machines followed",
          at: model.since,
        };
        const left = leftBehind(before, model.version, "promote", model.since);
        return {
          ...withoutOrder(before, model.version),
          champion: model,
          history: [...before.history, ...left, entry],
        };
      }
      return {
        ...before,
        candidate: { ...model, share: agreement.release.candidateShare, ...championBefore(counted) },
      };
    });
    return {
      mode: record.champion?.endpoint === model.endpoint ? ("live" as const) : ("watch" as const),
      watchSeconds: Math.round(agreement.release.watchHours * 3600),
    };
  },
});

function championBefore(counted: Pick<Traffic, "requests" | "errors"> | undefined) {
  if (counted === undefined) return {};
  const { requests, errors } = counted;
  return { championBefore: { requests, errors } };
}
