import type { z } from "zod";
import type { Ports } from "./ports.ts";

/** A stage's input or output is not of its form: a defect of ours or a tampered state, never worth a retry. */
export class StageInputError extends Error {
  override name = "StageInputError";
}

/** A person's document is wrong (campaign.yaml, manifest ...): the message says what, the bad value, what is allowed. */
export class BadInputError extends Error {
  override name = "BadInputError";
}

export interface Stage<I = unknown, O = unknown> {
  name: string;
  input: z.ZodType<I>;
  output: z.ZodType<O>;
  run(input: I, ports: Ports): Promise<O>;
}

/** Declares one Lambda task of the workflows: `name` is the same in ASL, file, log line and test. */
export function stage<I, O>(definition: Stage<I, O>): Stage<I, O> {
  return definition;
}

/** Most bytes that a stage may hand on as workflow state. */
export const MAX_STATE_BYTES = 32 * 1024;

/**
 * Runs a stage as a host calls it: parse in, run, parse out, one log line.
 * Throws StageInputError when a form does not fit or the output is larger than 32 KiB; errors of the stage pass as they are.
 */
export async function runStage(
  definition: Stage<never, unknown> | Stage,
  payload: unknown,
  ports: Ports,
  log: (line: Record<string, unknown>) => void = () => {},
): Promise<unknown> {
  const target = definition as Stage;
  const parsed = target.input.safeParse(payload);
  if (!parsed.success) {
    throw new StageInputError(`${target.name}: input is not of its form: ${parsed.error.message}`);
  }
  const started = performance.now();
  let outcome = "ok";
  try {
    const result = await target.run(parsed.data, ports);
    const checked = target.output.safeParse(result);
    if (!checked.success) {
      throw new StageInputError(`${target.name}: output is not of its form: ${checked.error.message}`);
    }
    const size = Buffer.byteLength(JSON.stringify(checked.data) ?? "");
    if (size > MAX_STATE_BYTES) {
      throw new StageInputError(
        `${target.name}: output has ${size} bytes; at most ${MAX_STATE_BYTES} may travel as state, put bulk into an object`,
      );
    }
    return checked.data;
  } catch (error) {
    outcome = error instanceof Error ? error.name : "unknown";
    throw error;
  } finally {
    log({ stage: target.name, outcome, milliseconds: Math.round(performance.now() - started) });
  }
}
