import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Endpoints, Notice, Ports, Tokens, Workflows } from "../../lambdas/ports.ts";
import { localNotifier } from "./notifier.ts";
import { type FolderObjects, folderObjects } from "./objects.ts";
import { sqliteRecords } from "./records.ts";
import { fileSealer } from "./sealer.ts";

export interface LocalOptions {
  /** The work folder: objects/, records.db, key, notices.jsonl. */
  folder: string;
  clock: Clock;
  /** The engine answers tokens and runs workflows, the job runner serves endpoints: the host brings them. */
  tokens: Tokens;
  workflows: Workflows;
  endpoints: Endpoints;
  /** Most bytes of objects; StorageFullError beyond. Without it only the disk limits. */
  quotaBytes?: number;
  /** Hears what people are told. */
  onNotice?: (notice: Notice) => void;
}

export interface LocalPorts extends Ports {
  objects: FolderObjects;
  /** The file behind an object key, or the folder behind a prefix. */
  path(key: string): string;
  close(): void;
}

/** The laptop's world in one folder. Opening it twice, or from two processes, is allowed. */
export async function openLocalPorts(options: LocalOptions): Promise<LocalPorts> {
  const { folder, clock, tokens, workflows, endpoints, quotaBytes } = options;
  await mkdir(folder, { recursive: true });
  const objects = await folderObjects(folder, quotaBytes === undefined ? {} : { quotaBytes });
  const records = sqliteRecords(join(folder, "records.db"));
  return {
    environment: "laptop",
    objects,
    records,
    sealer: fileSealer(join(folder, "key")),
    notifier: localNotifier(join(folder, "notices.jsonl"), records, clock, options.onNotice),
    clock,
    tokens,
    workflows,
    endpoints,
    path: objects.path,
    close() {
      records.close();
      objects.close();
    },
  };
}
