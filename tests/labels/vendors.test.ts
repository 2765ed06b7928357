import { afterEach, describe, expect, it, vi } from "vitest";
import { cheapestAsGood, fixedRedundancy } from "../../domain/planner/fixed-redundancy.ts";
import { costReport } from "../../lambdas/store/cost-report.ts";
import { adjudicate, creditLot, disputes, openDispute } from "../../lambdas/store/disputes.ts";
import { inspectionState } from "../../lambdas/store/inspection-states.ts";
import { recordKeys } from "../../lambdas/store/keys.ts";
import { statement, statementOfPeriod, totals } from "../../lambdas/store/ledger.ts";
import { readLot, readLotPlan } from "../../lambdas/store/lot-records.ts";
import { leaseItems, openLots, submitAnswers, vendorBoard } from "../../lambdas/store/lots.ts";
import { vendorReview } from "../../lambdas/store/proposals.ts";
import { setStanding } from "../../lambdas/store/standings.ts";
import type { Person, Pool } from "../../local/people/people.ts";
import { forecast } from "../../local/rehearsal/forecast.ts";
import { rehearse } from "../../local/rehearsal/rehearse.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { type LabelWorld, type LabelWorldOptions, labelWorld, pictures } from "./world.ts";

// Whole campaigns: seconds each on a quiet machine, minutes on a crowded one.
vi.setConfig({ testTimeout: 300_000 });

const classes = ["crack", "hole", "ok", "stain"];
const campaign = "camp";
const worlds: LabelWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});
async function world(options: Partial<LabelWorldOptions> = {}): Promise<LabelWorld> {
  const made = await labelWorld({
    pictures: pictures(120, classes),
    agreement: { classes, labelling: { lotSize: 60 } },
    ...options,
  });
  worlds.push(made);
  return made;
}
const good = (count: number, accuracy = 0.97): Person[] =>
  Array.from({ length: count }, (_, i) => ({ name: `p${i + 1}`, kind: "good", accuracy, seconds: 6 }));
const experts: Person[] = [1, 2, 3].map((n) => ({ name: `expert-${n}`, kind: "expert", accuracy: 1, seconds: 20 }));
const poolOf = (people: (vendor: string) => Person[]): Pool => ({
  experts,
  annotators: (vendor) => people(vendor).map((p) => ({ ...p, name: `${vendor}-${p.name}` })),
});
/** Acme's people are good, bolt's click at random. */
const badBolt = poolOf((vendor) => good(6, vendor === "bolt" ? 0.25 : 0.97));

