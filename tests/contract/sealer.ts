import { expect, test } from "vitest";
import type { Sealer } from "../../lambdas/ports.ts";

/** What every world's Sealer keeps. */
export function sealerContract(open: () => Sealer): void {
  test("a sealed token opens in its own context only", async () => {
    const token = `AQC${"token/ü".repeat(200)}`;
    const sealed = await open().seal(token, "lot-7");
    expect(sealed).not.toContain("token");
    expect(await open().open(sealed, "lot-7")).toBe(token);
    await expect(open().open(sealed, "lot-8")).rejects.toThrow();
  });

  test("an altered, cut or foreign text does not open", async () => {
    const sealed = await open().seal("secret", "c");
    const middle = Math.floor(sealed.length / 2);
    const flipped = sealed.slice(0, middle) + (sealed[middle] === "A" ? "B" : "A") + sealed.slice(middle + 1);
    for (const bad of [flipped, sealed.slice(0, -4), sealed.slice(0, 8), "secret", ""]) {
      await expect(open().open(bad, "c")).rejects.toThrow();
    }
  });

  test("two seals of one text differ, two signatures agree", async () => {
    expect(await open().seal("secret", "c")).not.toBe(await open().seal("secret", "c"));
    expect(await open().sign("text")).toBe(await open().sign("text"));
    expect(await open().sign("text")).toMatch(/^[0-9a-f]{64}$/);
    expect(await open().sign("text")).not.toBe(await open().sign("text "));
    expect(await open().sign("ä".repeat(20_000))).toMatch(/^[0-9a-f]{64}$/);
  });
}
