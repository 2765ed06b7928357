import { describe, expect, it } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { invite, members, openSession, readSession, revoke, SESSION_SECONDS } from "../../lambdas/store/members.ts";

const annotator = { campaign: "parts", role: "annotator", vendor: "north", subject: "ann", ttlSeconds: 600 } as const;

describe("memberships", () => {
  it("an invitation opens a session that says who it is", async () => {
    const ports = memoryPorts();
    const { session, member } = await openSession(ports, await invite(ports, annotator));
    expect(member).toMatchObject({ campaign: "parts", role: "annotator", vendor: "north", subject: "ann" });
    expect((await readSession(ports, session)).member).toEqual(member);
  });

  it("inviting twice keeps one membership", async () => {
    const ports = memoryPorts();
    await invite(ports, annotator);
    await invite(ports, annotator);
    expect(await members(ports, "parts")).toHaveLength(1);
  });

  it("a wrong, cut or swapped token is refused", async () => {
    const ports = memoryPorts();
    const secret = await invite(ports, annotator);
    const { session } = await openSession(ports, secret);
    const flipped = secret.slice(0, -1) + (secret.endsWith("0") ? "1" : "0");
    for (const wrong of ["", "x", ".", secret.slice(0, -3), flipped, session, `${secret}.x`, "a".repeat(5000)]) {
      await expect(openSession(ports, wrong), wrong.slice(0, 20)).rejects.toMatchObject({ code: "wrong-token" });
    }
    await expect(readSession(ports, secret)).rejects.toMatchObject({ code: "wrong-token" });
  });

  it("another world's key signs nothing here", async () => {
    const there = memoryPorts({ seed: 2 });
    const here = memoryPorts({ seed: 1 });
    await invite(here, annotator);
    await expect(openSession(here, await invite(there, annotator))).rejects.toMatchObject({ code: "wrong-token" });
  });

  it("a link expires at its second, and says when", async () => {
    const ports = memoryPorts();
    const secret = await invite(ports, annotator);
    ports.advance(599_999);
    await openSession(ports, secret);
    ports.advance(1);
    await expect(openSession(ports, secret)).rejects.toMatchObject({
      code: "expired-link",
      message: expect.stringContaining("2026-01-01T00:10:00.000Z"),
    });
  });

  it("a session ends after 30 days", async () => {
    const ports = memoryPorts();
    const { session } = await openSession(ports, await invite(ports, annotator));
    ports.advance(SESSION_SECONDS * 1000);
    await expect(readSession(ports, session)).rejects.toMatchObject({ code: "expired-session" });
  });

  it("revocation is instant for links and sessions, and a new invitation revives neither", async () => {
    const ports = memoryPorts();
    const secret = await invite(ports, annotator);
    const { session, member } = await openSession(ports, secret);
    await revoke(ports, member.id);
    await revoke(ports, member.id);
    await expect(readSession(ports, session)).rejects.toMatchObject({ code: "revoked" });
    await expect(openSession(ports, secret)).rejects.toMatchObject({ code: "revoked" });
    const renewed = await openSession(ports, await invite(ports, annotator));
    await expect(readSession(ports, session)).rejects.toMatchObject({ code: "revoked" });
    expect((await readSession(ports, renewed.session)).member.subject).toBe("ann");
  });

  it("no secret is stored in clear", async () => {
    const ports = memoryPorts();
    const secret = await invite(ports, annotator);
    const { session } = await openSession(ports, secret);
    const { items } = await ports.records.query("members", { limit: 100 });
    const stored = JSON.stringify(items);
    for (const part of [...secret.split("."), ...session.split(".")]) expect(stored).not.toContain(part);
  });

  it("roles and vendors must fit", async () => {
    const ports = memoryPorts();
    const { vendor: _, ...homeless } = annotator;
    await expect(invite(ports, homeless)).rejects.toThrow("needs a vendor");
    await expect(invite(ports, { ...annotator, role: "owner" })).rejects.toThrow("belongs to no vendor");
    await expect(invite(ports, { campaign: "*", role: "expert", subject: "e", ttlSeconds: 60 })).rejects.toThrow(
      "one campaign",
    );
    await expect(invite(ports, { ...annotator, ttlSeconds: 0 })).rejects.toThrow("not 0");
    await expect(invite(ports, { ...annotator, subject: "a b" })).rejects.toThrow("subject is wrong");
  });

  it("two people who change one membership at once both succeed", async () => {
    const ports = memoryPorts();
    const secrets = await Promise.all(Array.from({ length: 8 }, () => invite(ports, annotator)));
    for (const secret of secrets) await openSession(ports, secret);
  });
});
