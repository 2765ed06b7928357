import { expect, test } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { type AlarmRequest, Alarms } from "../../local/alarms.ts";

const MINUTE = 60_000;
const alarm = (change: Partial<AlarmRequest> = {}): AlarmRequest => ({
  AlarmName: "laptop-parts-errors",
  AlarmDescription: "It breaks.",
  ActionsEnabled: true,
  MetricName: "Invocation5XXErrors",
  Dimensions: [{ Name: "EndpointName", Value: "parts" }],
  Statistic: "Sum",
  Period: 60,
  EvaluationPeriods: 3,
  DatapointsToAlarm: 2,
  Threshold: 2,
  ComparisonOperator: "GreaterThanOrEqualToThreshold",
  ...change,
});
async function world(change: Partial<AlarmRequest> = {}) {
  const ports = memoryPorts();
  const alarms = new Alarms(ports);
  await alarms.put(alarm(change));
  const state = async () => (await alarms.describe(["laptop-parts-errors"]))[0]?.StateValue;
  /** So many requests of one minute, then the next begins. */
  const minute = async (status: number, count: number, milliseconds = 10) => {
    for (let i = 0; i < count; i += 1) await alarms.observe("parts", status, milliseconds);
    ports.advance(MINUTE);
  };
  return { ports, alarms, state, minute };
}

test("an alarm that nothing was seen for is there and says so; one that was never raised is not there", async () => {
  const { alarms, state } = await world();
  expect(await state()).toBe("INSUFFICIENT_DATA");
  expect(await alarms.describe(["another"])).toEqual([]);
});

test("it rings when two of three minutes break, tells the data team once, and is quiet again later", async () => {
  const { ports, state, minute } = await world();
  await minute(500, 2);
  expect(await state()).toBe("OK");
  await minute(503, 3);
  expect(await state()).toBe("ALARM");
  expect(ports.notices()).toEqual([
    { audience: "data-team", subject: "Alarm: laptop-parts-errors", text: "It breaks." },
  ]);
  await minute(200, 1);
  await minute(200, 1);
  expect(await state()).toBe("OK");
});

test("refused images and other endpoints' errors don't count", async () => {
  const { alarms, state, minute } = await world();
  await minute(400, 50);
  await minute(400, 50);
  for (let i = 0; i < 50; i += 1) await alarms.observe("another", 500, 1);
  expect(await state()).toBe("OK");
});

test("slowness is the 95th percentile in microseconds", async () => {
  const { state, minute } = await world({ MetricName: "ModelLatency", ExtendedStatistic: "p95", Threshold: 5_000_000 });
  for (let i = 0; i < 2; i += 1) await minute(200, 20, 4000);
  expect(await state()).toBe("OK");
  for (let i = 0; i < 2; i += 1) await minute(200, 20, 6000);
  expect(await state()).toBe("ALARM");
});

test("a taken-down alarm is gone; one that the laptop can't judge is refused", async () => {
  const { alarms } = await world();
  await alarms.remove(["laptop-parts-errors"]);
  expect(await alarms.describe(["laptop-parts-errors"])).toEqual([]);
  await expect(alarms.put(alarm({ MetricName: "CPUUtilization" }))).rejects.toThrow("the laptop judges");
});
