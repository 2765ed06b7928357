import type { Environment, Notice, Ports } from "../../lambdas/ports.ts";
import { type MemoryEndpoints, memoryEndpoints } from "./endpoints.ts";
import { memoryNotifier } from "./notifier.ts";
import { memoryObjects } from "./objects.ts";
import { memoryRecords } from "./records.ts";
import { memorySealer } from "./sealer.ts";
import { throttle } from "./throttle.ts";
import { type MemoryTokens, memoryTokens } from "./tokens.ts";
import { type MemoryWorkflows, memoryWorkflows } from "./workflows.ts";

export interface MemoryOptions {
  /** Draws of throttles and the sealer's key follow from it. */
  seed?: number;
  /** The clock's first instant, milliseconds since 1970. */
  now?: number;
  /** Share of the calls of objects and records that say ThrottledError. */
  throttleShare?: number;
  /** Records on one query page at most. */
  pageSize?: number;
  environment?: Environment;
  /** Room for objects: StorageFullError beyond it. */
  capacityBytes?: number;
}

/** Handles that only a test has. */
export interface MemoryWorld {
  tokens: MemoryTokens;
  workflows: MemoryWorkflows;
  endpoints: MemoryEndpoints;
  notices(): Notice[];
  /** Moves the clock on. */
  advance(milliseconds: number): void;
  /** The next calls of objects and records say ThrottledError. */
  throttleNext(calls: number): void;
}

/** The weakest legal world: tiny query pages, empty pages in the middle, throttles where asked for, time that only a test moves. */
export function memoryPorts(options: MemoryOptions = {}): Ports & MemoryWorld {
  const seed = options.seed ?? 1;
  let instant = options.now ?? Date.UTC(2026, 0, 1);
  const { before, next } = throttle(seed, options.throttleShare ?? 0);
  const notifier = memoryNotifier();
  return {
    environment: options.environment ?? "laptop",
    objects: memoryObjects({
      before,
      ...(options.capacityBytes === undefined ? {} : { capacityBytes: options.capacityBytes }),
    }),
    records: memoryRecords({ before, ...(options.pageSize === undefined ? {} : { pageSize: options.pageSize }) }),
    sealer: memorySealer(seed),
    notifier,
    clock: { now: () => instant },
    tokens: memoryTokens(),
    workflows: memoryWorkflows(() => instant),
    endpoints: memoryEndpoints(),
    notices: notifier.notices,
    advance(milliseconds) {
      instant += milliseconds;
    },
    throttleNext: next,
  };
}
