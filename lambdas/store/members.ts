import { timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { Member, type Role } from "../../schemas/member.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { signFor } from "./derived-key.ts";
import { digestOf } from "./documents.ts";
import { recordKeys } from "./keys.ts";

/** Why somebody is not let in. `code` is for programs, the message for the person. */
export class AccessError extends Error {
  override name = "AccessError";
  readonly code: AccessCode;
  constructor(code: AccessCode, message: string) {
    super(message);
    this.code = code;
  }
}
export type AccessCode =
  | "signed-out"
  | "wrong-token"
  | "expired-link"
  | "expired-session"
  | "revoked"
  | "wrong-role"
  | "stale-session"
  | "wrong-origin";

type MemberPorts = Pick<Ports, "records" | "sealer" | "clock">;

export interface Invitation {
  campaign: string;
  role: Role;
  vendor?: string;
  subject: string;
  ttlSeconds: number;
}
export interface Session {
  member: Member;
  /** Milliseconds since 1970. */
  openedAt: number;
  expiresAt: number;
}

/** 30 days: vendors come back daily. Decisions ask for a fresh one, and every request looks the membership up. */
export const SESSION_SECONDS = 30 * 24 * 3600;

const Claims = z.strictObject({
  kind: z.enum(["invitation", "session"]),
  member: z.string().regex(/^[0-9a-f]{32}$/),
  epoch: z.int().min(1),
  from: z.int(),
  until: z.int(),
});
type Claims = z.infer<typeof Claims>;

/** One membership per (campaign, role, vendor, subject): inviting twice is inviting once. */
function memberId(of: Pick<Invitation, "campaign" | "role" | "vendor" | "subject">): string {
  return digestOf([of.campaign, of.role, of.vendor ?? "", of.subject]).slice(0, 32);
}

/**
 * Makes (or keeps) a membership and returns the secret of its invitation link, to stand behind `/join#`.
 * The secret is signed, not stored; it works until it expires or the membership is revoked.
 * Throws BadInputError when role and vendor don't fit or the lifetime is not positive.
 */
export async function invite(ports: MemberPorts, invitation: Invitation): Promise<string> {
  const { campaign, role, vendor, subject, ttlSeconds } = invitation;
  const ofVendor = role === "annotator" || role === "vendor";
  if (ofVendor !== (vendor !== undefined)) {
    throw new BadInputError(
      ofVendor
        ? `a member with the role ${role} needs a vendor`
        : `a member with the role ${role} belongs to no vendor, but "${vendor}" was given`,
    );
  }
  if (campaign === "*" && role !== "data-team")
    throw new BadInputError(`a member with the role ${role} needs one campaign; "*" is for data-team`);
  if (!(ttlSeconds > 0 && ttlSeconds <= 366 * 24 * 3600)) {
    throw new BadInputError(`a link lives more than 0 and at most 31622400 seconds (a year), not ${ttlSeconds}`);
  }
  const now = ports.clock.now();
  const id = memberId(invitation);
  const fresh = Member.safeParse({
    id,
    campaign,
    role,
    vendor,
    subject,
    invitedAt: new Date(now).toISOString(),
    epoch: 1,
  });
  if (!fresh.success) {
    const issue = fresh.error.issues[0];
    throw new BadInputError(`the invitation's ${issue?.path.join(".") ?? "form"} is wrong: ${issue?.message}`);
  }
  const member = await changeMember(ports, id, (there) => {
    if (there === undefined) return fresh.data;
    const { revokedAt: _, ...rest } = there;
    return rest;
  });
  return signed(ports, {
    kind: "invitation",
    member: id,
    epoch: member.epoch,
    from: now,
    until: now + ttlSeconds * 1000,
  });
}

/** Opens a session with an invitation's secret. Throws AccessError wrong-token, expired-link or revoked. */
export async function openSession(
  ports: MemberPorts,
  secret: string,
): Promise<{ session: string; member: Member; expiresAt: number }> {
  const { claims, member } = await admitted(ports, secret, "invitation");
  const now = ports.clock.now();
  const expiresAt = now + SESSION_SECONDS * 1000;
  return {
    session: await signed(ports, {
      kind: "session",
      member: member.id,
      epoch: claims.epoch,
      from: now,
      until: expiresAt,
    }),
    member,
    expiresAt,
  };
}

/** Who somebody is, as the identity provider's verified token says; what they may do is their membership's business. */
export interface Identity {
  subject: string;
  /** Milliseconds since 1970. */
  signedInAt: number;
  expiresAt: number;
}

/**
 * Takes an invitation up for a signed-in person: from now on their identity opens this membership, and nobody else's does.
 * Again by the same person it changes nothing. Throws AccessError as openSession does, and wrong-token where somebody else
 * was first.
 */
export async function takeUp(ports: MemberPorts, secret: string, identity: Identity): Promise<Session> {
  for (let attempt = 0; ; attempt += 1) {
    const { member } = await admitted(ports, secret, "invitation");
    const session = { member, openedAt: identity.signedInAt, expiresAt: identity.expiresAt };
    if (member.identity === identity.subject) return session;
    if (member.identity !== undefined) {
      throw new AccessError("wrong-token", "this invitation was taken up by somebody else; ask for one of your own");
    }
    const found = await ports.records.get(recordKeys.member(member.id));
    const taken = { ...member, identity: identity.subject };
    try {
      await ports.records.transact([
        {
          op: "put",
          key: recordKeys.member(member.id),
          body: taken,
          condition: { version: found?.version ?? 0 },
        },
        { op: "put", key: recordKeys.identity(identity.subject, member.id), body: {}, condition: "any" },
      ]);
      return { ...session, member: taken };
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= 20) throw error;
    }
  }
}

