/**
 * Takes the README's pictures from a real campaign of the laptop host, people at work in a browser:
 * `node tests/web/take-pictures.ts <folder of pretrained weights>` writes docs/pictures/*.png.
 */
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { pendingApproval } from "../../lambdas/store/approvals.ts";
import { readCycle } from "../../lambdas/store/campaigns.ts";
import { vendorBoard } from "../../lambdas/store/lots.ts";
import { openBrowser } from "./browser.ts";
import { handedOut } from "./by-keyboard.ts";
import { annotator, expert } from "./crowd.ts";
import { openHostWorld } from "./host-world.ts";

const FOLDER = fileURLToPath(new URL("../../docs/pictures/", import.meta.url));
const weights = process.argv[2];
const browser = await openBrowser();
const world = await openHostWorld({
  perClass: Number(process.argv[3] ?? 45),
  side: 400,
  marks: [
    { mark: 0, name: "crack" },
    { mark: 1, name: "hole" },
    { mark: 2, name: "ok" },
    { mark: 3, name: "stain" },
  ],
  agreement: {
    budget: 250,
    training: { backbone: weights === undefined ? "small-cnn" : "mobilenetv2_100", testShare: 0.3 },
    labelling: { lotSize: 40, maxWaves: 3 },
  },
  ...(weights === undefined ? {} : { weights }),
});
const { host, campaign, classes, truth } = world;

const context = () => browser.newContext({ viewport: { width: 1180, height: 760 } });
async function picture(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(700);
  const file = `${FOLDER}${name}.png`;
  const { size } = await sharp(await page.screenshot())
    .png({ palette: true, quality: 90, effort: 10 })
    .toFile(file);
  console.log(`${name}.png ${(size / 1024).toFixed(0)} kB`);
}

// One annotator of South Data mixes up stains and cracks until its first lot comes back.
let careless = true;
const mixedUp = async (picture: Uint8Array) => {
  const shown = await truth(picture);
  return careless && shown === "stain" ? "ok" : careless && shown === "crack" ? "ok" : shown;
};
let mine: string | undefined;
const crowd = [
  annotator(host.url, await world.session({ role: "annotator", vendor: "north", subject: "nora" }), truth, () => mine),
  annotator(host.url, await world.session({ role: "annotator", vendor: "north", subject: "nils" }), truth, () => mine),
  annotator(host.url, await world.session({ role: "annotator", vendor: "south", subject: "sven" }), mixedUp),
  annotator(host.url, await world.session({ role: "annotator", vendor: "south", subject: "sara" }), mixedUp),
  expert(host.url, await world.session({ role: "expert", subject: "xena" }), truth),
  expert(host.url, await world.session({ role: "expert", subject: "yuri" }), truth),
];

const ann = await world.join(await context(), { role: "annotator", vendor: "north", subject: "ann" });
const images = handedOut(ann);
await ann.getByRole("button", { name: "Start" }).first().click({ timeout: 600_000 });
mine = new URL(ann.url()).searchParams.get("lot") ?? undefined;
for (let at = 0; at < 40; at += 1) {
  const shows = await truth((await images[at]) ?? new Uint8Array());
  if (at >= 9 && shows === "crack") break;
  await ann.locator(".stage img").waitFor();
  await ann.locator(".answers button:enabled").first().waitFor();
  const shown = await ann.locator(".stage img").getAttribute("src");
  await ann.keyboard.press(String(classes.indexOf(shows) + 1));
  await ann.waitForFunction((before) => document.querySelector<HTMLImageElement>(".stage img")?.src !== before, shown);
}
await ann.locator(".stage img").waitFor();
await picture(ann, "annotate");
await ann.context().close();
// She goes on elsewhere: what she holds is hers until the lease ends.
crowd.unshift(annotator(host.url, await world.session({ role: "annotator", vendor: "north", subject: "ann" }), truth));
mine = undefined;

const eve = await world.join(await context(), { role: "expert", subject: "eve" });
for (const one of crowd.slice(0, 5)) await one.work();
for (;;) {
  const again = eve.getByRole("button", { name: "Look again" });
  if (await again.isVisible()) await again.click();
  if (await eve.locator(".stage img").isVisible()) break;
  await eve.waitForTimeout(500);
}
await picture(eve, "review");
await eve.context().close();

let vendorTaken = false;
while ((await pendingApproval(host.ports, campaign)) === undefined) {
  const board = await vendorBoard(host.ports, { campaign, vendor: "south" });
  if (!vendorTaken && board.some(({ status, round }) => status === "offered" && round > 1)) {
    vendorTaken = true;
    careless = false;
    const boss = await world.join(await context(), { role: "vendor", vendor: "south", subject: "boss" });
    await boss.locator("details.evidence").first().locator("summary").click();
    await picture(boss, "vendor");
    await boss.context().close();
  }
  let done = 0;
  for (const one of crowd.slice(5)) done += await one.work();
  if (!vendorTaken && board.some(({ status }) => status === "in-review" || status === "delivered")) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    continue;
  }
  for (const one of crowd.slice(0, 5)) done += await one.work();
  if (done === 0) await new Promise((resolve) => setTimeout(resolve, 500));
  const { outcome } = await readCycle(host.ports, campaign, 1);
  if (outcome !== "open") throw new Error(`the cycle ended: ${outcome}`);
}
const owner = await world.join(await context(), { role: "owner", subject: "olga" });
await owner.locator(".decision").waitFor();
await picture(owner, "approve");
const team = await world.join(await context(), { role: "data-team", subject: "team" });
await team.locator(".graph").waitFor();
await picture(team, "watch");
if (!vendorTaken) {
  const boss = await world.join(await context(), { role: "vendor", vendor: "south", subject: "boss" });
  await boss.locator(".tiles").waitFor();
  await picture(boss, "vendor");
}
await browser.close();
await world.close();
