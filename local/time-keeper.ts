import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, realClock, VirtualClock } from "./clock.ts";

/** Where virtual time starts in a new folder: a Monday morning. */
const VIRTUAL_START = Date.UTC(2026, 0, 5, 8);

/** The time of a work folder: real, or virtual and remembered, so that a restart never goes back. */
export class TimeKeeper {
  readonly clock: Clock;
  readonly kind: "real" | "virtual";
  readonly #file: string;
  readonly #virtual: VirtualClock | undefined;

  constructor(work: string, wanted: "real" | "virtual") {
    this.#file = join(work, "time.json");
    const kept = readKept(this.#file);
    this.kind = kept?.kind ?? wanted;
    this.#virtual = this.kind === "virtual" ? new VirtualClock(kept?.now ?? VIRTUAL_START) : undefined;
    this.clock = this.#virtual ?? realClock();
    this.save();
  }

  /** Time stands still until the returned release is called. Real time does not care. */
  hold(reason: string): () => void {
    return this.#virtual?.hold(reason) ?? (() => {});
  }

  /** Does something while time stands still. */
  async during<T>(what: string, work: () => Promise<T>): Promise<T> {
    const release = this.hold(what);
    try {
      return await work();
    } finally {
      release();
    }
  }

  /** Jumps to the next thing that waits, or to `also` if that is earlier. False when there is nothing to jump to. */
  advance(also: number | undefined): boolean {
    if (this.#virtual === undefined) return false;
    const cancel = also === undefined ? undefined : this.#virtual.at(also, () => {});
    const moved = this.#virtual.advanceToNext();
    cancel?.();
    if (moved) this.save();
    return moved;
  }

  save(): void {
    writeFileSync(`${this.#file}.draft`, JSON.stringify({ kind: this.kind, now: this.clock.now() }));
    renameSync(`${this.#file}.draft`, this.#file);
  }
}

function readKept(file: string): { kind: "real" | "virtual"; now: number } | undefined {
  try {
    const { kind, now } = JSON.parse(readFileSync(file, "utf8")) as { kind: string; now: number };
    return kind === "real" || kind === "virtual" ? { kind, now } : undefined;
  } catch {
    return undefined;
  }
}