/** Every live membership that a signed-in person has taken up, as it stands now. */
export async function sessionsOfIdentity(
  ports: Pick<Ports, "records">,
  { subject, signedInAt, expiresAt }: Identity,
): Promise<Session[]> {
  const found: Session[] = [];
  let after: string | undefined;
  do {
    const page = await ports.records.query(recordKeys.identity(subject, "").pk, after === undefined ? {} : { after });
    for (const { sk } of page.items) {
      const stored = await ports.records.get(recordKeys.member(sk));
      const member = stored === undefined ? undefined : Member.parse(stored.body);
      if (member?.identity !== subject || member.revokedAt !== undefined) continue;
      found.push({ member, openedAt: signedInAt, expiresAt });
    }
    after = page.next;
  } while (after !== undefined);
  return found;
}

/** Who speaks with this session secret, as the membership stands now. Throws AccessError. */
export async function readSession(ports: MemberPorts, secret: string): Promise<Session> {
  const { claims, member } = await admitted(ports, secret, "session");
  return { member, openedAt: claims.from, expiresAt: claims.until };
}

/** Ends a membership at once, with all its links and sessions. Revoking twice is revoking once. Throws BadInputError where there is none. */
export async function revoke(ports: MemberPorts, id: string): Promise<Member> {
  return changeMember(ports, id, (there) => {
    if (there === undefined) throw new BadInputError(`there is no member "${id}"`);
    if (there.revokedAt !== undefined) return there;
    const { identity: _, ...rest } = there;
    return { ...rest, epoch: there.epoch + 1, revokedAt: new Date(ports.clock.now()).toISOString() };
  });
}

/** Everybody who was ever invited to the campaign, in order of role and subject. */
export async function members(ports: Pick<Ports, "records">, campaign: string): Promise<Member[]> {
  const found: Member[] = [];
  let after: string | undefined;
  do {
    const page = await ports.records.query(recordKeys.member("").pk, after === undefined ? {} : { after });
    found.push(...page.items.map((item) => Member.parse(item.body)).filter((member) => member.campaign === campaign));
    after = page.next;
  } while (after !== undefined);
  return found.sort((a, b) => (`${a.role} ${a.subject}` < `${b.role} ${b.subject}` ? -1 : 1));
}

async function admitted(
  ports: MemberPorts,
  secret: string,
  kind: Claims["kind"],
): Promise<{ claims: Claims; member: Member }> {
  const claims = await verified(ports, secret);
  if (claims?.kind !== kind) {
    throw new AccessError(
      "wrong-token",
      kind === "invitation"
        ? "this invitation link is not one of ours or was cut short; copy the whole link, or ask for a new one"
        : "this session is not one of ours; open your invitation link again",
    );
  }
  if (ports.clock.now() >= claims.until) {
    const when = new Date(claims.until).toISOString();
    throw kind === "invitation"
      ? new AccessError(
          "expired-link",
          `this invitation link expired at ${when}; ask the person who sent it for a new one`,
        )
      : new AccessError(
          "expired-session",
          `this session ended at ${when}; open your invitation link again, or ask for a new one`,
        );
  }
  const found = await ports.records.get(recordKeys.member(claims.member));
  const member = found === undefined ? undefined : Member.parse(found.body);
  if (member === undefined || member.revokedAt !== undefined || member.epoch !== claims.epoch) {
    throw new AccessError(
      "revoked",
      "this access was withdrawn by the data team; ask them for a new invitation if that is a mistake",
    );
  }
  return { claims, member };
}

async function signed(ports: Pick<Ports, "sealer">, claims: Claims): Promise<string> {
  const body = Buffer.from(JSON.stringify(claims)).toString("base64url");
  return `${body}.${await signFor(ports.sealer, "member tokens", body)}`;
}

async function verified(ports: Pick<Ports, "sealer">, secret: string): Promise<Claims | undefined> {
  const [body, signature, ...rest] = secret.split(".");
  if (!body || !signature || rest.length > 0 || secret.length > 2000) return undefined;
  const expected = Buffer.from(await signFor(ports.sealer, "member tokens", body));
  const given = Buffer.from(signature);
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) return undefined;
  try {
    return Claims.safeParse(JSON.parse(Buffer.from(body, "base64url").toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

async function changeMember(
  ports: Pick<Ports, "records">,
  id: string,
  change: (there: Member | undefined) => Member,
): Promise<Member> {
  const key = recordKeys.member(id);
  for (let attempt = 0; ; attempt += 1) {
    const found = await ports.records.get(key);
    const next = change(found === undefined ? undefined : Member.parse(found.body));
    try {
      await ports.records.put(key, next, found === undefined ? "absent" : { version: found.version });
      return next;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= 20) throw error;
    }
  }
}
