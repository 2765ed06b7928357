import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { memoryPorts } from "../../adapters/memory/index.ts";
import type { Counted } from "../../infra/cost/model.ts";
import { imagingPool } from "../../lambdas/imaging/pool.ts";
import { runStage } from "../../lambdas/stage.ts";
import { admitImages } from "../../lambdas/stages/admit-images.ts";
import { sha256Hex } from "../../lambdas/store/documents.ts";
import { drawSample, SAMPLE_CLASSES } from "../../local/sample/draw.ts";
import { Campaign } from "../../schemas/campaign.ts";
import type { IntakeItem } from "../../schemas/intake.ts";
import { definitionText, MACHINES } from "../../workflow/definition.ts";
import { Ledger } from "./ledger.ts";
import { incoming, largePhotos } from "./photos.ts";
import { simulate } from "./simulated.ts";

/**
 * Counts what campaigns of several sizes ask of AWS, in simulated runs of the product's own workflow, stages and portal, and
 * writes it to infra/cost/counted.json for `npm run cost`. `npm run cost:count -- [--sizes 500,1000,2000] [--photos 24] [--append]`
 * With `--append` the sizes come beside those that were counted of the same workflow.
 */
const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "500,1000,2000" },
    photos: { type: "string", default: "24" },
    append: { type: "boolean" },
  },
});
const sizes = values.sizes.split(",").map(Number);
const file = new URL("../../infra/cost/counted.json", import.meta.url);
const workflow = sha256Hex(MACHINES.map((machine) => definitionText(machine)).join("\n"));
const before = values.append ? (JSON.parse(readFileSync(file, "utf8")) as Counted) : undefined;
if (before !== undefined && before.workflow !== workflow)
  throw new Error("the workflow is another one than was counted: count again without --append");
if (sizes.length + (before?.runs.length ?? 0) < 2 || sizes.some((n) => !Number.isSafeInteger(n) || n < 100))
  throw new Error(
    `--sizes is "${values.sizes}"; expected at least two whole numbers of at least 100, such as 500,1000,2000`,
  );

const agreement = Campaign.parse({
  name: "counted",
  classes: [...SAMPLE_CLASSES],
  vendors: ["alder", "birch", "cedar", "dogwood"].map((id, i) => ({ id, name: id, pricePerAnswer: 0.03 + i / 500 })),
  training: { backbone: "descriptor" },
  // Variants compete from about 2,500 images on, or where a wish is stated: the bill has their job in it.
  quality: { latencyMs: 1000 },
  approvals: { mode: "auto" },
  budget: 1_000_000,
});

const runs = [];
for (const images of sizes) {
  const folder = mkdtempSync(join(tmpdir(), "countersign-photos-"));
  try {
    await drawSample(folder, { count: images, seed: 11 });
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => incoming(path.slice(folder.length + 1), readFileSync(path)));
    const began = performance.now();
    const { record, ...counts } = await simulate(agreement, files);
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    process.stderr.write(`${images} images: ${record.outcome} in ${seconds} s\n`);
    runs.push({ images, outcome: record.outcome, counts: record.counts, seconds, ...counts });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Admission on photos as large as those that are dropped: bytes kept and CPU time, per image. */
async function admission(count: number) {
  const photos = await largePhotos(count, 3);
  const ledger = new Ledger();
  const world = memoryPorts();
  const ports = ledger.counted(world);
  const items: IntakeItem[] = [];
  for (const { name, read } of photos) {
    const bytes = await read();
    const sha256 = sha256Hex(bytes);
    const key = `campaigns/counted/files/${sha256.slice(0, 2)}/${sha256}`;
    await world.objects.put(key, bytes, "any");
    items.push({ name, key, sha256, bytes: bytes.length });
  }
  let decoding = 0;
  const pool = imagingPool({
    onCost({ cpuMilliseconds = 0 }) {
      decoding += cpuMilliseconds;
    },
  });
  for (const { name, sha256, key } of items) {
    const { bytes } = (await world.objects.get(key)) as { bytes: Uint8Array };
    await pool.inspect({ name, sha256, bytes });
  }
  pool.close();
  await ledger.within("admit", 0, () =>
    runStage(admitImages as never, { campaign: "counted", cycle: 1, items }, ports),
  );
  const each = (n: number) => Math.round((10 * n) / count) / 10;
  return {
    photos: count,
    bytes: each(items.reduce((sum, item) => sum + item.bytes, 0)),
    decodeCpuMilliseconds: each(decoding),
    stageCpuMilliseconds: each(ledger.parts.get("admit")?.cpuMilliseconds ?? 0),
    stored: Object.fromEntries([...ledger.stored].map(([folder, bytes]) => [folder, each(bytes)])),
  };
}

const counted = {
  countedOn: new Date().toISOString().slice(0, 10),
  command: `npm run cost:count -- --sizes ${[...(before?.runs ?? []).map(({ images }) => images), ...sizes].join(",")} --photos ${values.photos}`,
  load: loadavg().map((n) => Math.round(10 * n) / 10),
  workflow,
  labelling: { lotSize: agreement.labelling.lotSize, vendors: agreement.vendors.length, pricePerAnswer: 0.03 },
  runs: [...(before?.runs ?? []).filter(({ images }) => !sizes.includes(images)), ...runs],
  admission: await admission(Number(values.photos)),
};
writeFileSync(file, `${JSON.stringify(counted, undefined, 2)}\n`);
process.exit(0);
