import { createHmac } from "node:crypto";
import type { Sealer } from "../ports.ts";

const keys = new WeakMap<Sealer, Map<string, Promise<string>>>();
/** Purposes that are kept: today's and yesterday's links, members. */
const MOST_KEPT = 8;

/**
 * HMAC-SHA256 (hex) under a key of the purpose's own, which follows from the sealer's key: every host makes the same one, and
 * a signature costs no request. For what is signed with each answer; approvals are signed by the sealer itself.
 */
export async function signFor(sealer: Sealer, purpose: string, text: string): Promise<string> {
  return createHmac("sha256", await keyFor(sealer, purpose))
    .update(text)
    .digest("hex");
}

function keyFor(sealer: Sealer, purpose: string): Promise<string> {
  const known = keys.get(sealer) ?? new Map<string, Promise<string>>();
  keys.set(sealer, known);
  const there = known.get(purpose);
  if (there !== undefined) return there;
  const made = sealer.sign(`key for ${purpose}`);
  if (known.size >= MOST_KEPT) known.clear();
  known.set(purpose, made);
  made.catch(() => known.delete(purpose));
  return made;
}
