/** The table is lost; what was copied to objects as it happened gives the same answers, payments and memberships. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, test, vi } from "vitest";
import { sqliteRecords } from "../../adapters/local/records.ts";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { keepRecords, type RecordsChanged } from "../../infra/lambda/keep-records.ts";
import { readCampaign } from "../../lambdas/store/campaigns.ts";
import { type Change, keepChanges, restoreRecords } from "../../lambdas/store/journal.ts";
import { entries, statement, totals } from "../../lambdas/store/ledger.ts";
import { vendorBoard } from "../../lambdas/store/lots.ts";
import { members } from "../../lambdas/store/members.ts";
import { type LabelWorld, labelWorld, pictures } from "../labels/world.ts";

vi.setConfig({ testTimeout: 120_000 });
const folders: string[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A folder whose records database writes down each change, in order, as the table's stream does. */
async function streamedFolder(): Promise<{ folder: string; database: DatabaseSync }> {
  const folder = await mkdtemp(join(tmpdir(), "countersign-restore-"));
  folders.push(folder);
  sqliteRecords(join(folder, "records.db")).close();
  const database = new DatabaseSync(join(folder, "records.db"));
  const insert = (row: string, version: string, body: string) =>
    `insert into changes (pk, sk, version, body) values (${row}.pk, ${row}.sk, ${version}, ${body});`;
  database.exec(`
    create table changes (sequence integer primary key autoincrement, pk text, sk text, version integer, body text);
    create trigger inserted after insert on records begin ${insert("new", "new.version", "new.body")} end;
    create trigger updated after update on records begin ${insert("new", "new.version", "new.body")} end;
    create trigger deleted after delete on records begin ${insert("old", "null", "null")} end;`);
  return { folder, database };
}

/** Batches as the stream hands them over: small, one of them twice, with the numbers that DynamoDB gives. */
function batches(database: DatabaseSync): RecordsChanged[] {
  const rows = database.prepare("select * from changes order by sequence").all() as {
    sequence: number;
    pk: string;
    sk: string;
    version: number | null;
    body: string | null;
  }[];
  const all = rows.map(({ sequence, pk, sk, version, body }) => ({
    eventName: version === null ? "REMOVE" : "MODIFY",
    dynamodb: {
      SequenceNumber: String(sequence * 1000),
      ApproximateCreationDateTime: 1_778_414_400,
      Keys: { pk: { S: pk }, sk: { S: sk } },
      ...(version === null
        ? {}
        : { NewImage: { pk: { S: pk }, sk: { S: sk }, version: { N: String(version) }, body: { S: body as string } } }),
    },
  }));
  const found: RecordsChanged[] = [];
  for (let start = 0; start < all.length; start += 97) found.push({ Records: all.slice(start, start + 97) });
  return [...found, found[0] as RecordsChanged];
}

const TOKENS = /"(?:sealedToken|tokenSha256)":"[^"]*",?/g;
function table(database: DatabaseSync): string[] {
  const rows = database.prepare("select pk, sk, body from records order by pk, sk").all();
  return rows.map((row) => JSON.stringify(row).replaceAll('\\"', '"').replaceAll(TOKENS, "").replaceAll(",}", "}"));
}

async function books({ ports, agreement }: LabelWorld) {
  const campaign = agreement.name;
  const all = [];
  for await (const entry of entries(ports, campaign)) all.push(entry);
  const vendors = agreement.vendors.map(({ id }) => id);
  return {
    head: (await readCampaign(ports, campaign)).head,
    entries: all,
    totals: await totals(ports, campaign),
    statements: await Promise.all(vendors.map((party) => statement(ports, { campaign, party }))),
    boards: await Promise.all(vendors.map((vendor) => vendorBoard(ports, { campaign, vendor }))),
    members: await members(ports, campaign),
  };
}

test("a campaign's books stand again as they were, tokens apart, and a second restore adds nothing", async () => {
  vi.spyOn(console, "log").mockImplementation(() => {});
  const { folder, database } = await streamedFolder();
  const classes = ["crack", "ok"];
  const world = await labelWorld({
    folder,
    pictures: pictures(48, classes),
    agreement: { classes, labelling: { lotSize: 30 } },
  });
  try {
    await world.run();
    const keep = keepRecords({}, world.ports.objects);
    for (const batch of batches(database)) await keep(batch);
    const [rows, before] = [table(database), await books(world)];
    expect(before.totals.spentMicros).toBeGreaterThan(0);
    database.exec("drop trigger deleted; drop trigger inserted; drop trigger updated; delete from records");
    expect((await members(world.ports, world.agreement.name)).length).toBe(0);

    const restored = await restoreRecords(world.ports, 3);
    expect(restored).toMatchObject({ written: rows.length, there: 0 });
    expect(table(database)).toEqual(rows);
    expect(await books(world)).toEqual(before);
    expect(await restoreRecords(world.ports)).toMatchObject({ written: 0, there: rows.length });
  } finally {
    await world.close();
    database.close();
  }
});

describe("the journal", () => {
  const change = (sequence: string, version: number | null, body: unknown = { n: version }): Change => ({
    sequence,
    pk: "p",
    sk: "s",
    version,
    body: version === null ? null : body,
  });

  test("the last change of a record counts, by its number's size and not by its text", async () => {
    const ports = memoryPorts();
    await keepChanges(ports, "2026-01-02", [change("10000", 2)]);
    await keepChanges(ports, "2026-01-01", [change("9999", 1)]);
    await restoreRecords(ports);
    expect((await ports.records.get({ pk: "p", sk: "s" }))?.body).toEqual({ n: 2 });
  });

  test("what was deleted last stays deleted, and what stands is left alone", async () => {
    const ports = memoryPorts();
    await keepChanges(ports, "2026-01-01", [change("1", 1), change("2", null)]);
    expect(await restoreRecords(ports)).toEqual({ objects: 1, changes: 2, written: 0, there: 0, deleted: 1 });
    await keepChanges(ports, "2026-01-02", [change("3", 1)]);
    await ports.records.put({ pk: "p", sk: "s" }, { n: "newer" }, "absent");
    expect(await restoreRecords(ports)).toMatchObject({ written: 0, there: 1 });
    expect((await ports.records.get({ pk: "p", sk: "s" }))?.body).toEqual({ n: "newer" });
  });

  test("a line that is no change names its place", async () => {
    const ports = memoryPorts();
    await ports.objects.put("journal/2026-01-01/x.jsonl", Buffer.from("{}\n"), "absent");
    await expect(restoreRecords(ports)).rejects.toThrow("journal/2026-01-01/x.jsonl, line 1 is no change");
  });
});
