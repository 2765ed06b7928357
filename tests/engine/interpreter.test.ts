import { expect, test } from "vitest";
import { engineWith, machine, named, runOnce, START, settle, worldOf } from "./world.ts";

test("Assign and Output both see the variables as they were at entry", async () => {
  const { described } = await runOnce(
    machine({
      One: { Type: "Pass", Assign: { x: 1 }, Next: "Two" },
      Two: { Type: "Pass", Assign: { x: "{% $x + 1 %}" }, Output: { before: "{% $x %}" }, Next: "Three" },
      Three: { Type: "Pass", Output: { before: "{% $states.input.before %}", after: "{% $x %}" }, End: true },
    }),
  );
  expect(described.output).toEqual({ before: 1, after: 2 });
});

test("a branch reads outer variables and its own do not leave it", async () => {
  const { described } = await runOnce(
    machine({
      Set: { Type: "Pass", Assign: { outer: 10 }, Next: "Both" },
      Both: {
        Type: "Parallel",
        Branches: [
          {
            StartAt: "A",
            States: {
              A: { Type: "Pass", Assign: { inner: 1 }, Next: "A2" },
              A2: { Type: "Pass", Output: "{% $outer + $inner %}", End: true },
            },
          },
          { StartAt: "B", States: { B: { Type: "Pass", Output: "{% $outer * 2 %}", End: true } } },
        ],
        Output: { results: "{% $states.result %}", leaked: "{% $exists($inner) %}" },
        End: true,
      },
    }),
    {},
    worldOf(),
    { allowUnknownReferences: true },
  );
  expect(described.output).toEqual({ results: [11, 20], leaked: false });
});

test("Retry waits with backoff, counts per retrier, and Catch sees the error", async () => {
  const times: number[] = [];
  const attempts: number[] = [];
  const errors = ["Busy", "Busy", "Odd", "Busy"];
  const { engine, clock } = engineWith(
    {
      machine: machine({
        Call: {
          Type: "Task",
          Resource: "arn:aws:states:::lambda:invoke",
          Arguments: { FunctionName: "f", Payload: { retry: "{% $states.context.State.RetryCount %}" } },
          Retry: [
            { ErrorEquals: ["Busy"], IntervalSeconds: 2, BackoffRate: 3, MaxAttempts: 2 },
            { ErrorEquals: ["States.TaskFailed"], IntervalSeconds: 5, MaxAttempts: 1 },
          ],
          Catch: [{ ErrorEquals: ["States.ALL"], Output: { caught: "{% $states.errorOutput %}" }, Next: "Done" }],
          End: true,
        },
        Done: { Type: "Succeed" },
      }),
    },
    worldOf({
      f: (payload: { retry: number }, call) => {
        times.push(clock.now() - START);
        attempts.push(call.attempt, payload.retry);
        throw named(errors[times.length - 1] as string, `call ${times.length}`);
      },
    }),
  );
  const { executionArn } = engine.start({ machine: "machine", name: "run", input: {} });
  const described = await settle(engine, clock, executionArn);
  expect(described.output).toEqual({ caught: { Error: "Busy", Cause: "call 4" } });
  expect(times).toEqual([0, 2000, 8000, 13000]);
  expect(attempts).toEqual([1, 0, 2, 1, 3, 2, 4, 3]);
});

test("States.ALL catches neither a payload beyond 256 KiB nor States.Runtime", async () => {
  const { described } = await runOnce(
    machine({
      Big: {
        Type: "Task",
        Resource: "arn:aws:states:::lambda:invoke",
        Arguments: { FunctionName: "f" },
        Catch: [{ ErrorEquals: ["States.ALL"], Next: "Caught" }],
        End: true,
      },
      Caught: { Type: "Succeed" },
    }),
    {},
    worldOf({ f: () => "x".repeat(262_144) }),
  );
  expect(described).toMatchObject({ status: "FAILED", error: "States.DataLimitExceeded" });
});

test("256 KiB are counted in bytes of UTF-8, and are allowed to the last one", async () => {
  const word = (bytes: number) => `é${"x".repeat(bytes - 4)}`;
  const run = (bytes: number) =>
    runOnce(machine({ Say: { Type: "Pass", Output: "{% $states.input %}", End: true } }), word(bytes));
  expect((await run(262_144)).described.status).toBe("SUCCEEDED");
  await expect(run(262_145)).rejects.toThrow(/262/);
});

test("a Wait passes in virtual time", async () => {
  const { described, clock } = await runOnce(
    machine({
      Wait: { Type: "Wait", Seconds: "{% $states.input.days * 86400 %}", Next: "Until" },
      Until: { Type: "Wait", Timestamp: "2026-02-15T00:00:00Z", End: true },
    }),
    { days: 30 },
  );
  expect(described.status).toBe("SUCCEEDED");
  expect(new Date(clock.now()).toISOString()).toBe("2026-02-15T00:00:00.000Z");
});

test("an execution that never ends fails at 25,000 events, as on AWS", async () => {
  const { described, history } = await runOnce(
    machine({ A: { Type: "Pass", Next: "B" }, B: { Type: "Pass", Next: "A" } }),
  );
  expect(described).toMatchObject({ status: "FAILED", error: "States.Runtime" });
  expect(history).toHaveLength(25_000);
});

