import { shuffled } from "./rank.ts";

export interface GroupedImage {
  sha256: string;
  /** Name of its duplicate group. */
  group: string;
}

/** Where earlier cycles put images; they stay there. */
export interface EarlierDraw {
  test: readonly string[];
  gold: readonly string[];
  pool: readonly string[];
  withheld: readonly string[];
}

export interface DrawPolicy {
  /** Share of the newcomers that becomes test, by whole groups. */
  testShare: number;
  /** Share of the newcomers that becomes gold; more than .05 counts as .05. */
  goldShare: number;
  seed: number;
}

export interface Draw {
  test: string[];
  gold: string[];
  pool: string[];
  withheld: string[];
}

const NOTHING: EarlierDraw = { test: [], gold: [], pool: [], withheld: [] };

/**
 * Draws test, gold and pool before anybody has said a label. Lists are sorted; every image is in exactly one.
 *
 * - Sticky: an image that an earlier draw placed stays. A newcomer joins the side of its group; one whose group
 *   touches both test and the rest is withheld.
 * - Groups of newcomers only go to test as wholes in random order until `testShare` of the newcomers is reached; the
 *   last one is left out where it would overshoot by more than it falls short.
 * - Gold: one image per group, at random, from groups without any earlier image, never more than 5 % of the newcomers;
 *   at least one where there are 20.
 * - Depends on the seed and the content hashes only, not on the order.
 */
export function drawTestSet(images: readonly GroupedImage[], policy: DrawPolicy, earlier: EarlierDraw = NOTHING): Draw {
  const placed = new Map<string, keyof Draw>();
  for (const side of ["test", "gold", "pool", "withheld"] as const) for (const s of earlier[side]) placed.set(s, side);
  const draw: Draw = { test: [], gold: [], pool: [], withheld: [] };
  const fresh: GroupedImage[][] = [];
  let newcomers = 0;
  for (const members of byGroup(images)) {
    const sides = new Set(members.map((m) => placed.get(m.sha256)));
    const touchesTest = sides.has("test");
    const touchesRest = sides.has("pool") || sides.has("gold");
    const isNew = members.filter((m) => !placed.has(m.sha256));
    for (const m of members) {
      const side = placed.get(m.sha256);
      if (side !== undefined) draw[side].push(m.sha256);
    }
    newcomers += isNew.length;
    if (touchesTest && touchesRest) draw.withheld.push(...isNew.map((m) => m.sha256));
    else if (touchesTest) draw.test.push(...isNew.map((m) => m.sha256));
    else if (touchesRest) draw.pool.push(...isNew.map((m) => m.sha256));
    // A group known only by withheld images still bridges what they bridged.
    else if (sides.has("withheld")) draw.withheld.push(...isNew.map((m) => m.sha256));
    else fresh.push(members);
  }
  const { taken, left } = takeTest(fresh, newcomers, policy);
  draw.test.push(...taken.flat().map((m) => m.sha256));
  const gold = takeGold(left, newcomers, policy);
  draw.gold.push(...gold);
  for (const m of left.flat()) if (!gold.has(m.sha256)) draw.pool.push(m.sha256);
  for (const list of Object.values(draw) as string[][]) list.sort();
  return draw;
}

function byGroup(images: readonly GroupedImage[]): GroupedImage[][] {
  const groups = new Map<string, GroupedImage[]>();
  for (const image of images) {
    const members = groups.get(image.group);
    if (members === undefined) groups.set(image.group, [image]);
    else members.push(image);
  }
  for (const members of groups.values()) members.sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
  return [...groups.values()];
}

function takeTest(fresh: GroupedImage[][], newcomers: number, policy: DrawPolicy) {
  const target = Math.round(policy.testShare * newcomers);
  const taken: GroupedImage[][] = [];
  const left: GroupedImage[][] = [];
  let count = 0;
  let full = false;
  for (const members of shuffled(fresh, policy.seed, "test", (g) => (g[0] as GroupedImage).sha256)) {
    full ||= count >= target || count + members.length - target > target - count;
    (full ? left : taken).push(members);
    if (!full) count += members.length;
  }
  return { taken, left };
}

function takeGold(left: GroupedImage[][], newcomers: number, policy: DrawPolicy): Set<string> {
  const share = Math.min(0.05, policy.goldShare);
  const most = share > 0 && newcomers >= 20 ? Math.max(1, Math.floor(share * newcomers + 1e-9)) : 0;
  const groups = shuffled(left, policy.seed, "gold", (g) => (g[0] as GroupedImage).sha256).slice(0, most);
  return new Set(
    groups.map((g) => (shuffled(g, policy.seed, "gold-member", (m) => m.sha256)[0] as GroupedImage).sha256),
  );
}
