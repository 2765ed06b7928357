import fc from "fast-check";
import { expect, test } from "vitest";
import { cutLots, type ItemToLabel, type LotRequest, type Purpose } from "../../domain/planner/lots.ts";

const item = (image: string, more: Partial<ItemToLabel> = {}): ItemToLabel => ({
  image,
  purpose: "label",
  copies: 1,
  uncertainty: 0,
  excludedVendors: [],
  ...more,
});
const many = (n: number, more: Partial<ItemToLabel> = {}) => Array.from({ length: n }, (_, i) => item(`p${i}`, more));
const vendor = (id: string, pricePerAnswer = 0.03, capacity = 100_000) => ({ id, pricePerAnswer, capacity });
const cut = (more: Partial<LotRequest>) =>
  cutLots({ items: [], vendors: [vendor("a"), vendor("b"), vendor("c")], lotSize: 50, seed: 1, ...more });
const count = (lots: ReturnType<typeof cutLots>["lots"], who: string) =>
  lots.filter((lot) => lot.vendor === who).reduce((sum, lot) => sum + lot.items.length, 0);

test("an image with two copies goes to two vendors", () => {
  const { lots, short } = cut({ items: many(120, { copies: 2 }) });
  expect(short).toEqual([]);
  for (let i = 0; i < 120; i++) {
    const takers = lots.filter((lot) => lot.items.some(({ image }) => image === `p${i}`)).map((lot) => lot.vendor);
    expect(new Set(takers).size).toBe(2);
    expect(takers).toHaveLength(2);
  }
});

test("more copies than vendors are capped and told", () => {
  expect(cut({ items: [item("x", { copies: 5 })] }).short).toEqual([
    { image: "x", wanted: 5, given: 3, reason: "too-few-vendors" },
  ]);
  expect(cut({ items: [item("x")], vendors: [] }).short).toEqual([
    { image: "x", wanted: 1, given: 0, reason: "too-few-vendors" },
  ]);
  expect(cut({ items: [item("x")], vendors: [vendor("a", 1, 0)] }).short[0]?.reason).toBe("capacity");
});

test("the cheapest vendor gets most, within its capacity, and every vendor something", () => {
  const { lots } = cut({
    items: many(300),
    vendors: [vendor("dear", 0.09), vendor("cheap", 0.02, 200), vendor("middle", 0.05)],
  });
  expect(count(lots, "cheap")).toBe(200);
  expect(count(lots, "middle")).toBe(90);
  expect(count(lots, "dear")).toBe(10);
});

test("whoever answered an image before comes last; whoever is excluded never gets it", () => {
  const items = [
    ...many(30, { copies: 1 }),
    ...Array.from({ length: 30 }, (_, i) => item(`q${i}`, { excludedVendors: ["a", "b"] })),
  ];
  const labelVendors = Object.fromEntries(items.map(({ image }) => [image, ["a"]]));
  const { lots } = cut({ items, labelVendors });
  expect(count(lots, "a")).toBe(0);
  expect(
    lots.filter((lot) => lot.items.some(({ image }) => image.startsWith("q"))).every((lot) => lot.vendor === "c"),
  ).toBe(true);
});

test("a vendor's lots differ by one item at most and hold the same mix of gold and of unsure images", () => {
  const items = Array.from({ length: 210 }, (_, i) =>
    item(`p${i}`, { purpose: i < 10 ? "gold" : "label", uncertainty: i % 2 }),
  );
  const { lots } = cut({ items, vendors: [vendor("a")], lotSize: 50 });
  expect(lots.map((lot) => lot.items.length)).toEqual([42, 42, 42, 42, 42]);
  for (const lot of lots) {
    expect(lot.items.filter(({ purpose }) => purpose === "gold")).toHaveLength(2);
    expect(lot.items.filter(({ image }) => Number(image.slice(1)) % 2 === 1)).toHaveLength(21);
  }
});

test("lots reveal nothing by their order: gold doesn't stand together", () => {
  const items = Array.from({ length: 50 }, (_, i) => item(`p${i}`, { purpose: i < 10 ? "gold" : "label" }));
  const [lot] = cut({ items, vendors: [vendor("a")] }).lots;
  const positions = lot!.items.flatMap(({ purpose }, i) => (purpose === "gold" ? [i] : []));
  expect(positions.at(-1)! - positions[0]!).toBeGreaterThan(15);
});

