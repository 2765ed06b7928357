import { crc32 } from "node:zlib";
import { rank } from "../../domain/split/rank.ts";

/** Draws from a seed, so that a finding can be made again from its number. */
class Draws {
  #count = 0;
  readonly #seed: number;
  readonly #text: string;
  constructor(seed: number, text: string) {
    this.#seed = seed;
    this.#text = text;
  }
  /** An integer in [0, below). */
  next(below: number): number {
    this.#count += 1;
    return Math.floor(rank(this.#seed, this.#text, `${this.#count}`) * below);
  }
}

type Mutation = (bytes: Buffer, draws: Draws, other: Buffer) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  function flipBits(bytes, draws) {
    const copy = Buffer.from(bytes);
    for (let i = draws.next(8); i >= 0; i -= 1) {
      const at = draws.next(copy.length);
      copy[at] = (copy[at] as number) ^ (1 << draws.next(8));
    }
    return copy;
  },
  function setEdgeValues(bytes, draws) {
    const copy = Buffer.from(bytes);
    for (let i = draws.next(4); i >= 0; i -= 1)
      copy[draws.next(copy.length)] = [0, 1, 0x7f, 0x80, 0xfe, 0xff][draws.next(6)] as number;
    return copy;
  },
  function changeHeader(bytes, draws) {
    const copy = Buffer.from(bytes);
    for (let i = draws.next(3); i >= 0; i -= 1) copy[draws.next(Math.min(64, copy.length))] = draws.next(256);
    return copy;
  },
  function cutOff(bytes, draws) {
    return bytes.subarray(0, 1 + draws.next(bytes.length));
  },
  function takeOut(bytes, draws) {
    const from = draws.next(bytes.length);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + draws.next(200))]);
  },
  function repeatStretch(bytes, draws) {
    const from = draws.next(bytes.length);
    const stretch = bytes.subarray(from, from + 1 + draws.next(400));
    return Buffer.concat([
      bytes.subarray(0, from),
      ...Array.from({ length: 1 + draws.next(20) }, () => stretch),
      bytes.subarray(from),
    ]);
  },
  function splice(bytes, draws, other) {
    return Buffer.concat([bytes.subarray(0, draws.next(bytes.length)), other.subarray(draws.next(other.length))]);
  },
  function overwrite(bytes, draws) {
    const copy = Buffer.from(bytes);
    const from = draws.next(copy.length);
    for (let i = from; i < Math.min(copy.length, from + 1 + draws.next(300)); i += 1) copy[i] = draws.next(256);
    return copy;
  },
];

/** Mutation number `n` of a corpus; PNG checksums are mended every second time, so that decoders get to see it. */
export function mutated(corpus: readonly Buffer[], seed: number, n: number): Buffer {
  const draws = new Draws(seed, `mutation ${n}`);
  const base = corpus[draws.next(corpus.length)] as Buffer;
  const other = corpus[draws.next(corpus.length)] as Buffer;
  const mutate = MUTATIONS[draws.next(MUTATIONS.length)] as Mutation;
  const bytes = mutate(base, draws, other);
  return draws.next(2) === 0 ? mended(bytes) : bytes;
}

/** A PNG with right checksums wherever its chunks can still be followed; other files as they are. */
function mended(bytes: Buffer): Buffer {
  if (bytes.length < 8 || bytes.readUInt32BE(0) !== 0x89504e47) return bytes;
  const copy = Buffer.from(bytes);
  for (let at = 8; at + 12 <= copy.length; ) {
    const end = at + 12 + copy.readUInt32BE(at);
    if (end > copy.length) break;
    copy.writeUInt32BE(crc32(copy.subarray(at + 4, end - 4)), end - 4);
    at = end;
  }
  return copy;
}
