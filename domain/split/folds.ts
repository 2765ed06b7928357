import { shuffled } from "./rank.ts";

export interface LabelledImage {
  sha256: string;
  group: string;
  label: string;
}

interface LabelledGroup {
  name: string;
  images: LabelledImage[];
  /** The commonest label of its images, ties to the first in code-unit order. */
  label: string;
}

/**
 * Splits into train and validation by whole groups, each label near its share. Lists are sorted.
 * A label with a single group stays in train: it can't be in both. Depends on seed and content only, not on the order.
 */
export function splitTrainValidation(input: { images: readonly LabelledImage[]; share: number; seed: number }): {
  train: string[];
  validation: string[];
} {
  const train: string[] = [];
  const validation: string[] = [];
  for (const groups of byLabel(input.images)) {
    const total = groups.reduce((sum, g) => sum + g.images.length, 0);
    let wanted = total * input.share;
    shuffled(groups, input.seed, "validation", (g) => g.name).forEach((group, i) => {
      const takes = i < groups.length - 1 && wanted >= group.images.length / 2;
      if (takes) wanted -= group.images.length;
      (takes ? validation : train).push(...group.images.map((m) => m.sha256));
    });
  }
  return { train: train.sort(), validation: validation.sort() };
}

/**
 * Fold (0..k-1) of each image, whole groups together, each label spread evenly: a label's groups go, large ones
 * first and random within a size, to the fold with the fewest images of that label, then the fewest at all.
 * Throws RangeError unless k is an integer of at least 2.
 */
export function groupedFolds(images: readonly LabelledImage[], k: number, seed: number): Map<string, number> {
  if (!Number.isInteger(k) || k < 2) throw new RangeError(`${k} folds: at least 2 are needed`);
  const folds = new Map<string, number>();
  const sizes = new Array<number>(k).fill(0);
  for (const groups of byLabel(images)) {
    const ofLabel = new Array<number>(k).fill(0);
    const order = shuffled(groups, seed, "fold", (g) => g.name).sort((a, b) => b.images.length - a.images.length);
    for (const group of order) {
      let best = 0;
      for (let f = 1; f < k; f += 1) {
        const less =
          (ofLabel[f] as number) - (ofLabel[best] as number) || (sizes[f] as number) - (sizes[best] as number);
        if (less < 0) best = f;
      }
      ofLabel[best] = (ofLabel[best] as number) + group.images.length;
      sizes[best] = (sizes[best] as number) + group.images.length;
      for (const image of group.images) folds.set(image.sha256, best);
    }
  }
  return folds;
}

/** Groups by their commonest label, labels and groups in code-unit order. */
function byLabel(images: readonly LabelledImage[]): LabelledGroup[][] {
  const groups = new Map<string, LabelledImage[]>();
  for (const image of images) {
    const members = groups.get(image.group);
    if (members === undefined) groups.set(image.group, [image]);
    else members.push(image);
  }
  const labels = new Map<string, LabelledGroup[]>();
  for (const [name, members] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const counts = new Map<string, number>();
    for (const m of members) counts.set(m.label, (counts.get(m.label) ?? 0) + 1);
    const label = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0]?.[0] as string;
    const ofLabel = labels.get(label);
    const group = { name, images: members, label };
    if (ofLabel === undefined) labels.set(label, [group]);
    else ofLabel.push(group);
  }
  return [...labels].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, list]) => list);
}
