// An intake of many small made images on this machine: how fast, in how much memory, and the same catalogue after kills.
// npm run bench:intake -- [--images N] [--kills N] [--json]
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { madeKind } from "./made-images.ts";

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "100000" },
    kills: { type: "string", default: "3" },
    json: { type: "boolean", default: false },
  },
});
const images = Number(values.images);
const kills = Number(values.kills);

interface Told {
  step: "stored" | "sealed" | "admitted" | "trouble" | "done";
  stored?: number;
  batches?: number;
  catalogue?: { key: string; files: number; admitted: number; quarantined: number; duplicates: number };
}

/** Resident memory in MB: of the process itself, and of all its children together. */
function memoryOf(pid: number): { host: number; all: number } {
  const own = residentMb(pid);
  let all = own;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = /PPid:\s+(\d+)/.exec(statusOf(Number(name)))?.[1];
    if (Number(parent) === pid) all += residentMb(Number(name));
  }
  return { host: own, all };
}

function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(statusOf(pid))?.[1] ?? 0) / 1024;
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "";
  }
}

interface Life {
  catalogue?: Told["catalogue"];
  seconds: number;
  sealedAfter?: number;
  cpuSeconds: number;
  /** Memory by the share of the work that was done, in MB. */
  samples: { host: number; all: number; batches: number; sealed: boolean }[];
  killed: boolean;
}

/** Runs a life; kills it with SIGKILL once `until` says so. */
async function live(folder: string, until: (told: Told, batches: number) => boolean): Promise<Life> {
  const started = performance.now();
  const program = new URL("./intake-life.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, folder, String(images)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const life: Life = { seconds: 0, cpuSeconds: 0, samples: [], killed: false };
  let batches = 0;
  const sample = setInterval(() => {
    const pid = child.pid as number;
    life.samples.push({ ...memoryOf(pid), batches, sealed: life.sealedAfter !== undefined });
    life.cpuSeconds = cpuSeconds(pid) ?? life.cpuSeconds;
  }, 250);
  const exited = new Promise<number | null>((resolve) => child.on("exit", resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    const told = JSON.parse(line) as Told & { message?: string };
    if (told.step === "trouble") console.error(line);
    if (told.step === "sealed") life.sealedAfter = (performance.now() - started) / 1000;
    if (told.step === "admitted") {
      batches = told.batches as number;
      if (!values.json && batches % 100 === 0) console.error(`${batches * 100} images looked at`);
    }
    if (told.step === "done") life.catalogue = told.catalogue;
    if (!life.killed && told.step !== "done" && until(told, batches)) {
      life.killed = true;
      child.kill("SIGKILL");
    }
  }
  const code = await exited;
  clearInterval(sample);
  life.seconds = (performance.now() - started) / 1000;
  if (!life.killed && code !== 0) throw new Error(`the intake ended with ${code}`);
  return life;
}

/** User and system seconds of a process and of its children that have ended. */
function cpuSeconds(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i]), 0) / 100;
  } catch {
    return undefined;
  }
}

const root = mkdtempSync(join(tmpdir(), "countersign-intake-"));
process.on("exit", () => rmSync(root, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

const whole = await live(join(root, "whole"), () => false);

// The same again, killed while it stores, and while it admits.
const batches = Math.ceil(images / 100);
const lives: Life[] = [];
for (let kill = 0; kill < kills; kill += 1) {
  const share = (kill + 1) / (kills + 1);
  lives.push(
    await live(join(root, "killed"), (told, done) =>
      kill === 0 ? (told.stored ?? 0) >= images / 3 : done >= Math.max(1, (share * batches) / 2),
    ),
  );
}
const last = kills === 0 ? whole : await live(join(root, "killed"), () => false);

const expected = { image: 0, copy: 0, broken: 0 };
for (let n = 0; n < images; n += 1) expected[madeKind(n)] += 1;
const admitting = whole.samples.filter((s) => s.batches > 0 && s.batches < batches);
const quarter = (from: number) => {
  const part = admitting.filter((s) => s.batches >= from * batches && s.batches < (from + 0.25) * batches);
  return Math.round(Math.max(0, ...part.map((s) => s.host)));
};
const killed = lives.filter((l) => l.killed).length;
if (killed < kills)
  console.error(`${killed} of ${kills} kills happened: the intake ended before; bring more images with --images`);
const rounded = (value: number) => Math.round(value * 10) / 10;
const result = {
  images,
  seconds: rounded(whole.seconds),
  sealSeconds: rounded(whole.sealedAfter ?? 0),
  imagesPerSecond: Math.round(images / whole.seconds),
  peakMb: Math.round(Math.max(...whole.samples.map((s) => s.all))),
  hostPeakMb: Math.round(Math.max(...whole.samples.map((s) => s.host))),
  /** The host's peak while it builds the catalogue, which holds what is known of every image. */
  cataloguePeakMb: Math.round(Math.max(0, ...whole.samples.filter((s) => s.batches >= batches).map((s) => s.host))),
  /** The host's peak in each quarter of the admission: flat, or growing with what is done? */
  hostMbByQuarter: [0, 0.25, 0.5, 0.75].map(quarter),
  catalogue: whole.catalogue,
  countsAreRight:
    whole.catalogue?.files === images &&
    whole.catalogue.quarantined === expected.broken &&
    whole.catalogue.duplicates === expected.copy,
  kills: killed,
  /** Null where nothing was killed as asked: then nothing was shown. */
  sameAfterKills: killed < kills ? null : JSON.stringify(last.catalogue) === JSON.stringify(whole.catalogue),
  secondsWithKills: rounded([...lives, last].reduce((sum, l) => sum + l.seconds, 0)),
};
console.log(values.json ? JSON.stringify(result) : result);
process.exitCode = result.countsAreRight && result.sameAfterKills === true ? 0 : 1;
