import { afterEach, expect, it, vi } from "vitest";
import { readDocument } from "../../lambdas/store/documents.ts";
import { everyRecord } from "../../lambdas/store/every-record.ts";
import { recordKeys } from "../../lambdas/store/keys.ts";
import { leaseItems, openLots, vendorBoard } from "../../lambdas/store/lots.ts";
import { answerQualification, qualificationOf } from "../../lambdas/store/qualifications.ts";
import { setStanding } from "../../lambdas/store/standings.ts";
import type { Person, Pool } from "../../local/people/people.ts";
import { Campaign, type CampaignInput } from "../../schemas/campaign.ts";
import type { QualificationView } from "../../schemas/portal.ts";
import { Qualification } from "../../schemas/standing.ts";
import { Split } from "../../schemas/state.ts";
import { type LabelWorld, labelWorld, pictures } from "./world.ts";

vi.setConfig({ testTimeout: 300_000 });
const classes = ["crack", "hole", "ok"];
const campaign = "camp";
const worlds: LabelWorld[] = [];
afterEach(async () => {
  for (const made of worlds.splice(0)) await made.close();
});

const pool: Pool = {
  annotators: (vendor) =>
    Array.from({ length: 4 }, (_, i): Person => {
      const spams = vendor === "acme" && i === 0;
      return { name: `${vendor}-${i}`, kind: spams ? "spammer" : "good", accuracy: spams ? 0.33 : 1, seconds: 5 };
    }),
  experts: [1, 2].map((n) => ({ name: `expert-${n}`, kind: "expert", accuracy: 1, seconds: 20 })),
};
async function world(labelling: CampaignInput["labelling"] = {}): Promise<LabelWorld> {
  const made = await labelWorld({
    pictures: pictures(60, classes),
    agreement: {
      classes,
      labelling: { lotSize: 20, qualification: { questions: 8, toPass: 7 }, maxWaves: 2, ...labelling },
    },
    world: "memory",
    people: { pool },
  });
  worlds.push(made);
  return made;
}
const who = (annotator: string, vendor = "acme") => ({ campaign, vendor, annotator });

it("nobody gets a lot before the test; who fails it gets none at all, and everybody else labels the campaign", async () => {
  const made = await world();
  const { ports } = made;
  await made.run(() => true);
  const lot = (await openLots(ports, { campaign, vendor: "acme" }))[0]?.lot ?? "";
  const ask = (annotator: string) => leaseItems(ports, { ...who(annotator), lot, count: 2 });
  await expect(ask("acme-1")).rejects.toMatchObject({ reason: "unqualified", message: /prepared by the experts/ });
  const output = await made.run();
  expect(output?.dataset.outcome).toBe("frozen");

  const split = await readDocument(ports.objects, made.splitKey, Split);
  const hidden = new Set([...split.gold, ...split.test]);
  const outcomes = new Map<string, string | undefined>();
  for await (const { body } of everyRecord(ports.records, recordKeys.qualification(campaign, "", "").pk)) {
    const { annotator, outcome, questions, answers } = Qualification.parse(body);
    outcomes.set(annotator, outcome);
    expect(questions).toHaveLength(8);
    expect(answers).toHaveLength(8);
    // What the test shows is neither gold nor sealed.
    expect(questions.some(({ image }) => hidden.has(image))).toBe(false);
  }
  expect(outcomes.get("acme-0")).toBe("not-qualified");
  expect(outcomes.get("acme-1")).toBe("qualified");
  let answers = 0;
  for (const { lot: name } of await vendorBoard(ports, { campaign, vendor: "acme" })) {
    for await (const { body } of everyRecord<{ annotator: string }>(
      ports.records,
      recordKeys.answer(campaign, name, 1, "").pk,
      "answer#",
    )) {
      expect(body.annotator).not.toBe("acme-0");
      answers += 1;
    }
  }
  expect(answers).toBeGreaterThan(20);
  expect(await qualificationOf(ports, who("acme-0"))).toMatchObject({ state: "not-qualified", answered: 8 });
});

it("a person of the data team takes in who did not pass", async () => {
  const made = await world();
  await made.run();
  const { ports } = made;
  const spammer = who("acme-0");
  expect((await qualificationOf(ports, spammer)).state).toBe("not-qualified");
  await setStanding(ports, campaign, {
    vendor: "acme",
    annotator: "acme-0",
    standing: "active",
    by: "dana",
    reason: "was ill",
  });
  expect((await qualificationOf(ports, spammer)).state).toBe("qualified");
});

it("through the portal: a new annotator takes the test once, each question counts as first answered, and learns the result", async () => {
  const made = await world();
  await made.run();
  const session = await made.session("annotator", { subject: "newcomer", vendor: "acme" });
  const ask = async (method: string, path: string, body?: unknown) => {
    const response = await made.request(
      new Request(`http://127.0.0.1/api/annotate/${path}`, {
        method,
        headers: { authorization: `Bearer ${session}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
    return { status: response.status, body: (await response.json()) as QualificationView & { message?: string } };
  };
  const { body: test } = await ask("GET", "qualification");
  expect(test).toMatchObject({ state: "open", questions: 8, toPass: 7, answered: 0 });
  expect(JSON.stringify(test)).not.toMatch(/truth|gold/);
  const answer = (item: string, label: string) => ({ answers: [{ item, value: { task: "class", label } }] });
  const [first, ...rest] = test.work.map(({ item }) => item) as [string, ...string[]];
  expect((await ask("POST", "qualification", answer(first, "banana"))).status).toBe(400);
  expect((await ask("POST", "qualification", answer("q-unknown", "ok"))).body.message).toMatch(
    /no question of this test/,
  );
  await ask("POST", "qualification", answer(first, "ok"));
  expect((await ask("POST", "qualification", answer(first, "crack"))).body.answered).toBe(1);
  // All the same class can't be right seven times of eight: the pictures show three.
  for (const item of rest) await ask("POST", "qualification", answer(item, "ok"));
  const { body: after } = await ask("GET", "qualification");
  expect(after.state).toBe("not-qualified");
  expect(after.right).toBeLessThan(7);
  expect(after.work).toEqual([]);
  const again = await answerQualification(made.ports, who("newcomer"), [
    { item: first, value: { task: "class", label: "ok" } },
  ]);
  expect(again.state).toBe("not-qualified");
});

it("without a test in the agreement nobody is asked; one that asks for more right answers than questions is refused", async () => {
  const made = await world({ lotSize: 20, qualification: undefined });
  expect((await qualificationOf(made.ports, who("anybody"))).state).toBe("not-needed");
  const bad = { name: "camp", classes, vendors: [{ id: "v", name: "V", pricePerAnswer: 0.03 }] };
  expect(
    Campaign.safeParse({ ...bad, labelling: { qualification: { questions: 10, toPass: 11 } } }).error?.issues[0]
      ?.message,
  ).toMatch(/more right answers than questions/);
});
