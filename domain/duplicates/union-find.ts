/** Disjoint sets over 0..n-1 (Tarjan 1975: union by size, path halving). A set's name is its smallest member. */
export class UnionFind {
  readonly #parent: Int32Array;
  readonly #smallest: Int32Array;
  readonly #size: Int32Array;

  constructor(n: number) {
    this.#parent = Int32Array.from({ length: n }, (_, i) => i);
    this.#smallest = Int32Array.from(this.#parent);
    this.#size = new Int32Array(n).fill(1);
  }

  #root(i: number): number {
    let at = i;
    while (this.#parent[at] !== at) {
      this.#parent[at] = this.#parent[this.#parent[at] as number] as number;
      at = this.#parent[at] as number;
    }
    return at;
  }

  union(a: number, b: number): void {
    const first = this.#root(a);
    const second = this.#root(b);
    if (first === second) return;
    const firstIsLarger = (this.#size[first] as number) >= (this.#size[second] as number);
    const [keep, join] = firstIsLarger ? [first, second] : [second, first];
    this.#parent[join] = keep;
    this.#size[keep] = (this.#size[keep] as number) + (this.#size[join] as number);
    this.#smallest[keep] = Math.min(this.#smallest[keep] as number, this.#smallest[join] as number);
  }

  /** Smallest member of i's set. */
  name(i: number): number {
    return this.#smallest[this.#root(i)] as number;
  }
}
