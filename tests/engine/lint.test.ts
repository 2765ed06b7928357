import { expect, test } from "vitest";
import { VirtualClock } from "../../local/clock.ts";
import { Engine } from "../../local/engine/engine.ts";
import { lintDefinition } from "../../workflow/checks/definition-lint.ts";
import { machine, worldOf } from "./world.ts";

const task = (more: Record<string, unknown> = {}) => ({
  Type: "Task",
  Resource: "arn:aws:states:::lambda:invoke",
  Arguments: { FunctionName: "f" },
  TimeoutSeconds: 5,
  Retry: [{ ErrorEquals: ["States.ALL"] }],
  Catch: [{ ErrorEquals: ["States.ALL"], Next: "Done" }],
  Next: "Done",
  ...more,
});
const Done = { Type: "Succeed" };
const clean = machine({ Work: task(), Done });

const mapOf = (more: Record<string, unknown>, mode = "DISTRIBUTED") =>
  machine({
    Each: {
      Type: "Map",
      ItemProcessor: {
        ProcessorConfig: { Mode: mode, ...(mode === "DISTRIBUTED" ? { ExecutionType: "STANDARD" } : {}) },
        StartAt: "P",
        States: { P: { Type: "Pass", End: true } },
      },
      ...more,
      End: true,
    },
  });

