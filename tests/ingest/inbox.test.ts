import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import type { Ports } from "../../lambdas/ports.ts";
import { readCampaign, readCycle } from "../../lambdas/store/campaigns.ts";
import { closeCycle, createCampaign, enqueueIntake } from "../../lambdas/store/cycles.ts";
import { readLines } from "../../lambdas/store/documents.ts";
import { lookIntoInbox, QUIET_SECONDS, refusedDrops } from "../../lambdas/store/inbox.ts";
import { verifyIntake } from "../../lambdas/store/intakes.ts";
import { objectKeys } from "../../lambdas/store/keys.ts";
import { sweep } from "../../lambdas/sweep.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { IntakeItem } from "../../schemas/intake.ts";
import { sha256 } from "./pictures.ts";

const agreement = Campaign.parse({
  name: "parts",
  classes: ["good", "bad"],
  vendors: [{ id: "v", name: "V", pricePerAnswer: 0.01 }],
});
/** The first bytes of a JPEG are enough for sealing. */
const photo = (seed: number) => Buffer.from([0xff, 0xd8, 0xff, seed & 255, seed >> 8]);

async function world() {
  const ports = memoryPorts();
  await createCampaign(ports, agreement, "me");
  const drop = (name: string, bytes: Uint8Array) => ports.objects.put(`campaigns/parts/inbox/${name}`, bytes, "any");
  const quiet = () => ports.advance((QUIET_SECONDS + 1) * 1000);
  const look = () => lookIntoInbox(ports, "parts");
  return { ports, drop, quiet, look };
}

/** Every cycle's intake, open and queued ones too, in order; each with the names and contents of its manifest. */
async function letIn(ports: Ports): Promise<{ intake: string; files: Map<string, string> }[]> {
  const { head } = await readCampaign(ports, "parts");
  const intakes = [];
  for (let cycle = 1; cycle <= head.cycles; cycle += 1) intakes.push((await readCycle(ports, "parts", cycle)).intake);
  const all = [];
  for (const intake of [...intakes, ...head.queue]) {
    await verifyIntake(ports, "parts", intake);
    const items = await readLines(ports.objects, objectKeys.manifest("parts", intake), IntakeItem);
    all.push({ intake, files: new Map(items.map(({ name, sha256: digest }) => [name, digest])) });
  }
  return all;
}

describe("photos that come without a manifest", () => {
  test("are let in when nothing has moved for a while, and not before", async () => {
    const { ports, drop, look, quiet } = await world();
    await drop("monday/a.jpg", photo(1));
    expect(await look()).toEqual({ drops: 1, sealed: [] });
    ports.advance((QUIET_SECONDS - 1) * 1000);
    await drop("monday/deep/b.jpg", photo(2));
    expect((await look()).sealed).toEqual([]);
    ports.advance(2000);
    expect((await look()).sealed).toEqual([]);
    quiet();
    expect((await look()).sealed).toHaveLength(1);
    expect((await look()).sealed).toEqual([]);
    expect((await letIn(ports)).map(({ files }) => [...files])).toEqual([
      [
        ["a.jpg", sha256(photo(1))],
        ["deep/b.jpg", sha256(photo(2))],
      ],
    ]);
  });

  test("of which one comes late, or is written anew, are taken in once each: the newcomer alone is the next intake", async () => {
    const { ports, drop, look, quiet } = await world();
    await drop("monday/a.jpg", photo(1));
    for (const change of [() => drop("monday/late.jpg", photo(2)), () => drop("monday/a.jpg", photo(3))]) {
      await look();
      quiet();
      await look();
      await change();
    }
    await look();
    quiet();
    await look();
    expect((await letIn(ports)).map(({ files }) => [...files])).toEqual([
      [["a.jpg", sha256(photo(1))]],
      [["late.jpg", sha256(photo(2))]],
      [["a.jpg", sha256(photo(3))]],
    ]);
  });

  test("none of which is an image are refused once, with why; the next file is looked at anew", async () => {
    const { ports, drop, look, quiet } = await world();
    await drop("monday/readme.txt", Buffer.from("x"));
    await look();
    quiet();
    await look();
    expect(await refusedDrops(ports, "parts")).toEqual([
      { drop: "monday", why: expect.stringContaining("none of the 1 files is an image") },
    ]);
    await drop("monday/a.jpg", photo(1));
    await look();
    quiet();
    expect((await look()).sealed).toHaveLength(1);
    expect(await refusedDrops(ports, "parts")).toEqual([]);
  });

  test("of a failed cycle are not taken up again by the clock", async () => {
    const { ports, drop, look, quiet } = await world();
    await drop("monday/a.jpg", photo(1));
    await look();
    quiet();
    await look();
    await closeCycle(ports, "parts", 1, "failed", { error: "E", cause: "c" });
    for (let hour = 0; hour < 3; hour += 1) {
      quiet();
      await sweep(ports);
    }
    expect((await readCampaign(ports, "parts")).head).toMatchObject({ cycles: 1, openCycle: null, queue: [] });
  });
});

