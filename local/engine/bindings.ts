import { type Execution, type LogRow, type Strand, visibleVariables } from "./execution.ts";
import type { Bindings, Place } from "./expression.ts";
import type { Runtime } from "./runtime.ts";

/** A row of this strand at this moment, following its last event unless told otherwise. */
export function row(runtime: Runtime, strand: Strand, type: string | null, rest: Partial<LogRow> = {}): LogRow {
  return { strand: strand.id, type, previous: strand.last, at: runtime.clock.now(), ...rest };
}

/** What expressions of this state see. */
export function bindings(
  runtime: Runtime,
  execution: Execution,
  strand: Strand,
  more: Record<string, unknown> = {},
  context: Record<string, unknown> = {},
): Bindings {
  if (strand.parsed?.text !== strand.input)
    strand.parsed = { text: strand.input, value: JSON.parse(strand.input) as unknown };
  const machine = execution.arn.split(":")[6] as string;
  return {
    states: {
      input: strand.parsed.value,
      ...more,
      context: {
        Execution: {
          Id: execution.arn,
          get Input() {
            return JSON.parse(execution.input) as unknown;
          },
          Name: execution.name,
          RoleArn: "arn:aws:iam::000000000000:role/local",
          StartTime: new Date(execution.startedAt).toISOString(),
          RedriveCount: 0,
        },
        StateMachine: { Id: `arn:aws:states:local:000000000000:stateMachine:${machine}`, Name: machine },
        State: {
          Name: strand.state,
          EnteredTime: new Date(strand.entered.at).toISOString(),
          RetryCount: strand.retryCount,
        },
        ...(strand.item === undefined
          ? {}
          : { Map: { Item: { Index: strand.item.index, Value: JSON.parse(strand.item.text) as unknown } } }),
        ...context,
      },
    },
    variables: visibleVariables(strand.variables),
    world: runtime.world(execution, strand),
  };
}

/** Where an expression stands, for the cause of its failure. */
export function place(strand: Strand, field: string): Place {
  return { state: strand.state, enteredEventId: strand.entered.id, field };
}
