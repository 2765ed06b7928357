import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualClock } from "../local/clock.ts";
import { Engine, type EngineServices } from "../local/engine/engine.ts";

/**
 * What the engine costs. `npm run bench:engine -- [--json]`
 * Targets: 1,000,000 items through a Distributed Map in batches of 1,000 in 10 s and 1 GB; 10,000 executions that
 * wait on a token in 60 s and 1 GB; a transition in 100 us without and 1 ms with the log on disk; a killed
 * 1,000,000-item run moving again in 5 s. Memory is the process's highest resident size so far, in MB (10^6 bytes).
 */
const ITEMS = 1_000_000;
const BATCH = 1_000;
const TOKENS = 10_000;
const LOOPS = 3_000;

const folder = mkdtempSync(join(tmpdir(), "countersign-bench-"));
const peakMb = (): number => Math.round(process.resourceUsage().maxRSS / 1000);
const seconds = (since: number): number => Math.round(performance.now() - since) / 1000;
const machine = (states: Record<string, unknown>): Record<string, unknown> => ({
  QueryLanguage: "JSONata",
  StartAt: Object.keys(states)[0],
  States: states,
});

const PART = 10_000;
const lines = Buffer.concat(
  Array.from({ length: ITEMS / PART }, (_, part) => {
    const rows = Array.from({ length: PART }, (_, row) => part * PART + row);
    return Buffer.from(rows.map((row) => `{"image":"images/${row}.jpg","row":${row}}\n`).join(""));
  }),
);
const waiting: string[] = [];
let stopAfter = Number.POSITIVE_INFINITY;
let handled = 0;
let reached: () => void = () => undefined;
const services: EngineServices = {
  async invokeLambda({ functionName, payload }) {
    if (functionName === "ask") {
      waiting.push((payload as { token: string }).token);
      return null;
    }
    if (++handled === stopAfter) reached();
    return { items: (payload as { Items: unknown[] }).Items.length };
  },
  sageMaker: async () => ({}),
  sdk: async () => ({}),
  readObject: async () => lines,
  async *listObjects() {},
  writeObject: async () => undefined,
};

const open = (logPath: string, machines: Record<string, unknown>): Engine => {
  const engine = Engine.open({ logPath, clock: new VirtualClock(0), machines, services, seed: 1 });
  engine.resume();
  return engine;
};

const map = machine({
  Each: {
    Type: "Map",
    MaxConcurrency: 100,
    ItemReader: {
      Resource: "arn:aws:states:::s3:getObject",
      ReaderConfig: { InputType: "JSONL" },
      Arguments: { Bucket: "bench", Key: "items.jsonl" },
    },
    ItemBatcher: { MaxItemsPerBatch: BATCH },
    ItemProcessor: {
      ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
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
    Output: { items: "{% $sum($states.result.items) %}" },
    End: true,
  },
});

async function mapRun(): Promise<{ n: number; seconds: number; peakMb: number }> {
  const engine = open(join(folder, "map.db"), { map });
  const start = performance.now();
  const { executionArn } = engine.start({ machine: "map", name: "run", input: {} });
  await engine.whenIdle();
  const took = seconds(start);
  const { status, output } = engine.describe(executionArn) ?? {};
  if (status !== "SUCCEEDED" || (output as { items: number }).items !== ITEMS)
    throw new Error(`the Map Run ended ${status} with ${JSON.stringify(output)}`);
  await engine.close();
  return { n: ITEMS, seconds: took, peakMb: peakMb() };
}

/** Half way through the run the engine is dropped; the time from opening the log to the next handled batch counts. */
async function recovery(): Promise<number> {
  const path = join(folder, "recovery.db");
  const first = open(path, { map });
  handled = 0;
  stopAfter = ITEMS / BATCH / 2;
  const half = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const { executionArn } = first.start({ machine: "map", name: "run", input: {} });
  await half;
  await first.close();
  handled = 0;
  stopAfter = 1;
  const moving = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const start = performance.now();
  const second = open(path, { map });
  await moving;
  const took = seconds(start);
  stopAfter = Number.POSITIVE_INFINITY;
  await second.whenIdle();
  const output = second.describe(executionArn)?.output as { items: number } | undefined;
  if (output?.items !== ITEMS) throw new Error(`the recovered run counted ${output?.items} items`);
  await second.close();
  return took;
}

async function tokens(): Promise<{ n: number; seconds: number; peakMb: number }> {
  const ask = machine({
    Ask: {
      Type: "Task",
      Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
      Arguments: { FunctionName: "ask", Payload: { token: "{% $states.context.Task.Token %}" } },
      TimeoutSeconds: 86400,
      End: true,
    },
  });
  const engine = open(join(folder, "tokens.db"), { ask });
  const start = performance.now();
  for (let index = 0; index < TOKENS; index++) engine.start({ machine: "ask", name: `lot-${index}`, input: { index } });
  await engine.whenIdle();
  if (waiting.length !== TOKENS) throw new Error(`${waiting.length} tokens were handed out, not ${TOKENS}`);
  for (const token of waiting) engine.sendTaskSuccess(token, '{"delivered":true}');
  await engine.whenIdle();
  const took = seconds(start);
  if (engine.list({ status: "SUCCEEDED" }).length !== TOKENS) throw new Error("not every execution succeeded");
  await engine.close();
  return { n: TOKENS, seconds: took, peakMb: peakMb() };
}

/** A counted loop of Pass and Choice, two transitions a turn, with one expression each. */
async function transition(path: string): Promise<number> {
  const loop = machine({
    Begin: { Type: "Pass", Assign: { turn: 0 }, Next: "Count" },
    Count: { Type: "Pass", Assign: { turn: "{% $turn + 1 %}" }, Next: "Again" },
    Again: { Type: "Choice", Choices: [{ Condition: `{% $turn < ${LOOPS} %}`, Next: "Count" }], Default: "Done" },
    Done: { Type: "Succeed" },
  });
  const engine = open(path, { loop });
  for (const name of ["warm", "measured"]) {
    const start = performance.now();
    const { executionArn } = engine.start({ machine: "loop", name, input: {} });
    await engine.whenIdle();
    const took = performance.now() - start;
    if (engine.describe(executionArn)?.status !== "SUCCEEDED") throw new Error("the loop did not end");
    if (name === "measured") {
      await engine.close();
      return Math.round((1000 * took) / (2 * LOOPS));
    }
  }
  return Number.NaN;
}

try {
  const transitionUs = await transition(":memory:");
  const durableTransitionUs = await transition(join(folder, "loop.db"));
  const waited = await tokens();
  const mapItems = await mapRun();
  const recoverySeconds = await recovery();
  const report = { mapItems, tokens: waited, transitionUs, durableTransitionUs, recoverySeconds };
  console.log(process.argv.includes("--json") ? JSON.stringify(report) : report);
} finally {
  rmSync(folder, { recursive: true });
}
