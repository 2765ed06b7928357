/** A release in every way that it can go. */
import { describe, expect, test } from "vitest";
import { approved, champion, type Json, release } from "./release-world.ts";
import { named } from "./run-machine.ts";

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
    await w.before(champion("parts-0-oldoldol"));
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
    await w.before(champion("parts-0-oldoldol"));
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
    await w.before(champion("parts-0-oldoldol"));
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
    await w.before(champion("parts-live"));
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
    await w.before(champion("parts-live"));
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
    await w.before(champion("parts-0-oldoldol"));
    const { output, calls } = await release(w, { decision: "promote" });
    expect(output).toEqual({ outcome: "promoted", endpoint: "parts-live" });
    expect(calls.find(({ action }) => action === "deleteEndpoint")?.request.EndpointName).toBe("parts-0-oldoldol");
  });
});
