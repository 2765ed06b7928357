import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chance } from "../../domain/chance.ts";
import { outOfFold } from "../../domain/model-prior/out-of-fold.ts";
import type { Rows } from "../../domain/model-prior/softmax-regression.ts";
import type { Picture } from "../../local/rehearsal/scenery.ts";
import type { EmbeddedPhotos } from "./embedded-photos.ts";

/** Share of the photos that are hard, and how often people are misled on one: uniform between these. */
const HARD = { share: 0.15, from: 0.2, to: 0.7 };

export const classNames = (photos: EmbeddedPhotos) => Array.from({ length: photos.classes }, (_, k) => `class-${k}`);

export function featuresOf(photos: EmbeddedPhotos): Rows {
  const { dim } = JSON.parse(readFileSync(join(photos.folder, "embeddings.json"), "utf8")) as { dim: number };
  const bytes = readFileSync(join(photos.folder, "embeddings.f32"));
  return { values: new Float32Array(new Uint8Array(bytes).buffer), width: dim };
}

/** What a probe on true labels, out of fold, doubts most about each photo: the class it is nearest to, and how near. */
export function doubtsOf(photos: EmbeddedPhotos): { twin: number; doubt: number }[] {
  const classes = photos.classes;
  const certain = (truth: number) => Array.from({ length: classes }, (_, k) => (k === truth ? 1 : 0));
  const images = photos.sha256s.map((sha256, i) => ({
    sha256,
    group: sha256,
    soft: certain(photos.truth[i] as number),
  }));
  const found = outOfFold(images, featuresOf(photos), classes, 1);
  if (found === undefined) throw new Error("too few photos to tell which are hard");
  return images.map((_, i) => {
    const row = found.probabilities.subarray(i * classes, (i + 1) * classes);
    const others = Array.from(row.keys()).filter((k) => k !== photos.truth[i]);
    const twin = others.reduce((best, k) => ((row[k] as number) > (row[best] as number) ? k : best));
    return { twin, doubt: row[twin] as number };
  });
}

/** Photos with the difficulty that people share: half of it is what a probe on true labels doubts, half is a photo's own. */
export function hardPhotos(photos: EmbeddedPhotos, doubts: ReturnType<typeof doubtsOf>, seed: number): Picture[] {
  const random = chance(`campaign/${seed}/difficulty`);
  const classes = classNames(photos);
  const byDoubt = ranks(doubts.map(({ doubt }) => doubt));
  const byChance = ranks(doubts.map(() => random.uniform()));
  const hardness = ranks(byDoubt.map((rank, i) => rank + (byChance[i] as number)));
  return photos.sha256s.map((sha256, i) => {
    const rate = HARD.from + (HARD.to - HARD.from) * random.uniform();
    const isHard = (hardness[i] as number) >= photos.sha256s.length * (1 - HARD.share);
    const twin = classes[(doubts[i] as { twin: number }).twin] as string;
    const label = classes[photos.truth[i] as number] as string;
    return { sha256, label, ...(isHard ? { looksLike: { label: twin, rate } } : {}) };
  });
}

function ranks(values: readonly number[]): number[] {
  const order = Array.from(values.keys()).sort((a, b) => (values[a] as number) - (values[b] as number));
  const rank = new Array<number>(values.length).fill(0);
  order.forEach((i, at) => {
    rank[i] = at;
  });
  return rank;
}
