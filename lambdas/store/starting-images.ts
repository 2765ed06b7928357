import { diverseImages } from "../../domain/planner/diverse.ts";
import { shuffled } from "../../domain/split/rank.ts";
import type { Ports } from "../ports.ts";
import { readEmbeddings } from "./embeddings.ts";
import type { Labels } from "./labels.ts";

/**
 * The pool images that a campaign's first answers are bought for, where that is but a part: as different as their features
 * are, or at random where there are none. undefined: all, and always once anybody has answered anything.
 */
export async function startingImages(
  ports: Pick<Ports, "objects">,
  { agreement, split, known, waves }: Pick<Labels, "agreement" | "split" | "known" | "waves">,
  embeddingsKey: string,
): Promise<ReadonlySet<string> | undefined> {
  const { startShare } = agreement.labelling;
  if (startShare >= 1 || known.answers.size > 0 || waves.some(({ settled }) => settled)) return undefined;
  const wanted = Math.ceil(startShare * split.pool.length);
  const atRandom = () => shuffled(split.pool, agreement.seed, "start", (image) => image).slice(0, wanted);
  if ((await ports.objects.head(embeddingsKey)) === undefined) return new Set(atRandom());
  const { ids, dim, vectors } = await readEmbeddings(ports.objects, embeddingsKey);
  const rowOf = new Map(ids.map((id, row) => [id, row]));
  const pool = split.pool.filter((image) => rowOf.has(image));
  const rows = new Float32Array(pool.length * dim);
  pool.forEach((image, i) => {
    const row = rowOf.get(image) as number;
    rows.set(vectors.subarray(row * dim, (row + 1) * dim), i * dim);
  });
  return new Set([...diverseImages(rows, dim, wanted, agreement.seed)].map((i) => pool[i] as string));
}
