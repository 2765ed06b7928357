/** The laptop host with a campaign whose people are awaited: real workflow, real training, real endpoint. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { readCycle } from "../../lambdas/store/campaigns.ts";
import { createCampaign } from "../../lambdas/store/cycles.ts";
import { readDocument, sha256Hex } from "../../lambdas/store/documents.ts";
import { invite, openSession } from "../../lambdas/store/members.ts";
import { Host } from "../../local/host.ts";
import { addIntake, bringWeights } from "../../local/intake.ts";
import { Campaign, type CampaignInput } from "../../schemas/campaign.ts";
import { Catalogue } from "../../schemas/catalogue.ts";
import { type Colour, drawPicture } from "../api/picture.ts";
import type { Who } from "./browser.ts";
import type { Truth } from "./crowd.ts";

export interface HostWorld {
  host: Host;
  campaign: string;
  classes: string[];
  truth: Truth;
  /** Files by class. */
  files: Record<string, string[]>;
  session(who: Who): Promise<string>;
  join(context: BrowserContext, who: Who): Promise<Page>;
  close(): Promise<void>;
}

/** Draws parts, opens a host in real time on them and lets their intake in. */
export async function openHostWorld(options: {
  perClass: number;
  side: number;
  marks: readonly { mark: number; name: string; tray?: Colour }[];
  agreement: Partial<CampaignInput>;
  weights?: string;
}): Promise<HostWorld> {
  const root = mkdtempSync(join(tmpdir(), "countersign-people-"));
  const photos = join(root, "photos");
  const classes = options.marks.map(({ name }) => name);
  const truths = new Map<string, string>();
  const files: Record<string, string[]> = {};
  for (const [at, { mark, name, tray }] of options.marks.entries()) {
    mkdirSync(join(photos, name), { recursive: true });
    for (let index = 0; index < options.perClass; index += 1) {
      const bytes = await drawPicture(index * options.marks.length + at, mark, options.side, tray);
      writeFileSync(join(photos, name, `part-${String(index).padStart(3, "0")}.jpg`), bytes);
      truths.set(sha256Hex(bytes), name);
    }
    files[name] = readdirSync(join(photos, name)).map((file) => join(photos, name, file));
  }
  const agreement = Campaign.parse({
    name: "turned-parts",
    classes,
    guideline: {
      version: 1,
      text: "Each picture shows a turned part from above.\nSay what you see on it. The bore in the middle belongs to the part, it is no hole.",
    },
    vendors: [
      { id: "north", name: "North Labels", pricePerAnswer: 0.03 },
      { id: "south", name: "South Data", pricePerAnswer: 0.035 },
    ],
    ...options.agreement,
  });
  const host = await Host.open({ work: join(root, "work"), time: "real" });
  if (options.weights !== undefined) await bringWeights(host, options.weights);
  await createCampaign(host.ports, agreement, "data-team");
  await host.staff(agreement.name, { people: "portal" });
  await addIntake(host, agreement.name, photos);
  const seen = new Seen(host, agreement.name);
  const secretOf = (who: Who) => invite(host.ports, { campaign: agreement.name, ttlSeconds: 86_400, ...who });
  return {
    host,
    campaign: agreement.name,
    classes,
    files,
    truth: async (picture) => truths.get(await seen.imageOf(picture)) ?? "nobody drew this picture",
    session: async (who) => (await openSession(host.ports, await secretOf(who))).session,
    async join(context, who) {
      const secret = await secretOf(who);
      const page = await context.newPage();
      await page.goto(`${host.url}/join#${secret}`);
      await page.waitForURL((url) => url.pathname !== "/join");
      return page;
    },
    async close() {
      await host.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export async function predictFile(
  world: HostWorld,
  file: string,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${world.host.url}/predict/${world.campaign}`, {
    method: "POST",
    headers: { "content-type": "image/jpeg" },
    body: readFileSync(file),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Knows the pictures that are served by the photos that they were made from. */
class Seen {
  readonly #host: Host;
  readonly #campaign: string;
  readonly #images = new Map<string, string>();

  constructor(host: Host, campaign: string) {
    this.#host = host;
    this.#campaign = campaign;
  }

  async imageOf(picture: Uint8Array): Promise<string> {
    const digest = sha256Hex(picture);
    if (!this.#images.has(digest)) await this.#learn();
    return this.#images.get(digest) ?? "";
  }

  async #learn(): Promise<void> {
    const { objects } = this.#host.ports;
    const { refs } = await readCycle(this.#host.ports, this.#campaign, 1);
    const { entries } = await readDocument(objects, refs.catalogue as string, Catalogue);
    for (const { sha256, web } of entries) {
      const bytes = await objects.getRange(web.key, web.offset, web.bytes);
      if (bytes !== undefined) this.#images.set(sha256Hex(bytes), sha256);
    }
  }
}
