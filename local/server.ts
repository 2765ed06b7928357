import { timingSafeEqual } from "node:crypto";
import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import { BadInputError } from "../lambdas/stage.ts";
import type { HostFile } from "./work-folder.ts";

export interface Listening {
  url: string;
  close(): Promise<void>;
}

/** Runs a command by name with its arguments in the host that is at home. */
export type RunCommand = (name: string, args: Record<string, unknown>) => Promise<unknown>;

/**
 * The portal on a loopback address (unless told otherwise), and beside it one door for the command line: `POST
 * /host/command` with the secret of the host file. Throws BadInputError when the port is taken.
 */
export async function listen(options: {
  fetch: (request: Request) => Promise<Response>;
  command: RunCommand;
  bind: string;
  /** 0: the remembered port if it is free, else any. */
  port: number;
  remembered: number | undefined;
  announce: (url: string) => HostFile;
}): Promise<Listening> {
  let secret = "";
  const handle = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname !== "/host/command") return options.fetch(request);
    if (request.method !== "POST" || !sameText(request.headers.get("authorization") ?? "", `Bearer ${secret}`)) {
      return Response.json({ error: "not-found", message: "nothing is here" }, { status: 404 });
    }
    try {
      const { name, args } = (await request.json()) as { name: string; args: Record<string, unknown> };
      return Response.json({ result: (await options.command(name, args)) ?? null });
    } catch (error) {
      const { name, message } = error as Error;
      return Response.json({ error: name, message }, { status: 400 });
    }
  };
  const open = (port: number) =>
    new Promise<Server>((resolve, reject) => {
      const made = serve({ fetch: handle, hostname: options.bind, port }, () => resolve(made as Server)) as Server;
      made.once("error", reject);
    });
  const inUse = (error: NodeJS.ErrnoException) => error.code === "EADDRINUSE";
  let server: Server;
  try {
    server = await open(options.port === 0 ? (options.remembered ?? 0) : options.port);
  } catch (error) {
    if (!inUse(error as NodeJS.ErrnoException)) throw error;
    if (options.port !== 0) {
      throw new BadInputError(
        `port ${options.port} on ${options.bind} is in use; give another one with --port, or leave it out for a free one`,
      );
    }
    server = await open(0);
  }
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  const host = options.bind.includes(":")
    ? `[${options.bind}]`
    : options.bind === "0.0.0.0"
      ? "127.0.0.1"
      : options.bind;
  const url = `http://${host}:${port}`;
  secret = options.announce(url).secret;
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
