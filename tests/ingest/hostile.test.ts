import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { mutated } from "../../bench/ingest/mutations.ts";
import { inspect } from "../../lambdas/imaging/inspect.ts";
import { walkJpeg } from "../../lambdas/imaging/jpeg-walk.ts";
import { imagingPool } from "../../lambdas/imaging/pool.ts";
import { job, picture } from "./pictures.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDER = join(process.env.COUNTERSIGN_SHARED ?? join(ROOT, "..", "shared"), "data", "hostile");

async function corpus(): Promise<Buffer[]> {
  const small = { width: 48, height: 40 };
  return Promise.all([
    picture(1, small),
    picture(2, { ...small, progressive: true }),
    picture(3, { ...small, orientation: 6 }),
    picture(4, { ...small, type: "png" }),
    picture(5, { ...small, type: "webp" }),
  ]);
}

test("600 mutations of good pictures end in a verdict, none in a dead process", async () => {
  const ended: string[] = [];
  const pool = imagingPool({
    secondsPerFile: 5,
    onCost: ({ name, ended: why }) => void (why && ended.push(`${name} ${why}`)),
  });
  const files = await corpus();
  const seen = await Promise.all(
    Array.from({ length: 600 }, (_, n) => pool.inspect(job(`${n}`, mutated(files, 1, n)))),
  );
  pool.close();
  expect(ended).toEqual([]);
  const verdicts = seen.map((s) => s.verdict);
  expect(verdicts.filter((v) => v === "quarantined").length).toBeGreaterThan(300);
  for (const s of seen) if (s.verdict === "quarantined") expect(s.findings[0]?.message.length).toBeGreaterThan(10);
}, 60_000);

test("files looked at side by side in one process are what they are one by one", async () => {
  const files = await Promise.all(Array.from({ length: 12 }, (_, i) => picture(i, { width: 200, height: 150 })));
  const together = await Promise.all(files.map((bytes, i) => inspect(job(`${i}.jpg`, bytes))));
  for (const [i, bytes] of files.entries()) expect(together[i]).toEqual(await inspect(job(`${i}.jpg`, bytes)));
});

test("a code that does not exist is found where fast decoders take it for a zero", async () => {
  const bytes = await picture(6, { width: 640, height: 480, quality: 95 });
  const scan = bytes.lastIndexOf(Buffer.from("ffda", "hex"));
  // Twenty ones in a row begin no code: 1111 1111 needs its stuffing byte.
  const broken = Buffer.concat([
    bytes.subarray(0, scan + 2000),
    Buffer.from("ff00ff00ff00", "hex"),
    bytes.subarray(scan + 2006),
  ]);
  expect(() => walkJpeg(broken)).toThrow(/code that does not exist|end early|follow the last block/);
  expect(() => walkJpeg(bytes)).not.toThrow();
});

test("a restart marker where the file declares none is found", async () => {
  const plain = await picture(7, { width: 160, height: 160 });
  const at = plain.lastIndexOf(Buffer.from("ffda", "hex")) + 300;
  const withMarker = Buffer.concat([plain.subarray(0, at), Buffer.from("ffd3", "hex"), plain.subarray(at)]);
  expect(() => walkJpeg(withMarker)).toThrow();
});

test("the hostile folder, where it is there: no crash, nothing slow, nothing large, nothing wrong", () => {
  if (!existsSync(FOLDER)) {
    console.warn(
      `NOT RUN: the hostile folder is not at ${FOLDER}; set COUNTERSIGN_SHARED. The mutations above still ran.`,
    );
    return;
  }
  const args = ["bench/ingest/hostile.ts", FOLDER, "--json", "--no-made", "--mutations", "300", "--strict", "100"];
  const lines = execFileSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" }).trim().split("\n");
  const { files, crashes, overOneSecond, over300Mb, wrong, fuzzed, djpegStrict } = JSON.parse(lines.at(-1) as string);
  expect({ crashes, overOneSecond, over300Mb, wrong }).toEqual({
    crashes: 0,
    overOneSecond: 0,
    over300Mb: 0,
    wrong: 0,
  });
  expect(files).toBeGreaterThan(200);
  expect(fuzzed).toMatchObject({ files: 300, crashes: 0, overOneSecond: 0, over300Mb: 0 });
  if (djpegStrict.notRun !== undefined) console.warn(`NOT RUN: ${djpegStrict.notRun}`);
  else expect(djpegStrict.missed).toBe(0);
}, 120_000);
