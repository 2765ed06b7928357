import { type GoldAnswers, type SuspectGold, suspectGold } from "../../domain/annotators/gold-contradictions.ts";
import type { CheckedAnswer } from "./checked-answers.ts";

/** What an annotator of whom nothing else is known is taken for: right four times in five, on the word of two answers. */
const ASSUMED = { right: 1.6, n: 2 };

/** Gold that people who are right elsewhere contradict together: wrong itself, probably. Told to people, who adjudicate. */
export function goldSuspects(checked: readonly CheckedAnswer[]): SuspectGold[] {
  const onGold = checked.filter(({ gold }) => gold);
  const who = ({ vendor, annotator }: CheckedAnswer) => `${vendor}/${annotator}`;
  const records = Map.groupBy(onGold, who);
  const accuracyElsewhere = (answer: CheckedAnswer) => {
    const others = (records.get(who(answer)) ?? []).filter(({ image }) => image !== answer.image);
    const right = others.filter(({ said, truth }) => said === truth).length;
    return (right + ASSUMED.right) / (others.length + ASSUMED.n);
  };
  const gold = [...Map.groupBy(onGold, ({ image }) => image)].map(
    ([image, answers]): GoldAnswers => ({
      image,
      truth: answers[0]?.truth ?? "",
      answers: answers.flatMap((answer) =>
        answer.said === null ? [] : [{ said: answer.said, accuracy: accuracyElsewhere(answer) }],
      ),
    }),
  );
  return suspectGold(gold);
}
