/** A process of the test in local-folder.test.ts: adds one to a record and to an object, `argv[3]` times each. */
import { join } from "node:path";
import { folderObjects } from "../../adapters/local/objects.ts";
import { sqliteRecords } from "../../adapters/local/records.ts";
import { ConflictError, ThrottledError } from "../../lambdas/ports.ts";

const [folder, times] = [process.argv[2] as string, Number(process.argv[3])];
const records = sqliteRecords(join(folder, "records.db"));
const objects = await folderObjects(folder);

async function untilItHolds(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof ConflictError || error instanceof ThrottledError)) throw error;
    }
  }
}

for (let i = 0; i < times; i += 1) {
  await untilItHolds(async () => {
    const found = await records.get<{ n: number }>({ pk: "p", sk: "count" });
    await records.put({ pk: "p", sk: "count" }, { n: (found?.body.n ?? 0) + 1 }, { version: found?.version ?? 0 });
  });
  await untilItHolds(async () => {
    const found = await objects.get("head");
    const next = Number(Buffer.from(found?.bytes as Uint8Array).toString()) + 1;
    await objects.put("head", Buffer.from(String(next)), { etag: found?.etag as string });
  });
}