describe("a review of the vendors", () => {
  it("proposes to pause who clicks at random and nobody who works well; only a person's decision bars anybody", async () => {
    const spammer: Person = { name: "spam", kind: "spammer", accuracy: 0.25, seconds: 0.5 };
    const pool = poolOf((vendor) => (vendor === "acme" ? [...good(3), spammer] : good(6)));
    const made = await world({
      pictures: pictures(240, classes),
      agreement: { classes, labelling: { lotSize: 20 } },
      people: { pool },
      split: (images) => ({ test: images.slice(0, 24), gold: images.slice(24, 104), pool: images.slice(104) }),
    });
    await made.run();
    const { cards, proposals, signals } = await vendorReview(made.ports, campaign);
    expect(proposals.map(({ annotator, proposal }) => [annotator, proposal])).toEqual([["acme-spam", "pause"]]);
    expect(signals.some(({ kind, annotators }) => kind === "too-fast" && annotators[0] === "acme/acme-spam")).toBe(
      true,
    );
    const spam = cards[0]?.annotators.find(({ annotator }) => annotator === "acme-spam");
    expect(spam?.checked.high).toBeLessThan(0.7);
    expect(JSON.stringify({ cards, proposals })).not.toMatch(/[0-9a-f]{64}/);
    expect(cards[0]?.firstPassAcceptance.n).toBeGreaterThan(0);
    // The campaign's own adjudicated answers propose what to agree on.
    const { pilot, suspectGold } = await vendorReview(made.ports, campaign);
    expect(pilot.proposed?.p0).toBeGreaterThan(0.005);
    expect(pilot.agreement.experts?.value).toBe(1);
    expect(pilot.agreement.annotators?.value).toBeGreaterThan(0.5);
    expect(suspectGold).toEqual([]);

    // Taken back before all this: the same record now speaks for parting. Taken back after it: it is forgotten.
    const takeBack = async (clock: { now(): number }) => {
      const decision = {
        vendor: "acme",
        annotator: "acme-spam",
        standing: "active",
        by: "dana",
        reason: "trained",
      } as const;
      await setStanding({ ...made.ports, clock }, campaign, decision);
      return (await vendorReview(made.ports, campaign)).proposals.map((one) => [one.annotator, one.proposal]);
    };
    expect(await takeBack({ now: () => 0 })).toEqual([["acme-spam", "release"]]);
    expect(await takeBack(made.clock)).toEqual([]);
  });

  it("proposes retraining, with the classes, to who mixes two of them up", async () => {
    const mixer: Person = {
      name: "mix",
      kind: "confused",
      accuracy: 0.98,
      confuses: { pair: ["crack", "hole"], rate: 0.95 },
      seconds: 6,
    };
    const pool = poolOf((vendor) => (vendor === "acme" ? [...good(3, 0.98), mixer] : good(5, 0.98)));
    const made = await world({
      pictures: pictures(240, classes),
      agreement: { classes, labelling: { lotSize: 20 } },
      people: { pool },
      split: (images) => ({ test: images.slice(0, 24), gold: images.slice(24, 104), pool: images.slice(104) }),
    });
    await made.run();
    const { proposals } = await vendorReview(made.ports, campaign);
    expect(proposals.map(({ annotator, proposal }) => [annotator, proposal])).toEqual([["acme-mix", "retrain"]]);
    expect(new Set([proposals[0]?.hints[0]?.said, proposals[0]?.hints[0]?.truth])).toEqual(new Set(["crack", "hole"]));
  });

  it("a paused annotator or vendor gets no lease, and gets one again when taken back; unknown vendors are refused", async () => {
    const made = await world({ world: "memory" });
    await made.run(() => true);
    const { ports } = made;
    const lot = (await openLots(ports, { campaign, vendor: "acme" }))[0]?.lot ?? "";
    const ask = (annotator: string) => leaseItems(ports, { campaign, vendor: "acme", annotator, lot, count: 2 });
    const decide = (standing: "active" | "paused", annotator?: string) =>
      setStanding(ports, campaign, {
        vendor: "acme",
        standing,
        by: "dana",
        reason: "gold",
        ...(annotator === undefined ? {} : { annotator }),
      });
    const held = (await ask("ann")).items.map(({ item }) => item);
    await decide("paused", "ann");
    await expect(ask("ann")).rejects.toMatchObject({ reason: "barred" });
    // What they hold already may be handed in: the work is done, and inspection judges it.
    const value = { task: "class", label: "ok" } as const;
    const handIn = (annotator: string) =>
      submitAnswers(ports, {
        campaign,
        vendor: "acme",
        annotator,
        lot,
        round: 1,
        answers: held.map((item) => ({ item, value, seconds: 3 })),
      });
    // Somebody whom nobody knows holds nothing, and nothing of theirs counts.
    expect(await handIn("stranger")).toMatchObject({
      accepted: 0,
      refused: held.map((item) => ({ item, reason: "not-leased" })),
    });
    expect(await handIn("ann")).toMatchObject({ accepted: 2, refused: [] });
    expect((await ask("bob")).items.length).toBe(2);
    await decide("active", "ann");
    expect((await ask("ann")).items.length).toBe(2);
    await decide("paused");
    await expect(ask("bob")).rejects.toMatchObject({ reason: "barred" });
    await expect(
      setStanding(ports, campaign, { vendor: "nobody", standing: "paused", by: "dana", reason: "x" }),
    ).rejects.toThrow(/no vendor of "camp"; its vendors are acme, bolt/);
  });
});

describe("inspection", () => {
  it("is tightened for a vendor whose first submissions are rejected, and only for that vendor", async () => {
    const made = await world({ people: { pool: badBolt }, agreement: { classes, labelling: { lotSize: 30 } } });
    await made.run();
    expect((await inspectionState(made.ports, made.agreement, "bolt")).severity).toBe("tightened");
    expect((await inspectionState(made.ports, made.agreement, "acme")).severity).not.toBe("tightened");
  });
});

