import { describe, expect, it } from "vitest";
import type { Guide, Lease, OpenLot, Reviewed, ReviewImage, Submitted, VendorBoard } from "../../schemas/portal.ts";
import { client, inspect, memberOf, portalWorld, type World } from "./world.ts";

const say = (label: string) => ({ task: "class", label });

async function annotate(world: World, label = "ok") {
  const { ask } = await memberOf(world, { role: "annotator", vendor: "north", subject: "ann" });
  const lease = (await ask("POST", "/api/annotate/lots/0-north/lease", { count: 20 })).body as Lease;
  const answers = lease.items.map(({ item }) => ({ item, value: say(label), seconds: 2 }));
  return { ask, lease, answers };
}

describe("the work of annotators and experts through the API", () => {
  it("an annotator sees its lots, leases, looks, answers and delivers", async () => {
    const world = await portalWorld();
    const { ask, lease, answers } = await annotate(world);
    const lots = (await ask("GET", "/api/annotate/lots")).body as OpenLot[];
    expect(lots).toMatchObject([{ lot: "0-north", round: 1, items: 6, answered: 0 }]);
    expect(lease.items).toHaveLength(6);
    const image = await ask("GET", lease.items[0]?.url ?? "");
    expect(image.status).toBe(200);
    expect(image.headers.get("content-type")).toBe("image/jpeg");
    expect(image.headers.get("cache-control")).toBe("no-store");
    const first = (await ask("POST", "/api/annotate/lots/0-north/answers", { round: 1, answers: answers.slice(0, 5) }))
      .body as Submitted;
    expect(first).toEqual({ accepted: 5, refused: [], delivered: false });
    const last = (await ask("POST", "/api/annotate/lots/0-north/answers", { round: 1, answers: answers.slice(5) }))
      .body as Submitted;
    expect(last).toEqual({ accepted: 1, refused: [], delivered: true });
    expect(world.ports.tokens.answerOf("offer-0-north")).toMatchObject({ output: { lot: "0-north", round: 1 } });
    expect((await ask("GET", "/api/annotate/lots")).body).toEqual([]);
  });

  it("what is bought and why stays hidden from those who answer", async () => {
    const world = await portalWorld();
    const { ask } = await memberOf(world, { role: "annotator", vendor: "north", subject: "ann" });
    const seen = JSON.stringify([
      (await ask("GET", "/api/annotate/lots")).body,
      (await ask("POST", "/api/annotate/lots/0-north/lease", { count: 5 })).body,
    ]);
    for (const word of ["purpose", "gold", "price", "vendor", "truth"]) expect(seen).not.toContain(word);
  });

  it("an answer can be taken back until the lot is delivered", async () => {
    const world = await portalWorld();
    const { ask, answers } = await annotate(world);
    await ask("POST", "/api/annotate/lots/0-north/answers", { round: 1, answers: answers.slice(0, 1) });
    const change = { round: 1, item: answers[0]?.item, value: say("hole"), seconds: 1 };
    expect((await ask("POST", "/api/annotate/lots/0-north/revise", change)).body).toEqual({ revised: true });
    await ask("POST", "/api/annotate/lots/0-north/answers", { round: 1, answers: answers.slice(1) });
    expect((await ask("POST", "/api/annotate/lots/0-north/revise", change)).body).toEqual({
      revised: false,
      reason: "closed",
    });
  });

  it("refused answers come back with their reasons, the others count", async () => {
    const world = await portalWorld();
    const { ask, answers } = await annotate(world);
    const sent = [
      answers[0],
      { ...answers[1], value: say("unknown") },
      { item: "i-none", value: say("ok"), seconds: 1 },
    ];
    expect((await ask("POST", "/api/annotate/lots/0-north/answers", { round: 1, answers: sent })).body).toEqual({
      accepted: 1,
      refused: [
        { item: answers[1]?.item, reason: "unknown-class" },
        { item: "i-none", reason: "unknown-item" },
      ],
      delivered: false,
    });
  });

  it("a question reaches the data team and its answer the vendor's people, nobody else's", async () => {
    const world = await portalWorld();
    const ann = await memberOf(world, { role: "annotator", vendor: "north", subject: "ann" });
    const other = await memberOf(world, { role: "annotator", vendor: "south", subject: "sam" });
    const team = await memberOf(world, { role: "data-team", subject: "team" });
    const asked = (await ann.ask("POST", "/api/annotate/questions", { lot: "0-north", text: "Is rust a stain?" }))
      .body as { id: string };
    expect(world.ports.notices().some(({ text }) => text === "Is rust a stain?")).toBe(true);
    await team.ask("POST", "/api/campaigns/parts/replies", { question: asked.id, text: "Yes." });
    expect(((await ann.ask("GET", "/api/annotate/guide")).body as Guide).questions[0]?.reply?.text).toBe("Yes.");
    expect(((await other.ask("GET", "/api/annotate/guide")).body as Guide).questions).toEqual([]);
  });

  it("two experts answer blind; the second one ends the inspection", async () => {
    const world = await portalWorld();
    const { ask, answers } = await annotate(world);
    await ask("POST", "/api/annotate/lots/0-north/answers", { round: 1, answers });
    const { sample } = await inspect(world, "0-north");
    for (const subject of ["e1", "e2"]) {
      const expert = await memberOf(world, { role: "expert", subject });
      const tasks = (await expert.ask("GET", "/api/review/tasks?limit=50")).body as ReviewImage[];
      expect(tasks).toHaveLength(sample);
      expect(Object.keys(tasks[0] ?? {}).sort()).toEqual(["task", "url"]);
      expect((await expert.ask("GET", tasks[0]?.url ?? "")).status).toBe(200);
      const reviewed = (
        await expert.ask("POST", "/api/review/answers", {
          // Not what the annotator said: an expert who confirms that needs no second one.
          answers: tasks.map(({ task }) => ({ task, value: say("hole") })),
        })
      ).body as Reviewed;
      expect(reviewed.accepted).toBe(sample);
    }
    expect(world.ports.tokens.answerOf("inspect-0-north")).toBeDefined();
  });

  it("a vendor's board shows its own lots; its statement is JSON or CSV", async () => {
    const world = await portalWorld();
    const { ask } = await memberOf(world, { role: "vendor", vendor: "north", subject: "boss" });
    const board = (await ask("GET", "/api/vendor/board")).body as VendorBoard;
    expect(board.lots.map(({ lot }) => lot)).toEqual(["0-north"]);
    expect(board.name).toBe("North Labels");
    const csv = await ask("GET", "/api/vendor/statement?format=csv");
    expect(csv.headers.get("content-disposition")).toContain("statement-parts-north.csv");
    expect(Buffer.from(csv.body as Uint8Array).toString()).toBe(
      "campaign,party,lot,kind,units,amount,currency\r\nparts,north,,total,,0.000000,USD\r\n",
    );
  });

  it("bad requests say what is wrong and change nothing", async () => {
    const world = await portalWorld();
    const { ask } = await memberOf(world, { role: "annotator", vendor: "north", subject: "ann" });
    const at = "/api/annotate/lots/0-north/lease";
    const cases: [unknown, string][] = [
      [{ count: 0 }, "count"],
      [{ count: "5" }, "count"],
      [{}, "count"],
      [{ count: 5, more: 1 }, "more"],
      ["{", "not JSON"],
    ];
    for (const [body, word] of cases) {
      const { status, body: said } = await ask("POST", at, body);
      expect(status).toBe(400);
      expect((said as { message: string }).message).toContain(word);
    }
    expect((await ask("POST", at, "count=5", { "content-type": "text/plain" })).status).toBe(400);
    expect((await ask("POST", at, JSON.stringify({ count: 5, pad: "x".repeat(1024 * 1024) }))).status).toBe(413);
    expect((await ask("GET", "/api/nothing")).status).toBe(404);
    expect((await ask("POST", "/api/annotate/lots/..%2f/lease", { count: 5 })).status).toBe(400);
  });

  it("nothing is handed out while the campaign is paused", async () => {
    const world = await portalWorld();
    const { ask } = await memberOf(world, { role: "annotator", vendor: "north", subject: "ann" });
    const team = await memberOf(world, { role: "data-team", subject: "team" });
    await team.ask("POST", "/api/campaigns/parts/status", { status: "paused" });
    expect(await ask("POST", "/api/annotate/lots/0-north/lease", { count: 5 })).toMatchObject({
      status: 409,
      body: { error: "paused" },
    });
    await team.ask("POST", "/api/campaigns/parts/status", { status: "active" });
    expect((await ask("POST", "/api/annotate/lots/0-north/lease", { count: 5 })).status).toBe(200);
  });

  it("a busy world is a 503 that may be repeated, without a word of its inside", async () => {
    const world = await portalWorld();
    const { ask } = await memberOf(world, { role: "annotator", vendor: "north", subject: "ann" });
    world.ports.throttleNext(1);
    expect(await ask("GET", "/api/annotate/lots")).toMatchObject({ status: 503, body: { error: "busy" } });
    const broken = { ...world.ports.records, get: () => Promise.reject(new Error("secret path /x")) };
    Object.assign(world.ports.records, broken);
    const { status, body } = await client(world)("POST", "/api/session", { invitation: "a.b" });
    expect(status).toBe(401);
    expect(JSON.stringify((await ask("GET", "/api/annotate/lots")).body)).not.toContain("secret path");
    expect(JSON.stringify(body)).not.toContain("secret path");
  });
});
