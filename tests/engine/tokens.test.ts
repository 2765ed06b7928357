import { expect, test } from "vitest";
import { engineWith, machine, START, settle, worldOf } from "./world.ts";

const waiting = (more: Record<string, unknown> = {}) =>
  machine({
    Ask: {
      Type: "Task",
      Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
      Arguments: { FunctionName: "ask", Payload: { token: "{% $states.context.Task.Token %}" } },
      TimeoutSeconds: 1000,
      ...more,
      End: true,
    },
  });

function errorOf(call: () => unknown): string {
  try {
    call();
    return "none";
  } catch (error) {
    return (error as Error).name;
  }
}

test("a token completes its task once; afterwards it has timed out; a forged one is invalid", async () => {
  let token = "";
  const { engine, clock } = engineWith(
    { machine: waiting() },
    worldOf({
      ask: (payload: { token: string }) => {
        token = payload.token;
      },
    }),
  );
  const { executionArn } = engine.start({ machine: "machine", name: "run", input: {} });
  await engine.whenIdle();
  expect(engine.busy()).toBe(false);
  expect(errorOf(() => engine.sendTaskSuccess(token, "not json"))).toBe("InvalidOutput");
  expect(errorOf(() => engine.sendTaskSuccess(`${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`, "1"))).toBe(
    "InvalidToken",
  );
  expect(errorOf(() => engine.sendTaskSuccess("nonsense", "1"))).toBe("InvalidToken");
  engine.sendTaskSuccess(token, '{"labels": 7}');
  expect(errorOf(() => engine.sendTaskSuccess(token, '{"labels": 8}'))).toBe("TaskTimedOut");
  expect((await settle(engine, clock, executionArn)).output).toEqual({ labels: 7 });
  expect(errorOf(() => engine.sendTaskFailure(token, "E", "c"))).toBe("TaskTimedOut");
});

test("a token sent from inside the handler counts, whatever the handler then returns", async () => {
  const { engine, clock } = engineWith(
    { machine: waiting() },
    worldOf({
      ask: (payload: { token: string }) => {
        engine.sendTaskSuccess(payload.token, '"early"');
        throw new Error("too late");
      },
    }),
  );
  const { executionArn } = engine.start({ machine: "machine", name: "run", input: {} });
  expect(await settle(engine, clock, executionArn)).toMatchObject({ status: "SUCCEEDED", output: "early" });
});

test("heartbeats keep a task alive; a missed one fails it as a timeout", async () => {
  let token = "";
  const { engine, clock } = engineWith(
    { machine: waiting({ HeartbeatSeconds: 60 }) },
    worldOf({
      ask: (payload: { token: string }) => {
        token = payload.token;
      },
    }),
  );
  const { executionArn } = engine.start({ machine: "machine", name: "run", input: {} });
  for (let beat = 1; beat <= 3; beat++) {
    await engine.whenIdle();
    clock.at(START + beat * 50_000, () => engine.sendTaskHeartbeat(token));
    clock.advanceToNext();
  }
  const described = await settle(engine, clock, executionArn);
  expect(described).toMatchObject({ status: "FAILED", error: "States.HeartbeatTimeout" });
  expect(clock.now() - START).toBe(210_000);
});

test("a retried token task gets a fresh token and the old one is closed", async () => {
  const tokens: string[] = [];
  const { engine, clock } = engineWith(
    { machine: waiting({ Retry: [{ ErrorEquals: ["Vendor.Declined"], IntervalSeconds: 1, MaxAttempts: 1 }] }) },
    worldOf({ ask: (payload: { token: string }) => void tokens.push(payload.token) }),
  );
  const { executionArn } = engine.start({ machine: "machine", name: "run", input: {} });
  await engine.whenIdle();
  engine.sendTaskFailure(tokens[0] as string, "Vendor.Declined", "no people");
  await engine.whenIdle();
  clock.advanceToNext();
  await engine.whenIdle();
  expect(tokens).toHaveLength(2);
  expect(tokens[1]).not.toBe(tokens[0]);
  expect(errorOf(() => engine.sendTaskSuccess(tokens[0] as string, "1"))).toBe("TaskTimedOut");
  engine.sendTaskSuccess(tokens[1] as string, "2");
  expect((await settle(engine, clock, executionArn)).output).toBe(2);
});