describe("a dispute", () => {
  it("is opened once, on one's own rejected round, and pays when a person overturns the verdict: once", async () => {
    const made = await world({ people: { pool: badBolt } });
    await made.run();
    const { ports } = made;
    const rejected = (await vendorBoard(ports, { campaign, vendor: "bolt" })).find(({ verdicts }) =>
      verdicts.some(({ verdict }) => verdict !== "accept"),
    );
    const accepted = (await vendorBoard(ports, { campaign, vendor: "acme" })).find(
      ({ status }) => status === "accepted",
    );
    const lot = rejected?.lot ?? "";
    const object = (extra: object) =>
      openDispute(ports, {
        campaign,
        vendor: "bolt",
        lot,
        round: 1,
        reason: "the guideline is silent on stains",
        ...extra,
      });
    await expect(object({ vendor: "acme" })).rejects.toThrow(/had no round 1/);
    await expect(
      object({ vendor: "acme", lot: accepted?.lot, round: accepted?.verdicts.at(-1)?.round }),
    ).rejects.toThrow(/was accepted/);
    await expect(object({ reason: "" })).rejects.toThrow(/reason/);
    await object({});
    await expect(object({})).rejects.toThrow(/disputed before/);
    const before = await statement(ports, { campaign, party: "bolt" });
    const decide = (decision: "upheld" | "overturned") =>
      adjudicate(ports, { campaign, lot, round: 1, decision, by: "dana", note: "they are right" });
    await decide("overturned");
    const after = await statement(ports, { campaign, party: "bolt" });
    expect(after.totalMicros - before.totalMicros).toBe((rejected?.items ?? 0) * 30_000);
    await decide("overturned");
    expect(await statement(ports, { campaign, party: "bolt" })).toEqual(after);
    await expect(decide("upheld")).rejects.toThrow(/decided before: overturned, by dana/);
    expect(await disputes(ports, campaign)).toMatchObject([{ lot, round: 1, status: "overturned" }]);
  });

  it("that is overturned after the rework was accepted pays the round that was wrongly sent back", async () => {
    const made = await world({ world: "memory" });
    await made.run(() => true);
    const { ports } = made;
    const lot = (await openLots(ports, { campaign, vendor: "acme" }))[0]?.lot ?? "";
    await made.run();
    const { lot: ended } = await readLot(ports, campaign, lot);
    expect(ended.status).toBe("accepted");
    const { items } = await readLotPlan(ports, ended);
    // As if a round before had been sent back: the same people, the same items, and a dispute that a person decides.
    const again = ended.round + 1;
    await ports.records.put(recordKeys.lot(campaign, lot), { ...ended, round: again }, "any");
    const dispute = {
      lot,
      round: ended.round,
      vendor: "acme",
      reason: "look again",
      at: ended.closedAt,
      status: "open",
    };
    await ports.records.put(recordKeys.dispute(campaign, lot, ended.round), dispute, "absent");
    const owed = async () => (await statement(ports, { campaign, party: "acme" })).totalMicros;
    const before = await owed();
    const decide = () =>
      adjudicate(ports, {
        campaign,
        lot,
        round: ended.round,
        decision: "overturned",
        by: "dana",
        note: "they are right",
      });
    await decide();
    await decide();
    expect((await owed()) - before).toBe(items.length * 30_000);
  });

  it("against an accepted lot takes back exactly what it owed, once", async () => {
    const made = await world({ people: { pool: badBolt } });
    await made.run();
    const lot = (await vendorBoard(made.ports, { campaign, vendor: "acme" })).find(
      ({ status }) => status === "accepted",
    );
    const before = (await totals(made.ports, campaign)).spentMicros;
    expect(await creditLot(made.ports, campaign, lot?.lot ?? "")).toBe(-(lot?.items ?? 0) * 30_000);
    await creditLot(made.ports, campaign, lot?.lot ?? "");
    expect((await totals(made.ports, campaign)).spentMicros).toBe(before - (lot?.items ?? 0) * 30_000);
  });
});