test("a state machine's own timeout ends it as TIMED_OUT", async () => {
  const { described, clock } = await runOnce(
    machine({ Wait: { Type: "Wait", Seconds: 100, End: true } }, { TimeoutSeconds: 10 }),
  );
  expect(described.status).toBe("TIMED_OUT");
  expect(clock.now() - START).toBe(10_000);
});

test("a handler that hangs meets its timeout in real time and is told to stop", async () => {
  let stopped = false;
  const { described } = await runOnce(
    machine({
      Hang: {
        Type: "Task",
        Resource: "arn:aws:states:::lambda:invoke",
        Arguments: { FunctionName: "f" },
        TimeoutSeconds: 1,
        Catch: [{ ErrorEquals: ["States.Timeout"], Next: "Late" }],
        End: true,
      },
      Late: { Type: "Succeed", Output: "late" },
    }),
    {},
    worldOf({
      f: (_payload, { signal }) => new Promise(() => signal.addEventListener("abort", () => (stopped = true))),
    }),
  );
  expect([described.output, stopped]).toEqual(["late", true]);
});

test("startExecution.sync:2 gives the child's output as JSON, and a failed child fails the task", async () => {
  const child = machine({
    Check: { Type: "Choice", Choices: [{ Condition: "{% $states.input.ok %}", Next: "Fine" }], Default: "Bad" },
    Fine: { Type: "Succeed", Output: { answer: 42 } },
    Bad: { Type: "Fail", Error: "Broken", Cause: "not ok" },
  });
  const parent = machine({
    Start: {
      Type: "Task",
      Resource: "arn:aws:states:::states:startExecution.sync:2",
      Arguments: {
        StateMachineArn: "arn:aws:states:local:000000000000:stateMachine:child",
        Name: "{% $states.context.Execution.Name & '-child' %}",
        Input: "{% $states.input %}",
      },
      Output: "{% $states.result.Output %}",
      Catch: [
        { ErrorEquals: ["States.TaskFailed"], Output: "{% $parse($states.errorOutput.Cause).Error %}", Next: "Failed" },
      ],
      End: true,
    },
    Failed: { Type: "Pass", End: true },
  });
  const { engine, clock } = engineWith({ child, parent });
  const good = engine.start({ machine: "parent", name: "good", input: { ok: true } }).executionArn;
  const bad = engine.start({ machine: "parent", name: "bad", input: { ok: false } }).executionArn;
  expect((await settle(engine, clock, good)).output).toEqual({ answer: 42 });
  expect((await settle(engine, clock, bad)).output).toBe("Broken");
  expect(engine.history(good).map((event) => event.type)).toEqual([
    "ExecutionStarted",
    "TaskStateEntered",
    "TaskScheduled",
    "TaskStarted",
    "TaskSubmitted",
    "TaskSucceeded",
    "TaskStateExited",
    "ExecutionSucceeded",
  ]);
});

test("the same start is one execution; another input under its name is refused; so are names AWS refuses", async () => {
  const { engine } = engineWith({ machine: machine({ Done: { Type: "Succeed" } }) });
  const first = engine.start({ machine: "machine", name: "once", input: { a: 1 } });
  expect(engine.start({ machine: "machine", name: "once", input: { a: 1 } })).toEqual(first);
  const errorOf = (call: () => unknown): string => {
    try {
      call();
      return "none";
    } catch (error) {
      return (error as Error).name;
    }
  };
  expect(errorOf(() => engine.start({ machine: "machine", name: "once", input: { a: 2 } }))).toBe(
    "ExecutionAlreadyExists",
  );
  expect(errorOf(() => engine.start({ machine: "machine", name: "x".repeat(81), input: {} }))).toBe("InvalidName");
  expect(errorOf(() => engine.start({ machine: "machine", name: "a b", input: {} }))).toBe("InvalidName");
  expect(errorOf(() => engine.start({ machine: "other", name: "a", input: {} }))).toBe("StateMachineDoesNotExist");
  expect(errorOf(() => engine.start({ machine: "machine", name: "big", input: "x".repeat(262_144) }))).toBe(
    "InvalidExecutionInput",
  );
});

test("a failing iteration fails its Map and cuts off the others", async () => {
  const { described, history } = await runOnce(
    machine({
      Each: {
        Type: "Map",
        Items: [1, 2, 3],
        MaxConcurrency: 3,
        ItemProcessor: {
          StartAt: "Check",
          States: {
            Check: {
              Type: "Choice",
              Choices: [{ Condition: "{% $states.input = 2 %}", Next: "Bad" }],
              Default: "Slow",
            },
            Bad: { Type: "Fail", Error: "Two" },
            Slow: { Type: "Wait", Seconds: 60, End: true },
          },
        },
        Catch: [{ ErrorEquals: ["Two"], Next: "Caught" }],
        End: true,
      },
      Caught: { Type: "Succeed" },
    }),
  );
  expect(described).toMatchObject({ status: "SUCCEEDED", output: { Error: "Two", Cause: "" } });
  expect(
    history
      .filter((event) => event.type === "MapIterationFailed")
      .map((event) => event.mapIterationFailedEventDetails?.index),
  ).toEqual([1]);
});
