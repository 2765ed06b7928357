/**
 * Keeps the pairs whose embeddings agree: hashes see outlines, embeddings what is shown. Rows have length 1, so the
 * cosine is their dot product. A pair with an image that has no row is kept: doubt keeps a group together.
 */
export function confirmPairs(
  sha256s: readonly string[],
  pairs: readonly (readonly [number, number])[],
  embeddings: { ids: readonly string[]; dim: number; vectors: Float32Array },
  leastCosine: number,
): [number, number][] {
  const row = new Map(embeddings.ids.map((id, i) => [id, i]));
  return pairs
    .filter(([a, b]) => {
      const rowA = row.get(sha256s[a] as string);
      const rowB = row.get(sha256s[b] as string);
      if (rowA === undefined || rowB === undefined) return true;
      return dot(embeddings.vectors, rowA * embeddings.dim, rowB * embeddings.dim, embeddings.dim) >= leastCosine;
    })
    .map(([a, b]) => [a, b]);
}

function dot(vectors: Float32Array, a: number, b: number, dim: number): number {
  let sum = 0;
  for (let i = 0; i < dim; i += 1) sum += (vectors[a + i] as number) * (vectors[b + i] as number);
  return sum;
}
