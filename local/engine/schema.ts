import type { DatabaseSync } from "node:sqlite";

/** Each entry brings the log from the version before it (its index) to the next. Never edit one that was released: append. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
   CREATE TABLE definition (digest TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
   CREATE TABLE execution (
     id INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, machine TEXT NOT NULL, name TEXT NOT NULL,
     definition TEXT NOT NULL, path TEXT NOT NULL, express INTEGER NOT NULL,
     parent INTEGER, parent_strand TEXT, parent_run INTEGER, item_index INTEGER,
     input TEXT NOT NULL, started_at REAL NOT NULL, status TEXT NOT NULL,
     output TEXT, error TEXT, cause TEXT, stopped_at REAL) STRICT;
   CREATE INDEX execution_child ON execution (parent, parent_run, item_index) WHERE parent IS NOT NULL;
   CREATE INDEX execution_running ON execution (status) WHERE status = 'RUNNING';
   CREATE TABLE payload (id INTEGER PRIMARY KEY, execution INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
   CREATE TABLE log (
     position INTEGER PRIMARY KEY, execution INTEGER NOT NULL, event INTEGER, strand TEXT NOT NULL, type TEXT,
     previous INTEGER NOT NULL, at REAL NOT NULL, details TEXT, payload_key TEXT, payload TEXT, payload_id INTEGER, fact TEXT) STRICT;
   CREATE INDEX log_execution ON log (execution, position);`,
  // The watch page lists top executions by machine and state while a Map Run's children stand in the same table.
  `CREATE INDEX execution_top ON execution (machine, status, id) WHERE parent IS NULL;`,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings a log to the newest version (or `target`), one transaction per step. Refuses a log that a newer program wrote. */
export function migrate(db: DatabaseSync, target: number = SCHEMA_VERSION): void {
  const { user_version: found } = db.prepare("PRAGMA user_version").get() as { user_version: number };
  if (found > SCHEMA_VERSION) {
    throw new Error(
      `The engine's log has schema version ${found}, but this program knows versions up to ${SCHEMA_VERSION}. Run the newer program that wrote it, or give another work folder.`,
    );
  }
  for (let version = found; version < target; version++) {
    db.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[version]} PRAGMA user_version = ${version + 1}; COMMIT;`);
  }
}
