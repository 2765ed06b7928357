import type { MiddlewareHandler } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { Role } from "../../schemas/member.ts";
import { CampaignQuery } from "../../schemas/portal.ts";
import { AccessError, readSession, type Session, sessionsOfIdentity } from "../store/members.ts";
import { type ApiOptions, inForm, type PortalContext, type PortalEnv } from "./portal.ts";

/** One cookie per role, so that one browser may hold an annotator's and an owner's session side by side. */
const cookieName = (role: Role) => `countersign-${role}`;

/** How long after opening the link a decision may be signed: an hour is ample for reading, short for a tab left open. */
export const FRESH_SECONDS = 3600;

export function keepSession(
  options: ApiOptions,
  context: PortalContext,
  role: Role,
  session: string,
  expiresAt: number,
): void {
  setCookie(context, cookieName(role), session, {
    httpOnly: true,
    sameSite: "Strict",
    path: "/",
    secure: options.origin().startsWith("https:"),
    maxAge: Math.floor((expiresAt - options.ports.clock.now()) / 1000),
  });
}

export function dropSession(context: PortalContext, role: Role): void {
  deleteCookie(context, cookieName(role), { path: "/" });
}

/** Every live session that a request carries: those of a signed-in person; on a laptop its bearer alone, or else the cookies of the given roles, in their order. */
export async function sessionsOf(
  options: ApiOptions,
  context: PortalContext,
  roles: readonly Role[],
): Promise<Session[]> {
  if (options.identity !== undefined) {
    const identity = options.identity(context.req.raw);
    if (identity === undefined) return [];
    const all = await sessionsOfIdentity(options.ports, identity);
    if (all.length === 0) {
      throw new AccessError(
        "revoked",
        "you are signed in, but a member of nothing here, or not any more; open your invitation link, or ask the data team",
      );
    }
    // In the order of the roles asked for, as cookies are.
    const place = ({ member }: Session) => (roles.includes(member.role) ? roles.indexOf(member.role) : roles.length);
    return all.sort((a, b) => place(a) - place(b));
  }
  const bearer = bearerOf(context);
  if (bearer !== undefined) return [await readSession(options.ports, bearer)];
  const found: Session[] = [];
  let refusal: unknown;
  for (const role of roles) {
    const cookie = getCookie(context, cookieName(role));
    if (cookie === undefined) continue;
    try {
      found.push(await readSession(options.ports, cookie));
    } catch (error) {
      if (!(error instanceof AccessError)) throw error;
      refusal = error;
    }
  }
  if (found.length === 0 && refusal !== undefined) throw refusal;
  return found;
}

/** Lets in whoever has a session with one of the roles; the membership is looked up on every request. */
export function only(options: ApiOptions, ...roles: Role[]): MiddlewareHandler<PortalEnv> {
  return async (context, next) => {
    const sessions = await sessionsOf(options, context, roles);
    const fitting = sessions.filter((one) => roles.includes(one.member.role));
    // Somebody with the same role in several campaigns is asked by the address which one is meant.
    const asked = context.req.param("campaign");
    const session = fitting.find(({ member }) => asked === undefined || member.campaign === asked) ?? fitting[0];
    if (session === undefined) {
      throw sessions[0] === undefined
        ? new AccessError("signed-out", "you are signed out; open your invitation link")
        : new AccessError(
            "wrong-role",
            `this is for ${roles.join(" or ")}; you are signed in as ${sessions[0].member.role}`,
          );
    }
    context.set("session", session);
    await next();
  };
}

/** Refuses a change that a foreign page asks for: browsers always say where a POST comes from. */
export function sameOrigin(options: ApiOptions): MiddlewareHandler<PortalEnv> {
  return async (context, next) => {
    if (context.req.method === "GET" || context.req.method === "HEAD") return next();
    const origin = context.req.header("origin");
    const bearer = bearerOf(context) !== undefined;
    const cookies = context.req.header("cookie") !== undefined;
    if (origin === undefined ? cookies && !bearer : origin !== options.origin()) {
      throw new AccessError(
        "wrong-origin",
        `changes are taken from ${options.origin()} only, not from ${(origin ?? "a page that hides its origin").slice(0, 200)}`,
      );
    }
    await next();
  };
}

/** Throws AccessError when the session was opened too long ago to sign a decision. */
export function mustBeFresh(options: ApiOptions, session: Session): void {
  if (options.ports.clock.now() - session.openedAt > FRESH_SECONDS * 1000) {
    throw new AccessError(
      "stale-session",
      "you signed in more than an hour ago; open your invitation link again, then decide",
    );
  }
}

/** The campaign that the address names, when the session is a member of it. Throws AccessError; others' are said not to be there. */
export function askedCampaign(context: PortalContext): string {
  const { campaign } = inForm(CampaignQuery, { campaign: context.req.param("campaign") }, "the address");
  const { member } = context.get("session");
  if (member.campaign === "*" || member.campaign === campaign) return campaign;
  throw new AccessError("wrong-role", `you are no member of a campaign "${campaign.slice(0, 80)}"`);
}

/** The same for what only the data team may do, and who does it. Throws AccessError. */
export function askedByTeam(context: PortalContext): { campaign: string; by: string } {
  const { member } = context.get("session");
  if (member.role !== "data-team")
    throw new AccessError("wrong-role", `this is for data-team; you are signed in as ${member.role}`);
  return { campaign: askedCampaign(context), by: member.subject };
}

function bearerOf(context: PortalContext): string | undefined {
  const header = context.req.header("authorization");
  if (header === undefined) return undefined;
  return /^bearer (\S{1,2000})$/i.exec(header)?.[1] ?? "";
}
