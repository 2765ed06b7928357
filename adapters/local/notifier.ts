import { randomBytes } from "node:crypto";
import { appendFile } from "node:fs/promises";
import type { Clock, Notice, Notifier, Records } from "../../lambdas/ports.ts";

/** Tells people by a line in `notices.jsonl`, a record under `notices` in order of time, and `onNotice` (a terminal). */
export function localNotifier(
  path: string,
  records: Records,
  clock: Clock,
  onNotice: (notice: Notice) => void = () => {},
): Notifier {
  return {
    async notify({ audience, subject, text }) {
      const at = new Date(clock.now()).toISOString();
      const notice = { at, audience, subject, text };
      await records.put({ pk: "notices", sk: `${at}#${randomBytes(6).toString("hex")}` }, notice, "absent");
      await appendFile(path, `${JSON.stringify(notice)}\n`);
      onNotice({ audience, subject, text });
    },
  };
}
