import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { acceptLot } from "../../lambdas/stages/accept-lot.ts";
import { judgeLot } from "../../lambdas/stages/judge-lot.ts";
import { answersOfRound } from "../../lambdas/store/answers.ts";
import { readLot } from "../../lambdas/store/lot-records.ts";
import { drawPicture } from "../api/picture.ts";
import { askOwner, goLive, inspect, MODEL } from "../api/world.ts";
import { CHROMIUM, joinAs, NO_BROWSER, openBrowser, openPortal, type Portal } from "./browser.ts";

/** A crowded machine is slow; a broken page is slower. */
const PATIENT = { timeout: 30_000 };
const TEST_MS = 240_000;
const CLASSES = ["crack", "hole", "ok", "stain"];

it("a browser is there to try the pages in, on CI always", () => {
  if (CHROMIUM === undefined) process.stdout.write(`the pages were not tried in a browser: ${NO_BROWSER}\n`);
  expect(CHROMIUM !== undefined || process.env.CI === undefined, NO_BROWSER).toBe(true);
});

describe.runIf(CHROMIUM !== undefined)("people in a browser, by keyboard", { timeout: TEST_MS }, () => {
  let browser: Browser;
  let portal: Portal;
  const broken: string[] = [];
  const person = async (who: Parameters<typeof joinAs>[2]): Promise<Page> => {
    const context = await browser.newContext({ viewport: { width: 1200, height: 800 } });
    context.on("weberror", (event) => broken.push(String(event.error())));
    context.on("console", (line) => {
      if (line.type() === "error" || line.type() === "warning") broken.push(line.text());
    });
    return joinAs(portal, context, who);
  };
  const onImage = (page: Page) => page.locator(".stage img").waitFor();
  /** Waits until the progress says so, then until the next image is there. */
  const answered = (page: Page, words: string) => page.locator(".progress span", { hasText: words }).waitFor();

  beforeAll(async () => {
    browser = await openBrowser();
    portal = await openPortal({ side: 160, images: 12, lotSize: 12 });
  });
  afterAll(async () => {
    await browser.close();
    await portal.close();
  });

  it("an annotator labels a whole lot: keys, undo, cannot tell, a closed tab, delivery", async () => {
    const { world } = portal;
    let page = await person({ role: "annotator", vendor: "north", subject: "ann" });
    await page.getByRole("button", { name: "Start" }).press("Enter");
    await onImage(page);
    await expectNamed(page);
    await page.keyboard.press("1");
    await answered(page, "1 of 12");
    await onImage(page);
    // A wrong key, taken back: `U` shows the image before, with what was said.
    await page.keyboard.press("3");
    await answered(page, "2 of 12");
    await onImage(page);
    await page.keyboard.press("u");
    await page.getByText("You said ok").waitFor();
    await onImage(page);
    await page.keyboard.press("2");
    await page.getByText("You said ok").waitFor({ state: "detached" });
    await onImage(page);
    // Zoom in on full resolution and back.
    await page.keyboard.press("z");
    await page.locator(".stage.zoomed").waitFor();
    await page.keyboard.press("-");
    await page.locator(".stage.fit").waitFor();
    await page.keyboard.press("3");
    await answered(page, "3 of 12");
    await onImage(page);
    // "Cannot tell" with its reason.
    await page.keyboard.press("c");
    await page.getByRole("heading", { name: "Why can't you tell?" }).waitFor();
    await page.keyboard.press("1");
    await answered(page, "4 of 12");
    await onImage(page);

    const context = page.context();
    await page.close();
    // What left with the closing tab has arrived by then.
    await new Promise((resolve) => setTimeout(resolve, 500));
    page = await context.newPage();
    await page.goto(`${portal.url}/annotate`);
    await page.getByRole("button", { name: "Go on" }).press("Enter");
    await onImage(page);
    // The newest answer was held for undo when the tab was closed; it may or may not have left with it.
    const { lot } = await readLot(world.ports, "parts", "0-north");
    expect([3, 4]).toContain(lot.answered);
    for (let at = lot.answered; at < 12; at += 1) {
      await page.keyboard.press(String((at % 4) + 1));
      await (at < 11
        ? answered(page, `${at + 1} of 12`)
        : page.getByRole("heading", { name: "That was the last image" }).waitFor());
      if (at < 11) await onImage(page);
    }
    expect(world.ports.tokens.answerOf("offer-0-north")).toBeUndefined();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "The lot is delivered" }).waitFor();
    expect(world.ports.tokens.answerOf("offer-0-north")).toMatchObject({ output: { lot: "0-north", round: 1 } });

    const said = await answersOfRound(world.ports, (await readLot(world.ports, "parts", "0-north")).lot);
    const byImage = new Map(said.map(({ image, value }) => [image, value]));
    for (const [at, { sha256, truth }] of world.images.entries()) {
      const value = byImage.get(sha256);
      if (value?.task === "class") expect(value.label, `image ${at}`).toBe(truth);
      else expect([3, lot.answered === 3 ? -1 : 3]).toContain(at);
    }
    expect(byImage.size).toBe(12);
  });

  it("an expert inspects the lot, a second only what the first did not confirm; neither sees answers or purpose", async () => {
    const { world } = portal;
    const { sample } = await inspect(world, "0-north");
    const asked = new Map<string, number>();
    for (const subject of ["eve", "fred"]) {
      const page = await person({ role: "expert", subject });
      const last = page.getByRole("heading", { name: "That was the last image" });
      let at = 0;
      do {
        await onImage(page);
        await expect.poll(() => page.locator(".answers button:enabled").count(), PATIENT).toBe(4);
        expect(await page.locator("main").innerText()).not.toMatch(/north|gold|inspection/i);
        const key = await lookedUp(page);
        // The first expert is wrong about the first image, so that a second one is asked; two who differ make no defect.
        await page.keyboard.press(String(subject === "eve" && at === 0 ? ((key + 1) % 4) + 1 : key + 1));
        at += 1;
        await last
          .or(page.getByText(`${at} answered`))
          .first()
          .waitFor();
      } while (!(await last.isVisible()));
      asked.set(subject, at);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "No image waits for an expert" }).waitFor();
    }
    expect(asked.get("eve")).toBe(sample);
    expect(asked.get("fred")).toBeGreaterThanOrEqual(1);
    expect(asked.get("fred")).toBeLessThan(sample);
    expect(world.ports.tokens.answerOf("inspect-0-north")).toBeDefined();
  });

  it("the vendor sees the lot accepted and what it is owed", async () => {
    const { world } = portal;
    expect((await judgeLot.run({ lot: "0-north", campaign: "parts" }, world.ports)).verdict).toBe("accept");
    await acceptLot.run({ lot: "0-north", campaign: "parts" }, world.ports);
    const page = await person({ role: "vendor", vendor: "north", subject: "boss" });
    await page.getByRole("heading", { name: "North Labels" }).waitFor();
    await page.getByText("accepted", { exact: true }).waitFor();
    await expectNamed(page);
    expect(await page.getByRole("row", { name: /Total/ }).innerText()).toContain("0.36 USD");
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download as CSV" }).click();
    expect((await download).suggestedFilename()).toBe("statement-parts-north.csv");
  });

  it("the owner reads the evidence, types the model's version and approves", async () => {
    const { world } = portal;
    await askOwner(world);
    const page = await person({ role: "owner", subject: "olga" });
    await page.getByRole("heading", { name: /The new model is right on/ }).waitFor();
    await expect
      .poll(
        () =>
          page
            .locator(".mistakes img")
            .evaluateAll((all) => all.filter((one) => (one as HTMLImageElement).naturalWidth > 0).length),
        PATIENT,
      )
      .toBe(8);
    await expectNamed(page);
    await page.setViewportSize({ width: 360, height: 740 });
    await expectNamed(page);
    const sign = page.getByRole("button", { name: "Sign the decision" });
    expect(await sign.isDisabled()).toBe(true);
    await page.getByRole("radio", { name: /Approve/ }).check();
    await page.getByLabel(/Type the model's version/).fill("deadbeef");
    expect(await sign.isDisabled()).toBe(true);
    await page.getByLabel(/Type the model's version/).fill(MODEL.slice(0, 8));
    expect(world.ports.tokens.answerOf("ask-owner")).toBeUndefined();
    await sign.click();
    await page.getByRole("heading", { name: "You approved" }).waitFor();
    expect(world.ports.tokens.answerOf("ask-owner")).toEqual({ output: { decision: "approve" } });
  });

  it("the data team watches, answers a question, invites and revokes", async () => {
    const { world } = portal;
    await goLive(world);
    const ann = await person({ role: "annotator", vendor: "south", subject: "sam" });
    await ann.getByRole("button", { name: "Start" }).click();
    await ann.getByText("Questions to the customer").click();
    await ann.getByLabel("What is unclear?").fill("Is a dent a hole?");
    await ann.getByRole("button", { name: "Ask" }).click();
    await ann.getByText("Sent.").waitFor();

    const page = await person({ role: "data-team", subject: "team" });
    await page.getByRole("heading", { name: "Workflow" }).waitFor();
    expect(await page.locator(".graph li").count()).toBeGreaterThan(15);
    await expectNamed(page);
    await page.setViewportSize({ width: 360, height: 740 });
    await expectNamed(page);
    await page.getByLabel("Answer").fill("No, only through holes.");
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator("blockquote", { hasText: "only through holes" }).waitFor();
    await page.getByLabel(/File name as it was dropped/).fill("part-3.jpg");
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByText(/ann of north said/).waitFor();
    await page.getByText("Events of the workflow").click();
    await page.locator(".events td", { hasText: "ExecutionStarted" }).waitFor();
    await expectNamed(page);
    await page.getByLabel(/^Show/).selectOption("failures");
    await page.getByText("none of them is of this kind").waitFor();
    await page.getByText("Events of the workflow").click();
    await page.getByLabel("Invite").fill("zoe");
    await page.getByRole("button", { name: "Make a link" }).click();
    const link = await page.getByLabel(/Send this link/).inputValue();
    await page.getByRole("button", { name: "Revoke sam" }).click();
    await expect.poll(() => page.getByText("revoked").count(), PATIENT).toBe(1);

    await ann.reload();
    await ann.getByText("withdrawn by the data team").waitFor();
    const zoe = await (await browser.newContext()).newPage();
    await zoe.goto(link);
    await zoe.getByRole("heading", { name: "Your lots" }).waitFor();
    await expectNamed(zoe);
    expect(zoe.url()).not.toContain("#");
  });

  it("the endpoint answers", async () => {
    const response = await fetch(`${portal.url}/predict/parts`, {
      method: "POST",
      headers: { "content-type": "image/jpeg" },
      body: Buffer.from(await drawPicture(3, 3, 160)),
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ label: "ok" });
  });

  it("nothing was broken on any page", () => {
    // The revoked annotator's reload is refused, as it must be; the browser logs that.
    expect(broken.filter((line) => !line.includes("403"))).toEqual([]);
  });

  /** Everything that can be used has a name, every picture a text, every page one first heading. */
  async function expectNamed(page: Page): Promise<void> {
    const nameless = await page.evaluate(() => {
      const found: string[] = [];
      for (const one of document.querySelectorAll<HTMLElement>("button, a[href], summary")) {
        if ((one.textContent ?? "").trim() === "" && one.getAttribute("aria-label") === null)
          found.push(one.outerHTML.slice(0, 80));
      }
      for (const one of document.querySelectorAll<HTMLInputElement>("input, textarea, select")) {
        if ((one.labels?.length ?? 0) === 0 && one.getAttribute("aria-label") === null)
          found.push(one.outerHTML.slice(0, 80));
      }
      for (const one of document.querySelectorAll("img"))
        if (one.getAttribute("alt") === null) found.push(one.outerHTML.slice(0, 80));
      for (const one of document.querySelectorAll("svg[role=img], progress"))
        if (!one.getAttribute("aria-label")) found.push(one.outerHTML.slice(0, 80));
      const first = document.querySelectorAll("h1").length;
      if (first !== 1) found.push(`${first} first headings`);
      if (document.documentElement.lang === "" || document.title === "") found.push("no language or title");
      if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the window");
      return found;
    });
    expect(nameless).toEqual([]);
  }

  /** The drawn pictures as an expert remembers them: 16 by 16 pixels. */
  const known = Promise.all(
    Array.from({ length: 12 }, async (_, index) =>
      sharp(await drawPicture(index, index % 4, 160))
        .resize(16, 16)
        .ensureAlpha()
        .raw()
        .toBuffer(),
    ),
  );

  /** The expert looks at the picture: which of the drawn ones is nearest, by pixels? */
  async function lookedUp(page: Page): Promise<number> {
    const pixels = await page.evaluate(() => {
      const image = document.querySelector<HTMLImageElement>(".stage img");
      const canvas = document.createElement("canvas");
      canvas.width = 16;
      canvas.height = 16;
      const pen = canvas.getContext("2d");
      if (image === null || pen === null) return [];
      pen.drawImage(image, 0, 0, 16, 16);
      return [...pen.getImageData(0, 0, 16, 16).data];
    });
    let best = { distance: Number.POSITIVE_INFINITY, index: 0 };
    for (const [index, raw] of (await known).entries()) {
      const distance = raw.reduce((sum, value, at) => sum + (value - (pixels[at] ?? 0)) ** 2, 0);
      if (distance < best.distance) best = { distance, index };
    }
    return best.index % CLASSES.length;
  }
});
