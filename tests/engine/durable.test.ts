import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { VirtualClock } from "../../local/clock.ts";
import { Engine, type EngineOptions } from "../../local/engine/engine.ts";
import { machine, START, settle, worldOf } from "./world.ts";

const folders: string[] = [];
const logFile = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "countersign-engine-"));
  folders.push(folder);
  return join(folder, "engine.db");
};
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

const open = (
  logPath: string,
  machines: Record<string, unknown>,
  services = worldOf(),
  now = START,
  more: Partial<EngineOptions> = {},
) => {
  const clock = new VirtualClock(now);
  const engine = Engine.open({ logPath, clock, machines, services, seed: 3, ...more });
  return { engine, clock };
};

const asking = machine({
  Remember: { Type: "Pass", Assign: { kept: "{% $states.input.kept %}" }, Next: "Ask" },
  Ask: {
    Type: "Task",
    Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
    Arguments: { FunctionName: "ask", Payload: { token: "{% $states.context.Task.Token %}" } },
    TimeoutSeconds: 1000,
    Output: { said: "{% $states.result %}", kept: "{% $kept %}" },
    Next: "Wait",
  },
  Wait: { Type: "Wait", Seconds: 50, End: true },
});

test("a token, the variables and a timer outlive the process", async () => {
  const path = logFile();
  const tokens: string[] = [];
  const services = worldOf({ ask: (payload: { token: string }) => void tokens.push(payload.token) });
  const first = open(path, { machine: asking }, services);
  first.engine.resume();
  const { executionArn } = first.engine.start({ machine: "machine", name: "run", input: { kept: [1, 2] } });
  await first.engine.whenIdle();
  await first.engine.close();

  const second = open(path, { machine: asking }, services, START + 5000);
  second.engine.sendTaskSuccess(tokens[0] as string, '"yes"');
  await second.engine.close();

  const third = open(path, { machine: asking }, services, START + 9000);
  third.engine.resume();
  const described = await settle(third.engine, third.clock, executionArn);
  expect(described).toMatchObject({ status: "SUCCEEDED", output: { said: "yes", kept: [1, 2] } });
  expect(tokens).toHaveLength(1);
  expect(third.clock.now()).toBe(START + 9000 + 50_000);
  await third.engine.close();
});

test("a task without a recorded result is delivered again with the next attempt number and the same token", async () => {
  const path = logFile();
  const calls: [number, string][] = [];
  const services = worldOf({
    ask: (payload: { token: string }, { attempt }) => void calls.push([attempt, payload.token]),
  });
  const crash = new Error("power cut");
  const first = open(
    path,
    { machine: asking },
    {
      ...services,
      invokeLambda: async (call) => {
        await services.invokeLambda(call);
        first.engine.close();
        throw crash;
      },
    },
  );
  first.engine.resume();
  const { executionArn } = first.engine.start({ machine: "machine", name: "run", input: { kept: 0 } });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const second = open(path, { machine: asking }, services);
  second.engine.resume();
  await second.engine.whenIdle();
  expect(calls.map(([attempt]) => attempt)).toEqual([1, 2]);
  expect(calls[1]?.[1]).toBe(calls[0]?.[1]);
  expect(second.engine.describe(executionArn)?.status).toBe("RUNNING");
  await second.engine.close();
});

test("a running execution keeps the definition it started with", async () => {
  const path = logFile();
  const version = (answer: number) =>
    machine({ Wait: { Type: "Wait", Seconds: 10, Next: "Say" }, Say: { Type: "Pass", Output: answer, End: true } });
  const first = open(path, { machine: version(1) });
  first.engine.resume();
  const { executionArn } = first.engine.start({ machine: "machine", name: "run", input: {} });
  await first.engine.whenIdle();
  await first.engine.close();
  const second = open(path, { machine: version(2) });
  second.engine.resume();
  expect((await settle(second.engine, second.clock, executionArn)).output).toBe(1);
  const later = second.engine.start({ machine: "machine", name: "later", input: {} }).executionArn;
  expect((await settle(second.engine, second.clock, later)).output).toBe(2);
  await second.engine.close();
});

test("a restarted Map Run redoes only the children that had not ended", async () => {
  const path = logFile();
  const objects = new Map([
    ["b/items.jsonl", new TextEncoder().encode(Array.from({ length: 40 }, (_, n) => JSON.stringify({ n })).join("\n"))],
  ]);
  const each = machine({
    Each: {
      Type: "Map",
      MaxConcurrency: 1,
      ItemReader: {
        Resource: "arn:aws:states:::s3:getObject",
        ReaderConfig: { InputType: "JSONL" },
        Arguments: { Bucket: "b", Key: "items.jsonl" },
      },
      ItemBatcher: { MaxItemsPerBatch: 5 },
      ItemProcessor: {
        ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "EXPRESS" },
        StartAt: "Work",
        States: {
          Work: {
            Type: "Task",
            Resource: "arn:aws:states:::lambda:invoke",
            Arguments: { FunctionName: "work", Payload: "{% $states.input %}" },
            Output: "{% $states.result.Payload %}",
            End: true,
          },
        },
      },
      End: true,
    },
  });
  const done: number[] = [];
  let kill: (() => void) | undefined;
  const services = worldOf(
    {
      work: ({ Items }: { Items: { n: number }[] }) => {
        const at = (Items[0] as { n: number }).n;
        done.push(at);
        if (at === 20) kill?.();
        return at;
      },
    },
    objects,
  );
  const first = open(path, { machine: each }, services);
  kill = () => void first.engine.close();
  first.engine.resume();
  const { executionArn } = first.engine.start({ machine: "machine", name: "run", input: {} });
  await new Promise((resolve) => setTimeout(resolve, 200));
  kill = undefined;
  const second = open(path, { machine: each }, services);
  second.engine.resume();
  const described = await settle(second.engine, second.clock, executionArn);
  expect(described.output).toEqual([0, 5, 10, 15, 20, 25, 30, 35]);
  expect(done).toEqual([0, 5, 10, 15, 20, 20, 25, 30, 35]);
  await second.engine.close();
});

test("a log that cannot be written stops the engine loudly, and what was flushed goes on later", async () => {
  const path = logFile();
  let flushes = 0;
  const observer = {
    beforeFlush: () => {
      if (++flushes > 2) throw new Error("disk full");
    },
    everyStep: true,
  };
  const first = open(path, { machine: asking }, worldOf({ ask: () => null }), START, { observer });
  first.engine.resume();
  const { executionArn } = first.engine.start({ machine: "machine", name: "run", input: { kept: 1 } });
  await expect(first.engine.whenIdle()).rejects.toThrow("disk full");
  expect(() => first.engine.start({ machine: "machine", name: "other", input: {} })).toThrow(/disk full/);
  await first.engine.close();
  const second = open(path, { machine: asking }, worldOf({ ask: () => null }));
  expect(second.engine.describe(executionArn)?.status).toBe("RUNNING");
  await second.engine.close();
});
