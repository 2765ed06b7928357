import { cpSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { chance } from "../../domain/chance.ts";
import { drawSample, SAMPLE_CLASSES } from "../../local/sample/draw.ts";
import type { Summary } from "../../local/summary.ts";
import { books, countersign, drawnCampaign, type Ended, newFolder, pause, summaryOf } from "./program.ts";

const JOURNEY_MS = 480_000;

describe("the journey from a folder of photos to an endpoint that answers", () => {
  let yaml = "";
  let folder = "";
  let work = "";
  let whole: Ended;
  let summary: Summary;

  beforeAll(async () => {
    ({ yaml, folder } = await drawnCampaign({ count: 160 }));
    // What people drop: a copy under another name, an empty file, something that is no picture.
    const first = readdirSync(join(folder, "ok"))[0] as string;
    cpSync(join(folder, "ok", first), join(folder, "ok", "copy-of-a-part.jpg"));
    writeFileSync(join(folder, "ok", "empty.jpg"), "");
    writeFileSync(join(folder, "notes.txt"), "not a picture");
    work = newFolder("whole");
    whole = await countersign(["run", yaml, "--truth", "folders", "--approve", "auto", "--work", work, "--json"]).ended;
    summary = summaryOf(whole);
  }, JOURNEY_MS);

  /** Which models get requests, as `status` tells it. */
  const live = async () => {
    const { stdout } = await countersign(["status", "--work", work]).ended;
    const [campaign] = (JSON.parse(stdout) as { campaigns: { champion: string | null; candidate: string | null }[] })
      .campaigns;
    return { champion: campaign?.champion, candidate: campaign?.candidate };
  };

  it("ends with a live model and exit code 0", () => {
    expect(summary.outcome, whole.stderr.slice(-2000)).toBe("live");
    expect(whole.code).toBe(0);
  });

  it("accounts for every file", () => {
    expect(summary.images).toEqual({ files: 163, admitted: 160, quarantined: 2, duplicates: 1 });
  });

  it("buys labels that agree with the truth, at few answers an image", () => {
    expect(summary.labels.agreementWithTruth).toBeGreaterThan(0.95);
    expect(summary.labels.perImage).toBeLessThan(5);
    expect(summary.labels.perImage).toBeGreaterThanOrEqual(1);
  });

  it("pays every accepted answer once, and nothing else", () => {
    const { payments } = books(work);
    const ids = payments.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const paid = payments.reduce((sum, { amountMicros }) => sum + amountMicros, 0);
    expect(Math.round(summary.costUsd * 1e6)).toBe(paid);
  });

  it("judges on a sealed test that beats guessing, with an interval", () => {
    expect(summary.model?.low).toBeGreaterThan(0.25);
    expect(summary.model?.accuracy).toBeLessThanOrEqual(summary.model?.high ?? 0);
    expect(summary.gates.length).toBeGreaterThan(0);
  });

  it(
    "answers predict from the recorded release in another process, and refuses garbage",
    async () => {
      const file = join(folder, "hole", readdirSync(join(folder, "hole"))[0] as string);
      const asked = await countersign(["predict", "parts", file, join(folder, "notes.txt"), "--work", work, "--json"])
        .ended;
      expect(asked.code, asked.stderr).toBe(0);
      const [good, bad] = JSON.parse(asked.stdout) as { status: number; label?: string }[];
      expect(good?.status).toBe(200);
      expect(["crack", "hole", "ok", "stain"]).toContain(good?.label);
      expect(bad?.status).toBeGreaterThanOrEqual(400);
      expect(bad?.status).toBeLessThan(500);
    },
    JOURNEY_MS,
  );

  it(
    "killed three times on the way, comes to the same dataset with the same answers and payments",
    async () => {
      const other = newFolder("killed");
      const args = ["run", yaml, "--truth", "folders", "--approve", "auto", "--work", other, "--json"];
      let ended: Ended | undefined;
      for (const wait of [4_000, 6_000, 9_000]) {
        const { child, ended: end } = countersign(args);
        const first = await Promise.race([end, pause(wait)]);
        if (first !== undefined) {
          ended = first;
          break;
        }
        child.kill("SIGKILL");
        await end;
      }
      ended ??= await countersign(args).ended;
      const again = summaryOf(ended);
      expect(again.dataset?.version, ended.stderr.slice(-2000)).toBe(summary.dataset?.version);
      expect(again.costUsd).toBe(summary.costUsd);
      expect(books(other).answers).toEqual(books(work).answers);
      expect(books(other).payments.map(({ id }) => id)).toEqual(books(work).payments.map(({ id }) => id));
      rmSync(other, { recursive: true });
    },
    2 * JOURNEY_MS,
  );

  it(
    "takes another intake as the next cycle, and refuses a candidate that is worse than the champion",
    async () => {
      // New parts in folders drawn by lot: everybody, experts too, learns nonsense from them.
      const nonsense = join(newFolder("nonsense"), "photos");
      await drawSample(nonsense, { count: 160, seed: 77 });
      const files = SAMPLE_CLASSES.flatMap((name) =>
        readdirSync(join(nonsense, name)).map((file) => join(nonsense, name, file)),
      );
      const lots = chance("nonsense");
      for (const file of files)
        renameSync(file, join(nonsense, SAMPLE_CLASSES[lots.below(4)] as string, basename(file)));
      const champion = (await live()).champion;
      expect(champion).toMatch(/^[0-9a-f]{8}$/);
      // A photo that is known already buys nothing again.
      const known = readdirSync(join(folder, "ok")).filter((name) => name.startsWith("part-"))[1] as string;
      cpSync(join(folder, "ok", known), join(nonsense, "ok", "known.jpg"));
      const ended = await countersign(["add", nonsense, "--to", "parts", "--work", work, "--json"]).ended;
      const next = summaryOf(ended);
      expect(next.cycle).toBe(2);
      expect(next.images).toEqual({ files: 161, admitted: 160, quarantined: 0, duplicates: 1 });
      const gate = next.gates.find(({ name }) => name.includes("champion"));
      expect(gate?.outcome, ended.stderr.slice(-2000)).not.toBe("pass");
      expect(["reject", "not-enough-data"]).toContain(next.outcome);
      expect(ended.code).toBe(3);
      expect(await live()).toMatchObject({ champion, candidate: null });
    },
    JOURNEY_MS,
  );
});