test("the order of items and vendors doesn't matter, the seed does", () => {
  const items = many(90, { copies: 2 });
  const vendors = [vendor("a"), vendor("b"), vendor("c", 0.02, 70)];
  const once = cut({ items, vendors });
  expect(cut({ items: items.toReversed(), vendors: vendors.toReversed() })).toEqual(once);
  expect(cut({ items, vendors, seed: 2 })).not.toEqual(once);
});

test("for any wave: no vendor twice per image, no capacity exceeded, every copy given or told, sizes even", () => {
  const purposes: Purpose[] = ["label", "gold", "test", "overlap"];
  const anyItem = fc.record({
    purpose: fc.constantFrom(...purposes),
    copies: fc.integer({ min: 0, max: 4 }),
    uncertainty: fc.double({ min: 0, max: 1, noNaN: true }),
    excludedVendors: fc.subarray(["v0", "v1"]),
  });
  fc.assert(
    fc.property(
      fc.array(anyItem, { maxLength: 60 }),
      fc.array(
        fc.record({ pricePerAnswer: fc.integer({ min: 0, max: 9 }), capacity: fc.integer({ min: 0, max: 60 }) }),
        { maxLength: 4 },
      ),
      fc.integer({ min: 1, max: 20 }),
      (drawn, sellers, lotSize) => {
        const items = drawn.map((one, i) => ({ ...one, image: `p${i}` }));
        const vendors = sellers.map((one, i) => ({ ...one, id: `v${i}` }));
        const { lots, short } = cutLots({ items, vendors, lotSize, seed: 3 });
        for (const { id, capacity } of vendors) expect(count(lots, id)).toBeLessThanOrEqual(capacity);
        for (const one of items) {
          const takers = lots
            .filter((lot) => lot.items.some(({ image }) => image === one.image))
            .map((lot) => lot.vendor);
          expect(new Set(takers).size).toBe(takers.length);
          for (const taker of takers) expect(one.excludedVendors).not.toContain(taker);
          const told = short.find(({ image }) => image === one.image);
          expect(takers.length).toBe(told?.given ?? one.copies);
        }
        for (const { id } of vendors) {
          const sizes = lots.filter((lot) => lot.vendor === id).map((lot) => lot.items.length);
          if (sizes.length > 0) expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(lotSize);
        }
      },
    ),
    { numRuns: 150, seed: 11 },
  );
});

test("waves that make no sense are refused with the bad value", () => {
  expect(() => cut({ lotSize: 0 })).toThrow("lotSize 0");
  expect(() => cut({ vendors: [vendor("a"), vendor("a")] })).toThrow("vendor a stands twice");
  expect(() => cut({ items: [item("x"), item("x")] })).toThrow("image x stands twice");
  expect(() => cut({ items: [item("x", { copies: -1 })] })).toThrow("-1 copies");
});

test("a wave too small for a worthwhile lot for each vendor goes to as few as may take it", () => {
  const labelVendors = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`p${i}`, [i % 3 === 0 ? "a" : "b"]]));
  const wanted = { items: many(60), labelVendors };
  const spread = cut(wanted).lots;
  expect(new Set(spread.map(({ vendor: who }) => who)).size).toBe(3);
  const { lots, short } = cut({ ...wanted, leastLot: 75, lotSize: 200 });
  expect(short).toEqual([]);
  expect(lots.length).toBeLessThanOrEqual(2);
  // Nobody answers an image for a second time while somebody else can.
  for (const { vendor: who, items } of lots)
    for (const { image } of items) expect(labelVendors[image]).not.toContain(who);
  // Enough for all: the share that exercises every vendor stays.
  expect(cut({ items: many(600), leastLot: 75 })).toEqual(cut({ items: many(600) }));
  // Two copies still need two vendors.
  expect(new Set(cut({ items: many(10, { copies: 2 }), leastLot: 75 }).lots.map((lot) => lot.vendor)).size).toBe(2);
});
