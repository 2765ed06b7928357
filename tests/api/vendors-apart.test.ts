import { afterAll, describe, expect, it } from "vitest";
import { chance } from "../../domain/chance.ts";
import type { Lease, OpenLot, VendorBoard } from "../../schemas/portal.ts";
import { type Ask, client, inspect, memberOf, ORIGIN, portalWorld, type World } from "./world.ts";

const VENDORS = ["north", "south", "west"];

interface Firm {
  vendor: string;
  annotator: { ask: Ask };
  manager: { ask: Ask };
  lease: Lease;
}

/** Three vendors, each with work in hand; north's lot is delivered and inspected. */
async function firms(): Promise<{ world: World; all: Firm[] }> {
  const world = await portalWorld({ images: 18 });
  const all: Firm[] = [];
  for (const vendor of VENDORS) {
    const annotator = await memberOf(world, { role: "annotator", vendor, subject: `ann-${vendor}` });
    const manager = await memberOf(world, { role: "vendor", vendor, subject: `boss-${vendor}` });
    const lease = (await annotator.ask("POST", `/api/annotate/lots/0-${vendor}/lease`, { count: 3 })).body as Lease;
    await annotator.ask("POST", "/api/annotate/questions", { lot: `0-${vendor}`, text: `only ${vendor} knows` });
    all.push({ vendor, annotator, manager, lease });
  }
  return { world, all };
}

/** Everything that records and objects hold, as text. */
async function everything({ ports }: World): Promise<string> {
  const found: unknown[] = [];
  for await (const { key, bytes } of ports.objects.list("")) found.push([key, bytes]);
  for (const pk of [
    "members",
    "campaigns",
    "campaign#parts",
    "questions#parts",
    "reviews#parts",
    "reviews-open#parts",
    "ledger#parts",
    "ledger-sums#parts",
    ...VENDORS.flatMap((v) => [`lot#parts#0-${v}`, `vendor#parts#${v}`]),
  ]) {
    let after: string | undefined;
    do {
      const page = await ports.records.query(pk, after === undefined ? {} : { after });
      found.push(...page.items);
      after = page.next;
    } while (after !== undefined);
  }
  return JSON.stringify(found);
}

