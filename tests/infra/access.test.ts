import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { accessOf, OpaqueAccessError } from "../../infra/access.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = async (code: string) =>
  (await accessOf({ sample: `export const run = async (ports) => { ${code} };` }, root)).sample;

test("every port's method that is called is seen, others are not", async () => {
  expect(
    await read('await ports.records.get({}); await ports.objects.put("a"); await ports.tokens.succeed("t", {});'),
  ).toEqual({
    calls: { objects: ["put"], records: ["get"], tokens: ["succeed"] },
    sealedTruth: false,
    machines: [],
  });
});

test("a single call of a single port is seen", async () => {
  expect((await read("await ports.endpoints.invoke();"))?.calls).toEqual({ endpoints: ["invoke"] });
});

test("the workflow that is started is seen by name", async () => {
  expect((await read('await ports.workflows.start("lot", name, {});'))?.machines).toEqual(["lot"]);
});

test("the sealed truth is seen by its key", async () => {
  expect((await read('await ports.objects.get(objectKeys.sealedTruth("c", "d"));'))?.sealedTruth).toBe(true);
});

test("code that nobody reaches grants nothing", async () => {
  const code =
    "const never = async (p) => p.records.delete({}); export const run = async (ports) => ports.records.get({});";
  expect((await accessOf({ sample: code }, root)).sample?.calls).toEqual({ records: ["get"] });
});

test.each(["const { get } = ports.records; await get();", 'await ports.records["get"]();'])(
  "a hidden method is refused: %s",
  async (code) => {
    await expect(read(code)).rejects.toThrow(OpaqueAccessError);
  },
);
