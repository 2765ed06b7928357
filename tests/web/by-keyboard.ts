import type { Page } from "playwright-core";
import type { Lease, ReviewImage } from "../../schemas/portal.ts";
import type { Truth } from "./crowd.ts";

/** The pictures that a page was handed out, in its order: what a person sees one after the other. */
export function handedOut(page: Page): Promise<Uint8Array>[] {
  const images: Promise<Uint8Array>[] = [];
  const seen = new Set<string>();
  const add = (key: string, url: string) => {
    if (seen.has(key)) return;
    seen.add(key);
    const coming = page.request.get(new URL(url, page.url()).href).then((response) => response.body());
    coming.catch(() => {});
    images.push(coming);
  };
  page.on("response", async (response) => {
    const { pathname } = new URL(response.url());
    if (!response.ok()) return;
    if (pathname.endsWith("/lease"))
      for (const { item, url } of ((await response.json()) as Lease).items) add(item, url);
    if (pathname === "/api/review/tasks")
      for (const { task, url } of (await response.json()) as ReviewImage[]) add(task, url);
  });
  return images;
}

/**
 * Answers image after image with the number keys until the page says that the last one is answered; then Enter.
 * Returns how many were answered.
 */
export async function answerAll(
  page: Page,
  images: readonly Promise<Uint8Array>[],
  truth: Truth,
  classes: readonly string[],
): Promise<number> {
  const last = page.getByRole("heading", { name: "That was the last image" });
  for (let answered = 0; ; answered += 1) {
    const next = await Promise.race([
      page
        .locator(".answers button:enabled")
        .first()
        .waitFor()
        .then(() => "image" as const),
      last.waitFor().then(() => "last" as const),
    ]);
    if (next === "last") {
      await page.keyboard.press("Enter");
      return answered;
    }
    const shown = await page.locator(".stage img").getAttribute("src");
    const picture = await images[answered];
    if (picture === undefined) throw new Error(`picture ${answered + 1} was never handed out`);
    await page.keyboard.press(String(classes.indexOf(await truth(picture)) + 1));
    // The next image, or the end.
    await page.waitForFunction(
      (before) => document.querySelector<HTMLImageElement>(".stage img")?.src !== before,
      shown ?? "",
    );
  }
}
