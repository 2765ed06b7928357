import type { Progress } from "../local/host.ts";

const WIDTH = 24;
const LINE_EVERY_MS = 5000;

/** Progress on standard error: one moving line on a terminal, a line every few seconds elsewhere. */
export class ProgressBar {
  readonly #terminal = process.stderr.isTTY === true;
  readonly #started = Date.now();
  #last = 0;
  #shown = "";

  update = ({ step, done, total }: Progress): void => {
    const now = Date.now();
    const ended = total !== undefined && done === total;
    if (!ended && now - this.#last < (this.#terminal ? 80 : LINE_EVERY_MS)) return;
    this.#last = now;
    const text = line(step, done, total);
    if (text === this.#shown) return;
    this.#shown = text;
    const clock = `${((now - this.#started) / 1000).toFixed(0).padStart(4)} s`;
    if (this.#terminal) process.stderr.write(`\r\x1b[2K${clock}  ${text}`);
    else process.stderr.write(`${clock}  ${text}\n`);
  };

  /** A line that stays. */
  say(text: string): void {
    if (this.#terminal) process.stderr.write("\r\x1b[2K");
    process.stderr.write(`${text}\n`);
    this.#shown = "";
  }

  end(): void {
    if (this.#terminal && this.#shown !== "") process.stderr.write("\n");
    this.#shown = "";
  }
}

function line(step: string, done: number | undefined, total: number | undefined): string {
  if (done === undefined) return step;
  if (total === undefined || total === 0) return `${step}  ${done}`;
  const filled = Math.round((Math.min(done, total) / total) * WIDTH);
  return `${"█".repeat(filled)}${"░".repeat(WIDTH - filled)}  ${step}  ${done} of ${total}`;
}
