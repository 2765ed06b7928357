import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readCycle } from "../../lambdas/store/campaigns.ts";
import { createCampaign } from "../../lambdas/store/cycles.ts";
import { commands } from "../../local/commands.ts";
import { Host } from "../../local/host.ts";
import { addIntake, cycleEnded } from "../../local/intake.ts";
import { drawSample, SAMPLE_CLASSES } from "../../local/sample/draw.ts";
import { summarise } from "../../local/summary.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { newFolder } from "../journey/program.ts";

const agreement = (change = {}) =>
  Campaign.parse({
    name: "parts",
    classes: [...SAMPLE_CLASSES],
    vendors: ["alder", "birch", "cedar"].map((id) => ({ id, name: id, pricePerAnswer: 0.03 })),
    training: { backbone: "descriptor", testShare: 0.25 },
    labelling: { lotSize: 20 },
    approvals: { mode: "auto" },
    ...change,
  });

/** Photos of drawn parts; `count` of them over the four classes. */
async function photos(count: number): Promise<string> {
  const folder = join(newFolder("photos"), "photos");
  mkdirSync(folder);
  await drawSample(folder, { count, seed: 5 });
  return folder;
}

/** Runs one intake to the end of its cycle and says how it ended. */
async function cycleOf(host: Host, folder: string, change = {}) {
  await createCampaign(host.ports, agreement(change), "data-team");
  await host.staff("parts", { people: "simulated" });
  const { cycle } = await addIntake(host, "parts", folder);
  await host.runUntil(() => cycleEnded(host, "parts", cycle as number));
  return summarise(host.ports, "parts", cycle as number, true);
}

describe("the laptop host", () => {
  it("has its work folder to itself, and says who is there", async () => {
    const work = newFolder("busy");
    const first = await Host.open({ work, time: "virtual" });
    try {
      await expect(Host.open({ work, time: "virtual" })).rejects.toThrow(
        /is in use by another countersign process.*use another folder with --work/,
      );
    } finally {
      await first.close();
    }
    const again = await Host.open({ work, time: "virtual" });
    await again.close();
  });

  it("says what to do when its port is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    try {
      await expect(Host.open({ work: newFolder("port"), time: "virtual", port })).rejects.toThrow(
        new RegExp(`port ${port} on 127.0.0.1 is in use; give another one with --port`),
      );
    } finally {
      server.close();
    }
  });

  it("opens its command door only to who holds the secret", async () => {
    const host = await Host.open({ work: newFolder("door"), time: "virtual" });
    try {
      const knock = (headers: Record<string, string>) =>
        fetch(`${host.url}/host/command`, {
          method: "POST",
          headers,
          body: JSON.stringify({ name: "status", args: {} }),
        });
      expect((await knock({})).status).toBe(404);
      expect((await knock({ authorization: "Bearer 0000" })).status).toBe(404);
      expect((await fetch(`${host.url}/host/command`)).status).toBe(404);
    } finally {
      await host.close();
    }
  });

  it("refuses an empty folder and a folder without images, and loses nothing by it", async () => {
    const host = await Host.open({ work: newFolder("empty"), time: "virtual" });
    try {
      await createCampaign(host.ports, agreement(), "data-team");
      await expect(addIntake(host, "parts", newFolder("nothing"))).rejects.toThrow(/there is no file to take in/);
      const texts = newFolder("texts");
      writeFileSync(join(texts, "readme.txt"), "words");
      await expect(addIntake(host, "parts", texts)).rejects.toThrow(/none of the 1 files is an image/);
      const file = join(texts, "readme.txt");
      await expect(addIntake(host, "parts", file)).rejects.toThrow(/is no folder, archive or list; taken are/);
      await expect(addIntake(host, "parts", join(texts, "nowhere"))).rejects.toThrow(/there is no folder/);
      expect(await host.openCycles()).toEqual([]);
    } finally {
      await host.close();
    }
  });

  it("ends a cycle whose job finds no Python as failed, and says how to get one", async () => {
    const host = await Host.open({ work: newFolder("python"), time: "virtual", python: "/nowhere/python3.11" });
    try {
      const summary = await cycleOf(host, await photos(24));
      expect(summary.outcome).toBe("failed");
      expect(summary.failure?.cause).toMatch(/python/i);
    } finally {
      await host.close();
    }
  });

  it("freezes nothing from fewer images than five for each class", async () => {
    const told: string[] = [];
    const onNotice = ({ text }: { text: string }) => told.push(text);
    const host = await Host.open({ work: newFolder("few"), time: "virtual", onNotice });
    try {
      const summary = await cycleOf(host, await photos(16));
      expect(summary.outcome).toBe("too-few-images");
      expect(summary.images.admitted).toBe(16);
      expect(told).toContain("Cycle 1 of parts ended: too-few-images.");
    } finally {
      await host.close();
    }
  });

  it("on a full disk fails the cycle by name, keeps what it has, and takes the photos again when there is room", async () => {
    const work = newFolder("full");
    const folder = await photos(24);
    const troubles: string[] = [];
    const onTrouble = (stage: string, error: Error) => troubles.push(`${stage}: ${error.name}: ${error.message}`);
    const tight = await Host.open({ work, time: "virtual", quotaBytes: 150_000, onTrouble });
    let outcome = "";
    try {
      const summary = await cycleOf(tight, folder);
      outcome = summary.outcome;
      expect(troubles[0]).toMatch(/^admit-images: StorageFullError: .* bytes; .* are left\. Free some room/);
    } finally {
      await tight.close();
    }
    expect(outcome).toBe("failed");
    const roomy = await Host.open({ work, time: "virtual" });
    try {
      const { cycle } = await addIntake(roomy, "parts", folder);
      expect(cycle).toBe(2);
      await roomy.runUntil(async () => (await readCycle(roomy.ports, "parts", 2)).refs.dataset !== undefined);
      expect((await summarise(roomy.ports, "parts", 2, true)).images.admitted).toBe(24);
    } finally {
      await roomy.close();
    }
  });

  it("tells unknown names from known ones", async () => {
    const host = await Host.open({ work: newFolder("names"), time: "virtual" });
    try {
      await createCampaign(host.ports, agreement(), "data-team");
      const run = (name: string, args: Record<string, unknown>) =>
        (commands[name] as NonNullable<(typeof commands)[string]>)(host, args);
      await expect(run("predict", { endpoint: "prats", files: ["x.jpg"] })).rejects.toThrow(
        /no endpoint "prats"; known: parts/,
      );
      await expect(
        run("invite", { campaign: "parts", role: "annotator", vendor: "elm", subject: "a" }),
      ).rejects.toThrow(/its vendors are alder, birch, cedar/);
      await expect(run("where", { image: "nothing.jpg" })).rejects.toThrow(/no campaign here knows the image/);
      await expect(run("revoke", { campaign: "parts", subject: "nobody" })).rejects.toThrow(/nobody of that name/);
      await run("cancel", { campaign: "parts" });
      await expect(run("resume", { campaign: "parts" })).rejects.toThrow(/is cancelled and can't be resumed/);
      await expect(addIntake(host, "parts", await photos(4))).rejects.toThrow(/takes no more intakes/);
    } finally {
      await host.close();
    }
  });
});
