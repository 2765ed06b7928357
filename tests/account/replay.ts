/** Visits of states as our engine saw them, asked again of Step Functions' TestState: the same output, the same next state. */
import { existsSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { SFNClient, TestStateCommand } from "@aws-sdk/client-sfn";
import { z } from "zod";
import type { HistoryEvent } from "../../local/engine/engine.ts";

export const Visit = z.strictObject({
  machine: z.string(),
  state: z.string(),
  /** JSON text, as it entered. */
  input: z.string(),
  /** Variables before the state, as JSON values. */
  variables: z.record(z.string(), z.json()),
  /** What the task answered; absent for states that ask nobody. */
  result: z.string().optional(),
  output: z.string(),
  next: z.string().optional(),
});
export type Visit = z.infer<typeof Visit>;

/** States that end by their own answer; a Map's children are executions of their own, and a Wait only passes time. */
const REPLAYED = /^(Task|Choice|Pass)State(Entered|Exited)$/;

/** The visits of one execution, each state's first; a retried or caught one is left out, for its mock would be an error's. */
export function visitsOf(machine: string, history: readonly HistoryEvent[]): Visit[] {
  const visits = new Map<string, Visit>();
  const variables: Visit["variables"] = {};
  let open: Omit<Visit, "output" | "next"> | undefined;
  let failed = false;
  let last: Visit | undefined;
  for (const event of history) {
    const details = detailsOf(event);
    const name = String(details.name ?? "");
    if (/StateEntered$/.test(event.type)) {
      if (last !== undefined) last.next = name;
      last = undefined;
      failed = false;
      open = REPLAYED.test(event.type)
        ? { machine, state: name, input: String(details.input), variables: { ...variables } }
        : undefined;
    } else if (/^(?:TaskSucceeded|LambdaFunctionSucceeded)$/.test(event.type) && open !== undefined) {
      open.result = String(details.output);
    } else if (/(?:Failed|TimedOut)$/.test(event.type)) {
      failed = true;
    } else if (/StateExited$/.test(event.type)) {
      for (const [variable, text] of Object.entries((details.assignedVariables ?? {}) as Record<string, string>))
        variables[variable] = JSON.parse(text);
      if (open?.state === name && !failed && !visits.has(name)) {
        last = { ...open, output: String(details.output) };
        visits.set(name, last);
      }
      open = undefined;
    }
  }
  return [...visits.values()];
}

function detailsOf(event: HistoryEvent): Record<string, unknown> {
  const found = Object.entries(event).find(([key]) => key.endsWith("EventDetails"));
  return (found?.[1] ?? {}) as Record<string, unknown>;
}

/** Asks TestState about a visit, its task mocked by what it answered here. Returns what differs; nothing is called, nothing is charged. */
export async function replay(client: Pick<SFNClient, "send">, definition: unknown, visit: Visit): Promise<string[]> {
  const { state, input, variables, result, output, next } = visit;
  const answer = await client.send(
    new TestStateCommand({
      definition: JSON.stringify(definition),
      stateName: state,
      input,
      variables: JSON.stringify(variables),
      context: JSON.stringify(CONTEXT),
      inspectionLevel: "DEBUG",
      ...(result === undefined ? {} : { mock: { result, fieldValidationMode: "NONE" as const } }),
    }),
  );
  const at = `${visit.machine} ${state}`;
  if (answer.status !== "SUCCEEDED") return [`${at}: ${answer.status} ${answer.error ?? ""}: ${answer.cause ?? ""}`];
  const differences: string[] = [];
  if (answer.nextState !== next) differences.push(`${at}: goes to ${answer.nextState}, here to ${next}`);
  if (!isDeepStrictEqual(JSON.parse(answer.output ?? "null"), JSON.parse(output)))
    differences.push(`${at}: gives ${answer.output?.slice(0, 300)}, here ${output.slice(0, 300)}`);
  return differences;
}

/** What expressions may ask of the context object. */
const CONTEXT = {
  Execution: { Id: "arn:aws:states:eu-central-1:123456789012:execution:replay:one", Name: "one", Input: {} },
  State: { Name: "replayed", RetryCount: 0 },
  Task: { Token: "a-token-of-nobody" },
};

const Recording = z.object({ definitions: z.record(z.string(), z.json()), visits: z.array(Visit) });

/** Asks about every visit that `npm run verify:workflow -- --part campaign --record` kept. Returns what differs. */
export async function replayAll(region: string): Promise<string[]> {
  const file = new URL("./replay.json", import.meta.url);
  if (!existsSync(file))
    throw new Error("nothing is recorded yet: run `npm run verify:workflow -- --part campaign --record` first");
  const text = readFileSync(file, "utf8");
  const { definitions, visits } = Recording.parse(JSON.parse(text));
  const client = new SFNClient({ region });
  const differences: string[] = [];
  for (const visit of visits) differences.push(...(await replay(client, definitions[visit.machine], visit)));
  console.log(`replay: ${visits.length} states asked, ${differences.length} differ`);
  return differences;
}
