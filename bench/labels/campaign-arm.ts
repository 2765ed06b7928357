/**
 * One arm of one simulated campaign: the product's labelling, rehearsed by its own stages with simulated people, and the
 * probe that is trained on what it froze. Argument: JSON of an ArmRequest. Prints one JSON line, an ArmResult.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { chance } from "../../domain/chance.ts";
import { outOfFold } from "../../domain/model-prior/out-of-fold.ts";
import { fitHead, probabilitiesOf } from "../../domain/model-prior/softmax-regression.ts";
import type { Person, Pool } from "../../local/people/pool.ts";
import { type Rehearsal, rehearse } from "../../local/rehearsal/rehearse.ts";
import type { Picture } from "../../local/rehearsal/scenery.ts";
import { Campaign, type CampaignInput } from "../../schemas/campaign.ts";
import { readEmbedded } from "./embedded-photos.ts";
import { classNames, featuresOf } from "./hard-photos.ts";
import { EXPERT_PRICE, PRICE } from "./prices.ts";

export interface ArmRequest {
  embeddings: string;
  /** File with the photos as people see them: Picture[]. */
  pictures: string;
  seed: number;
  /** What differs between the arms. */
  agreement: Pick<CampaignInput, "labelling" | "quality" | "inspection">;
  /** Whether features are given, so that a model may have a say. */
  model: boolean;
}

export interface ArmResult extends Omit<Rehearsal, "dataset" | "truth"> {
  trainImages: number;
  /** Photos of the sealed test, and whether the model is right about each, by what the photo truly shows. */
  test: { sha256: string; right: boolean }[];
  /** Test photos whose sealed label is not what they show. */
  testWrong: number;
  poolAnswersUsd: number;
}

const VENDORS = ["alder", "birch", "cedar", "dogwood"];
/** Of 20 people per vendor: how many are of each kind. Before photos mislead them they are right 87 % of the time. */
const KINDS = { good: 12, sloppy: 5, confused: 2, spammer: 1 };
const ACCURACY = { good: 0.95, sloppy: 0.85 };

const { embeddings, pictures: file, seed, agreement: parts, model } = JSON.parse(process.argv[2] ?? "{}") as ArmRequest;
const photos = readEmbedded(embeddings);
const classes = classNames(photos);
const pictures = JSON.parse(readFileSync(file, "utf8")) as Picture[];
const agreement = Campaign.parse({
  name: "bench",
  classes,
  vendors: VENDORS.map((id) => ({ id, name: id, pricePerAnswer: PRICE })),
  expertPricePerAnswer: EXPERT_PRICE,
  ...parts,
});
const images = { pictures, ...(model ? { embeddings: await embeddingArchive() } : {}) };
const { dataset, truth, ...played } = await rehearse(agreement, { images, seed, pool: pool() });
const rightOn = train();
const shows = new Map(pictures.map(({ sha256, label }) => [sha256, label]));
const result: ArmResult = {
  ...played,
  trainImages: dataset.items.length,
  test: truth.items.map(({ sha256 }) => ({ sha256, right: rightOn(sha256) })),
  testWrong: truth.items.filter(({ sha256, label }) => shows.get(sha256) !== label).length,
  poolAnswersUsd: played.answersPerImage * played.poolImages * PRICE,
};
process.stdout.write(`${JSON.stringify(result)}\n`);

/** Ridge logistic regression on frozen features, as the training job's probe: strength by held-out log loss, all labels. */
function train(): (sha256: string) => boolean {
  const rows = featuresOf(photos);
  const rowOf = new Map(photos.sha256s.map((sha256, i) => [sha256, i]));
  const at = Int32Array.from(dataset.items, ({ sha256 }) => rowOf.get(sha256) as number);
  const values = new Float32Array(at.length * rows.width);
  at.forEach((row, i) => {
    values.set(rows.values.subarray(row * rows.width, (row + 1) * rows.width), i * rows.width);
  });
  const found = outOfFold(dataset.items, { values, width: rows.width }, classes.length, seed);
  if (found === undefined) throw new Error(`${at.length} labelled photos are too few to train on`);
  const soft = Float64Array.from(dataset.items.flatMap((item) => item.soft));
  const { head } = fitHead(rows, at, soft, classes.length, 1 / (found.strength * at.length));
  const p = new Float64Array(classes.length);
  return (sha256) => {
    const row = rowOf.get(sha256) as number;
    probabilitiesOf(head, rows, row, p);
    return p.indexOf(Math.max(...p)) === photos.truth[row];
  };
}

function pool(): Pool {
  return {
    annotators(vendor) {
      const draw = chance(`campaign/${seed}/${vendor}`);
      const kinds = Object.entries(KINDS).flatMap(([kind, n]) => new Array<Person["kind"]>(n).fill(kind as never));
      return draw.shuffle(kinds).map((kind, i): Person => {
        const person = { name: `${vendor}-${i + 1}`, kind, seconds: 6 };
        if (kind === "sloppy") return { ...person, accuracy: ACCURACY.sloppy };
        if (kind === "spammer") return { ...person, accuracy: 1 / classes.length };
        if (kind !== "confused") return { ...person, accuracy: ACCURACY.good };
        const pair = draw.sample(classes, 2) as [string, string];
        return { ...person, accuracy: ACCURACY.good, confuses: { pair, rate: 0.4 } };
      });
    },
    experts: [1, 2, 3].map((n) => ({ name: `expert-${n}`, kind: "expert", accuracy: 0.99, seconds: 20 })),
  };
}

async function embeddingArchive(): Promise<Uint8Array> {
  const archive = pack();
  for (const name of ["embeddings.json", "embeddings.f32"])
    archive.entry({ name }, readFileSync(join(embeddings, name)));
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) pieces.push(piece as Buffer);
  return gzipSync(Buffer.concat(pieces), { level: 1 });
}
