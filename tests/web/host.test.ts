import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pendingApproval } from "../../lambdas/store/approvals.ts";
import { readCycle } from "../../lambdas/store/campaigns.ts";
import { releaseState } from "../../lambdas/store/release.ts";
import type { OpenLot } from "../../schemas/portal.ts";
import { CHROMIUM, openBrowser } from "./browser.ts";
import { answerAll, handedOut } from "./by-keyboard.ts";
import { annotator, expert, type Worker } from "./crowd.ts";
import { type HostWorld, openHostWorld, predictFile } from "./host-world.ts";

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const MINUTES = 60_000;

describe.runIf(CHROMIUM !== undefined)(
  "people in a browser take a campaign of the laptop host from photos to an endpoint",
  () => {
    let browser: Browser;
    let world: HostWorld;
    let crowd: Worker[];
    let mine: string | undefined;

    beforeAll(async () => {
      browser = await openBrowser();
      world = await openHostWorld({
        perClass: 30,
        side: 96,
        marks: [
          // Colours that a small network trained from scratch on few pictures surely tells apart.
          { mark: 2, name: "blue-tray", tray: [40, 70, 190] },
          { mark: 2, name: "red-tray", tray: [190, 60, 40] },
        ],
        agreement: { training: { backbone: "small-cnn", testShare: 0.3 }, labelling: { lotSize: 20, maxWaves: 2 } },
      });
      const { host, truth } = world;
      crowd = [
        annotator(
          host.url,
          await world.session({ role: "annotator", vendor: "north", subject: "nora" }),
          truth,
          () => mine,
        ),
        annotator(
          host.url,
          await world.session({ role: "annotator", vendor: "north", subject: "nils" }),
          truth,
          () => mine,
        ),
        annotator(host.url, await world.session({ role: "annotator", vendor: "south", subject: "sven" }), truth),
        annotator(host.url, await world.session({ role: "annotator", vendor: "south", subject: "sara" }), truth),
        expert(host.url, await world.session({ role: "expert", subject: "xena" }), truth),
      ];
    }, 3 * MINUTES);
    afterAll(async () => {
      await browser.close();
      await world.close();
    });

    const turn = async () => {
      let done = 0;
      for (const one of crowd) done += await one.work();
      if (done === 0) await pause(300);
      await mustGoOn();
    };
    const mustGoOn = async () => {
      const { outcome, failure } = await readCycle(world.host.ports, world.campaign, 1);
      if (outcome !== "open" && outcome !== "live")
        throw new Error(`the cycle ended: ${outcome} ${failure?.error ?? ""} ${failure?.cause ?? ""}`);
    };

    it(
      "a person labels a whole lot by keyboard",
      async () => {
        const { host, truth, classes } = world;
        const page = await world.join(await browser.newContext(), {
          role: "annotator",
          vendor: "north",
          subject: "ann",
        });
        while (!(await page.getByRole("button", { name: "Start" }).first().isVisible())) {
          await mustGoOn();
          await page.waitForTimeout(500);
          await page.reload();
          await page.getByRole("heading", { name: "Your lots" }).waitFor();
          await page.waitForTimeout(1500);
        }
        const lots = await page.evaluate(async () => (await (await fetch("/api/annotate/lots")).json()) as OpenLot[]);
        mine = lots[0]?.lot;
        const images = handedOut(page);
        await page.getByRole("button", { name: "Start" }).first().click();
        expect(await answerAll(page, images, truth, classes)).toBe(lots[0]?.items);
        await page.getByRole("heading", { name: "The lot is delivered" }).waitFor();
        await page.context().close();
        expect(host.url).toContain("127.0.0.1");
      },
      4 * MINUTES,
    );

    it(
      "an expert inspects it by keyboard",
      async () => {
        const { truth, classes } = world;
        const page = await world.join(await browser.newContext(), { role: "expert", subject: "eve" });
        const images = handedOut(page);
        // The sample comes when the lot's workflow has drawn it.
        await expect
          .poll(
            async () => {
              const empty = page.getByRole("button", { name: "Look again" });
              if (await empty.isVisible()) await empty.click();
              return page.locator(".stage img").isVisible();
            },
            { timeout: MINUTES, interval: 500 },
          )
          .toBe(true);
        expect(await answerAll(page, images, truth, classes)).toBeGreaterThan(0);
        await page.getByRole("heading", { name: "No image waits for an expert" }).waitFor();
        await page.context().close();
        crowd.push(expert(world.host.url, await world.session({ role: "expert", subject: "eve" }), truth));
      },
      2 * MINUTES,
    );

    it(
      "the others do the rest, and the owner approves in the browser",
      async () => {
        const { host, campaign } = world;
        while ((await pendingApproval(host.ports, campaign)) === undefined) await turn();
        const page = await world.join(await browser.newContext(), { role: "owner", subject: "olga" });
        const version = await page.locator("main code").first().innerText();
        await page.getByRole("radio", { name: /Approve/ }).check();
        await page.getByLabel(/Type the model's version/).fill(version);
        await page.getByRole("button", { name: "Sign the decision" }).click();
        await page.getByRole("heading", { name: "You approved" }).waitFor();
        await page.context().close();
      },
      8 * MINUTES,
    );

    it(
      "the endpoint answers with what it learned",
      async () => {
        const { host, campaign, files } = world;
        while ((await releaseState(host.ports, campaign)).champion === undefined) await turn();
        let right = 0;
        for (const [name, paths] of Object.entries(files)) {
          for (const file of paths.slice(0, 5)) {
            const { status, body } = await predictFile(world, file);
            expect(status).toBe(200);
            if (body.label === name) right += 1;
          }
        }
        expect(right).toBeGreaterThanOrEqual(8);
      },
      3 * MINUTES,
    );
  },
);
