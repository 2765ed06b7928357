import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { engineWith, machine, worldOf } from "./world.ts";

const work = (more: Record<string, unknown>) =>
  machine({
    Work: {
      Type: "Task",
      Resource: "arn:aws:states:::lambda:invoke",
      Arguments: { FunctionName: "work" },
      TimeoutSeconds: 1,
      Output: "{% $states.result.Payload %}",
      End: true,
      ...more,
    },
  });

test("a handler that never answers times out, the others go on meanwhile, and what it says later is ignored", async () => {
  let answer: (said: string) => void = () => {};
  let isTold = false;
  const world = worldOf({
    work: (_, { signal }) => {
      signal.addEventListener("abort", () => {
        isTold = true;
      });
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
    quick: () => "done",
  });
  const stuck = work({ Catch: [{ ErrorEquals: ["States.Timeout"], Output: "gave up", Next: "After" }] });
  (stuck.States as Record<string, unknown>).After = { Type: "Pass", End: true };
  const quick = work({ Arguments: { FunctionName: "quick" } });
  const { engine } = engineWith({ stuck, quick }, world);
  try {
    const first = engine.start({ machine: "stuck", name: "one", input: {} }).executionArn;
    const second = engine.start({ machine: "quick", name: "two", input: {} }).executionArn;
    await expect.poll(() => engine.describe(second)?.status).toBe("SUCCEEDED");
    expect(engine.describe(first)?.status).toBe("RUNNING");
    await engine.whenIdle();
    expect(engine.describe(first)).toMatchObject({ status: "SUCCEEDED", output: "gave up" });
    expect(isTold).toBe(true);
    const events = engine.history(first);
    expect(events.find(({ type }) => type === "TaskTimedOut")?.taskTimedOutEventDetails).toMatchObject({
      error: "States.Timeout",
    });
    answer("too late");
    await engine.whenIdle();
    expect(engine.history(first)).toEqual(events);
  } finally {
    await engine.close();
  }
});

test("a stuck attempt is tried again, and only the second one's answer counts", async () => {
  const answers: ((said: string) => void)[] = [];
  const world = worldOf({
    work: () =>
      new Promise((resolve) => {
        answers.push(resolve);
        if (answers.length < 2) return;
        answers[0]?.("from the first");
        resolve("from the second");
      }),
  });
  const retry = [{ ErrorEquals: ["States.Timeout"], IntervalSeconds: 5, MaxAttempts: 1 }];
  const { engine, clock } = engineWith({ stuck: work({ Retry: retry }) }, world);
  try {
    const { executionArn } = engine.start({ machine: "stuck", name: "one", input: {} });
    await engine.whenIdle();
    expect(clock.advanceToNext()).toBe(true);
    await engine.whenIdle();
    expect(engine.describe(executionArn)).toMatchObject({ status: "SUCCEEDED", output: "from the second" });
    expect(answers).toHaveLength(2);
  } finally {
    await engine.close();
  }
});

test("the process of a stuck job is ended by its step's timeout, or when its execution is stopped", async () => {
  const ends: Promise<unknown[]>[] = [];
  const world = {
    ...worldOf(),
    async sageMaker({ signal }: { signal: AbortSignal }) {
      // Stands for a container: it would go on for ten minutes.
      const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 600_000)"], { stdio: "ignore" });
      signal.addEventListener("abort", () => child.kill("SIGKILL"), { once: true });
      const end = once(child, "exit");
      ends.push(end);
      await end;
      return {};
    },
  };
  const job = (TimeoutSeconds: number) =>
    machine({
      Train: {
        Type: "Task",
        Resource: "arn:aws:states:::sagemaker:createTrainingJob.sync",
        Arguments: { TrainingJobName: "stuck" },
        TimeoutSeconds,
        End: true,
      },
    });
  const { engine } = engineWith({ short: job(1), long: job(500) }, world);
  try {
    const short = engine.start({ machine: "short", name: "one", input: {} }).executionArn;
    const long = engine.start({ machine: "long", name: "two", input: {} }).executionArn;
    await expect.poll(() => engine.describe(short)?.error, { timeout: 10_000 }).toBe("States.Timeout");
    expect((await ends[0])?.[1]).toBe("SIGKILL");
    expect(engine.describe(long)?.status).toBe("RUNNING");
    engine.stop(long, "Stopped", "enough");
    await engine.whenIdle();
    expect((await ends[1])?.[1]).toBe("SIGKILL");
    expect(engine.describe(long)?.status).toBe("ABORTED");
  } finally {
    await engine.close();
  }
});
