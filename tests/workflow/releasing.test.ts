/** A release in every way that it can go: the file as it is, the product's stages, alarms of the laptop's own kind. */
import { describe, expect, test } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { stages } from "../../lambdas/main.ts";
import { runStage } from "../../lambdas/stage.ts";
import { decide, openApproval } from "../../lambdas/store/approvals.ts";
import { digestOf, writeDocument } from "../../lambdas/store/documents.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { releaseState, updateRelease } from "../../lambdas/store/release.ts";
import { type AlarmRequest, Alarms } from "../../local/alarms.ts";
import { VirtualClock } from "../../local/clock.ts";
import { laptopMachines } from "../../local/host.ts";
import { furnish, pictures } from "../../local/rehearsal/scenery.ts";
import { Campaign, type CampaignInput } from "../../schemas/campaign.ts";
import { named, runMachine } from "./run-machine.ts";

type Json = Record<string, unknown>;
interface Call {
  action: string;
  request: Json;
}

/** An approved model of the first cycle, and a SageMaker that does what it is told. */
async function approved(release: CampaignInput["release"] = {}) {
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
  const estimate = { value: 0.9, low: 0.8, high: 0.95 };
  const rest = {
    campaign: "parts",
    cycle: 1,
    datasetVersion: "d".repeat(64),
    modelKey: "campaigns/parts/models/m/model.tar.gz",
    modelSha256: "b".repeat(64),
    backbone: "small-cnn",
    evaluationKey: "campaigns/parts/evaluations/e/evaluation.json",
    evaluation: {
      schemaVersion: 1,
      classes: ["ok", "crack"],
      n: 100,
      groups: 100,
      accuracy: estimate,
      balancedAccuracy: 0.9,
      macroF1: 0.9,
      logLoss: 0.2,
      brier: 0.1,
      ece: 0.02,
      majorityClass: { label: "ok", accuracy: 0.7 },
      perClass: [],
      confusion: [],
      mistakes: [],
      champion: null,
      modelSha256: "b".repeat(64),
    },
    judgement: { outcome: "promote" as const, gates: [] },
    dataset: { train: 1, validation: 1, test: 1 },
    labels: { bought: 1, perImage: 1, spentMicros: 1, budgetMicros: 1, currency: "USD" },
    residualLabelError: 0,
    madeAt: "2026-01-01T00:00:00.000Z",
  };
  const digest = digestOf(rest);
  const evidenceKey = objectKeys.evidence("parts", digest);
  await writeDocument(ports.objects, evidenceKey, { digest, ...rest });
  ports.tokens.issue("owner");
  await openApproval(ports, { campaign: "parts", cycle: 1, evidenceKey, token: "owner" });
  await decide(ports, {
    campaign: "parts",
    cycle: 1,
    evidenceDigest: digest,
    modelVersion: "bbbbbbbb",
    decision: "approve",
    reason: "",
    by: "olga",
    how: "person",
  });
  return { ports, clock, evidenceKey };
}

async function release(
  w: Awaited<ReturnType<typeof approved>>,
  change: {
    /** Instead of what SageMaker or CloudWatch does: undefined lets it be done. */
    answer?: (action: string, request: Json) => unknown;
    smoke?: number;
    /** What the watch says, where there is one. */
    decision?: "promote" | "rollback";
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
    laptopMachines().release as Json,
    { campaign: "parts", cycle: 1, evidenceKey: w.evidenceKey },
    {
      sageMaker: world,
      sdk: (_service, action, request) => world(action, request),
      async invokeLambda(name, payload) {
        if (name === "watch-candidate") throw named("States.Timeout", "nobody asks the candidate anything");
        // The watch's own part is tested with the predict front: here its decision is what matters.
        const given =
          name === "finish-rollout" && change.decision && payload.decision === "unproven"
            ? { ...payload, decision: change.decision }
            : payload;
        return runStage(stages[name] as never, given, ports);
      },
    },
    clock,
  );
  return { ...ended, calls, actions: calls.map(({ action }) => action), record: await releaseState(ports, "parts") };
}

const champion = (endpoint: string, version = "oldoldol") => ({
  endpoint,
  version,
  modelKey: "k",
  modelSha256: "a".repeat(64),
  evidenceDigest: "e",
  cycle: 1,
  since: "2026-01-01T00:00:00.000Z",
});

