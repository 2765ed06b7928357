/**
 * One arm of one simulated campaign: the product's labelling, rehearsed with simulated people who share the photos'
 * difficulty. Argument: JSON {embeddings, seed, classes, labelling, labelAccuracy, model}. Prints one JSON line.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { type Chance, chance } from "../../domain/chance.ts";
import { outOfFold } from "../../domain/model-prior/out-of-fold.ts";
import type { Person, Pool } from "../../local/people/pool.ts";
import { rehearse } from "../../local/rehearsal/rehearse.ts";
import type { Picture } from "../../local/rehearsal/scenery.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { readEmbedded } from "./embedded-photos.ts";

export interface ArmRequest {
  embeddings: string;
  seed: number;
  /** Parts of the agreement that differ between arms. */
  labelling: Record<string, number | string>;
  labelAccuracy: number;
  /** Whether features are given, so that a model may have a say. */
  model: boolean;
  /** Where the frozen dataset is written for the probe. */
  out: string;
}

/** Share of the photos that are hard, and how often people are misled on one: uniform between these. */
const HARD = { share: 0.15, from: 0.2, to: 0.7 };
const PRICE = 0.03;
const EXPERT_PRICE = 0.3;
const VENDORS = ["alder", "birch", "cedar", "dogwood"];
/** Of 20 people per vendor: how many are of each kind. */
const KINDS = { good: 12, sloppy: 5, confused: 2, spammer: 1 };
const ACCURACY = { good: 0.95, sloppy: 0.85 };

const request = JSON.parse(process.argv[2] ?? "{}") as ArmRequest;
const { embeddings, seed, labelling, labelAccuracy, model, out } = request;
const photos = readEmbedded(embeddings);
const classes = Array.from({ length: photos.classes }, (_, k) => `class-${k}`);
const bytes = readFileSync(join(embeddings, "embeddings.f32"));
const index = JSON.parse(readFileSync(join(embeddings, "embeddings.json"), "utf8")) as { ids: string[]; dim: number };
const values = new Float32Array(new Uint8Array(bytes).buffer);
const pictures = hardened();
const agreement = Campaign.parse({
  name: "bench",
  classes,
  vendors: VENDORS.map((id) => ({ id, name: id, pricePerAnswer: PRICE })),
  expertPricePerAnswer: EXPERT_PRICE,
  labelling,
  quality: { labelAccuracy },
});
const archive = model ? await embeddingArchive() : new Uint8Array();
const played = await rehearse(agreement, {
  images: { pictures, ...(model ? { embeddings: archive } : {}) },
  seed,
  pool: pool(),
});
const truth = new Map(pictures.map(({ sha256, label }) => [sha256, label]));
const { dataset, truth: sealed, ...rest } = played;
const row = new Map(photos.sha256s.map((sha256, i) => [sha256, i]));
writeFileSync(
  out,
  JSON.stringify({
    train: dataset.items.map(({ sha256, soft, group }) => ({ row: row.get(sha256), soft, group })),
    test: sealed.items.map(({ sha256 }) => row.get(sha256)),
  }),
);
const wrong = sealed.items.filter(({ sha256, label }) => truth.get(sha256) !== label).length;
process.stdout.write(
  `${JSON.stringify({ ...rest, testImages: sealed.items.length, testWrong: wrong, residualUpper: sealed.residualError.upper })}\n`,
);

/** Photos with the difficulty that people share: what a probe on true labels finds hard is likelier to be hard for them. */
function hardened(): Picture[] {
  const random: Chance = chance(`campaign/${seed}/difficulty`);
  const images = photos.sha256s.map((sha256, i) => ({
    sha256,
    group: sha256,
    soft: classes.map((_, k) => (k === photos.truth[i] ? 1 : 0)),
  }));
  const found = outOfFold(images, { values, width: index.dim }, classes.length, 1);
  if (found === undefined) throw new Error("too few photos to tell which are hard");
  const others = images.map((_, i) => {
    const row = found.probabilities.subarray(i * classes.length, (i + 1) * classes.length);
    const ranked = Array.from(row.keys())
      .filter((k) => k !== photos.truth[i])
      .sort((a, b) => (row[b] as number) - (row[a] as number));
    const twin = ranked[0] as number;
    return { twin, doubt: row[twin] as number };
  });
  // Half of a photo's hardness is what the probe doubts, half is its own.
  const byDoubt = ranks(others.map(({ doubt }) => doubt));
  const byChance = ranks(others.map(() => random.uniform()));
  const hardness = ranks(byDoubt.map((rank, i) => rank + (byChance[i] as number)));
  return photos.sha256s.map((sha256, i) => {
    const label = classes[photos.truth[i] as number] as string;
    const rate = HARD.from + (HARD.to - HARD.from) * random.uniform();
    const twin = classes[(others[i] as { twin: number }).twin] as string;
    const isHard = (hardness[i] as number) >= photos.sha256s.length * (1 - HARD.share);
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
  archive.entry({ name: "embeddings.json" }, readFileSync(join(embeddings, "embeddings.json")));
  archive.entry({ name: "embeddings.f32" }, bytes);
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) pieces.push(piece as Buffer);
  return gzipSync(Buffer.concat(pieces), { level: 1 });
}
