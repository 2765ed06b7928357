import { expect, test } from "vitest";
import { readCycle, updateCycle } from "../../lambdas/store/campaigns.ts";
import { campaignReport } from "../../lambdas/store/data-report.ts";
import { decide, decisions, withoutExcluded } from "../../lambdas/store/decisions.ts";
import { imageHistory } from "../../lambdas/store/image-history.ts";
import { recordKeys } from "../../lambdas/store/keys.ts";
import type { CampaignHead } from "../../schemas/state.ts";
import { picture, sha256 } from "./pictures.ts";
import { admitCycle, CAMPAIGN, catalogueCycle, drawCycle, incoming, ingestWorld } from "./world.ts";

async function drawnWorld() {
  const world = await ingestWorld();
  const { ports, agreementKey } = world;
  const head: CampaignHead = {
    campaign: CAMPAIGN,
    agreementKey,
    agreementDigest: "0".repeat(64),
    status: "active",
    cycles: 1,
    openCycle: 1,
    queue: [],
    requester: "me",
  };
  await ports.records.put(recordKeys.campaign(CAMPAIGN), head, "any");
  const photos = await Promise.all(Array.from({ length: 30 }, (_, i) => picture(i)));
  const files = photos.map((bytes, i) => incoming(`${i < 2 ? `twin-${i}/same` : i}.jpg`, bytes));
  const { manifestKey } = await admitCycle(world, 1, files);
  const { document, catalogue } = await catalogueCycle(world, 1, manifestKey);
  const { document: split } = await drawCycle(world, 1, document, catalogue.key);
  const nameOf = new Map(photos.map((bytes, i) => [sha256(bytes), files[i]?.name as string]));
  const say = (decision: "accept" | "exclude" | "restore", images: string[], reason = "blurred by the mover") =>
    decide(ports, { campaign: CAMPAIGN, images, decision, reason, by: "ann" });
  return { ports, split, nameOf, say };
}

test("an excluded image of the pool or the gold is used no more, and is back when it is restored; author and reason stay", async () => {
  const { ports, split, nameOf, say } = await drawnWorld();
  const [pool, gold] = [split.pool[0] as string, split.gold[0] as string];
  expect(await say("exclude", [nameOf.get(pool) as string, gold])).toEqual({
    decided: [pool, gold],
    unchanged: [],
    kept: [],
  });
  const without = await withoutExcluded(ports, CAMPAIGN, split);
  expect(without.pool).toEqual(split.pool.filter((image) => image !== pool));
  expect(without.gold).toEqual(split.gold.filter((image) => image !== gold));
  expect(without.test).toEqual(split.test);
  expect((await decisions(ports, CAMPAIGN)).get(pool)).toMatchObject({ by: "ann", reason: "blurred by the mover" });
  // Said again it changes nothing; restored it is back; every word stays as an object.
  expect(await say("exclude", [pool])).toMatchObject({ decided: [], unchanged: [pool] });
  ports.advance(60_000);
  expect(await say("restore", [pool], "sharp enough")).toMatchObject({ decided: [pool] });
  expect((await withoutExcluded(ports, CAMPAIGN, split)).pool).toEqual(split.pool);
  const kept = [];
  for await (const { key } of ports.objects.list(`campaigns/${CAMPAIGN}/decisions/`)) kept.push(key);
  expect(kept).toHaveLength(3);
  const events = (await imageHistory(ports, CAMPAIGN, gold))?.events.filter(({ what }) => what === "left out");
  expect(events).toMatchObject([{ detail: "by ann: blurred by the mover" }]);
});

test("the sealed test set keeps its images, and the caller is told", async () => {
  const { ports, split, say } = await drawnWorld();
  const one = split.test[0] as string;
  expect(await say("exclude", [one, split.pool[0] as string])).toEqual({
    decided: [split.pool[0]],
    unchanged: [],
    kept: [one],
  });
  expect((await decisions(ports, CAMPAIGN)).has(one)).toBe(false);
});

test("no reason, an unknown name or one that several images bear: nothing is written", async () => {
  const { ports, split, say } = await drawnWorld();
  const pool = split.pool[0] as string;
  await expect(say("exclude", [pool], "  ")).rejects.toThrow("to exclude an image, say why");
  await expect(say("exclude", [pool, "nobody.jpg"])).rejects.toThrow('has no admitted image "nobody.jpg"');
  await expect(say("exclude", [pool, "same.jpg"])).rejects.toThrow('2 images bear the name "same.jpg"');
  expect((await decisions(ports, CAMPAIGN)).size).toBe(0);
  // Nothing was left out that could be restored.
  expect(await say("restore", [pool])).toMatchObject({ decided: [], unchanged: [pool] });
  expect(await say("accept", ["twin-1/same.jpg"], "")).toMatchObject({ decided: [expect.any(String)] });
});

test("the report tells what was left out and by whom, and a failed cycle's catalogue does not stand for the campaign", async () => {
  const { ports, split, say } = await drawnWorld();
  await say("exclude", [split.pool[0] as string]);
  await say("accept", [split.pool[1] as string], "");
  const { report } = await campaignReport(ports, CAMPAIGN);
  expect(report.excluded).toMatchObject([{ image: split.pool[0], by: "ann", reason: "blurred by the mover" }]);
  expect(report.accepted).toBe(1);
  expect(report.labels).toBeUndefined();
  await updateCycle(ports, CAMPAIGN, 1, (record) => ({ ...record, outcome: "failed" }));
  expect((await readCycle(ports, CAMPAIGN, 1)).outcome).toBe("failed");
  await expect(campaignReport(ports, CAMPAIGN)).rejects.toThrow("has admitted no images yet");
});
