/**
 * The two loops that consensus spends its time in, over rows of a worker table (see worker-models.ts). `place[i]` is where
 * the factors of answer i begin; its counts begin `row.length` further. Both walk so that running values stay in registers
 * and each table row is touched once: half the time of a loop per answer over all classes (docs/experiments.md).
 */

/** Multiplies `row` by the factors of the answers from..to-1, in their order. */
export function multiplyFactors(table: Float64Array, place: Int32Array, from: number, to: number, row: Float64Array) {
  const classes = row.length;
  let k = 0;
  for (; k + 1 < classes; k += 2) {
    let one = row[k]!;
    let two = row[k + 1]!;
    for (let i = from; i < to; i++) {
      const at = place[i]! + k;
      one *= table[at]!;
      two *= table[at + 1]!;
    }
    row[k] = one;
    row[k + 1] = two;
  }
  if (k === classes) return;
  let last = row[k]!;
  for (let i = from; i < to; i++) last *= table[place[i]! + k]!;
  row[k] = last;
}

/** Adds `row` to the counts of the answers from..to-1, in their order. */
export function addToCounts(table: Float64Array, place: Int32Array, from: number, to: number, row: Float64Array) {
  const classes = row.length;
  let i = from;
  for (; i + 1 < to; i += 2) {
    const one = place[i]! + classes;
    const two = place[i + 1]! + classes;
    for (let k = 0; k < classes; k++) {
      const share = row[k]!;
      table[one + k] = table[one + k]! + share;
      table[two + k] = table[two + k]! + share;
    }
  }
  if (i === to) return;
  const last = place[i]! + classes;
  for (let k = 0; k < classes; k++) table[last + k] = table[last + k]! + row[k]!;
}
