import type { ImageFacts } from "../../schemas/catalogue.ts";
import { UnionFind } from "../duplicates/union-find.ts";

export interface CapturedImage {
  sha256: string;
  facts: Pick<ImageFacts, "width" | "height" | "brightness" | "contrast" | "entropy" | "colour" | "capture">;
}

export interface ClusterPolicy {
  /** Pictures of one camera that are at most this far apart in time belong to one series. */
  gapSeconds: number;
  /** Pictures without a time whose brightness, contrast and mean colours differ by at most this are one scene's. */
  tolerance: number;
  /** No cluster is larger than this share of the images, nor smaller bounded than `leastCap`. */
  mostShare: number;
  leastCap: number;
}

export const CLUSTER_POLICY: ClusterPolicy = { gapSeconds: 10, tolerance: 0.003, mostShare: 0.01, leastCap: 8 };

/**
 * Groups images that were captured together, so that a split does not put one half of a series into the test set.
 *
 * - With a time: pictures of the same camera, next to each other within `gapSeconds`. A series that exceeds the cap (a camera
 *   over a conveyor never rests) is cut at its largest pauses, until its pieces fit.
 * - Without: pictures of the same size whose brightness, contrast, entropy and mean colours agree. A scene that exceeds the
 *   cap says nothing (a fixed lamp lights them all alike): it groups none.
 *
 * Returns the cluster of each image, named by its smallest sha256; its own where it is alone. Does not depend on the order.
 */
export function captureClusters(images: readonly CapturedImage[], policy: ClusterPolicy = CLUSTER_POLICY): string[] {
  const cap = Math.max(policy.leastCap, Math.floor(policy.mostShare * images.length));
  const sets = new UnionFind(images.length);
  const series = new Map<string, number[]>();
  const scenes = new Map<string, number[]>();
  images.forEach(({ facts }, index) => {
    const size = `${Math.max(facts.width, facts.height)}x${Math.min(facts.width, facts.height)}`;
    const timed = facts.capture?.at !== undefined;
    const [groups, key] = timed ? [series, facts.capture?.camera ?? size] : [scenes, size];
    const members = groups.get(key);
    if (members === undefined) groups.set(key, [index]);
    else members.push(index);
  });
  for (const members of series.values()) {
    for (const run of runsOf(images, members, policy.gapSeconds, cap)) {
      for (const index of run) sets.union(run[0] as number, index);
    }
  }
  for (const members of scenes.values()) {
    for (const scene of scenesOf(images, members, policy.tolerance)) {
      if (scene.length <= cap) for (const index of scene) sets.union(scene[0] as number, index);
    }
  }
  return namesOf(images, sets);
}

/** Groups that hold together what either of two groupings holds together, named by their smallest sha256. */
export function unitedGroups(sha256s: readonly string[], ...groupings: readonly (readonly string[])[]): string[] {
  const sets = new UnionFind(sha256s.length);
  for (const grouping of groupings) {
    const first = new Map<string, number>();
    grouping.forEach((group, index) => {
      const there = first.get(group);
      if (there === undefined) first.set(group, index);
      else sets.union(there, index);
    });
  }
  return namesOf(
    sha256s.map((sha256) => ({ sha256 })),
    sets,
  );
}

const secondsOf = ({ facts }: CapturedImage) => Date.parse(`${facts.capture?.at}Z`) / 1000;

function runsOf(images: readonly CapturedImage[], members: readonly number[], gap: number, cap: number): number[][] {
  const timed = members
    .map((index) => ({ index, at: secondsOf(images[index] as CapturedImage), sha256: images[index]?.sha256 as string }))
    .sort((a, b) => a.at - b.at || (a.sha256 < b.sha256 ? -1 : 1));
  const runs: number[][] = [];
  const cut = (from: number, to: number): void => {
    let widest = from + 1;
    let score = -1;
    const middle = (from + to) / 2;
    for (let i = from + 1; i < to; i += 1) {
      const pause = (timed[i]?.at as number) - (timed[i - 1]?.at as number);
      // Equal pauses: nearest the middle, so that pieces stay large.
      const here = pause + 0.5 * (1 - Math.abs(i - middle) / (to - from));
      if (here > score) [widest, score] = [i, here];
    }
    const pause = widest < to ? (timed[widest]?.at as number) - (timed[widest - 1]?.at as number) : 0;
    if (to - from <= 1 || (pause <= gap && to - from <= cap)) {
      runs.push(timed.slice(from, to).map(({ index }) => index));
      return;
    }
    cut(from, widest);
    cut(widest, to);
  };
  // Long pauses first and without recursion: a year of pictures has many.
  let start = 0;
  for (let i = 1; i <= timed.length; i += 1) {
    if (i < timed.length && (timed[i]?.at as number) - (timed[i - 1]?.at as number) <= gap) continue;
    cut(start, i);
    start = i;
  }
  return runs;
}

/** Entropy is in bits, up to 8; the others run from 0 to 1. */
const ENTROPY_SCALE = 8;

function scenesOf(images: readonly CapturedImage[], members: readonly number[], tolerance: number): number[][] {
  const measured = members
    .flatMap((index) => {
      const { facts, sha256 } = images[index] as CapturedImage;
      if (facts.colour === undefined) return [];
      return [
        { index, sha256, by: [facts.brightness, facts.contrast, facts.entropy / ENTROPY_SCALE, ...facts.colour] },
      ];
    })
    .sort((a, b) => (a.by[0] as number) - (b.by[0] as number) || (a.sha256 < b.sha256 ? -1 : 1));
  const sets = new UnionFind(measured.length);
  measured.forEach((one, i) => {
    for (let j = i + 1; j < measured.length; j += 1) {
      const other = measured[j] as (typeof measured)[number];
      if ((other.by[0] as number) - (one.by[0] as number) > tolerance) break;
      if (other.by.every((value, k) => Math.abs(value - (one.by[k] as number)) <= tolerance)) sets.union(i, j);
    }
  });
  const scenes = new Map<number, number[]>();
  measured.forEach(({ index }, i) => {
    const name = sets.name(i);
    const scene = scenes.get(name);
    if (scene === undefined) scenes.set(name, [index]);
    else scene.push(index);
  });
  return [...scenes.values()];
}

function namesOf(images: readonly { sha256: string }[], sets: UnionFind): string[] {
  const smallest = new Map<number, string>();
  images.forEach(({ sha256 }, i) => {
    const set = sets.name(i);
    const known = smallest.get(set);
    if (known === undefined || sha256 < known) smallest.set(set, sha256);
  });
  return images.map((_, i) => smallest.get(sets.name(i)) as string);
}
