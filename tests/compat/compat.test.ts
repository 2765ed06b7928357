/**
 * The pipeline is replaced while campaigns are open: executions keep the definition that they began with, functions change
 * under them. `<version>/` holds the definitions and the stages' forms as they were deployed once. An upgrade is the old
 * definition on today's stages, a rollback today's definition on the old ones.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { entries, totals } from "../../lambdas/store/ledger.ts";
import { laptopDefinition } from "../../local/host.ts";
import { type Form, payloadFindings, type StageForm } from "../../workflow/checks/payloads.ts";
import { definitionText, MACHINES, type MachineName, stageName, stagePlaceholders } from "../../workflow/definition.ts";
import { labelWorld, pictures } from "../labels/world.ts";
import { approved, champion, release } from "../workflow/release-world.ts";
import { stageForms } from "../workflow/stage-forms.ts";

vi.setConfig({ testTimeout: 120_000 });
const HERE = new URL("./", import.meta.url);
const versions = readdirSync(HERE, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/**
 * What breaks all the same, and what that means for an execution under way: each was weighed. Version -> finding -> what to
 * do before a rollback (docs/runbook.md, Upgrade and rollback).
 */
const WEIGHED: Record<string, Record<string, string>> = {
  "0.1.0": {
    'ExpireLot: the stage refuses "inspects" in its payload':
      "a lot that ends late is closed as failed, and the next wave buys its images anew: nobody is paid twice",
    'ExpireLot: the stage\'s result has no "next" ($states.result.Payload.next)':
      "as above: the step before has failed",
  },
};

describe.each(versions)("%s", (version) => {
  const text = (machine: MachineName) => readFileSync(new URL(`${version}/${machine}.asl.json`, HERE), "utf8");
  const then = readdirSync(new URL(`${version}/`, HERE));
  const machines = MACHINES.filter((machine) => then.includes(`${machine}.asl.json`));
  const forms = JSON.parse(readFileSync(new URL(`${version}/forms.json`, HERE), "utf8")) as Record<string, StageForm>;

  test.each(machines)(
    "after an upgrade, every stage takes what its %s of then hands over, and gives what it reads",
    (machine) => {
      expect(payloadFindings(JSON.parse(text(machine)), stageForms())).toEqual([]);
    },
  );

  test("after an upgrade, every stage that its definitions call is still there", () => {
    const today = Object.keys(stageForms());
    const called = machines.flatMap((machine) => stagePlaceholders(text(machine)).map(stageName));
    expect(called.filter((name) => !today.includes(name))).toEqual([]);
  });

  test("after a rollback, its stages take what today's definitions hand over, but for what was weighed", () => {
    const findings = MACHINES.flatMap((machine) => payloadFindings(JSON.parse(definitionText(machine)), forms)).filter(
      // Read under $exists, as today's definitions do what may not be there.
      (finding) => !/"(?:retire|serving|replaces|optimisation)"/.test(finding),
    );
    expect(findings.sort()).toEqual(Object.keys(WEIGHED[version] ?? {}).sort());
  });

  test("a campaign that began under its definitions is labelled, inspected and paid by today's stages", async () => {
    const classes = ["crack", "ok"];
    const run = async (definitions?: (machine: MachineName) => string) => {
      const world = await labelWorld({
        world: "memory",
        pictures: pictures(40, classes),
        agreement: { classes, labelling: { lotSize: 20 } },
        ...(definitions === undefined ? {} : { definitions }),
      });
      try {
        const output = await world.run();
        const paid = [];
        for await (const entry of entries(world.ports, "camp")) paid.push(entry.id);
        return { output, paid: paid.sort(), totals: await totals(world.ports, "camp") };
      } finally {
        await world.close();
      }
    };
    const old = await run(text);
    expect(old.output?.dataset.outcome).toBe("frozen");
    expect(old).toEqual(await run());
  });

  test("a release that began under its definition ends under today's stages", async () => {
    const w = await approved();
    await w.before(champion("parts-0-oldoldol"));
    const ended = await release(w, { definition: laptopDefinition(text("release")), decision: "promote" });
    expect([ended.status, (ended.output as { outcome: string }).outcome]).toEqual(["SUCCEEDED", "promoted"]);
    expect(ended.record.champion?.endpoint).toBe("parts-1-bbbbbbbb");
  });

  test.each([
    ["promote", "promoted"],
    ["rollback", "rolled-back"],
  ] as const)(
    "after a rollback of ours, a release of today's definition can still %s on its stages",
    async (decision, outcome) => {
      const w = await approved();
      await w.before(champion("parts-0-oldoldol"));
      const ended = await release(w, {
        decision,
        through: (stage, payload, given) => {
          const form = forms[stage] as StageForm;
          expect([stage, unknown(payload, form.input)]).toEqual([stage, []]);
          return pruned(given, form.output);
        },
      });
      expect([ended.status, (ended.output as { outcome: string }).outcome]).toEqual(["SUCCEEDED", outcome]);
    },
  );
});

/** Members that a strict form does not know, by their path. */
function unknown(value: unknown, form: Form, at = ""): string[] {
  if (typeof value !== "object" || value === null || form.properties === undefined) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const known = form.properties?.[name];
    if (known === undefined) return form.additionalProperties === false ? [`${at}${name}`] : [];
    return unknown(inner, known, `${at}${name}.`);
  });
}

/** A value as a stage of then would have given it: without the members that it did not know. */
function pruned(value: unknown, form: Form): unknown {
  if (typeof value !== "object" || value === null || form.properties === undefined) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      const known = form.properties?.[name];
      return known === undefined ? [] : [[name, pruned(inner, known)]];
    }),
  );
}
