import fc from "fast-check";
import { expect, test } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { catalogueEntries, catalogueShardKeys, mustFit, readCatalogue } from "../../lambdas/store/catalogues.ts";
import { type DocumentItem, documentItems } from "../../lambdas/store/document-items.ts";
import { MOST_FILES } from "../../lambdas/store/intakes.ts";
import { canonicalJson } from "../../schemas/canonical.ts";
import type { Catalogue } from "../../schemas/catalogue.ts";

const { objects } = memoryPorts();
let written = 0;

async function stored(text: string): Promise<string> {
  written += 1;
  const key = `documents/${written}.json`;
  await objects.put(key, Buffer.from(text), "absent");
  return key;
}

async function itemsOf(text: string, pieceBytes: number): Promise<DocumentItem[]> {
  const items: DocumentItem[] = [];
  for await (const some of documentItems(objects, await stored(text), pieceBytes)) items.push(...some);
  return items;
}

test("a document read in pieces of any size has the members and items that JSON.parse finds", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6 }),
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom(0, 2),
      async (value, pieceBytes, indent) => {
        const text = indent === 0 ? canonicalJson(value) : JSON.stringify(value, undefined, indent);
        const found = new Map<string, unknown[]>();
        for (const { member, text: item } of await itemsOf(text, pieceBytes))
          found.set(member, [...(found.get(member) ?? []), JSON.parse(item)]);
        const expected = new Map<string, unknown[]>();
        for (const [member, v] of Object.entries(JSON.parse(text) as object)) {
          const values: unknown[] = Array.isArray(v) ? v : [v];
          if (values.length > 0) expected.set(member, values);
        }
        expect(found).toEqual(expected);
      },
    ),
    { numRuns: 200 },
  );
});

const entry = (n: number) => {
  const sha256 = n.toString(16).padStart(64, "0");
  const place = { key: `packs/${n}`, offset: 0, bytes: 10 };
  const hash = n.toString(16).padStart(16, "0");
  const facts = {
    ...{
      width: 8,
      height: 8,
      type: "jpeg" as const,
      bytes: 100,
      brightness: 0.5,
      contrast: 0.1,
      entropy: 5,
      blur: 0.5,
    },
    ...{ grayscale: false, dHash: hash, pHash: hash },
  };
  return {
    sha256,
    findings: [],
    facts,
    web: place,
    thumbnail: place,
    names: [`{"],${n}.jpg`],
    group: sha256,
    cycle: 1,
  };
};
const catalogue: Catalogue = {
  campaign: "parts",
  cycle: 1,
  counts: { files: 3, admitted: 3, quarantined: 0, duplicates: 0, known: 0 },
  entries: [entry(1), entry(2), entry(3)],
  quarantined: [],
  shards: [{ key: "shards/1", sha256: "0".repeat(64), images: 3 }],
};

test("a catalogue, its entries alone and its shards alone are what was written", async () => {
  const key = await stored(canonicalJson(catalogue));
  expect(await readCatalogue(objects, key)).toEqual(catalogue);
  const entries = [];
  for await (const some of catalogueEntries(objects, key)) entries.push(...some);
  expect(entries).toEqual(catalogue.entries);
  expect(await catalogueShardKeys(objects, key)).toEqual(["shards/1"]);
});

test("a campaign takes images up to its limit, known ones and refused ones uncounted, and says what to do beyond", () => {
  const admitted = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({ sha256: `${from + i}`, verdict: "admitted" as const }));
  const earlier = admitted(0, MOST_FILES - 10);
  const refused = { sha256: "x", verdict: "quarantined" as const };
  expect(() => mustFit("parts", earlier, [...admitted(MOST_FILES - 20, 20), refused])).not.toThrow();
  expect(() => mustFit("parts", earlier, admitted(MOST_FILES - 20, 21))).toThrow(
    `"parts" holds ${MOST_FILES - 10} images and would hold ${MOST_FILES + 1} with this intake; at most ${MOST_FILES} fit into one campaign. Nothing is lost: open another campaign`,
  );
});

test("a catalogue that is missing, cut off or of another form is refused by its key", async () => {
  const text = canonicalJson(catalogue);
  await expect(readCatalogue(objects, "nowhere")).rejects.toThrow("no document at nowhere");
  await expect(readCatalogue(objects, await stored(text.slice(0, -20)))).rejects.toThrow(/is not JSON: it ends early/);
  const other = await stored(text.replace('"group"', '"grape"'));
  await expect(readCatalogue(objects, other)).rejects.toThrow(`${other} is not of its form in entries`);
  await expect(readCatalogue(objects, await stored('{"entries":[]}'))).rejects.toThrow(/is not of its form/);
});
