import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  drawFaults,
  type Fault,
  formatFaults,
  parseFaults,
  shrinkFaults,
  withFaults,
} from "../../local/engine/faults.ts";
import { machine, runOnce, worldOf } from "./world.ts";

const child = join(import.meta.dirname, "fault-child.ts");

/** Starts the process again until it ends by itself; says how often it was killed and what it printed. */
function liveThrough(faults: readonly Fault[]): { kills: number; printed: unknown } {
  const folder = mkdtempSync(join(tmpdir(), "countersign-faults-"));
  try {
    for (let kills = 0; kills <= faults.length; kills++) {
      const life = spawnSync(process.execPath, [child, folder, formatFaults(faults)], {
        encoding: "utf8",
        timeout: 60_000,
      });
      if (life.status === 0) return { kills, printed: JSON.parse(life.stdout) };
      if (life.signal !== "SIGKILL")
        throw new Error(`the child ended with ${life.status} ${life.signal}: ${life.stderr}`);
    }
    throw new Error(`killed more often than the schedule says: ${formatFaults(faults)}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const whole = { status: "SUCCEEDED", output: ["a:ok", "b:ok", "c:ok"] };

test("a real process killed four times in its course ends with every answer kept and every payment made once", () => {
  const { kills, printed } = liveThrough(parseFaults("crash-after@4,crash-before@9,crash-after@6,crash-before@13"));
  expect(kills).toBeGreaterThanOrEqual(3);
  expect(printed).toMatchObject(whole);
  expect([...(printed as { paid: string[] }).paid].sort()).toEqual(["a", "b", "c"]);
}, 120_000);

for (const seed of [1, 2, 3]) {
  test(`drawn faults of every kind (seed ${seed}) change no outcome`, () => {
    const faults = drawFaults(seed, 8, 12);
    const { printed } = liveThrough(faults);
    expect(printed, formatFaults(faults)).toMatchObject(whole);
    expect([...(printed as { paid: string[] }).paid].sort()).toEqual(["a", "b", "c"]);
  }, 120_000);
}

test("a throttled and a lost call are retried by the definition's own Retry; a duplicate is seen twice by the handler", async () => {
  let calls = 0;
  const world = worldOf({ work: () => ++calls });
  const { services } = withFaults(world, parseFaults("throttle@1,drop@2,duplicate@3"));
  const retry = [{ ErrorEquals: ["States.ALL"], IntervalSeconds: 1, MaxAttempts: 3 }];
  const { history } = await runOnce(
    machine({
      Work: {
        Type: "Task",
        Resource: "arn:aws:states:::lambda:invoke",
        Arguments: { FunctionName: "work" },
        Retry: retry,
        End: true,
      },
    }),
    {},
    services,
  );
  expect(calls).toBe(3);
  expect(
    history.filter((event) => event.type === "TaskFailed").map((event) => event.taskFailedEventDetails?.error),
  ).toEqual(["Lambda.TooManyRequestsException", "Lambda.SdkClientException"]);
});

test("schedules are read back as written, and nonsense is refused by name", () => {
  const faults = drawFaults(9, 20, 50);
  expect(parseFaults(formatFaults(faults))).toEqual(faults);
  expect(drawFaults(9, 20, 50)).toEqual(faults);
  expect(() => parseFaults("crash@3")).toThrow(/"crash@3" is not understood.*crash-before/);
  expect(() => parseFaults("slow@0")).toThrow(/n from 1/);
  expect(() => parseFaults("seed:7")).toThrow(/"seed:7" is not understood.*seed:<seed>:<count>/);
});

test("a seed on the command line draws a schedule that can be written out and given again in part", () => {
  const drawn = parseFaults("seed:7:20");
  expect(drawn).toEqual(drawFaults(7, 20, 200));
  expect(parseFaults(formatFaults(drawn))).toEqual(drawn);
  expect(parseFaults("seed:7:3:9,drop@99")).toEqual([...drawFaults(7, 3, 9), { kind: "drop", at: 99 }]);
});

test("a failing schedule shrinks to what matters", async () => {
  const faults = [...drawFaults(4, 10, 30), { kind: "drop", at: 99 }, { kind: "slow", at: 77 }] as Fault[];
  const smallest = await shrinkFaults(
    faults,
    async (some) => some.some((fault) => fault.at === 99) && some.some((fault) => fault.at === 77),
  );
  expect(formatFaults(smallest)).toBe("drop@99,slow@77");
});
