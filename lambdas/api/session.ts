import { Hono } from "hono";
import { type Member, Role } from "../../schemas/member.ts";
import { type Me, SessionRequest, type SessionView } from "../../schemas/portal.ts";
import { AccessError, openSession, takeUp } from "../store/members.ts";
import { dropSession, keepSession, sessionsOf } from "./access.ts";
import { type ApiOptions, type PortalEnv, readBody } from "./portal.ts";

const ROLES = Role.options;

/** Signing in with an invitation, saying who one is, signing out. */
export function sessionRoutes(options: ApiOptions): Hono<PortalEnv> {
  const routes = new Hono<PortalEnv>();

  routes.post("/session", async (c) => {
    const { invitation } = await readBody(c, SessionRequest);
    if (options.identity !== undefined) {
      const identity = options.identity(c.req.raw);
      if (identity === undefined) throw new AccessError("signed-out", "sign in first, then open your invitation link");
      const taken = await takeUp(options.ports, invitation, identity);
      const view: SessionView = {
        ...me(taken.member, taken.openedAt),
        expiresAt: new Date(taken.expiresAt).toISOString(),
      };
      return c.json(view);
    }
    const { session, member, expiresAt } = await openSession(options.ports, invitation);
    keepSession(options, c, member.role, session, expiresAt);
    const view: SessionView = {
      ...me(member, options.ports.clock.now()),
      session,
      expiresAt: new Date(expiresAt).toISOString(),
    };
    return c.json(view);
  });

  routes.post("/session/end", async (c) => {
    for (const role of ROLES) dropSession(c, role);
    return c.json({ ended: true });
  });

  /** The first session, and all of them where a browser holds several. */
  routes.get("/me", async (c) => {
    const sessions = await sessionsOf(options, c, ROLES);
    const all = sessions.map((session) => me(session.member, session.openedAt));
    if (all[0] === undefined) throw new AccessError("signed-out", "you are signed out; open your invitation link");
    return c.json({ ...all[0], sessions: all });
  });

  return routes;
}

function me(member: Member, openedAt: number): Me {
  return {
    role: member.role,
    campaign: member.campaign,
    subject: member.subject,
    ...(member.vendor === undefined ? {} : { vendor: member.vendor }),
    openedAt: new Date(openedAt).toISOString(),
  };
}
