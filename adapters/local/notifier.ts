import { randomBytes } from "node:crypto";
import { appendFile } from "node:fs/promises";
import type { Clock, Notifier, Records } from "../../lambdas/ports.ts";

/** Tells people by a line in `notices.jsonl` (for a terminal) and a record under `notices` in order of time (for the pages). */
export function localNotifier(path: string, records: Records, clock: Clock): Notifier {
  return {
    async notify({ audience, subject, text }) {
      const at = new Date(clock.now()).toISOString();
      const notice = { at, audience, subject, text };
      await records.put({ pk: "notices", sk: `${at}#${randomBytes(6).toString("hex")}` }, notice, "absent");
      await appendFile(path, `${JSON.stringify(notice)}\n`);
    },
  };
}
