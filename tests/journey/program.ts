import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { drawSample, SAMPLE_CLASSES } from "../../local/sample/draw.ts";
import type { Summary } from "../../local/summary.ts";
import type { LedgerEntry } from "../../schemas/ledger.ts";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

export function newFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `countersign-${name}-`));
}

/** A folder of drawn parts and a campaign.yaml beside it that trains the small network. */
export async function drawnCampaign(options: {
  count: number;
  name?: string;
}): Promise<{ folder: string; yaml: string }> {
  const root = newFolder("photos");
  const folder = join(root, "photos");
  await drawSample(folder, { count: options.count, seed: 3 });
  const yaml = join(root, "campaign.yaml");
  writeFileSync(
    yaml,
    [
      `name: ${options.name ?? "parts"}`,
      `classes: [${SAMPLE_CLASSES.join(", ")}]`,
      "images: photos",
      "vendors:",
      ...["alder", "birch", "cedar"].map((id) => `  - { id: ${id}, name: ${id}, pricePerAnswer: 0.03 }`),
      "labelling: { lotSize: 40, maxWaves: 3 }",
      "training: { backbone: small-cnn, testShare: 0.25 }",
      "",
    ].join("\n"),
  );
  return { folder, yaml };
}

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The program as a real process; `kill` ends it as hard as the kernel can. */
export function countersign(
  args: readonly string[],
  env: Record<string, string> = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [join(REPOSITORY, "cli/main.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (data) => {
    stdout += String(data);
  });
  child.stderr?.on("data", (data) => {
    stderr += String(data);
  });
  const ended = new Promise<Ended>((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })));
  return { child, ended };
}

/** The last line of `--json` output. */
export function summaryOf({ stdout, stderr }: Ended): Summary & { seconds: number } {
  const line = stdout.trim().split("\n").at(-1) ?? "";
  try {
    return JSON.parse(line) as Summary & { seconds: number };
  } catch {
    throw new Error(`the last line is no JSON: ${line}\n${stderr.slice(-3000)}`);
  }
}

/** Every record of a work folder, read while nobody runs there. */
export function records(work: string): { pk: string; sk: string; body: unknown }[] {
  const db = new DatabaseSync(join(work, "records.db"), { readOnly: true });
  try {
    return (
      db.prepare("select pk, sk, body from records order by pk, sk").all() as { pk: string; sk: string; body: string }[]
    ).map((row) => ({ pk: row.pk, sk: row.sk, body: JSON.parse(row.body) }));
  } finally {
    db.close();
  }
}

/** Facts about money and answers that a crash could lose or double. */
export function books(work: string): { answers: string[]; payments: LedgerEntry[] } {
  const all = records(work);
  return {
    answers: all
      .filter(({ sk }) => sk.startsWith("answer#"))
      .map(({ pk, sk, body }) => `${pk} ${sk} ${JSON.stringify((body as { value: unknown }).value)}`),
    payments: all
      .filter(({ pk, sk }) => pk.startsWith("ledger#") && !sk.startsWith("sum#"))
      .map(({ body }) => body as LedgerEntry),
  };
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
