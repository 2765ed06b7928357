import { binomialPmf } from "../probability.ts";

export interface GoldAnswers {
  image: string;
  /** What the two experts gave. */
  truth: string;
  /** Classes that annotators said ("cannot tell" left out), each with the annotator's accuracy on the other gold. */
  answers: readonly { said: string; accuracy: number }[];
}

export interface SuspectGold {
  image: string;
  truth: string;
  /** What most annotators said instead. */
  instead: string;
  agree: number;
  of: number;
  /** Chance that so many agree on one wrong class if the truth stands, times the number of gold images. */
  chance: number;
}

/**
 * Gold that is probably wrong itself: annotators who are right elsewhere agree on another class. Told to people, who
 * adjudicate; until then it pauses nobody. Needs three answers that name the other class. Chance: at most so many wrong
 * answers by annotators of that mean accuracy, Bonferroni over the gold images; below .01 is told, the surest first.
 */
export function suspectGold(gold: readonly GoldAnswers[]): SuspectGold[] {
  const suspects: SuspectGold[] = [];
  for (const { image, truth, answers } of gold) {
    const counts = new Map<string, number>();
    for (const { said } of answers) if (said !== truth) counts.set(said, (counts.get(said) ?? 0) + 1);
    const [instead, agree] = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0] ?? ["", 0];
    if (agree < 3) continue;
    const of = answers.length;
    const wrong = 1 - answers.reduce((sum, { accuracy }) => sum + accuracy, 0) / of;
    let chance = 0;
    for (let k = agree; k <= of; k++) chance += binomialPmf(k, of, wrong);
    chance = Math.min(1, chance * gold.length);
    if (chance < 0.01) suspects.push({ image, truth, instead, agree, of, chance });
  }
  return suspects.sort((a, b) => a.chance - b.chance || (a.image < b.image ? -1 : 1));
}
