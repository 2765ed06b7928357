import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, it } from "vitest";
import { judgeLot } from "../../lambdas/stages/judge-lot.ts";
import { offerLot } from "../../lambdas/stages/offer-lot.ts";
import { recordKeys } from "../../lambdas/store/keys.ts";
import { openReviews, submitReviews } from "../../lambdas/store/reviews.ts";
import type { Lease } from "../../schemas/portal.ts";
import { inspect, memberOf } from "../api/world.ts";
import { CHROMIUM, joinAs, openBrowser, openPortal, type Portal } from "./browser.ts";

/** What the contract with vendors looks like in a browser: the test before the first lot, and a disputed verdict. */
describe.runIf(CHROMIUM !== undefined)("the contract on the pages", () => {
  let browser: Browser;
  let portal: Portal;
  beforeAll(async () => {
    browser = await openBrowser();
  }, 60_000);
  afterAll(async () => {
    await browser.close();
  });

  it("an annotator takes the test by keyboard and reads the result, on a phone", async () => {
    portal = await openPortal({ agreement: { labelling: { qualification: { questions: 5, toPass: 4 } } } });
    const { ports, images } = portal.world;
    const questions = images.slice(0, 5).map(({ sha256 }, i) => ({ item: `q${i}`, image: sha256 }));
    const drawn = { vendor: "north", annotator: "ann", questions, answers: [], at: "2026-01-01T00:00:00Z" };
    await ports.records.put(recordKeys.qualification("parts", "north", "ann"), drawn, "any");
    const page = await joinAs(portal, await browser.newContext({ viewport: { width: 390, height: 844 } }), {
      role: "annotator",
      vendor: "north",
      subject: "ann",
    });
    await page.getByText("5 images, 4 right answers to pass").waitFor();
    await page.getByRole("button", { name: "Start the test" }).click();
    for (let i = 0; i < 5; i += 1) {
      await page.locator(".stage img").waitFor();
      await page.getByText(`${i} of 5`).waitFor();
      await page.keyboard.press("1");
    }
    await page.getByRole("button", { name: "Hand in" }).click();
    await page.getByRole("button", { name: "See the result" }).click();
    await page.getByText("The test was not passed").waitFor();
    await portal.close();
  }, 60_000);

  it("a vendor disputes a verdict on its page, and the data team reads the reason and decides on its own", async () => {
    portal = await openPortal();
    const { world } = portal;
    const { ask } = await memberOf(world, { role: "annotator", vendor: "north", subject: "ann" });
    const { items } = (await ask("POST", "/api/annotate/lots/0-north/lease", { count: 20 })).body as Lease;
    const answers = items.map(({ item }) => ({ item, value: { task: "class", label: "ok" }, seconds: 2 }));
    await ask("POST", "/api/annotate/lots/0-north/answers", { round: 1, answers });
    await inspect(world, "0-north");
    for (const expert of ["eva", "fay"]) {
      const open = await openReviews(world.ports, { campaign: "parts", expert, limit: 50 });
      const said = open.map(({ task }) => ({ task, value: { task: "class" as const, label: "crack" } }));
      await submitReviews(world.ports, { campaign: "parts", expert, answers: said });
    }
    await judgeLot.run({ lot: "0-north", campaign: "parts" }, world.ports);
    world.ports.tokens.issue("again");
    await offerLot.run({ lot: "0-north", campaign: "parts", token: "again" }, world.ports);

    const reason = "The guideline calls such scratches ok.";
    const boss = await joinAs(portal, await browser.newContext(), { role: "vendor", vendor: "north", subject: "boss" });
    await boss.locator("details.evidence summary").first().click();
    await boss.getByText("Dispute this verdict").click();
    await boss.locator("details.dispute textarea").fill(reason);
    await boss.getByRole("button", { name: "Dispute round 1" }).click();
    await boss.getByText("being looked at").waitFor();

    const team = await joinAs(portal, await browser.newContext(), { role: "data-team", subject: "dana" });
    await team.getByText(reason).waitFor();
    await team.getByLabel("Reason, for the vendor").fill("They are right.");
    await team.getByRole("button", { name: "The vendor is right, pay" }).click();
    await team.locator(".chip.overturned").waitFor();
    await boss.reload();
    await boss.locator("details.evidence summary").first().click();
    await boss.getByText("you were right: the answers are owed").waitFor();
    await portal.close();
  }, 60_000);
});
