import { z } from "zod";
import { BadInputError } from "../lambdas/stage.ts";
import { commands } from "../local/commands.ts";
import { Host } from "../local/host.ts";
import { readHostFile } from "../local/work-folder.ts";
import { isEmptyWork } from "./run.ts";

/**
 * Carries out a command: in the given host, else in the host that is at home in the folder (over loopback), else in a
 * host opened for it. With `onlyRunning`, undefined where none runs. Throws BadInputError where the folder is empty.
 */
export async function ask(
  work: string,
  name: string,
  args: Record<string, unknown>,
  host?: Host,
  options: { onlyRunning?: boolean } = {},
): Promise<unknown> {
  if (host !== undefined) return carriedOut(host, name, args);
  const there = readHostFile(work);
  if (there !== undefined) {
    const answer = await fetch(`${there.url}/host/command`, {
      method: "POST",
      headers: { authorization: `Bearer ${there.secret}`, "content-type": "application/json" },
      body: JSON.stringify({ name, args }),
    }).catch(() => undefined);
    if (answer?.ok) return ((await answer.json()) as { result: unknown }).result;
    if (answer?.status === 400) {
      const { error, message } = (await answer.json()) as { error: string; message: string };
      if (error === "ZodError") throw new BadInputError(inWords(JSON.parse(message) as Issue[]));
      throw error === "BadInputError" ? new BadInputError(message) : Object.assign(new Error(message), { name: error });
    }
    // Nobody answers there any more: the host died, and its file stayed.
  }
  if (options.onlyRunning === true) return undefined;
  if (name === "stop") throw new BadInputError(`no host runs in ${work}`);
  if (await isEmptyWork(work))
    throw new BadInputError(`there is nothing in ${work} yet; start with "run", or name the folder with --work`);
  const own = await Host.open({ work, time: "real", idle: true });
  try {
    return await carriedOut(own, name, args);
  } finally {
    await own.close();
  }
}

type Issue = { path: PropertyKey[]; message: string };

/** What is not of its form is a person's input, told by its name and what is allowed. */
async function carriedOut(host: Host, name: string, args: Record<string, unknown>): Promise<unknown> {
  try {
    return await (commands[name] as (typeof commands)[string])(host, args);
  } catch (error) {
    if (error instanceof z.ZodError) throw new BadInputError(inWords(error.issues));
    throw error;
  }
}

function inWords(issues: readonly Issue[]): string {
  return issues.map(({ path, message }) => `${path.map(String).join(".")}: ${message}`).join("; ");
}

/** The only campaign of the folder, where a command leaves its name out. Throws BadInputError where there are several. */
export async function onlyCampaign(work: string): Promise<string> {
  const { campaigns } = (await ask(work, "status", {})) as { campaigns: { campaign: string }[] };
  const names = campaigns.map(({ campaign }) => campaign);
  if (names.length === 1) return names[0] as string;
  throw new BadInputError(`say of which campaign; there are ${names.join(", ") || "none"}`);
}