/** Fault, definition, JSON path of the finding, a word of its message. */
const faults: [string, unknown, string, RegExp][] = [
  [
    "a field outside the profile",
    machine({ Work: task({ InputPath: "$" }), Done }),
    "/States/Work/InputPath",
    /JSONPath/,
  ],
  [
    "an unknown field",
    machine({ Work: task({ TimeoutSecond: 5 }), Done }),
    "/States/Work/TimeoutSecond",
    /not known in a Task/,
  ],
  ["an unknown top field", { ...clean, Startat: "Work" }, "/Startat", /allowed are Comment/],
  [
    "an unknown state type",
    machine({ Work: { Type: "Activity", End: true } }),
    "/States/Work/Type",
    /allowed are Pass/,
  ],
  ["JSONPath", { StartAt: "A", States: { A: { Type: "Pass", End: true } } }, "/States/A", /JSONPath/],
  ["a missing start", { ...clean, StartAt: "Wrk" }, "/StartAt", /Work, Done/],
  ["a missing target", machine({ Work: task({ Next: "Doen" }), Done }), "/States/Work/Next", /Work, Done/],
  [
    "a missing catch target",
    machine({ Work: task({ Catch: [{ ErrorEquals: ["States.ALL"], Next: "Nowhere" }] }), Done }),
    "/States/Work/Catch/0/Next",
    /Nowhere/,
  ],
  ["an unreachable state", machine({ Done, Lost: { Type: "Pass", End: true } }), "/States/Lost", /not reachable/],
  ["neither Next nor End", machine({ A: { Type: "Pass" } }), "/States/A", /neither/],
  [
    "an unknown resource",
    machine({ Work: task({ Resource: "arn:aws:states:::batch:submitJob.sync" }), Done }),
    "/States/Work/Resource",
    /sagemaker/,
  ],
  [
    "a SageMaker job waited for by token",
    machine({ Work: task({ Resource: "arn:aws:states:::sagemaker:createTrainingJob.waitForTaskToken" }), Done }),
    "/States/Work/Resource",
    /allowed/,
  ],
  [
    "an unknown function",
    machine({ A: { Type: "Pass", Output: "{% $summ([1]) %}", End: true } }),
    "/States/A/Output",
    /\$summ/,
  ],
  ["$eval", machine({ A: { Type: "Pass", Output: '{% $eval("1") %}', End: true } }), "/States/A/Output", /\$eval/],
  [
    "bad syntax",
    machine({ A: { Type: "Pass", Output: { x: "{% 1 + %}" }, End: true } }),
    "/States/A/Output/x",
    /cannot be parsed/,
  ],
  [
    "an undefined variable",
    machine({ A: { Type: "Pass", Output: "{% $x %}", End: true } }),
    "/States/A/Output",
    /assigned nowhere/,
  ],
  [
    "a variable that one way leaves out",
    machine({
      A: { Type: "Choice", Choices: [{ Condition: "{% true %}", Next: "B", Assign: { x: 1 } }], Default: "B" },
      B: { Type: "Pass", Output: "{% $x %}", End: true },
    }),
    "/States/B/Output",
    /every way/,
  ],
  [
    "an outer variable assigned inside",
    machine({
      A: { Type: "Pass", Assign: { x: 1 }, Next: "P" },
      P: {
        Type: "Parallel",
        Branches: [{ StartAt: "I", States: { I: { Type: "Pass", Assign: { x: 2 }, End: true } } }],
        End: true,
      },
    }),
    "/States/P/Branches/0/States/I/Assign/x",
    /outer scope/,
  ],
  [
    "an outer variable read in a distributed child",
    machine({
      A: { Type: "Pass", Assign: { x: 1 }, Next: "M" },
      M: {
        Type: "Map",
        ItemProcessor: {
          ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
          StartAt: "I",
          States: { I: { Type: "Pass", Output: "{% $x %}", End: true } },
        },
        End: true,
      },
    }),
    "/States/M/ItemProcessor/States/I/Output",
    /assigned nowhere/,
  ],
  [
    "$states.result in a Pass",
    machine({ A: { Type: "Pass", Output: "{% $states.result %}", End: true } }),
    "/States/A/Output",
    /states\.input/,
  ],
  [
    "$states.errorOutput outside Catch",
    machine({ Work: task({ Output: "{% $states.errorOutput %}" }), Done }),
    "/States/Work/Output",
    /errorOutput/,
  ],
  [
    "a task token where none is",
    machine({ Work: task({ Arguments: { FunctionName: "f", Payload: "{% $states.context.Task.Token %}" } }), Done }),
    "/States/Work/Arguments/Payload",
    /waitForTaskToken/,
  ],
  [
    "a token that is not passed on",
    machine({ Work: task({ Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken" }), Done }),
    "/States/Work/Arguments",
    /never pass on/,
  ],
  [
    "a token task without timeout",
    machine({
      Work: task({
        Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
        Arguments: { t: "{% $states.context.Task.Token %}" },
        TimeoutSeconds: undefined,
      }),
      Done,
    }),
    "/States/Work",
    /lost token/,
  ],
  [
    "a task without timeout",
    machine({ Work: { ...task(), TimeoutSeconds: undefined }, Done }),
    "/States/Work",
    /no TimeoutSeconds/,
  ],
  ["a task without retry", machine({ Work: task({ Retry: [] }), Done }), "/States/Work", /no Retry/],
  [
    "a heartbeat longer than the timeout",
    machine({ Work: task({ HeartbeatSeconds: 6 }), Done }),
    "/States/Work/HeartbeatSeconds",
    /less than/,
  ],
  [
    "a timeout of zero",
    machine({ Work: task({ TimeoutSeconds: 0 }), Done }),
    "/States/Work/TimeoutSeconds",
    /1 to 99999999/,
  ],
  [
    "States.ALL not last",
    machine({ Work: task({ Retry: [{ ErrorEquals: ["States.ALL"] }, { ErrorEquals: ["X"] }] }), Done }),
    "/States/Work/Retry/0/ErrorEquals",
    /last/,
  ],
  [
    "a reserved error that does not exist",
    machine({ Work: task({ Retry: [{ ErrorEquals: ["States.TimeOut"] }] }), Done }),
    "/States/Work/Retry/0/ErrorEquals",
    /States\.Timeout/,
  ],
  [
    "a backoff below one",
    machine({ Work: task({ Retry: [{ ErrorEquals: ["X"], BackoffRate: 0.5 }] }), Done }),
    "/States/Work/Retry/0/BackoffRate",
    /at least 1/,
  ],
  [
    "an unknown jitter",
    machine({ Work: task({ Retry: [{ ErrorEquals: ["X"], JitterStrategy: "SOME" }] }), Done }),
    "/States/Work/Retry/0/JitterStrategy",
    /FULL, NONE/,
  ],
  [
    "Wait with both times",
    machine({ W: { Type: "Wait", Seconds: 1, Timestamp: "2026-01-01T00:00:00Z", End: true } }),
    "/States/W",
    /exactly one/,
  ],
  [
    "a batcher in an inline Map",
    mapOf({ ItemBatcher: { MaxItemsPerBatch: 5 } }, "INLINE"),
    "/States/Each/ItemBatcher",
    /DISTRIBUTED/,
  ],
  [
    "a batcher without a size",
    mapOf({ ItemBatcher: { BatchInput: {} } }),
    "/States/Each/ItemBatcher",
    /MaxItemsPerBatch/,
  ],
  [
    "an unknown reader",
    mapOf({ ItemReader: { Resource: "arn:aws:states:::s3:selectObject" } }),
    "/States/Each/ItemReader/Resource",
    /getObject/,
  ],
  [
    "an unknown input type",
    mapOf({ ItemReader: { Resource: "arn:aws:states:::s3:getObject", ReaderConfig: { InputType: "PARQUET" } } }),
    "/States/Each/ItemReader/ReaderConfig/InputType",
    /JSONL/,
  ],
  [
    "one name twice",
    machine({
      A: { Type: "Parallel", Branches: [{ StartAt: "A", States: { A: { Type: "Pass", End: true } } }], End: true },
    }),
    "/States/A/Branches/0/States/A",
    /twice/,
  ],
  [
    "an expression with text around it",
    machine({ A: { Type: "Pass", Output: "sum: {% 1 + 1 %}", End: true } }),
    "/States/A/Output",
    /literal/,
  ],
];

test("a clean definition has no finding", () => {
  expect(lintDefinition("clean", clean)).toEqual([]);
});

for (const [fault, definition, path, words] of faults) {
  test(`refused with its path: ${fault}`, () => {
    const findings = lintDefinition("machine", JSON.parse(JSON.stringify(definition)));
    expect(findings.map((finding) => finding.path)).toContain(path);
    expect(findings.find((finding) => finding.path === path && words.test(finding.message))?.message).toMatch(words);
  });
}

test("the engine refuses such a definition at load and says where", () => {
  const open = (definition: unknown) =>
    Engine.open({
      logPath: ":memory:",
      clock: new VirtualClock(0),
      machines: { bad: definition },
      services: worldOf(),
      seed: 1,
    });
  expect(() => open(machine({ A: { Type: "Pass", Output: "{% $x %}", ResultPath: "$.a", End: true } }))).toThrow(
    /State machine "bad" is refused:\n.*\/States\/A\/ResultPath[\s\S]*\/States\/A\/Output/,
  );
});
