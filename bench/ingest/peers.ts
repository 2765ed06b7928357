import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const VENV = join(ROOT, "build", "bench-venv");
const PYTHON = join(VENV, "bin", "python");

/** Makes the peers' environment on first use, over the project's own one. Throws where that fails. */
export function installPeers(): void {
  if (!existsSync(join(VENV, ".installed"))) {
    console.error("installing the peers of this bench (cleanvision, imagededup, OpenCV): once, a few minutes");
    run("python3", ["-m", "venv", VENV]);
    const version = run(PYTHON, [
      "-c",
      "import sys; print(f'python{sys.version_info.major}.{sys.version_info.minor}')",
    ]).trim();
    writeFileSync(
      join(VENV, "lib", version, "site-packages", "project.pth"),
      `${join(ROOT, ".venv", "lib", version, "site-packages")}\n`,
    );
    run(PYTHON, [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "-r",
      join(HERE, "requirements.txt"),
    ]);
    writeFileSync(join(VENV, ".installed"), "");
  }
}

/** CPU milliseconds per file of a peer's whole check set. */
export function peerMs(mode: "tuned" | "cleanvision", listFile: string): number {
  return (askPeers(mode, listFile) as { ms: number }).ms;
}

/** What cleanvision says: flagged paths by issue type, and its score by issue type and path (low is bad). */
export interface PeerFlags {
  flags: Record<string, string[]>;
  scores: Record<string, Record<string, number>>;
}

export function peerFlags(listFile: string): PeerFlags {
  return askPeers("flags", listFile) as PeerFlags;
}

function askPeers(mode: string, listFile: string): unknown {
  const lines = run(PYTHON, [join(HERE, "peers.py"), mode, listFile])
    .trim()
    .split("\n");
  return JSON.parse(lines.at(-1) as string);
}

/** Asks `duplicate_peers.py`. */
export function runDuplicatePeer(...args: string[]): unknown {
  const lines = run(PYTHON, [join(HERE, "duplicate_peers.py"), ...args])
    .trim()
    .split("\n");
  return JSON.parse(lines.at(-1) as string);
}

/** CPU milliseconds per file of libjpeg's full decode; undefined where there is no C compiler or no libjpeg. */
export function libjpegMs(paths: readonly string[], rounds: number): number | undefined {
  const program = join(ROOT, "build", "libjpeg-decode");
  const built = spawnSync("cc", ["-O2", "-o", program, join(HERE, "libjpeg-decode.c"), "-ljpeg"], { stdio: "ignore" });
  if (built.status !== 0) return undefined;
  return Number(run(program, [String(rounds), ...paths]));
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0)
    throw new Error(`${command} ${args.slice(0, 4).join(" ")}: ${error?.message ?? stderr.slice(-2000)}`);
  return stdout;
}
