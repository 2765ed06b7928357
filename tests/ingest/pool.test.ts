import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { type ImagingPool, imagingPool, type PoolOptions } from "../../lambdas/imaging/pool.ts";
import { job, picture } from "./pictures.ts";

const faulty = fileURLToPath(new URL("./faulty-worker.ts", import.meta.url));
const pools: ImagingPool[] = [];
function open(options: PoolOptions): ImagingPool {
  const pool = imagingPool(options);
  pools.push(pool);
  return pool;
}
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close();
});

const named = (name: string) => job(name, Buffer.from(name));

test("files are looked at by other processes and answers come to their askers", async () => {
  const pool = open({ size: 2 });
  const pictures = await Promise.all(Array.from({ length: 20 }, (_, i) => picture(i)));
  const seen = await Promise.all(pictures.map((bytes, i) => pool.inspect(job(`${i}.jpg`, bytes))));
  expect(seen.map((s) => s.verdict)).toEqual(pictures.map(() => "admitted"));
  expect(seen.map((s) => (s.verdict === "admitted" ? s.facts.bytes : 0))).toEqual(pictures.map((p) => p.length));
});

test("a file that kills its decoder is quarantined, its neighbours are not", async () => {
  const pool = open({ size: 1, program: faulty });
  const seen = await Promise.all(["a", "b", "die", "c", "d"].map((name) => pool.inspect(named(name))));
  expect(seen.map((s) => s.findings.map((f) => f.code))).toEqual([[], [], ["corrupt"], [], []]);
  expect(seen[2]?.findings[0]?.message).toMatch(/^the decoder died on it/);
});

test("a file that takes too long is ended and the next one goes on", async () => {
  const pool = open({ size: 1, program: faulty, secondsPerFile: 0.3 });
  const seen = await Promise.all(["hang", "a"].map((name) => pool.inspect(named(name))));
  expect(seen.map((s) => s.findings.map((f) => f.code))).toEqual([["timeout"], []]);
});

test.runIf(process.platform === "linux")("a file that swells is ended", async () => {
  const pool = open({ size: 1, program: faulty, secondsPerFile: 20, bytesPerProcess: 200 * 1024 * 1024 });
  const seen = await Promise.all(["swell", "a"].map((name) => pool.inspect(named(name))));
  expect(seen.map((s) => s.findings.map((f) => f.code))).toEqual([["too-complex"], []]);
});

test("a program that does not start is an error, not a finding", async () => {
  const pool = open({ size: 1, program: "/nowhere/worker.ts" });
  await expect(pool.inspect(named("a"))).rejects.toThrow("the imaging process does not start");
});

test("closing rejects what waits, and a closed pool takes nothing", async () => {
  const pool = open({ size: 1, program: faulty });
  const waiting = pool.inspect(named("hang"));
  pool.close();
  await expect(waiting).rejects.toThrow("closed");
  await expect(pool.inspect(named("a"))).rejects.toThrow("closed");
});

test.runIf(process.platform === "linux")("the processes end with the host, even when it is killed", async () => {
  const program = `
    const { imagingPool } = await import(${JSON.stringify(new URL("../../lambdas/imaging/pool.ts", import.meta.url).href)});
    const pool = imagingPool({ size: 1, program: ${JSON.stringify(faulty)} });
    await pool.inspect({ name: "a", sha256: "", bytes: new Uint8Array(1) });
    console.log("done");
    setInterval(() => {}, 1000);
  `;
  const host = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => host.stdout.once("data", resolve));
  const children = readFileSync(`/proc/${host.pid}/task/${host.pid}/children`, "utf8").trim().split(" ");
  expect(children).toHaveLength(1);
  host.kill("SIGKILL");
  const gone = async () => {
    for (let i = 0; i < 100; i += 1) {
      if (!existsSync(`/proc/${children[0]}`)) return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return false;
  };
  expect(await gone()).toBe(true);
});
