import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { VirtualClock } from "../../local/clock.ts";
import { Engine } from "../../local/engine/engine.ts";
import { migrate, SCHEMA_VERSION } from "../../local/engine/schema.ts";
import { machine, START, settle, worldOf } from "./world.ts";

const versionOf = (db: DatabaseSync): number =>
  (db.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;

test("a log of any older version is brought to the newest, step by step, and one is left as it is", () => {
  for (let version = 0; version <= SCHEMA_VERSION; version++) {
    const db = new DatabaseSync(":memory:");
    migrate(db, version);
    expect(versionOf(db)).toBe(version);
    migrate(db);
    migrate(db);
    expect(versionOf(db)).toBe(SCHEMA_VERSION);
    db.close();
  }
});

test("an execution written under the first version goes on under the newest", async () => {
  const folder = mkdtempSync(join(tmpdir(), "countersign-schema-"));
  try {
    const path = join(folder, "engine.db");
    const first = new DatabaseSync(path);
    migrate(first, 1);
    // One running execution as version 1 wrote it: started, and waiting one minute in its only state.
    const definition = JSON.stringify(machine({ Wait: { Type: "Wait", Seconds: 60, End: true } }));
    first.prepare("INSERT INTO definition VALUES ('d1', ?)").run(definition);
    first
      .prepare(
        "INSERT INTO execution (id, arn, machine, name, definition, path, express, input, started_at, status) VALUES (1, 'arn:aws:states:local:000000000000:execution:machine:old', 'machine', 'old', 'd1', '', 0, '{\"kept\":1}', ?, 'RUNNING')",
      )
      .run(START);
    const log = first.prepare(
      "INSERT INTO log (execution, event, strand, type, previous, at, details, payload_key, payload, fact) VALUES (1, ?, '0', ?, ?, ?, ?, ?, ?, ?)",
    );
    log.run(1, "ExecutionStarted", 0, START, "{}", "input", '{"kept":1}', null);
    log.run(2, "WaitStateEntered", 0, START, '{"name":"Wait"}', "input", '{"kept":1}', null);
    log.run(null, null, 2, START, null, null, null, JSON.stringify({ until: START + 60_000 }));
    first.close();
    const clock = new VirtualClock(START);
    const engine = Engine.open({
      logPath: path,
      clock,
      machines: { machine: JSON.parse(definition) },
      services: worldOf(),
      seed: 1,
    });
    engine.resume();
    const described = await settle(engine, clock, "arn:aws:states:local:000000000000:execution:machine:old");
    expect(described).toMatchObject({ status: "SUCCEEDED", output: { kept: 1 } });
    expect(clock.now()).toBe(START + 60_000);
    await engine.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a log of a newer program is refused and left as it is", () => {
  const db = new DatabaseSync(":memory:");
  db.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
  expect(() => migrate(db)).toThrow(/Run the newer program/);
  expect(versionOf(db)).toBe(SCHEMA_VERSION + 1);
});
