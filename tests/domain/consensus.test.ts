import { expect, test } from "vitest";
import { chance } from "../../domain/chance.ts";
import { CANNOT_TELL } from "../../domain/consensus/answers.ts";
import { type ConsensusInput, fitConsensus, type Method } from "../../domain/consensus/fit.ts";

type Triple = [task: number, worker: number, label: number];
function input(
  triples: Triple[],
  more: Partial<ConsensusInput> & { method: ConsensusInput["method"] },
): ConsensusInput {
  const column = (i: 0 | 1 | 2) => Int32Array.from(triples, (triple) => triple[i]);
  const [task, worker, label] = [column(0), column(1), column(2)];
  return {
    classes: 2,
    tasks: Math.max(-1, ...task) + 1,
    workers: Math.max(-1, ...worker) + 1,
    task,
    worker,
    label,
    ...more,
  };
}
const METHODS: Method[] = ["majority", "one-coin", "dawid-skene"];

/** 300 tasks of 3 classes; worker 0..5 right 85 % of the time, 6 and 7 draw at random, 8 confuses class 0 with 1 always. */
function crowd(seed: string, perTask = 5) {
  const random = chance(seed);
  const truth = Int32Array.from({ length: 300 }, () => random.below(3));
  const triples: Triple[] = [];
  truth.forEach((t, task) => {
    for (const worker of random.sample([0, 1, 2, 3, 4, 5, 6, 7, 8], perTask)) {
      const good = random.uniform() < 0.85 ? t : (t + 1 + random.below(2)) % 3;
      triples.push([task, worker, worker < 6 ? good : worker < 8 ? random.below(3) : t === 2 ? 2 : 1 - t]);
    }
  });
  return { truth, triples };
}
const accuracy = (posterior: Float64Array, truth: Int32Array, classes: number) =>
  truth.reduce((right, t, i) => {
    const row = posterior.subarray(i * classes, (i + 1) * classes);
    return right + Number(row.indexOf(Math.max(...row)) === t);
  }, 0) / truth.length;

