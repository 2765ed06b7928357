import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { chance } from "../../domain/chance.ts";
import { normalCdf } from "../../domain/probability.ts";
import type { Picture } from "./scenery.ts";

/**
 * What is assumed of a model that nobody has trained yet: error = floor + scale x labels^-1/2, with a floor between .02 and .20
 * and a scale between .5 and 1.5, each equally likely. Frozen features and logistic regression were seen at .80 with 3,400
 * labels of five classes, .72 with 81 classes and above .99 on machine parts (docs/experiments.md); the range holds all three.
 */
const FLOOR = { from: 0.02, to: 0.2 };
const SCALE = { from: 0.5, to: 1.5 };

/** Accuracy of the model that so many labels make, drawn from the assumed curves by seed; at least twice chance. */
export function assumedAccuracy(labels: number, classes: number, seed: string | number): number {
  const draw = chance(`${seed}/learning-curve`);
  const between = ({ from, to }: typeof FLOOR) => from + draw.uniform() * (to - from);
  const error = between(FLOOR) + between(SCALE) / Math.sqrt(Math.max(1, labels));
  return Math.max(Math.min(0.9, 2 / classes), 1 - error);
}

/**
 * Features of made-up pictures in which the best linear model is right so often (0..1): a step along the class's own axis and
 * noise, scaled to length 1. As an embedding job's model.tar.gz. Follows from the seed.
 */
export async function madeFeatures(
  pictures: readonly Picture[],
  classes: readonly string[],
  accuracy: number,
  seed: string | number,
): Promise<Uint8Array> {
  const step = stepFor(accuracy, classes.length);
  const dim = classes.length;
  const values = new Float32Array(pictures.length * dim);
  pictures.forEach(({ sha256, label }, i) => {
    const draw = chance(`${seed}/features/${sha256}`);
    const row = classes.map((name) => draw.normal() + (name === label ? step : 0));
    const length = Math.hypot(...row);
    row.forEach((value, k) => {
      values[i * dim + k] = value / length;
    });
  });
  const index = { ids: pictures.map(({ sha256 }) => sha256), dim, count: pictures.length };
  const about = { backbone: "made-up", transformDigest: "made-up", weightsSha256: null };
  const archive = pack();
  archive.entry({ name: "embeddings.json" }, JSON.stringify({ ...index, ...about }));
  archive.entry({ name: "embeddings.f32" }, Buffer.from(values.buffer));
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) pieces.push(piece as Buffer);
  return gzipSync(Buffer.concat(pieces), { level: 1 });
}

/** Distance in standard deviations at which the largest of `classes` coordinates is the right one so often. */
export function stepFor(accuracy: number, classes: number): number {
  let [low, high] = [0, 12];
  for (let i = 0; i < 40; i += 1) {
    const middle = (low + high) / 2;
    if (chanceToLead(middle, classes) < accuracy) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(z + step is above the others): the integral of the normal density times the normal distribution to classes - 1. */
function chanceToLead(step: number, classes: number): number {
  const width = 0.05;
  let sum = 0;
  for (let z = -8; z <= 8; z += width)
    sum += (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * normalCdf(z + step) ** (classes - 1) * width;
  return sum;
}