describe("serverless", () => {
  test("a first release goes live under alarms on errors and latency, and leaves nothing to take down", async () => {
    const { output, actions, record, calls } = await release(await approved());
    expect(output).toEqual({ outcome: "live", endpoint: "parts-1-bbbbbbbb" });
    expect(record.champion?.endpoint).toBe("parts-1-bbbbbbbb");
    expect(actions.indexOf("describeAlarms")).toBeLessThan(actions.indexOf("createEndpoint"));
    expect(actions).not.toContain("deleteEndpoint");
    const raised = calls.filter(({ action }) => action === "putMetricAlarm").map(({ request }) => request);
    expect(raised.map(({ MetricName }) => MetricName)).toEqual(["Invocation5XXErrors", "ModelLatency"]);
  });

  test.each([
    ["are not there", () => ({ MetricAlarms: [] })],
    ["may not act", () => ({ MetricAlarms: [0, 1].map(() => ({ ActionsEnabled: false, StateValue: "OK" })) })],
    ["ring", () => ({ MetricAlarms: ["OK", "ALARM"].map((StateValue) => ({ ActionsEnabled: true, StateValue })) })],
    ["are one", () => ({ MetricAlarms: [{ ActionsEnabled: true, StateValue: "OK" }] })],
  ])("no alarm, no release: alarms that %s", async (_, described) => {
    const { status, error, actions, record } = await release(await approved(), {
      answer: (action) => (action === "describeAlarms" ? described() : undefined),
    });
    expect([status, error]).toEqual(["FAILED", "NoAlarm"]);
    expect(actions).not.toContain("createEndpoint");
    expect(record.champion).toBeUndefined();
  });

  test("alarms that can't be raised stop it, after tries", async () => {
    const { error, actions } = await release(await approved(), {
      answer: (action) => {
        if (action === "putMetricAlarm") throw named("CloudWatch.ThrottlingException", "Rate exceeded");
        return undefined;
      },
    });
    expect([error, actions.filter((one) => one === "putMetricAlarm").length]).toEqual([
      "CloudWatch.ThrottlingException",
      5,
    ]);
    expect(actions).not.toContain("createEndpoint");
  });

  test("an endpoint that fails to start is withdrawn and taken down", async () => {
    const { status, error, actions } = await release(await approved(), {
      answer: (action) =>
        action === "describeEndpoint" ? { EndpointStatus: "Failed", EndpointConfigName: "x" } : undefined,
    });
    expect([status, error]).toEqual(["FAILED", "EndpointFailed"]);
    expect(actions.slice(-2)).toEqual(["deleteEndpoint", "deleteAlarms"]);
  });

  test("an endpoint that starts slowly is looked at until it is there", async () => {
    let looks = 0;
    const { output, states } = await release(await approved(), {
      answer: (action) => {
        if (action !== "describeEndpoint") return undefined;
        looks += 1;
        return looks < 4 ? { EndpointStatus: "Creating", EndpointConfigName: "parts-1-bbbbbbbb" } : undefined;
      },
    });
    expect([(output as Json).outcome, states.filter((name) => name === "WaitForCandidate").length]).toEqual([
      "live",
      4,
    ]);
  });

  test("a candidate that breaks at its first request never gets another", async () => {
    const w = await approved();
    await updateRelease(w.ports, "parts", (before) => ({ ...before, champion: champion("parts-0-oldoldol") }));
    const { error, record, calls } = await release(w, { smoke: 500 });
    expect([error, record.champion?.version, record.candidate]).toEqual(["SmokeTestError", "oldoldol", undefined]);
    expect(
      calls.filter(({ action }) => action === "deleteEndpoint").map(({ request }) => request.EndpointName),
    ).toEqual(["parts-1-bbbbbbbb"]);
  });

  test.each([
    ["promote", "promoted", "parts-0-oldoldol"],
    ["rollback", "rolled-back", "parts-1-bbbbbbbb"],
    [undefined, "unproven", "parts-1-bbbbbbbb"],
  ] as const)("%s takes the loser down, with its alarms, after the last requests", async (decision, outcome, loser) => {
    const w = await approved();
    await updateRelease(w.ports, "parts", (before) => ({ ...before, champion: champion("parts-0-oldoldol") }));
    const { output, calls, states } = await release(w, decision === undefined ? {} : { decision });
    expect((output as Json).outcome).toBe(outcome);
    const deleted = calls.filter(({ action }) => action.startsWith("delete"));
    expect(deleted.map(({ request }) => request.EndpointName ?? request.AlarmNames)).toEqual([
      loser,
      [`laptop-${loser}-errors`, `laptop-${loser}-slow`],
    ]);
    expect(states.slice(-5)).toEqual(["LetRequestsEnd", "RetireEndpoint", "RetireAlarms", "HowItEnded", "Released"]);
  });

  test("what can't be taken down does not undo the decision", async () => {
    const w = await approved();
    await updateRelease(w.ports, "parts", (before) => ({ ...before, champion: champion("parts-0-oldoldol") }));
    const { status, output } = await release(w, {
      decision: "promote",
      answer: (action) => {
        if (action.startsWith("delete")) throw named("SageMaker.ValidationException", "Could not find endpoint");
        return undefined;
      },
    });
    expect([status, (output as Json).outcome]).toEqual(["SUCCEEDED", "promoted"]);
  });
});

