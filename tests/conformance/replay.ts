import { VirtualClock } from "../../local/clock.ts";
import { Engine } from "../../local/engine/engine.ts";
import { compare, type Verdict } from "./compare.ts";
import type { Recording } from "./recording.ts";
import { type RecordedWorld, worldOf } from "./world.ts";

export type Outcome = { id: string; profile: true; verdict: Verdict } | { id: string; profile: false; why: string };

/** Real time that one recording may take before it counts as not run. */
const MAX_REPLAY_MS = 20_000;

/** Runs a recording's definition here, in virtual time, and compares the histories. */
export async function replay(recording: Recording): Promise<Outcome> {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const world = worldOf(recording);
  let engine: Engine;
  try {
    engine = Engine.open({
      logPath: ":memory:",
      clock,
      machines: { recorded: recording.definition },
      services: world.services,
      seed: 1,
      allowUnknownReferences: true,
    });
  } catch (error) {
    return { id: recording.id, profile: false, why: (error as Error).message };
  }
  try {
    engine.resume();
    const { executionArn } = engine.start({ machine: "recorded", name: "replay", input: recording.input });
    const endsAt = Date.now() + MAX_REPLAY_MS;
    for (;;) {
      await engine.whenIdle();
      if (engine.describe(executionArn)?.status !== "RUNNING" || Date.now() > endsAt) break;
      if (!answerToken(engine, world) && !clock.advanceToNext()) break;
    }
    return { id: recording.id, profile: true, verdict: compare(recording, engine.history(executionArn)) };
  } catch (error) {
    return {
      id: recording.id,
      profile: true,
      verdict: {
        types: false,
        details: false,
        exact: false,
        differences: [`did not run: ${(error as Error).message}`],
      },
    };
  } finally {
    await engine.close();
  }
}

/** Sends what the recording sent for the oldest token; false when it sent nothing. */
function answerToken(engine: Engine, world: RecordedWorld): boolean {
  const token = world.tokens[0];
  const answer = world.tokenAnswers[0];
  if (token === undefined || answer === undefined || answer === "silence") return false;
  world.tokens.shift();
  world.tokenAnswers.shift();
  if ("error" in answer) engine.sendTaskFailure(token, answer.error, answer.cause);
  else engine.sendTaskSuccess(token, JSON.stringify(answer.value));
  return true;
}
