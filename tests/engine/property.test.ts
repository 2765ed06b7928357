import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { VirtualClock } from "../../local/clock.ts";
import { Engine } from "../../local/engine/engine.ts";
import { seeded } from "../../local/engine/expression-functions.ts";
import { drawMachine, drawnAnswer } from "./generated-machines.ts";
import { Ambiguous, type Result, referenceRun } from "./reference.ts";
import { named, START, worldOf } from "./world.ts";

const MACHINES = 240;
const INPUT = { n: 3, xs: [4, 5] };
/** In memory where the system has such a folder: thousands of logs are opened and closed. */
const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "countersign-property-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Ends this life of the engine as a killed process would: nothing after this point is kept. */
class Killed extends Error {}

interface Life {
  /** Dies at this flush of its own count. */
  flush: number;
  when: "before" | "after";
}

/** Runs a drawn machine to its end, through as many lives as told; the last life is undisturbed. */
async function runThrough(
  definition: unknown,
  path: string,
  lives: (life: number) => Life | undefined,
): Promise<{ result: Result; lives: number }> {
  const tokens = new Map<string, unknown>();
  const services = worldOf({
    work: (payload: unknown) => {
      const answer = drawnAnswer(payload);
      if ("error" in answer) throw named(answer.error, "");
      return answer.output;
    },
    ask: (payload: { token: string }) => void tokens.set(payload.token, payload),
  });
  let now = START;
  for (let life = 0; ; life++) {
    const plan = lives(life);
    const clock = new VirtualClock(now);
    let flushes = 0;
    const dieAt = (when: Life["when"]) => () => {
      if (when === "before") flushes++;
      if (plan?.when === when && flushes === plan.flush) throw new Killed();
    };
    const observer = { beforeFlush: dieAt("before"), afterFlush: dieAt("after"), everyStep: path !== ":memory:" };
    let engine: Engine | undefined;
    try {
      engine = Engine.open({
        logPath: path,
        clock,
        machines: { drawn: definition },
        services,
        seed: 11,
        allowUnknownReferences: true,
        observer,
      });
      engine.resume();
      const { executionArn } = engine.start({ machine: "drawn", name: "run", input: INPUT });
      for (;;) {
        await engine.whenIdle();
        const described = engine.describe(executionArn);
        if (described !== undefined && described.status !== "RUNNING") {
          const end = (Date.parse(described.stopDate as string) - START) / 1000;
          const result =
            described.status === "SUCCEEDED"
              ? { end, output: described.output }
              : { end, error: described.error as string };
          await engine.close();
          return { result, lives: life + 1 };
        }
        if (!answerTokens(engine, tokens) && !clock.advanceToNext()) throw new Error("stuck: nothing left to wait for");
      }
    } catch (error) {
      if (!(error instanceof Killed) && !/Killed/.test(String((error as Error).message)) && engine?.broken() !== true)
        throw error;
      now = clock.now();
      await engine?.close();
    }
  }
}

function answerTokens(engine: Engine, tokens: Map<string, unknown>): boolean {
  let sent = false;
  for (const [token, payload] of tokens) {
    const answer = drawnAnswer(payload);
    try {
      if ("error" in answer) engine.sendTaskFailure(token, answer.error, "");
      else engine.sendTaskSuccess(token, JSON.stringify(answer.output));
      sent = true;
    } catch (error) {
      if ((error as Error).name !== "TaskTimedOut") throw error;
    }
    tokens.delete(token);
  }
  return sent;
}

const drawn = Array.from({ length: MACHINES }, (_, index) => drawMachine(seeded(1000 + index)));

test(`${MACHINES} drawn machines end as the plain reference says, at the same virtual time`, async () => {
  let ambiguous = 0;
  const seen = { succeeded: 0, failed: 0 };
  for (const [index, definition] of drawn.entries()) {
    let expected: Result;
    try {
      expected = await referenceRun(definition, INPUT, drawnAnswer);
    } catch (error) {
      if (!(error instanceof Ambiguous)) throw error;
      ambiguous++;
      continue;
    }
    const { result } = await runThrough(definition, ":memory:", () => undefined);
    expect(result, `machine ${index}: ${JSON.stringify(definition)}`).toEqual(expected);
    seen["output" in result ? "succeeded" : "failed"]++;
  }
  expect(ambiguous).toBeLessThan(MACHINES / 20);
  expect(seen.succeeded).toBeGreaterThan(MACHINES / 4);
  expect(seen.failed).toBeGreaterThan(MACHINES / 20);
}, 240_000);

test("a restart after every third write of the log, again and again, changes no outcome", async () => {
  let restarts = 0;
  for (const [index, definition] of drawn.slice(0, 40).entries()) {
    const { result: expected } = await runThrough(definition, ":memory:", () => undefined);
    const { result, lives } = await runThrough(definition, join(folder, `chain-${index}.db`), () => ({
      flush: 3,
      when: "after",
    }));
    expect(result, `machine ${index}`).toEqual(expected);
    restarts += lives - 1;
  }
  expect(restarts).toBeGreaterThan(300);
}, 240_000);

test("a crash before or after any single step of the log changes no outcome", async () => {
  let crashes = 0;
  for (const [index, definition] of drawn.slice(66, 72).entries()) {
    const { result: expected } = await runThrough(definition, ":memory:", () => undefined);
    for (const when of ["before", "after"] as const) {
      for (let flush = 1; ; flush++) {
        const { result, lives } = await runThrough(
          definition,
          join(folder, `one-${index}-${when}-${flush}.db`),
          (life) => (life === 0 ? { flush, when } : undefined),
        );
        expect(result, `machine ${index}, crash ${when} step ${flush}`).toEqual(expected);
        if (lives === 1) break;
        crashes++;
      }
    }
  }
  expect(crashes).toBeGreaterThan(200);
}, 240_000);
