import { createHash } from "node:crypto";
import jsonata from "jsonata";

/** The engine's time and chance, so that a replayed evaluation answers the same. */
export interface ExpressionWorld {
  /** Milliseconds since the epoch; one evaluation sees one time. */
  now: number;
  /** Uniform in [0, 1). */
  random: () => number;
}

const HASHES: Record<string, string> = {
  MD5: "md5",
  "SHA-1": "sha1",
  "SHA-256": "sha256",
  "SHA-384": "sha384",
  "SHA-512": "sha512",
};
const LONGEST_RANGE = 10_000_000;

const formatTime = jsonata("$fromMillis($time, $picture, $zone)");

/**
 * An error in JSONata's own form. jsonata writes the message of a code that it knows itself, from the other fields:
 * T0410 "Argument {index} of function {token} does not match function signature", D2014 with {value}.
 */
class FunctionError extends Error {
  readonly code: string;
  readonly index: number | undefined;
  readonly token: string | undefined;
  readonly value: unknown;
  constructor(code: string, message: string, told: { index?: number; token?: string; value?: unknown } = {}) {
    super(message);
    this.code = code;
    this.index = told.index;
    this.token = told.token;
    this.value = told.value;
  }
}

function refused(index: number, token: string): FunctionError {
  return new FunctionError("T0410", `Argument ${index} of function "${token}" does not match function signature`, {
    index,
    token,
  });
}

function numberArgument(value: unknown, position: number, name: string): number {
  if (typeof value === "number") return value;
  throw refused(position, name);
}

/** Mulberry32, the small generator behind `$random(seed)`: 32 bits of state, period 2^32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function partition(array: unknown, size: unknown): unknown[][] | undefined {
  if (array === undefined) return undefined;
  const length = numberArgument(size, 2, "partition");
  if (!Number.isInteger(length) || length < 1) {
    throw refused(2, "partition");
  }
  const items = Array.isArray(array) ? array : [array];
  const parts: unknown[][] = [];
  for (let at = 0; at < items.length; at += length) parts.push(items.slice(at, at + length));
  return parts;
}

function range(first: unknown, last: unknown, delta: unknown): number[] {
  const from = numberArgument(first, 1, "range");
  const to = numberArgument(last, 2, "range");
  const step = numberArgument(delta, 3, "range");
  if (step === 0) throw refused(3, "range");
  const count = Math.floor((to - from) / step + 1e-9) + 1;
  if (count > LONGEST_RANGE)
    throw new FunctionError(
      "D2014",
      `The size of the sequence allocated by $range must not exceed 1e7.  Attempted to allocate ${count}.`,
      { value: count },
    );
  return Array.from({ length: Math.max(0, count) }, (_, index) => from + index * step);
}

function hash(data: unknown, algorithm: unknown): string | undefined {
  if (data === undefined) return undefined;
  const name = HASHES[String(algorithm)];
  if (name === undefined) {
    throw refused(2, "hash");
  }
  return createHash(name)
    .update(typeof data === "string" ? data : JSON.stringify(data))
    .digest("hex");
}

function parse(text: unknown): unknown {
  if (text === undefined) return undefined;
  if (typeof text !== "string") throw refused(1, "parse");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FunctionError("D3137", `$parse: ${(error as Error).message}`);
  }
}

function uuid(random: () => number): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(random() * 16));
  digits[12] = 4;
  digits[16] = ((digits[16] as number) & 3) | 8;
  const hex = digits.map((digit) => digit.toString(16)).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * What Step Functions adds to JSONata 2.0.6 (`$partition $range $hash $random $uuid $parse`), takes away (`$eval`),
 * and what must follow the engine's clock (`$now`, `$millis`).
 * Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
 */
export function stepFunctionsFunctions(world: ExpressionWorld): Record<string, unknown> {
  return {
    partition,
    range,
    hash,
    parse,
    random: (seed?: unknown) =>
      seed === undefined ? world.random() : seeded(Math.trunc(numberArgument(seed, 1, "random")))(),
    uuid: () => uuid(world.random),
    millis: () => world.now,
    now: (picture?: string, zone?: string) => formatTime.evaluate(undefined, { time: world.now, picture, zone }),
    eval: undefined,
  };
}
