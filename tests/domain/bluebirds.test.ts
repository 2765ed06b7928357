import { expect, test } from "vitest";
import { accuracyOf } from "../../bench/labels/crowd-data.ts";
import { chance } from "../../domain/chance.ts";
import { fitConsensus } from "../../domain/consensus/fit.ts";
import { planPurchases } from "../../domain/planner/plan.ts";
import { sharedText } from "./shared.ts";

const labels = sharedText("data/crowd/bluebirds/labels.csv");
const truths = sharedText("data/crowd/bluebirds/truth.csv");
const rows = (text: string) =>
  text
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(",").map(Number));

/** Buys BlueBirds' recorded answers one wave at a time until the planner is content; returns what it holds then. */
function buy(goldAnchored: boolean) {
  const recorded = rows(labels!);
  const tasks = 108;
  const waiting = Array.from({ length: tasks }, (_, t) =>
    chance(`birds/${t}`).shuffle(recorded.filter(([item]) => item === t)),
  );
  const held: number[][] = [];
  const answers = new Int32Array(tasks);
  const maxAnswers = 39;
  for (let wave = 0; wave < 60; wave++) {
    const fit = fitConsensus({
      classes: 2,
      tasks,
      workers: 39,
      task: Int32Array.from(held, (row) => row[0]!),
      worker: Int32Array.from(held, (row) => row[1]!),
      label: Int32Array.from(held, (row) => row[2]!),
      method: "dawid-skene",
    });
    const skill = Float64Array.of(0.9, 0.1, 0.1, 0.9); // claimed, not measured
    const plan = planPurchases({
      classes: 2,
      images: { posterior: fit.posterior, answers, cannotTell: new Int32Array(tasks) },
      minAnswers: 2,
      maxAnswers,
      skill,
      pricePerAnswer: 0.03,
      targetAccuracy: 0.95,
      budgetLeft: 1e6,
      goldAnchored,
    });
    if (plan.decision === "enough") return { fit, bought: held.length };
    plan.buy.forEach((copies, t) => {
      for (let i = 0; i < copies; i++) {
        const answer = waiting[t]!.pop();
        if (answer === undefined) continue;
        held.push(answer);
        answers[t] = answers[t]! + 1;
      }
    });
  }
  throw new Error("the planner never had enough");
}

test.runIf(labels !== undefined && truths !== undefined)(
  "BlueBirds (59 % per label) does not stop early while no gold anchors skill, and reaches what all its answers give",
  () => {
    const truth = Int32Array.from(
      rows(truths!).toSorted((a, b) => a[0]! - b[0]!),
      (row) => row[1]!,
    );
    const patient = buy(false);
    expect(patient.bought).toBe(39 * 108);
    expect(accuracyOf(patient.fit.posterior, truth, 2)).toBeGreaterThan(0.88);
  },
);
