import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { VirtualClock } from "../../local/clock.ts";
import { TimeKeeper } from "../../local/time-keeper.ts";

test("time stands still while a person's word is written down, so that no deadline passes before it is told", async () => {
  const time = new TimeKeeper(mkdtempSync(join(tmpdir(), "countersign-time-")), "virtual");
  let expired = false;
  const deadline = time.clock.now() + 168 * 3_600_000;
  (time.clock as VirtualClock).at(deadline, () => {
    expired = true;
  });
  const answer = await time.during("an answer", async () => {
    // The host sees that nobody is waited for any more, and would jump.
    expect(time.advance(undefined)).toBe(false);
    return "accept";
  });
  expect([answer, expired]).toEqual(["accept", false]);
  await expect(time.during("a refusal", async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(time.advance(undefined)).toBe(true);
  expect([expired, time.clock.now()]).toEqual([true, deadline]);
});