test.each(METHODS)("%s: three who agree outvote one, and every row sums to 1", (method) => {
  const fit = fitConsensus(
    input(
      [
        [0, 0, 1],
        [0, 1, 1],
        [0, 2, 1],
        [0, 3, 0],
        [1, 0, 0],
        [1, 1, 0],
        [1, 2, 0],
      ],
      { method },
    ),
  );
  expect(fit.posterior[1]).toBeGreaterThan(0.5);
  expect(fit.posterior[2]).toBeGreaterThan(0.5);
  for (let t = 0; t < 2; t++) expect(fit.posterior[2 * t]! + fit.posterior[2 * t + 1]!).toBeCloseTo(1, 12);
  for (let row = 0; row < 8; row++) {
    expect(fit.confusion.subarray(row * 3, row * 3 + 3).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
  }
});

test("a tied vote is an even posterior under majority", () => {
  const { posterior } = fitConsensus(
    input(
      [
        [0, 0, 0],
        [0, 1, 1],
      ],
      { method: "majority" },
    ),
  );
  expect(posterior[0]).toBeCloseTo(0.5, 12);
});

test.each(METHODS)("%s: the objective never falls, with spammers, a model's prior, gold and tempering", (method) => {
  const { triples, truth } = crowd("monotone");
  const gold = truth.map((t, i) => (i % 20 === 0 ? t : -1));
  const prior = Float64Array.from({ length: 900 }, (_, i) =>
    Math.floor(i / 3) % 7 === 0 ? Number.NaN : Math.log(i % 3 === 0 ? 0.5 : 0.25),
  );
  for (const more of [{}, { temper: 0.7 }, { gold, prior, temper: 0.6 }]) {
    const { objective } = fitConsensus(input(triples, { classes: 3, method, ...more }));
    for (let i = 1; i < objective.length; i++) {
      expect(objective[i]!).toBeGreaterThanOrEqual(objective[i - 1]! - 1e-9 * Math.abs(objective[i - 1]!));
    }
  }
});

test("Dawid and Skene learn who always confuses two classes and who says anything; majority can't", () => {
  const { triples, truth } = crowd("skill");
  const of = (method: Method) => fitConsensus(input(triples, { classes: 3, method }));
  const full = of("dawid-skene");
  expect(accuracy(full.posterior, truth, 3)).toBeGreaterThan(accuracy(of("majority").posterior, truth, 3) + 0.02);
  const confused = full.confusion.subarray(8 * 12, 9 * 12);
  expect(confused[1]).toBeGreaterThan(0.8); // truth 0, said 1
  expect(confused[4]).toBeGreaterThan(0.8); // truth 1, said 0
  expect(confused[2 * 4 + 2]).toBeGreaterThan(0.8); // truth 2, said 2
  for (let k = 0; k < 3; k++) expect(full.confusion[6 * 12 + k * 4 + k]).toBeLessThan(0.6); // a spammer is right by chance
});

test("a worker with two answers is judged by the crowd, not by them", () => {
  const { triples, truth } = crowd("sparse");
  const newcomer: Triple[] = [
    [0, 9, truth[0]!],
    [1, 9, truth[1]!],
  ];
  const { confusion } = fitConsensus(input([...triples, ...newcomer], { classes: 3, method: "dawid-skene" }));
  for (let k = 0; k < 3; k++) {
    const right = confusion[9 * 12 + k * 4 + k]!;
    expect(right).toBeGreaterThan(0.35);
    expect(right).toBeLessThan(0.95);
  }
});

test("one answer per image from many sparse workers teaches nothing of them, and each image is what was said", () => {
  const random = chance("lone");
  const triples = Array.from({ length: 2500 }, (_, t): Triple => [t, random.below(200), random.below(10)]);
  for (const method of METHODS) {
    const { posterior } = fitConsensus(input(triples, { classes: 10, method }));
    triples.forEach(([t, , label]) => {
      const row = posterior.subarray(t * 10, t * 10 + 10);
      expect(row.indexOf(Math.max(...row))).toBe(label);
    });
  }
});

test("gold is certain, even against everybody, and makes them worse", () => {
  const triples: Triple[] = Array.from({ length: 60 }, (_, i) => [Math.floor(i / 3), i % 3, 0]);
  const gold = new Int32Array(20).fill(1);
  gold.fill(-1, 10);
  const { posterior, likelihood, confusion } = fitConsensus(input(triples, { method: "dawid-skene", gold }));
  expect([posterior[0], posterior[1]]).toEqual([0, 1]);
  expect([likelihood[0], likelihood[1]]).toEqual([0, 1]);
  expect(confusion[3]).toBeGreaterThan(0.7); // truth 1, said 0
});

test("a model's prior moves the posterior and never the likelihood", () => {
  const triples: Triple[] = [
    [0, 0, 0],
    [1, 0, 0],
    [1, 1, 0],
    [2, 1, 1],
    [2, 0, 1],
  ];
  const prior = Float64Array.of(Math.log(0.01), Math.log(0.99), Number.NaN, Number.NaN, Math.log(0.5), Math.log(0.5));
  const fit = fitConsensus(input(triples, { method: "majority", prior }));
  expect(fit.posterior[1]).toBeGreaterThan(0.5);
  expect(fit.likelihood[0]).toBeGreaterThan(0.5);
  expect(fit.likelihood[0]! + fit.likelihood[1]!).toBeCloseTo(1, 12);
});

test("an image without answers has its prior, or the classes' shares, and an even likelihood", () => {
  const fit = fitConsensus(
    input(
      [
        [0, 0, 0],
        [0, 1, 0],
        [1, 0, 0],
        [1, 1, 0],
      ],
      { method: "one-coin", tasks: 3 },
    ),
  );
  expect([...fit.likelihood.subarray(4)]).toEqual([0.5, 0.5]);
  expect(fit.posterior[4]).toBeGreaterThan(0.5);
});

test('all answers "cannot tell" leave every image even, and say so of the worker', () => {
  const fit = fitConsensus(
    input(
      Array.from({ length: 20 }, (_, t): Triple => [t, 0, CANNOT_TELL]),
      { method: "dawid-skene" },
    ),
  );
  expect(fit.posterior[0]).toBeCloseTo(0.5, 6);
  expect(fit.confusion[2]).toBeGreaterThan(0.7);
});

test("no answers, a single annotator and a class that nobody names are no errors", () => {
  expect(fitConsensus(input([], { method: "automatic" })).posterior).toHaveLength(0);
  expect(
    fitConsensus(
      input(
        [
          [0, 0, 0],
          [1, 0, 1],
        ],
        { method: "automatic" },
      ),
    ).posterior[0],
  ).toBeGreaterThan(0.5);
  expect(
    fitConsensus(
      input(
        [
          [0, 0, 0],
          [1, 0, 1],
        ],
        { method: "dawid-skene", classes: 5 },
      ),
    ).posterior[0],
  ).toBeGreaterThan(0.5);
});

test("the same answers give the same fit, bit by bit; tempering makes it less sure", () => {
  const { triples } = crowd("again");
  const tempered = (temper: number) => fitConsensus(input(triples, { classes: 3, method: "dawid-skene", temper }));
  expect(tempered(1)).toEqual(tempered(1));
  const sure = ({ posterior }: { posterior: Float64Array }) => posterior.reduce((sum, p) => sum + p * p, 0);
  expect(sure(tempered(0.5))).toBeLessThan(sure(tempered(1)));
});

test("automatic chooses by held-out gold where there are twenty answered ones, and says how", () => {
  const { triples, truth } = crowd("automatic");
  const gold = truth.map((t, i) => (i % 10 === 0 ? t : -1));
  const fit = fitConsensus(input(triples, { classes: 3, method: "automatic", gold }));
  expect(fit.choice).toMatchObject({ method: "dawid-skene", gold: 30 });
  expect(fit.choice!.logLoss["dawid-skene"]).toBeLessThan(fit.choice!.logLoss.majority);
  const few = truth.map((t, i) => (i < 19 ? t : -1));
  expect(fitConsensus(input(triples, { classes: 3, method: "automatic", gold: few }))).toMatchObject({
    method: "dawid-skene",
  });
});

test("bad indices, lengths and tempers are refused with the place and the value", () => {
  expect(() => fitConsensus(input([[0, 0, 2]], { method: "majority" }))).toThrow("label 2");
  expect(() => fitConsensus(input([[0, 0, 0]], { method: "majority", workers: 0 }))).toThrow("worker 0");
  expect(() => fitConsensus(input([[0, 0, 0]], { method: "majority", temper: 0 }))).toThrow("temper 0");
  expect(() => fitConsensus(input([[0, 0, 0]], { method: "majority", gold: new Int32Array(2) }))).toThrow(
    "gold has 2 values",
  );
  expect(() => fitConsensus(input([[0, 0, 0]], { method: "majority", classes: 1 }))).toThrow("at least 2");
});
