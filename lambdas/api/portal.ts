import type { Context } from "hono";
import type { z } from "zod";
import type { Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import type { Identity, Session } from "../store/members.ts";

export interface ApiOptions {
  ports: Ports;
  /** The built pages: `/index.html`, `/assets/app-<hash>.js` ... */
  publicFiles: (path: string) => Promise<{ bytes: Uint8Array; contentType: string } | undefined>;
  /** Where people see this portal, such as `http://127.0.0.1:4173`; asked on every request. */
  origin: () => string;
  /**
   * Who a request comes from, where an identity provider vouches for people before it arrives (Cognito, by the API's JWT
   * authorizer); undefined for nobody. Left out on a laptop, whose sessions are its own.
   */
  identity?: (request: Request) => Identity | undefined;
  /** One line per request: method, route, status, milliseconds. Never a token, a query or a body. */
  log?: (line: Record<string, unknown>) => void;
}

export type PortalEnv = { Variables: { session: Session } };
export type PortalContext = Context<PortalEnv>;

/** The request's JSON body in the form of a schema. Throws BadInputError that names the field, and what is allowed. */
export async function readBody<T>(context: PortalContext, schema: z.ZodType<T>): Promise<T> {
  const type = context.req.header("content-type") ?? "";
  if (!type.toLowerCase().startsWith("application/json")) {
    throw new BadInputError(`the body must be application/json, not "${type.slice(0, 80)}"`);
  }
  let json: unknown;
  try {
    json = JSON.parse(await context.req.text());
  } catch {
    throw new BadInputError("the body is not JSON");
  }
  return inForm(schema, json, "the body");
}

/** A value in the form of a schema. Throws BadInputError. */
export function inForm<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? what : `${what}'s ${issue.path.join(".")}`;
  throw new BadInputError(`${where} is wrong: ${(issue?.message ?? "not of its form").slice(0, 500)}`);
}
