import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM, joinAs, openBrowser, openPortal, type Portal } from "./browser.ts";

const PICTURES = process.env.COUNTERSIGN_PICTURES;

describe.runIf(CHROMIUM !== undefined)("zooming into a large photo", () => {
  let browser: Browser;
  let portal: Portal;
  beforeAll(async () => {
    browser = await openBrowser();
    portal = await openPortal({ images: 1, lotSize: 1, side: 400, tiledSide: 2000 });
  });
  afterAll(async () => {
    await browser?.close();
    await portal?.close();
  });

  it("by keys, wheel and two fingers lays sharp tiles over it, only those in sight, around the place pointed at", async () => {
    const context = await browser.newContext({ viewport: { width: 390, height: 800 }, hasTouch: true });
    const page = await joinAs(portal, context, { role: "annotator", vendor: "north", subject: "ann" });
    const asked: string[] = [];
    page.on("request", (request) => {
      if (request.url().includes("/tiles/")) asked.push(request.url());
    });
    await page.getByRole("button", { name: "Start" }).first().click();
    const image = page.locator(".stage .layers > img").first();
    await image.waitFor();
    await page.waitForFunction(() => (document.querySelector<HTMLImageElement>(".stage img")?.naturalWidth ?? 0) > 0);
    expect(asked).toEqual([]);
    const zoom = page.locator(".zoom output");
    expect(await zoom.innerText()).toBe("Fit");
    const scales: string[] = [];
    for (let i = 0; i < 3; i += 1) {
      await page.keyboard.press("+");
      await page.waitForTimeout(150);
      scales.push(await zoom.innerText());
    }
    expect(scales.at(-1)).toBe("100 %");
    await page.waitForFunction(() => {
      const tiles = [...document.querySelectorAll<HTMLImageElement>(".stage img.tile")];
      return tiles.length > 0 && tiles.every((tile) => tile.complete && tile.naturalWidth > 0);
    });
    // 2,000 pixels in a frame of 360: what is in sight or nearly so, not all sixteen.
    const shown = await page.locator(".stage img.tile").count();
    expect(shown).toBeGreaterThanOrEqual(4);
    expect(shown).toBeLessThanOrEqual(9);
    if (PICTURES !== undefined) await page.screenshot({ path: `${PICTURES}/zoom-phone.png` });
    await page.keyboard.press("z");
    await page.keyboard.press("-");
    await page.keyboard.press("-");
    await page.keyboard.press("-");
    await page.keyboard.press("-");
    expect(await zoom.innerText()).toBe("Fit");

    // The wheel: the place under the pointer stays under it.
    const box = await page.locator(".stage .frame").boundingBox();
    if (box === null) throw new Error("there is no frame");
    const spot = { x: box.x + box.width * 0.6, y: box.y + box.height * 0.5 };
    const under = () =>
      page.evaluate(({ x, y }) => {
        const { left, top, width, height } = (
          document.querySelector(".stage .layers > img") as HTMLImageElement
        ).getBoundingClientRect();
        const side = Math.min(width, height);
        return [(x - left - (width - side) / 2) / side, (y - top - (height - side) / 2) / side];
      }, spot);
    const before = await under();
    await page.mouse.move(spot.x, spot.y);
    for (let i = 0; i < 3; i += 1) {
      await page.mouse.wheel(0, -120);
      await page.waitForTimeout(150);
    }
    expect(await zoom.innerText()).toBe("100 %");
    const after = await under();
    for (const [at, share] of before.entries()) expect(after[at]).toBeCloseTo(share, 1);
    await page.mouse.wheel(0, 120);
    await page.waitForTimeout(150);
    expect(await zoom.innerText()).toBe("50 %");

    // Two fingers that part.
    const touch = await context.newCDPSession(page);
    const fingers = (gap: number) => [
      { x: spot.x - gap, y: spot.y, id: 0 },
      { x: spot.x + gap, y: spot.y, id: 1 },
    ];
    await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: fingers(20) });
    for (const gap of [26, 34, 44])
      await touch.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: fingers(gap) });
    await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    await expect.poll(() => zoom.innerText()).toMatch(/^(100|200) %$/);
    await context.close();
  });
});
