import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDataReview } from "../../lambdas/store/data-reviews.ts";
import { decisions } from "../../lambdas/store/decisions.ts";
import { writeAddressed } from "../../lambdas/store/documents.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { CHROMIUM, joinAs, NO_BROWSER, openBrowser, openPortal, type Portal } from "./browser.ts";

const NAME = '<img src=x onerror="document.title=1">.jpg';

/** Where to put pictures for people to look at; none unless asked for. */
const PICTURES = process.env.COUNTERSIGN_PICTURES;

describe.runIf(CHROMIUM !== undefined || process.env.CI !== undefined)(
  `the report on photos${CHROMIUM === undefined ? ` (${NO_BROWSER})` : ""}`,
  () => {
    let browser: Browser;
    let portal: Portal;
    beforeAll(async () => {
      browser = await openBrowser();
      portal = await openPortal({
        nameOf: (index) => (index === 1 ? NAME : `tray/part-${index}.jpg`),
        findingsOf: (index) =>
          index < 4 ? [{ code: "dark", severity: "flag", message: `brightness 0.${index}`, value: index / 10 }] : [],
        groupOf: (index) => (index >= 8 ? 8 : index),
      });
    });
    afterAll(async () => {
      await browser?.close();
      await portal?.close();
    });

    const open = async (role: "data-team" | "owner", width: number): Promise<Page> => {
      const context = await browser.newContext({ viewport: { width, height: 900 }, hasTouch: width < 500 });
      const page = await joinAs(portal, context, { role, subject: role === "owner" ? "olga" : "tina" });
      await page.goto(`${portal.url}/data/parts`);
      await page.getByRole("heading", { name: "Photos of parts" }).waitFor();
      return page;
    };

    it("leaves a photo out with a reason and takes it back in, by click and by keyboard", async () => {
      const page = await open("data-team", 1180);
      const flagged = page.getByRole("list", { name: "dark photos" });
      expect(await flagged.getByRole("listitem").count()).toBe(4);
      if (PICTURES !== undefined) await page.screenshot({ path: `${PICTURES}/data-desktop.png`, fullPage: true });
      await flagged.getByRole("button", { name: "Leave out tray/part-0.jpg" }).click();
      // The reason is asked for and has the focus; without one nothing can be sent.
      const form = flagged.locator("form");
      expect(await form.getByRole("button", { name: "Leave out" }).isDisabled()).toBe(true);
      await page.keyboard.type("lens cap on");
      await page.keyboard.press("Enter");
      await page.getByRole("status").getByText("1 photo left out.").waitFor();
      const out = page.getByRole("list", { name: "Photos left out" });
      await out.getByText("Left out by tina: lens cap on").waitFor();
      const [first] = portal.world.images;
      expect((await decisions(portal.world.ports, "parts")).get(first?.sha256 ?? "")).toMatchObject({
        decision: "exclude",
        reason: "lens cap on",
        by: "tina",
      });
      await out.getByRole("button", { name: "Take back in tray/part-0.jpg" }).press("Enter");
      await page.keyboard.type("it was only night");
      await page.keyboard.press("Enter");
      await page.getByText("No photo was left out.").waitFor();
      await flagged.getByRole("button", { name: "Keep tray/part-2.jpg" }).click();
      await flagged.getByText("Kept by tina").waitFor();
      // A name from outside is text.
      await page.getByText(NAME).first().waitFor();
      expect(await page.title()).toBe("Photos · parts · Countersign");
      await page.context().close();
    });

    it("asks the data team for its word where a cycle waits for it, and the owner not", async () => {
      const { ports } = portal.world;
      ports.tokens.issue("ask-team");
      await openDataReview(ports, { campaign: "parts", cycle: 1, catalogueKey: "c/c.json", token: "ask-team" });
      const owner = await open("owner", 390);
      await owner.getByRole("heading", { name: "Cycle 1 waits for your word" }).waitFor();
      expect(await owner.getByRole("button", { name: /buy/ }).count()).toBe(0);
      await owner.context().close();
      const page = await open("data-team", 390);
      if (PICTURES !== undefined) await page.screenshot({ path: `${PICTURES}/data-review-phone.png`, fullPage: true });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
      // Nothing is refused without a reason.
      expect(await page.getByRole("button", { name: "Refuse, buy nothing" }).isDisabled()).toBe(true);
      await page.getByRole("button", { name: "Accept, buy labels" }).click();
      await page.getByRole("status").getByText("You accepted these photos.").waitFor();
      expect(ports.tokens.answerOf("ask-team")).toEqual({ output: { decision: "accept" } });
      await page.reload();
      await page.getByRole("heading", { name: "Photos of parts" }).waitFor();
      expect(await page.getByRole("heading", { name: /waits for your word/ }).count()).toBe(0);
      await page.context().close();
    });

    it("fits a phone, and lets the owner look without deciding", async () => {
      const page = await open("owner", 390);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
      expect(await page.getByRole("button", { name: /^Leave out/ }).count()).toBe(0);
      expect(await page.getByRole("list", { name: "4 photos that look alike" }).getByRole("img").count()).toBe(4);
      if (PICTURES !== undefined) await page.screenshot({ path: `${PICTURES}/data-phone.png`, fullPage: true });
      const answer = await page.request.post(`${portal.url}/api/data/parts/decisions`, {
        data: { images: ["tray/part-0.jpg"], decision: "exclude", reason: "x" },
        headers: { origin: portal.url },
      });
      expect(answer.status()).toBe(403);
      await page.context().close();
    });

    it("shows every flagged photo on asking, names copies and conflicts, and lets the last one be decided", async () => {
      const many = await openPortal({
        images: 40,
        nameOf: (index) => `tray/part-${index}.jpg`,
        findingsOf: (index) => [
          { code: "dark", severity: "flag", message: `brightness 0.${index}`, value: index / 100 },
        ],
        copiesOf: (index) => (index === 1 ? ["other/part-1.jpg"] : []),
      });
      const [, second] = many.world.images;
      for (const [source, label] of [
        ["tray.zip", "good"],
        ["list.csv", "bad"],
      ] as const)
        await writeAddressed(many.world.ports.objects, (digest) => objectKeys.claims("parts", digest), {
          campaign: "parts",
          intake: "intake-1",
          source,
          by: "tina",
          labels: [{ image: second?.sha256 ?? "", label }],
        });
      try {
        for (const width of [1180, 390]) {
          const context = await browser.newContext({ viewport: { width, height: 900 }, hasTouch: width < 500 });
          const page = await joinAs(many, context, { role: "data-team", subject: "tina" });
          await page.goto(`${many.url}/data/parts`);
          const dark = page.getByRole("list", { name: "dark photos" });
          await dark.waitFor();
          expect(await dark.getByRole("listitem").count()).toBe(12);
          await page.getByText("The 12 most extreme of 40.").waitFor();
          await page.getByRole("button", { name: "Show 28 more dark photos" }).click();
          await dark.getByText("brightness 0.39").waitFor();
          expect(await dark.getByRole("listitem").count()).toBe(40);
          expect(await page.getByRole("button", { name: /more dark photos/ }).count()).toBe(0);
          if (width === 1180) {
            await dark.getByRole("button", { name: "Keep tray/part-39.jpg" }).click();
            await dark.getByText("Kept by tina").waitFor();
            // The decision leaves the others where they are.
            expect(await dark.getByRole("listitem").count()).toBe(40);
          }
          await page.getByText("1 photo under several names").click();
          await page.getByText("tray/part-1.jpg = other/part-1.jpg").first().waitFor();
          await page.getByRole("heading", { name: "1 photo with conflicting labels" }).waitFor();
          await page.getByText("(tray.zip)").waitFor();
          expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
          if (PICTURES !== undefined)
            await page.screenshot({ path: `${PICTURES}/data-more-${width}.png`, fullPage: true });
          const refused = await page.request.get(`${many.url}/api/data/parts?more=dark`);
          expect(refused.status()).toBe(400);
          expect(await refused.text()).toContain("dark:60");
          await context.close();
        }
      } finally {
        await many.close();
      }
    });

    it("comes as one file that needs nothing else", async () => {
      const page = await open("data-team", 1180);
      const coming = page.waitForEvent("download");
      await page.getByRole("link", { name: "Keep this report as a file" }).click();
      const stream = await (await coming).createReadStream();
      const pieces: Buffer[] = [];
      for await (const piece of stream) pieces.push(piece as Buffer);
      const html = Buffer.concat(pieces).toString();
      expect(html).toContain("data:image/jpeg;base64,");
      expect(html).not.toMatch(/<script|https?:\/\/|<img src=x/);
      await page.context().close();
    });
  },
);
