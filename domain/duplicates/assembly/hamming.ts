// The inner loop of the multi-index, in AssemblyScript: compiled into ../hamming-kernel.ts by `npm run kernels`.
// Addresses are bytes in the module's memory, laid out by the caller.

const TABLES: i32 = 4;
const BUCKETS: i32 = 65536;

/**
 * Writes to `found` the ids (u32) of all hashes within `radius` of `high << 32 | low`, each once, and returns how many.
 * Of each of the four tables, one behind the other: `hashes` its n hashes (u64) in the order of a 16-bit part, `ids` their
 * ids (u32), `starts` where each of 65,536 buckets begins (u32) and, last, n. `masks`: 137 u32 with 0, 1, then 2 bits of 16.
 */
export function near(
  hashes: usize,
  ids: usize,
  starts: usize,
  masks: usize,
  n: i32,
  high: i32,
  low: i32,
  radius: i32,
  found: usize,
): i32 {
  const wanted = ((<u64>(<u32>high)) << 32) | <u64>(<u32>low);
  const first = found;
  for (let table = 0; table < TABLES; table += 1) {
    const within = partRadius(radius, table);
    if (within < 0) break;
    const part = partOf(wanted, table);
    const buckets = within === 0 ? 1 : within === 1 ? 17 : 137;
    for (let m = 0; m < buckets; m += 1) {
      const bucket = starts + ((<usize>(part ^ load<i32>(masks + ((<usize>m) << 2)))) << 2);
      const end = hashes + ((<usize>load<u32>(bucket, 4)) << 3);
      for (let at = hashes + ((<usize>load<u32>(bucket)) << 3); at < end; at += 8) {
        const bits = load<u64>(at) ^ wanted;
        if (<i32>popcnt<u64>(bits) > radius) continue;
        if (foundBefore(bits, table, radius)) continue;
        store<u32>(found, load<u32>(ids + ((at - hashes) >> 1)));
        found += 4;
      }
    }
    hashes += (<usize>n) << 3;
    ids += (<usize>n) << 2;
    starts += (BUCKETS + 1) << 2;
  }
  return <i32>((found - first) >> 2);
}

/** Bits in which a table's part may differ: with radius = 4 a + b, a in the first b + 1 tables, a - 1 in the others. */
function partRadius(radius: i32, table: i32): i32 {
  return radius / TABLES - (table <= radius % TABLES ? 0 : 1);
}

function partOf(hash: u64, table: i32): i32 {
  return <i32>(hash >> <u64>(48 - 16 * table)) & 0xffff;
}

function foundBefore(bits: u64, table: i32, radius: i32): bool {
  for (let earlier = 0; earlier < table; earlier += 1) {
    if (popcnt<i32>(partOf(bits, earlier)) <= partRadius(radius, earlier)) return true;
  }
  return false;
}