/** The host dies in the middle of a look: the n-th write is its last. */
function dyingAfter(ports: Ports, writes: number): Ports {
  let left = writes;
  const count = <A extends unknown[], R>(work: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      if (left <= 0) throw new Error("the host died");
      left -= 1;
      return work(...args);
    };
  };
  return {
    ...ports,
    objects: { ...ports.objects, put: count(ports.objects.put) },
    records: { ...ports.records, put: count(ports.records.put), transact: count(ports.records.transact) },
    workflows: { ...ports.workflows, start: count(ports.workflows.start) },
  };
}

test("a host that dies at any write of a seal leaves nothing behind that the next sweep does not let in, once", async () => {
  let survived = 0;
  for (let writes = 0; survived === 0; writes += 1) {
    const { ports, drop, look, quiet } = await world();
    await drop("monday/a.jpg", photo(1));
    await look();
    quiet();
    await sweep(dyingAfter(ports, writes)).then(
      () => (survived = writes),
      () => {},
    );
    quiet();
    await sweep(ports);
    quiet();
    await sweep(ports);
    const all = await letIn(ports);
    expect(all.map(({ files }) => [...files.keys()])).toEqual([["a.jpg"]]);
    expect((await readCampaign(ports, "parts")).head.openCycle).toBe(1);
  }
  // The file, the manifest, the seal, what was sealed, the drop's record, the cycle, its execution.
  expect(survived).toBeGreaterThanOrEqual(7);
});

type Move =
  | { do: "put"; drop: number; file: number; content: number }
  | { do: "wait"; minutes: number }
  | { do: "look"; times: number }
  | { do: "die"; after: number }
  | { do: "seal-event" }
  | { do: "end-cycle" };

const moves = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant("put" as const), drop: fc.nat(1), file: fc.nat(3), content: fc.nat(5) }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), minutes: fc.constantFrom(1, 8, 16, 60) }) },
    // Events come late, twice or not at all; two hosts may look at once.
    { weight: 4, arbitrary: fc.record({ do: fc.constant("look" as const), times: fc.integer({ min: 1, max: 3 }) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("die" as const), after: fc.nat(8) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("seal-event" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("end-cycle" as const) }) },
  ),
  { minLength: 1, maxLength: 25 },
);

test("any order of files, events, sweeps and crashes gives one catalogue per manifest, and no photo is left or lost", async () => {
  let crashes = 0;
  let several = 0;
  await fc.assert(
    fc.asyncProperty(moves, fc.boolean(), async (schedule, told) => {
      const { ports, drop, quiet, look } = await world();
      const contents = new Map<string, string>();
      /** The seals' own event (AWS tells it, mostly): in any order, any number of times, or never. */
      const sealEvents = async () => {
        if (!told) return;
        for await (const { key } of ports.objects.list("campaigns/parts/intakes/"))
          if (key.endsWith("/_SUCCESS")) await enqueueIntake(ports, "parts", key.split("/")[3] as string);
      };
      const moved: Record<Move["do"], (move: never) => Promise<unknown>> = {
        put: ({ drop: folder, file, content }: Extract<Move, { do: "put" }>) => {
          contents.set(`d${folder}/${file}.jpg`, sha256(photo(content)));
          return drop(`d${folder}/${file}.jpg`, photo(content));
        },
        wait: async ({ minutes }: Extract<Move, { do: "wait" }>) => ports.advance(minutes * 60_000),
        look: ({ times }: Extract<Move, { do: "look" }>) => Promise.all(Array.from({ length: times }, look)),
        die: async ({ after }: Extract<Move, { do: "die" }>) => {
          // Where sealing is about to begin a crash has most to spoil.
          await look();
          quiet();
          await sweep(dyingAfter(ports, after)).catch((error: Error) => {
            if (error.message !== "the host died") throw error;
            crashes += 1;
          });
        },
        "seal-event": sealEvents,
        "end-cycle": async () => {
          const { openCycle } = (await readCampaign(ports, "parts")).head;
          if (openCycle !== null) await closeCycle(ports, "parts", openCycle, "live");
        },
      };
      for (const move of schedule) await moved[move.do](move as never);
      // However it went: sweeps in quiet bring everything in.
      for (let n = 0; n < 4; n += 1) {
        await sweep(ports);
        quiet();
      }
      await sealEvents();
      const all = await letIn(ports);
      const names = all.map(({ intake }) => intake);
      expect(new Set(names).size).toBe(names.length);
      if (names.length > 1) several += 1;
      // Each sealed manifest became one cycle or waits as one; nothing else did.
      const seals = [];
      for await (const { key } of ports.objects.list("campaigns/parts/intakes/"))
        if (key.endsWith("/_SUCCESS")) seals.push(key.split("/")[3]);
      expect([...names].sort()).toEqual([...seals].sort());
      // What lies in the inbox now was taken in.
      const taken = new Set(all.flatMap(({ files }) => [...files].map(([name, digest]) => `${name} ${digest}`)));
      for (const [name, digest] of contents) expect(taken).toContain(`${name.replace(/^d\d\//, "")} ${digest}`);
    }),
    { numRuns: 150 },
  );
  // The property would hold for a world in which nothing ever happens.
  expect(crashes).toBeGreaterThan(10);
  expect(several).toBeGreaterThan(10);
});
