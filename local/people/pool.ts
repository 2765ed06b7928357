import { chance } from "../../domain/chance.ts";
import type { AnswerValue } from "../../schemas/answer.ts";

/** One simulated person: how often right, and how wrong. */
export interface Person {
  name: string;
  kind: "good" | "sloppy" | "confused" | "spammer" | "copier" | "model" | "expert";
  /** Probability of saying what the picture shows, before confusion. */
  accuracy: number;
  /** Two classes that the person takes for one another, and how often. */
  confuses?: { pair: readonly [string, string]; rate: number };
  /** What the person says of each class, in the campaign's order: P(said | shown). In place of accuracy and confusion. */
  matrix?: readonly (readonly number[])[];
  /** Says what that person says, errors included. */
  copies?: Person;
  /** Share of right answers that is lost by the end of a sitting. */
  tires?: number;
  /** Errs with others of the group: on so large a share of the images all of them say the same. What models do to each other. */
  errsWith?: { group: string; share: number };
  /** Mean seconds per answer. */
  seconds: number;
}

export interface Pool {
  /** A vendor's annotators, in the order in which they were hired. */
  annotators(vendor: string): readonly Person[];
  experts: readonly Person[];
}

/** Share of right answers over the default pool's annotators, for classes that are equally frequent. */
export const POOL_ACCURACY = 0.86;
const SLOPPY = 0.8;
const CONFUSION = 0.4;
const MIX = { good: 14, sloppy: 3, confused: 2, spammer: 1 } as const;
const PEOPLE = 20;
const EXPERTS = 3;
const EXPERT_ACCURACY = 0.99;

/**
 * The default pool: 20 annotators per vendor, of whom 14 are good, 3 sloppy (.80), 2 as good as the good ones save that
 * they take one of two classes for the other 40 % of the time, and 1 clicks at random; 3 experts, right .99.
 *
 * The good ones' accuracy g is solved so that the mean is .86: with C classes, 14 g + 3 x .80 + 2 (g - .4 g 2 / C) + 1 / C
 * = 20 x .86. Five classes: g = .944; two: .967; ten: .937.
 */
export function defaultPool(seed: number, classes: readonly string[]): Pool {
  const good = goodAccuracy(classes.length);
  return {
    annotators(vendor) {
      const draw = chance(`${seed}/pool/${vendor}`);
      const kinds = draw.shuffle(
        Object.entries(MIX).flatMap(([kind, count]) => Array<Person["kind"]>(count).fill(kind as Person["kind"])),
      );
      return kinds.map((kind, index): Person => {
        const name = `${vendor}-${String(index + 1).padStart(2, "0")}`.slice(0, 80);
        const pair = draw.sample(classes, 2) as [string, string];
        const seconds = kind === "spammer" ? 1 : 4 + draw.below(8);
        if (kind === "sloppy") return { name, kind, accuracy: SLOPPY, seconds };
        if (kind === "confused") return { name, kind, accuracy: good, confuses: { pair, rate: CONFUSION }, seconds };
        if (kind === "spammer") return { name, kind, accuracy: 1 / classes.length, seconds };
        return { name, kind, accuracy: good, seconds };
      });
    },
    experts: Array.from(
      { length: EXPERTS },
      (_, index): Person => ({ name: `expert-${index + 1}`, kind: "expert", accuracy: EXPERT_ACCURACY, seconds: 20 }),
    ),
  };
}

/** Accuracy of the good ones that makes the pool's mean .86, at most .99. */
export function goodAccuracy(classes: number): number {
  const rest = PEOPLE * POOL_ACCURACY - MIX.sloppy * SLOPPY - MIX.spammer / classes;
  return Math.min(0.99, rest / (MIX.good + MIX.confused * (1 - (CONFUSION * 2) / classes)));
}

/** What a person sees in an image: the class it shows, a name for it, and what it is easily taken for. */
export interface Seen {
  label: string;
  id: string;
  /** Difficulty that people share: this class is what so many of them take the image for, experts a tenth as often. */
  looksLike?: { label: string; rate: number };
}

/** Experts are misled by a hard image so much less often than others. */
const EXPERTS_MISLED = 0.1;

/**
 * What a person says of an image that shows `label`. Follows from the seed, the image, the person, the round and how much
 * of the sitting is over: asked again, in whatever order, they say the same.
 */
export function says(
  person: Person,
  about: {
    seed: number;
    image: string;
    revision: number;
    classes: readonly string[];
    /** Share of the sitting that is over, 0..1. */
    tired?: number;
  } & Omit<Seen, "id">,
): AnswerValue {
  const { seed, image, label, revision, classes, tired = 0 } = about;
  if (person.copies !== undefined) return says(person.copies, about);
  const { errsWith, matrix } = person;
  const together =
    errsWith !== undefined && chance(`${seed}/together/${errsWith.group}/${image}`).uniform() < errsWith.share;
  const draw = chance(`${seed}/says/${image}/${together ? `group ${errsWith.group}` : person.name}/${revision}`);
  if (matrix !== undefined) {
    const row = matrix[classes.indexOf(label)];
    if (row === undefined || row.length !== classes.length)
      throw new RangeError(`${person.name} has no row of ${classes.length} chances for "${label}"`);
    return { task: "class", label: classes[draw.weighted(row)] as string };
  }
  const right = draw.uniform() < person.accuracy * (1 - tired * (person.tires ?? 0));
  const others = classes.filter((name) => name !== label);
  const other = others.length === 0 ? label : (others[draw.below(others.length)] as string);
  const mixesUp = draw.uniform() < (person.confuses?.rate ?? 0);
  const [a, b] = person.confuses?.pair ?? [];
  const twin = label === a ? b : label === b ? a : undefined;
  const { looksLike } = about;
  const misled = (looksLike?.rate ?? 0) * (person.kind === "expert" ? EXPERTS_MISLED : 1);
  if (looksLike !== undefined && person.kind !== "spammer" && draw.uniform() < misled)
    return { task: "class", label: looksLike.label };
  // Taking one class for its twin takes from the right answers only.
  return { task: "class", label: !right ? other : mixesUp && twin !== undefined ? twin : label };
}

/**
 * A model that sells answers: `name` instances of one network, as quick as it gets, which say the same of almost every
 * image, also across vendors that run models of one family. A second such answer tells little; gold and inspection see it
 * as they see anybody.
 */
export function modelVendor(options: {
  names: readonly string[];
  accuracy: number;
  /** Networks trained alike err alike. */
  family?: string;
  share?: number;
}): Person[] {
  const errsWith = { group: options.family ?? "models", share: options.share ?? 0.9 };
  return options.names.map((name) => ({ name, kind: "model", accuracy: options.accuracy, errsWith, seconds: 0.2 }));
}
