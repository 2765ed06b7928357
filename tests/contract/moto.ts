import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

export interface Moto {
  endpoint: string;
  stop(): Promise<void>;
}

/**
 * The server ends when its stdin closes, so it never outlives a test that crashed. Requests are handled one at a time:
 * moto undoes a refused transaction by putting back a copy of all tables, which is not atomic between its threads.
 */
const PROGRAM = `
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
app, turn = DomainDispatcherApplication(create_backend_app), threading.Lock()
def one_at_a_time(environ, start_response):
    with turn:
        return list(app(environ, start_response))
run_simple("127.0.0.1", int(sys.argv[1]), one_at_a_time, threaded=True)
`;

/** Starts a moto server (S3, DynamoDB, KMS, SNS, Step Functions CRUD) on a free loopback port. */
export async function startMoto(): Promise<Moto> {
  const venv = fileURLToPath(new URL("../../.venv/bin/python", import.meta.url));
  const python = process.env.COUNTERSIGN_PYTHON ?? venv;
  if (!existsSync(python))
    throw new Error(
      `${python} is missing: run \`npm test\`, which sets it up, or name a Python with moto[server] in COUNTERSIGN_PYTHON`,
    );
  const port = await freePort();
  const child = spawn(python, ["-c", PROGRAM, String(port)], { stdio: ["pipe", "ignore", "pipe"] });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + 60_000;
  while (!(await answers(endpoint))) {
    if (child.exitCode !== null) throw new Error(`moto did not start: ${said}`);
    if (Date.now() > deadline) {
      child.kill();
      throw new Error(`moto did not answer within a minute: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { endpoint, stop: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.stdin?.end();
  if (child.exitCode === null) await gone;
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    return (await fetch(`${endpoint}/moto-api/data.json`)).ok;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