describe("on machines of its own", () => {
  const instances = () => approved({ serving: "instances" });

  test("a first release makes one endpoint for all that follow, of two machines", async () => {
    const { output, calls, record } = await release(await instances());
    expect(output).toEqual({ outcome: "live", endpoint: "parts-live" });
    const [config] = calls.filter(({ action }) => action === "createEndpointConfig");
    expect(config?.request.ProductionVariants).toMatchObject([{ InstanceType: "local", InitialInstanceCount: 2 }]);
    expect(record.champion).toMatchObject({ endpoint: "parts-live", version: "bbbbbbbb" });
  });

  test("the next one replaces it by a canary that two alarms can call back", async () => {
    const w = await instances();
    await updateRelease(w.ports, "parts", (before) => ({ ...before, champion: champion("parts-live") }));
    const { output, calls, record, actions } = await release(w);
    expect((output as Json).outcome).toBe("live");
    expect(actions).not.toContain("createEndpoint");
    const [update] = calls.filter(({ action }) => action === "updateEndpoint");
    expect(update?.request.DeploymentConfig).toMatchObject({
      BlueGreenUpdatePolicy: { TrafficRoutingConfiguration: { Type: "CANARY" } },
      AutoRollbackConfiguration: {
        Alarms: [{ AlarmName: "laptop-parts-live-errors" }, { AlarmName: "laptop-parts-live-slow" }],
      },
    });
    expect(record.champion?.version).toBe("bbbbbbbb");
    expect(record.history.map(({ outcome }) => outcome)).toEqual(["promoted"]);
    expect(actions).not.toContain("deleteEndpoint");
  });

  test("a canary that SageMaker took back leaves the champion, and the live endpoint stays", async () => {
    const w = await instances();
    await updateRelease(w.ports, "parts", (before) => ({ ...before, champion: champion("parts-live") }));
    const { status, output, record, actions } = await release(w, {
      answer: (action) =>
        action === "describeEndpoint" ? { EndpointStatus: "InService", EndpointConfigName: "before" } : undefined,
    });
    expect([status, (output as Json).outcome]).toEqual(["SUCCEEDED", "rolled-back"]);
    expect(record.champion?.version).toBe("oldoldol");
    expect(record.history.map(({ version, outcome }) => [version, outcome])).toEqual([["bbbbbbbb", "rolled-back"]]);
    expect(actions).not.toContain("deleteEndpoint");
  });

  test("a serverless champion is watched beside it first, and taken down when it loses", async () => {
    const w = await instances();
    await updateRelease(w.ports, "parts", (before) => ({ ...before, champion: champion("parts-0-oldoldol") }));
    const { output, calls } = await release(w, { decision: "promote" });
    expect(output).toEqual({ outcome: "promoted", endpoint: "parts-live" });
    expect(calls.find(({ action }) => action === "deleteEndpoint")?.request.EndpointName).toBe("parts-0-oldoldol");
  });
});
