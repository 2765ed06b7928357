import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { updateCycle } from "../../lambdas/store/campaigns.ts";
import { writeDocument } from "../../lambdas/store/documents.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { askOwner, MODEL, memberOf } from "../api/world.ts";
import { CHROMIUM, joinAs, openBrowser, openPortal, type Portal } from "./browser.ts";
import { PAYLOADS } from "./payloads.ts";

const ALL = PAYLOADS.join("\n");
/** Class names hold at most 80 characters. */
const CLASSES = PAYLOADS.map((text, index) => `${index} ${text}`).filter((text) => text.length <= 80);

describe.runIf(CHROMIUM !== undefined)("hostile text on every page", () => {
  let browser: Browser;
  let portal: Portal;
  let hits: string[] = [];
  let shown = 0;

  beforeAll(async () => {
    browser = await openBrowser();
    portal = await openPortal({
      images: 8,
      lotSize: 4,
      nameOf: (index) => `${index} ${ALL}`.slice(0, 900),
      agreement: {
        classes: CLASSES,
        guideline: { version: 1, text: ALL },
        vendors: [{ id: "north", name: PAYLOADS[2] as string, pricePerAnswer: 0.03 }],
        approvals: { count: 2 },
      },
    });
    const { world } = portal;
    const { ports, agreement } = world;
    // Questions and their answers, from people whom nobody knows.
    const ann = await memberOf(world, { role: "annotator", vendor: "north", subject: "ann" });
    const team = await memberOf(world, { role: "data-team", subject: "team" });
    for (const text of PAYLOADS) {
      const asked = (await ann.ask("POST", "/api/annotate/questions", { lot: "0-north", item: "i-0-north-1", text }))
        .body as { id: string };
      await team.ask("POST", "/api/campaigns/parts/replies", { question: asked.id, text });
    }
    // A cannot-tell with a note, so that the image's story shows it.
    const { body } = await ann.ask("POST", "/api/annotate/lots/0-north/lease", { count: 2 });
    const { items } = body as { items: { item: string }[] };
    const value = { task: "cannot-tell", reason: "other", note: ALL.slice(0, 500) };
    await ann.ask("POST", "/api/annotate/lots/0-north/answers", {
      round: 1,
      answers: [{ item: items[0]?.item, value, seconds: 1 }],
    });
    // An inspection's reasons and mix-ups.
    await writeDocument(ports.objects, objectKeys.lotVerdict("parts", "0-north", 1), {
      verdict: "rework",
      sampleSize: 4,
      acceptanceNumber: 0,
      defects: CLASSES.slice(0, 20).map((truth) => ({
        image: world.images[0]?.sha256,
        item: "i",
        said: { task: "class", label: CLASSES[1] },
        truth,
      })),
      experts: 2,
      undecided: 0,
      reasons: PAYLOADS,
    });
    await askOwner(world, (evidence) => ({
      ...evidence,
      backbone: ALL,
      evaluation: { ...evidence.evaluation, majorityClass: { label: ALL, accuracy: 0.1 } },
      judgement: {
        ...evidence.judgement,
        gates: PAYLOADS.map((text, at) => ({
          ...(evidence.judgement.gates[0] as (typeof evidence.judgement.gates)[number]),
          name: `${at} ${text}`,
          reason: text,
        })),
      },
    }));
    const first = await memberOf(world, { role: "owner", subject: "oscar" });
    const digest = (await first.ask("GET", "/api/approve/parts")).body as { pending: { evidence: { digest: string } } };
    await first.ask("POST", "/api/approve/parts", {
      cycle: 1,
      evidenceDigest: digest.pending.evidence.digest,
      modelVersion: MODEL.slice(0, 8),
      decision: "approve",
      reason: ALL.slice(0, 2000),
    });
    await updateCycle(ports, agreement.name, 1, (record) => ({
      ...record,
      failure: { error: PAYLOADS[0] as string, cause: ALL },
    }));
  }, 300_000);
  afterAll(async () => {
    process.stdout.write(
      `hostile text: ${PAYLOADS.length} payloads, shown ${shown} times as text, executed ${hits.length} times\n`,
    );
    await browser.close();
    await portal.close();
  });

  /** A browser in which a payload that runs is seen; without the policy, the pages must hold by themselves. */
  async function watched(bypassCSP: boolean): Promise<BrowserContext> {
    const context = await browser.newContext({ bypassCSP, viewport: { width: 1200, height: 900 } });
    await context.exposeFunction("hit", (what: unknown) => hits.push(String(what)));
    context.on("request", (request) => {
      if (request.url().includes("/hit/")) hits.push(request.url());
    });
    context.on("dialog", () => hits.push("dialog"));
    return context;
  }

  /** Payloads must stand on the page as text, and have made no element, attribute or address of their own. */
  async function inspectPage(page: Page, least: number): Promise<void> {
    await page.waitForTimeout(300);
    await page.evaluate(() => {
      for (const one of document.querySelectorAll("details")) one.open = true;
      for (const one of document.querySelectorAll("main *"))
        for (const type of ["mouseover", "pointerenter", "focus"])
          one.dispatchEvent(new Event(type, { bubbles: true }));
    });
    const grown = await page.evaluate(() => {
      const strange = [
        ...document.querySelectorAll(
          "script:not([src^='/assets/']), iframe, object, embed, base, marquee, video, math, body style, meta[http-equiv]",
        ),
      ].map((one) => one.outerHTML.slice(0, 100));
      for (const one of document.querySelectorAll("*")) {
        for (const { name, value } of one.attributes)
          if (/^on/i.test(name) || /^\s*javascript:/i.test(value))
            strange.push(`${one.tagName} ${name}=${value.slice(0, 60)}`);
      }
      return strange;
    });
    expect(grown.filter((one) => !/^(?:INPUT|BUTTON) (?:value|title|aria-label)=/.test(one))).toEqual([]);
    const text = await page.evaluate(() => document.body.textContent ?? "");
    const found = PAYLOADS.filter((payload) => text.includes(payload)).length;
    expect(found).toBeGreaterThanOrEqual(least);
    shown += found;
  }

  for (const bypassCSP of [false, true]) {
    it(`${PAYLOADS.length} payloads stay text on every page${bypassCSP ? ", even without the content security policy" : ""}`, async () => {
      expect(PAYLOADS).toHaveLength(200);
      expect(new Set(PAYLOADS).size).toBe(200);
      const context = await watched(bypassCSP);
      const ann = await joinAs(portal, context, { role: "annotator", vendor: "north", subject: "ann" });
      await ann.getByRole("button", { name: /Start|Go on/ }).waitFor();
      await inspectPage(ann, 200);
      await ann.getByRole("button", { name: "Practise the keys" }).click();
      await inspectPage(ann, 5);
      await ann.getByRole("button", { name: /To your lots/ }).click();
      await ann.getByRole("button", { name: /Start|Go on/ }).click();
      await ann.locator(".stage img").waitFor();
      await inspectPage(ann, 200);
      const expert = await joinAs(portal, context, { role: "expert", subject: "eve" });
      await expert.getByRole("heading", { name: "No image waits" }).waitFor();
      const boss = await joinAs(portal, context, { role: "vendor", vendor: "north", subject: "boss" });
      await boss.locator(".tiles").waitFor();
      await inspectPage(boss, 1);
      const owner = await joinAs(portal, context, { role: "owner", subject: "olga" });
      await owner.locator(".decision").waitFor();
      await inspectPage(owner, 200);
      const team = await joinAs(portal, context, { role: "data-team", subject: "team" });
      await team.locator(".graph").waitFor();
      await team.getByLabel(/File name as it was dropped/).fill(portal.world.images[0]?.sha256 ?? "");
      await team.getByRole("button", { name: "Show" }).click();
      await team.locator(".history li").first().waitFor();
      await inspectPage(team, 200);
      await team.goto(`${portal.url}/`);
      await team.locator(".card").first().waitFor();
      await inspectPage(team, 0);
      // Addresses are text too.
      for (const payload of PAYLOADS.filter((_, at) => bypassCSP && at % 16 === 0)) {
        await team.goto(`${portal.url}/join#${encodeURIComponent(payload)}`);
        await team.getByRole("alert").waitFor();
        await team.goto(`${portal.url}/annotate?lot=${encodeURIComponent(payload)}`);
        const answer = await team.goto(`${portal.url}/watch/${encodeURIComponent(payload)}`);
        expect(answer?.headers()["content-type"]).not.toContain("html");
      }
      await context.close();
      expect(hits).toEqual([]);
    }, 300_000);
  }

  it("this browser does run such text where a page takes it for markup", async () => {
    const before = hits;
    hits = [];
    const context = await watched(true);
    const page = await context.newPage();
    await page.setContent(
      `<p>${PAYLOADS.filter((text) => text.startsWith("<img") || text.startsWith("<svg onload")).join("")}</p>`,
    );
    await page.waitForTimeout(300);
    await context.close();
    expect(hits.length).toBeGreaterThan(5);
    hits = before;
  });
});