describe("the counterfactual", () => {
  it("of a majority agrees with the binomial where two classes are answered right 80 % of the time", () => {
    const skill = Float64Array.from([0.8, 0.2, 0.2, 0.8]);
    const [one, three, five] = fixedRedundancy(skill, [1, 1], [1, 3, 5], 7).map(({ accuracy }) => accuracy) as [
      number,
      number,
      number,
    ];
    expect(Math.abs(one - 0.8)).toBeLessThan(0.01);
    expect(Math.abs(three - 0.896)).toBeLessThan(0.01);
    expect(Math.abs(five - 0.942)).toBeLessThan(0.01);
    expect(
      cheapestAsGood(
        [
          { answers: 3, accuracy: three },
          { answers: 5, accuracy: five },
        ],
        0.94,
        0.01,
      )?.answers,
    ).toBe(5);
    expect(cheapestAsGood([{ answers: 3, accuracy: three }], 0.99, 0.01)).toBeUndefined();
    expect(() => fixedRedundancy(skill, [1, 1, 1], [1], 7)).toThrow(/expected 9/);
  });

  it("is priced with the same experts, gold and test set", async () => {
    const made = await world();
    await made.run();
    const report = await costReport(made.ports, campaign, 1);
    expect(report.ours.spentMicros).toBe((await totals(made.ports, campaign)).spentMicros);
    // One answer more for every image of the pool, and nothing else.
    const [first, second] = report.fixed;
    const dataset = (await made.cycle()).counts;
    const pool = pictures(120, classes).length - (dataset.test ?? 0);
    expect((second?.costMicros ?? 0) - (first?.costMicros ?? 0)).toBeGreaterThan(0.8 * pool * 30_000);
    expect((second?.costMicros ?? 0) - (first?.costMicros ?? 0)).toBeLessThanOrEqual(pool * 30_000);
    expect(report.fixed.map(({ accuracy }) => accuracy).at(-1)).toBeGreaterThan(0.97);
    // 120 photos, of which six at most may be gold; what it costs and why stands beside.
    expect(report.gold.images).toBeGreaterThan(0);
    expect(report.gold.images).toBeLessThanOrEqual(6);
    expect(report.gold.pricePerImageMicros).toBeGreaterThan(600_000);
    expect(report.gold.because).toMatch(/each costs .* two experts and an answer of every vendor/);
    // What was set aside, owed and left; the waves' answers and the experts are all that was spent.
    const { budget, per, ours } = report;
    expect(budget.leftMicros + budget.owedMicros + budget.reservedMicros).toBe(budget.budgetMicros);
    const money = await totals(made.ports, campaign);
    const inWaves = budget.waves.reduce((sum, { answersCostMicros }) => sum + answersCostMicros, 0);
    expect(inWaves).toBe(money.byKind["answer-accepted"]?.amountMicros);
    for (const { plannedMicros, answersCostMicros } of budget.waves)
      expect(plannedMicros).toBeGreaterThanOrEqual(answersCostMicros);
    expect(per.acceptedAnswerMicros).toBe(Math.round(ours.spentMicros / (money.byKind["answer-accepted"]?.units ?? 1)));
    expect(per.pointMicros).toBeGreaterThan(per.labelMicros ?? Number.POSITIVE_INFINITY);

    // A statement of all time is the sum of its days.
    const account = { campaign, party: "acme" };
    const whole = await statement(made.ports, account);
    expect(await statementOfPeriod(made.ports, { ...account, from: "2000-01-01T00:00:00Z" })).toEqual(whole);
    const [before, after] = await Promise.all([
      statementOfPeriod(made.ports, { ...account, to: "2026-01-07T00:00:00Z" }),
      statementOfPeriod(made.ports, { ...account, from: "2026-01-07T00:00:00Z" }),
    ]);
    expect(before.totalMicros + after.totalMicros).toBe(whole.totalMicros);
  });
});

describe("a rehearsal", () => {
  const agreement = Campaign.parse({
    name: campaign,
    classes,
    vendors: [
      { id: "acme", name: "Acme", pricePerAnswer: 0.03 },
      { id: "bolt", name: "Bolt", pricePerAnswer: 0.05 },
    ],
    labelling: { lotSize: 40 },
  });

  it("repeats itself for a seed, and costs what its parts cost", async () => {
    const one = await rehearse(agreement, { images: 40, seed: 3 });
    expect(await rehearse(agreement, { images: 40, seed: 3 })).toEqual(one);
    expect(one.cost).toBeCloseTo(one.costOf.answers + one.costOf.experts, 6);
    expect(one.accuracy).toBeGreaterThan(0.85);
    expect(one.days).toBeGreaterThan(0);
  });

  it("forecasts with intervals, and scales the cost, before anybody is hired", async () => {
    const small = await forecast(agreement, { images: 600, seeds: 2, rehearsed: 60 });
    expect(small).toMatchObject({ images: 600, rehearsed: 60, seeds: 2, overBudget: false });
    expect(small.cost.low).toBeLessThanOrEqual(small.cost.value);
    expect(small.test).toMatchObject({ images: 90 });
    expect(small.fixed.map(({ answers }) => answers)).toEqual([1, 3, 5, 7, 9]);
    await expect(forecast(agreement, { images: 5 })).rejects.toThrow(/5 images/);
  });
});