describe("vendors stay apart", () => {
  it("over all pairs, nobody reads or changes what is another vendor's", async () => {
    const { world, all } = await firms();
    let crossings = 0;
    for (const own of all) {
      for (const other of all.filter(({ vendor }) => vendor !== own.vendor)) {
        const lot = `0-${other.vendor}`;
        const item = other.lease.items[0];
        const value = { task: "class", label: "ok" };
        const asked = [
          own.annotator.ask("POST", `/api/annotate/lots/${lot}/lease`, { count: 5 }),
          own.annotator.ask("GET", item?.url ?? ""),
          own.manager.ask("GET", item?.url ?? ""),
          own.annotator.ask("POST", `/api/annotate/lots/${lot}/revise`, {
            round: 1,
            item: item?.item,
            value,
            seconds: 1,
          }),
          own.annotator.ask("POST", `/api/annotate/lots/${lot}/answers`, {
            round: 1,
            answers: [{ item: item?.item, value, seconds: 1 }],
          }),
        ];
        const [lease, media, managed, revised, answered] = await Promise.all(asked);
        for (const refused of [lease, media, managed]) {
          expect(refused?.status).toBeGreaterThanOrEqual(400);
          crossings += 1;
        }
        expect(revised?.body).toMatchObject({ revised: false });
        expect(answered?.body).toMatchObject({ accepted: 0, refused: [{ reason: "not-yours" }] });
        const seen = JSON.stringify([
          (await own.annotator.ask("GET", "/api/annotate/lots")).body,
          (await own.annotator.ask("GET", "/api/annotate/guide")).body,
          (await own.manager.ask("GET", "/api/vendor/board")).body,
        ]);
        for (const foreign of [lot, `only ${other.vendor} knows`, `ann-${other.vendor}`])
          expect(seen).not.toContain(foreign);
      }
    }
    expect(crossings).toBe(18);
    expect(world.ports.tokens.answerOf("offer-0-north")).toBeUndefined();
  });

  it("another vendor's lot and no lot at all look the same", async () => {
    const { all } = await firms();
    const foreign = await all[0]?.annotator.ask("POST", "/api/annotate/lots/0-south/lease", { count: 5 });
    const absent = await all[0]?.annotator.ask("POST", "/api/annotate/lots/0-nobody/lease", { count: 5 });
    expect(foreign?.status).toBe(404);
    expect(foreign?.body).toEqual(absent?.body);
  });

  it("after an inspection the board says how many and which mix-ups, never which image", async () => {
    const { world, all } = await firms();
    const north = all[0] as Firm;
    const rest = (await north.annotator.ask("POST", "/api/annotate/lots/0-north/lease", { count: 50 })).body as Lease;
    const answers = rest.items.map(({ item }) => ({ item, value: { task: "class", label: "ok" }, seconds: 1 }));
    await north.annotator.ask("POST", "/api/annotate/lots/0-north/answers", { round: 1, answers });
    await inspect(world, "0-north");
    const text = JSON.stringify((await north.manager.ask("GET", "/api/vendor/board")).body as VendorBoard);
    for (const { sha256 } of world.images) expect(text).not.toContain(sha256);
    expect(text).not.toMatch(/gold|purpose/);
  });

  const REQUESTS = 10_000;
  let crossed = 0;
  let answered = 0;
  it(`${REQUESTS} random requests of vendors' people: no 2xx reaches across`, async () => {
    const { world, all } = await firms();
    const random = chance("vendors apart");
    const pick = <T>(list: readonly T[]): T => list[random.below(list.length)] as T;
    const urls = new Map<string, string>();
    for (const firm of all) for (const { url } of firm.lease.items) urls.set(url, firm.vendor);
    const lots = [...VENDORS.map((v) => `0-${v}`), "0-none", "..", "%00", "0-north/../0-south", "0-north#x", "0-SOUTH"];
    const value = () =>
      pick<unknown>([
        { task: "class", label: "ok" },
        { task: "class", label: "<b>" },
        { task: "cannot-tell", reason: "other" },
        null,
        7,
      ]);
    const items = all.flatMap(({ lease }) => lease.items.map(({ item }) => item));
    const shapes: (() => [string, string, unknown?])[] = [
      () => ["GET", "/api/annotate/lots"],
      () => ["GET", "/api/annotate/guide"],
      () => ["GET", "/api/vendor/board"],
      () => ["GET", `/api/vendor/statement?format=${pick(["json", "csv", "pdf"])}&party=${pick(VENDORS)}`],
      () => ["GET", pick([...urls.keys()])],
      () => ["GET", pick([...urls.keys()]).replace(/[\w-]{40}$/, pick([...urls.keys()]).slice(-40))],
      () => ["POST", `/api/annotate/lots/${pick(lots)}/lease`, { count: random.below(4), vendor: pick(VENDORS) }],
      () => ["POST", `/api/annotate/lots/${pick(lots)}/lease`, { count: 1 }],
      () => [
        "POST",
        `/api/annotate/lots/${pick(lots)}/answers`,
        { round: 1 + random.below(2), answers: [{ item: pick(items), value: value(), seconds: 1 }] },
      ],
      () => [
        "POST",
        `/api/annotate/lots/${pick(lots)}/revise`,
        { round: 1, item: pick(items), value: value(), seconds: 1 },
      ],
      () => [
        pick(["GET", "POST", "DELETE", "PUT"]),
        pick([
          "/api/campaigns/parts",
          "/api/approve/parts",
          "/api/review/tasks",
          "/api/campaigns",
          "/api/review/answers",
        ]),
        {},
      ],
    ];
    for (let n = 0; n < REQUESTS; n += 1) {
      const own = pick(all);
      const [method, asked, body] = pick(shapes)();
      // Dots in a path are gone before it is sent.
      const path = new URL(asked, ORIGIN).pathname;
      const { ask } = pick([own.annotator, own.manager]);
      const answer = await ask(method, asked, method === "GET" ? undefined : (body ?? {}));
      if (answer.status < 200 || answer.status > 299) continue;
      answered += 1;
      const foreign = VENDORS.filter((vendor) => vendor !== own.vendor);
      const text =
        answer.body instanceof Uint8Array ? Buffer.from(answer.body).toString("latin1") : JSON.stringify(answer.body);
      const owner = urls.get(path);
      const accepted = (answer.body as { accepted?: number }).accepted ?? 0;
      const revised = (answer.body as { revised?: boolean }).revised === true;
      const named = foreign.some((vendor) => path.includes(`/lots/0-${vendor}/`));
      if (owner !== undefined && owner !== own.vendor) crossed += 1;
      else if (named && (accepted > 0 || revised || path.endsWith("/lease"))) crossed += 1;
      else if (
        !(answer.body instanceof Uint8Array) &&
        foreign.some((vendor) => text.includes(`0-${vendor}`) && !path.startsWith("/api/annotate/lots/"))
      )
        crossed += 1;
      else if (foreign.some((vendor) => text.includes(`only ${vendor} knows`))) crossed += 1;
    }
    expect(crossed).toBe(0);
    expect(answered).toBeGreaterThan(REQUESTS / 10);
    const lotsNow = (await (all[1] as Firm).annotator.ask("GET", "/api/annotate/lots")).body as OpenLot[];
    expect(lotsNow.every(({ lot }) => lot === "0-south")).toBe(true);
    expect(world.lines.some(({ status }) => status === 500)).toBe(false);
  });
  afterAll(() =>
    process.stdout.write(
      `vendors apart: ${answered} of ${REQUESTS} random requests were answered with 2xx, ${crossed} reached across\n`,
    ),
  );

  it("no GET changes anything", async () => {
    const { world, all } = await firms();
    const people = [
      ...all.flatMap(({ annotator, manager }) => [annotator, manager]),
      await memberOf(world, { role: "owner", subject: "olga" }),
      await memberOf(world, { role: "expert", subject: "eve" }),
      await memberOf(world, { campaign: "*", role: "data-team", subject: "studio" }),
      { ask: client(world) },
    ];
    const paths = [
      ...[
        "/",
        "/join",
        "/annotate",
        "/approve/parts",
        "/watch/parts",
        "/api/me",
        "/api/session",
        "/api/session/end",
        "/api/campaigns",
        "/api/campaigns/parts",
        "/api/approve/parts",
      ],
      ...[
        "/api/annotate/lots",
        "/api/annotate/guide",
        "/api/annotate/questions",
        "/api/annotate/lots/0-north/lease",
        "/api/annotate/lots/0-north/answers",
      ],
      ...[
        "/api/review/tasks",
        "/api/review/guide",
        "/api/review/answers",
        "/api/vendor/board",
        "/api/vendor/statement?format=csv",
        "/predict/parts",
      ],
      ...[
        "/api/campaigns/parts/status",
        "/api/campaigns/parts/invitations",
        `/api/campaigns/parts/images?image=${world.images[0]?.sha256}`,
      ],
      all[0]?.lease.items[0]?.url ?? "",
    ];
    const before = await everything(world);
    for (const { ask } of people) {
      for (const path of paths) {
        const { status } = await ask("GET", path);
        expect(status, path).toBeLessThan(500);
        expect((await ask("HEAD", path)).status, path).toBeLessThan(500);
      }
    }
    expect(await everything(world)).toBe(before);
  });
});
