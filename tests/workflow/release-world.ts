/** An approved model and its release on the engine: the workflow file, the product's stages, alarms of the laptop's own kind. */
import { memoryPorts } from "../../adapters/memory/index.ts";
import { stages } from "../../lambdas/main.ts";
import { runStage } from "../../lambdas/stage.ts";
import { decide, openApproval } from "../../lambdas/store/approvals.ts";
import { writeDocument } from "../../lambdas/store/documents.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { type LiveModel, releaseState, updateRelease } from "../../lambdas/store/release.ts";
import { type AlarmRequest, Alarms } from "../../local/alarms.ts";
import { VirtualClock } from "../../local/clock.ts";
import { laptopMachines } from "../../local/host.ts";
import { furnish, pictures } from "../../local/rehearsal/scenery.ts";
import { Campaign, type CampaignInput } from "../../schemas/campaign.ts";
import { evidenceOf } from "../fixtures/evidence.ts";
import { named, runMachine } from "./run-machine.ts";

export type Json = Record<string, unknown>;
interface Call {
  action: string;
  request: Json;
}

/** An approved model of the first cycle, and a SageMaker that does what it is told. */
export async function approved(release: CampaignInput["release"] = {}) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 5));
  const memory = memoryPorts();
  const ports = { ...memory, clock };
  const agreement = Campaign.parse({
    name: "parts",
    classes: ["ok", "crack"],
    vendors: [{ id: "alder", name: "Alder", pricePerAnswer: 0.03 }],
    release,
  });
  await furnish(ports, agreement, {
    pictures: pictures(8, agreement.classes),
    split: (images) => ({ test: images.slice(0, 2), gold: [], pool: images.slice(2) }),
  });
  const evidence = evidenceOf({ modelSha256: "b".repeat(64) });
  const evidenceKey = objectKeys.evidence("parts", evidence.digest);
  await writeDocument(ports.objects, evidenceKey, evidence);
  ports.tokens.issue("owner");
  await openApproval(ports, { campaign: "parts", cycle: 1, evidenceKey, token: "owner" });
  await decide(ports, {
    campaign: "parts",
    cycle: 1,
    evidenceDigest: evidence.digest,
    modelVersion: "bbbbbbbb",
    decision: "approve",
    reason: "",
    by: "olga",
    how: "person",
  });
  /** What is live before this release. */
  const before = async (live: LiveModel) => {
    await updateRelease(ports, "parts", (record) => ({ ...record, champion: live }));
  };
  return { ports, clock, evidenceKey, before };
}

export async function release(
  w: Awaited<ReturnType<typeof approved>>,
  change: {
    /** Instead of what SageMaker or CloudWatch does: undefined lets it be done. */
    answer?: (action: string, request: Json) => unknown;
    smoke?: number;
    /** What the watch says, where there is one. */
    decision?: "promote" | "rollback" | undefined;
    /** The watch's own stage runs, and what it answers at once is the decision. */
    watched?: boolean;
    /** Another workflow file than today's. */
    definition?: Json;
    /** Sees what a stage is handed and what it gave; its answer is what the workflow gets. */
    through?: (stage: string, payload: unknown, given: unknown) => unknown;
  } = {},
) {
  const { ports, clock } = w;
  const calls: Call[] = [];
  const configs = new Map<string, string>();
  const alarms = new Alarms(ports);
  const done = (action: string, request: Json): unknown => {
    const name = String(request.EndpointName);
    switch (action) {
      case "createEndpoint":
      case "updateEndpoint":
        ports.endpoints.serve(name, () => ({
          status: change.smoke ?? 200,
          body: Buffer.from(JSON.stringify({ label: "ok", probabilities: [0.9, 0.1] })),
        }));
        configs.set(name, String(request.EndpointConfigName));
        return {};
      case "describeEndpoint":
        return { EndpointStatus: "InService", EndpointConfigName: configs.get(name) };
      case "putMetricAlarm":
        return alarms.put(request as unknown as AlarmRequest);
      case "describeAlarms":
        return alarms.describe(request.AlarmNames as string[]).then((MetricAlarms) => ({ MetricAlarms }));
      case "deleteAlarms":
        return alarms.remove(request.AlarmNames as string[]);
      default:
        return {};
    }
  };
  const world = async (action: string, request: Json) => {
    calls.push({ action, request });
    const answer = await (change.answer?.(action, request) ?? done(action, request));
    return answer ?? {};
  };
  const ended = await runMachine(
    change.definition ?? (laptopMachines().release as Json),
    { campaign: "parts", cycle: 1, evidenceKey: w.evidenceKey },
    {
      sageMaker: world,
      sdk: (_service, action, request) => world(action, request),
      async invokeLambda(name, payload) {
        if (name === "watch-candidate" && change.watched === true) {
          const token = String(payload.token);
          ports.tokens.issue(token);
          await runStage(stages[name] as never, payload, ports);
          const told = ports.tokens.answerOf(token) as { output?: { decision: typeof change.decision } } | undefined;
          change.decision = told?.output?.decision;
        }
        if (name === "watch-candidate") throw named("States.Timeout", "nobody asks the candidate anything");
        // The watch's own part is tested with the predict front: here its decision is what matters.
        const given =
          name === "finish-rollout" && change.decision && payload.decision === "unproven"
            ? { ...payload, decision: change.decision }
            : payload;
        const answer = await runStage(stages[name] as never, given, ports);
        return change.through === undefined ? answer : change.through(name, payload, answer);
      },
    },
    clock,
  );
  return { ...ended, calls, actions: calls.map(({ action }) => action), record: await releaseState(ports, "parts") };
}

export const champion = (endpoint: string, version = "oldoldol") => ({
  endpoint,
  version,
  modelKey: "k",
  modelSha256: "a".repeat(64),
  evidenceDigest: "e",
  cycle: 1,
  since: "2026-01-01T00:00:00.000Z",
});
