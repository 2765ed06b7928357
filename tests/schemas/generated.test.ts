import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generatedSchemas } from "../../schemas/generate.ts";

const folder = new URL("../../schemas/json/", import.meta.url);

test("schemas/json is what schemas/ says: run `npm run schemas` after a change", () => {
  const committed = new Map(
    readdirSync(folder)
      .sort()
      .map((file) => [file, readFileSync(new URL(file, folder), "utf8")]),
  );
  expect(Object.fromEntries(committed)).toEqual(Object.fromEntries(generatedSchemas()));
});

test("every pattern means the same to Python and to JavaScript", () => {
  const patterns = [...generatedSchemas().values()].flatMap((text) => [...text.matchAll(/"pattern": (".*?[^\\]")/g)]);
  expect(patterns.length).toBeGreaterThan(50);
  for (const [, pattern] of patterns) expect(JSON.parse(pattern as string)).not.toContain("\\p{");
});

test("a campaign may leave out what has a default, a stored dataset may leave out nothing", () => {
  const schemas = generatedSchemas();
  expect(JSON.parse(schemas.get("campaign.schema.json") as string).required).toEqual(["name", "classes", "vendors"]);
  expect(JSON.parse(schemas.get("dataset.schema.json") as string).required).toContain("counts");
});

test("no regular expression carries a flag that JSON Schema would lose", () => {
  const sources = readdirSync(new URL("../../schemas/", import.meta.url)).filter((file) => file.endsWith(".ts"));
  const flagged = sources.flatMap((file) =>
    [
      ...readFileSync(new URL(`../../schemas/${file}`, import.meta.url), "utf8").matchAll(
        /\.regex\(\s*\/.*\/([a-z]*[a-tv-z][a-z]*)[,)]/g,
      ),
    ].map((m) => `${file}: ${m[0]}`),
  );
  expect(flagged).toEqual([]);
});
