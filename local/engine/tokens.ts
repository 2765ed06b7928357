import { createHmac, timingSafeEqual } from "node:crypto";
import { StatesError } from "./errors.ts";

/**
 * Task tokens. A token names its task and proves that this log issued it (HMAC-SHA256 under a random secret kept in
 * the log), so that the same token stays valid over restarts and nothing else has to be stored.
 */
export class TaskTokens {
  readonly #secret: Buffer;

  constructor(secret: Buffer) {
    this.#secret = secret;
  }

  issue(execution: number, strand: string, visit: string): string {
    const body = Buffer.from(`${execution}|${strand}|${visit}`).toString("base64url");
    return `${body}.${this.#sign(body)}`;
  }

  /** Throws InvalidToken for anything that `issue` did not make. */
  read(token: string): { execution: number; strand: string; visit: string } {
    const [body, signature, ...rest] = String(token).split(".");
    if (body === undefined || signature === undefined || rest.length > 0) throw invalid();
    const expected = Buffer.from(this.#sign(body));
    const given = Buffer.from(signature);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw invalid();
    const [execution, strand, visit] = Buffer.from(body, "base64url").toString().split("|");
    return { execution: Number(execution), strand: strand as string, visit: visit as string };
  }

  #sign(body: string): string {
    return createHmac("sha256", this.#secret).update(body).digest("base64url");
  }
}

function invalid(): StatesError {
  return new StatesError(
    "InvalidToken",
    "Invalid Token: 'Invalid token'. Send the task token exactly as the task received it in $states.context.Task.Token.",
  );
}
