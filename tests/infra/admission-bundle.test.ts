/** The function that decodes images, as it is packed: its own process finds the decoders and looks at a real picture. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BundledFunction, bundleFunctions } from "../../infra/bundle.ts";
import { picture, sha256 } from "../ingest/pictures.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// Below the repository's root, as functions/ is below the image's: both find node_modules above them.
const folder = join(ROOT, "build", "test-admission-bundle");
let admission: BundledFunction;
let bundle: BundledFunction[];

beforeAll(async () => {
  bundle = await bundleFunctions(folder);
  admission = bundle.find(({ name }) => name === "admit-images") as BundledFunction;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every function is at most 600 KB of code", () => {
  expect(bundle.filter(({ bytes }) => bytes > 600_000).map(({ name, bytes }) => [name, bytes])).toEqual([]);
  expect(bundle.length).toBeGreaterThanOrEqual(20);
});

test("it is shipped as an image, with the program that decodes beside it", () => {
  expect(admission.native).toBe(true);
  expect(existsSync(join(admission.folder, "imaging-worker.mjs"))).toBe(true);
});

test("what it leaves out of the bundle is installed in the image, for Lambda's processor too", () => {
  const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), "utf8"));
  const { dependencies } = read("package.json");
  const { packages } = read("package-lock.json");
  for (const name of ["sharp", "@julusian/jpeg-turbo"]) {
    expect(readFileSync(join(admission.folder, "imaging-worker.mjs"), "utf8")).toContain(`"${name}"`);
    expect(dependencies[name]).toBeDefined();
  }
  for (const name of ["sharp-linux-arm64", "sharp-libvips-linux-arm64"])
    expect(packages[`node_modules/@img/${name}`]).toMatchObject({ os: ["linux"], cpu: ["arm64"] });
  expect(existsSync(join(ROOT, "node_modules/@julusian/jpeg-turbo/prebuilds/jpeg-turbo-linux-arm64"))).toBe(true);
});

/** As much of S3 as admission asks for: objects by path. */
async function store(objects: Map<string, Buffer>): Promise<Server> {
  const server = createServer((request, response) => {
    const key = decodeURIComponent((request.url ?? "").split("?")[0] as string).replace(/^\/[^/]+\//, "");
    if (request.method === "PUT") {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        objects.set(key, Buffer.concat(parts));
        response.setHeader("etag", `"${sha256(objects.get(key) as Buffer)}"`).end();
      });
      return;
    }
    const found = objects.get(key);
    response.statusCode = found === undefined ? 404 : 200;
    response.setHeader("etag", `"${sha256(found ?? Buffer.alloc(0))}"`).end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

test("under Node it admits a JPEG, a large one, a PNG and a WebP, and quarantines what is broken", async () => {
  const files = {
    "a.jpg": await picture(1),
    "large.jpg": await picture(2, { width: 3200, height: 200 }),
    "b.png": await picture(3, { type: "png" }),
    "c.webp": await picture(4, { type: "webp" }),
    "broken.jpg": (await picture(5)).subarray(0, 900),
  };
  const objects = new Map<string, Buffer>();
  const items = Object.entries(files).map(([name, bytes]) => {
    const key = `campaigns/parts/images/${sha256(bytes)}`;
    objects.set(key, bytes);
    return { key, name, sha256: sha256(bytes), bytes: bytes.length };
  });
  const server = await store(objects);
  try {
    const code = `const { handler } = await import(process.argv[1]);
      process.stdout.write("ANSWER" + JSON.stringify(await handler(JSON.parse(process.argv[2]))) + "\\n");
      process.exit(0);`;
    const event = JSON.stringify({ campaign: "parts", cycle: 1, items });
    const child = spawn(
      process.execPath,
      ["--input-type=module", "-e", code, join(admission.folder, "index.mjs"), event],
      {
        env: {
          PATH: process.env.PATH ?? "",
          AWS_REGION: "eu-central-1",
          AWS_ACCESS_KEY_ID: "none",
          AWS_SECRET_ACCESS_KEY: "none",
          AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
          BUCKET: "bucket",
          ENVIRONMENT: "dev",
        },
        timeout: 60_000,
      },
    );
    let said = "";
    child.stdout.on("data", (part) => (said += part));
    child.stderr.on("data", (part) => (said += part));
    await new Promise((resolve) => child.on("close", resolve));
    const answer = JSON.parse(/ANSWER(.*)/.exec(said)?.[1] ?? `{"said":${JSON.stringify(said)}}`);
    expect(answer).toMatchObject({ admitted: 4, quarantined: 1 });
    const { results } = JSON.parse((objects.get(answer.resultKey) as Buffer).toString("utf8"));
    expect(results.map((r: { name: string; verdict: string }) => [r.name, r.verdict])).toEqual(
      Object.keys(files).map((name) => [name, name === "broken.jpg" ? "quarantined" : "admitted"]),
    );
  } finally {
    server.close();
  }
}, 90_000);
