import { readFile, stat } from "node:fs/promises";
import { z } from "zod";
import { BadInputError } from "../lambdas/stage.ts";
import { readCampaign, readCycle } from "../lambdas/store/campaigns.ts";
import { amendCampaign } from "../lambdas/store/cycles.ts";
import { imageHistory } from "../lambdas/store/image-history.ts";
import { totals } from "../lambdas/store/ledger.ts";
import { invite, members, revoke } from "../lambdas/store/members.ts";
import { predict } from "../lambdas/store/predict.ts";
import { releaseState } from "../lambdas/store/release.ts";
import { setStatus } from "../lambdas/store/status.ts";
import { Campaign } from "../schemas/campaign.ts";
import { Role } from "../schemas/member.ts";
import type { CampaignHead } from "../schemas/state.ts";
import { dataCommands } from "./data-commands.ts";
import type { Host } from "./host.ts";
import { operationCommands } from "./operation-commands.ts";
import { summarise } from "./summary.ts";
import { vendorCommands } from "./vendor-commands.ts";

type Command = (host: Host, args: Record<string, unknown>) => Promise<unknown>;

const LINK_DAYS = 14;
const IMAGE_TYPES: Record<string, string> = {
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
};

/** What the command line asks of a host; the answer is plain JSON. */
export const commands: Readonly<Record<string, Command>> = {
  ...dataCommands,
  ...vendorCommands,
  ...operationCommands,

  /** Every campaign: where it stands, what it cost, what it waits for. */
  async status(host) {
    const all = [];
    for (const campaign of await host.campaigns()) {
      const { head, agreement } = await readCampaign(host.ports, campaign);
      const money = await totals(host.ports, campaign);
      const { champion, candidate } = await releaseState(host.ports, campaign);
      const last = head.cycles === 0 ? undefined : await readCycle(host.ports, campaign, head.cycles);
      all.push({
        campaign,
        status: head.status,
        cycles: head.cycles,
        openCycle: head.openCycle,
        queued: head.queue.length,
        lastOutcome: last?.outcome ?? null,
        waitsFor: (await host.waitsForPerson(campaign)) ?? null,
        spent: money.spentMicros / 1e6,
        budget: agreement.budget,
        currency: agreement.currency,
        champion: champion?.version ?? null,
        candidate: candidate?.version ?? null,
      });
    }
    return { url: host.url, work: host.work, campaigns: all };
  },

  async summary(host, args) {
    const { campaign, cycle, truth } = z
      .object({ campaign: z.string(), cycle: z.int(), truth: z.boolean() })
      .parse(args);
    return summarise(host.ports, campaign, cycle, truth);
  },

  async where(host, args) {
    const { image, campaign } = z.object({ image: z.string(), campaign: z.string().optional() }).parse(args);
    const names = campaign === undefined ? await host.campaigns() : [campaign];
    const found = [];
    for (const name of names) {
      const history = await imageHistory(host.ports, name, image);
      if (history !== undefined) found.push(history);
    }
    if (found.length === 0) {
      throw new BadInputError(
        `no campaign here knows the image "${image}"; give a file's name as it was dropped, or its sha256`,
      );
    }
    return found;
  },

  async invite(host, args) {
    const { campaign, role, vendor, subject } = z
      .object({ campaign: z.string(), role: Role, vendor: z.string().optional(), subject: z.string() })
      .parse(args);
    const { agreement } = await readCampaign(host.ports, campaign);
    if (vendor !== undefined && !agreement.vendors.some(({ id }) => id === vendor)) {
      throw new BadInputError(
        `"${vendor}" is no vendor of "${campaign}"; its vendors are ${agreement.vendors.map(({ id }) => id).join(", ")}`,
      );
    }
    const secret = await invite(host.ports, {
      campaign,
      role,
      subject,
      ttlSeconds: LINK_DAYS * 86_400,
      ...(vendor === undefined ? {} : { vendor }),
    });
    return { link: `${host.url}/join#${secret}`, role, subject, validDays: LINK_DAYS };
  },

  /** A data-team link for the person at this computer. */
  async studio(host) {
    const secret = await invite(host.ports, {
      campaign: "*",
      role: "data-team",
      subject: "studio",
      ttlSeconds: 86_400,
    });
    return { link: `${host.url}/join#${secret}` };
  },

  async revoke(host, args) {
    const { campaign, subject, vendor } = z
      .object({ campaign: z.string(), subject: z.string().optional(), vendor: z.string().optional() })
      .parse(args);
    const matching = (await members(host.ports, campaign)).filter(
      (m) =>
        m.revokedAt === undefined &&
        (subject === undefined || m.subject === subject) &&
        (vendor === undefined || m.vendor === vendor),
    );
    if (matching.length === 0) throw new BadInputError(`nobody of that name has access to "${campaign}"`);
    for (const member of matching) await revoke(host.ports, member.id);
    return { revoked: matching.map(({ subject: who, role }) => ({ subject: who, role })) };
  },

  pause: (host, args) => status(host, args, "paused"),
  resume: (host, args) => status(host, args, "active"),
  cancel: (host, args) => status(host, args, "cancelled"),

  async amend(host, args) {
    const { agreement } = z.object({ agreement: Campaign }).parse(args);
    await amendCampaign(host.ports, agreement);
    return {
      campaign: agreement.name,
      note: `in force from the next cycle: add photos, or go on with the same ones by "campaign continue ${agreement.name}"`,
    };
  },

  async predict(host, args) {
    const { endpoint, files } = z.object({ endpoint: z.string(), files: z.array(z.string()).min(1) }).parse(args);
    if (!(await host.campaigns()).includes(endpoint)) {
      throw new BadInputError(
        `there is no endpoint "${endpoint}"; known: ${(await host.campaigns()).join(", ") || "none yet"}`,
      );
    }
    const answers = [];
    for (const file of files) {
      const type = IMAGE_TYPES[file.split(".").at(-1)?.toLowerCase() ?? ""] ?? "application/octet-stream";
      if ((await stat(file).catch(() => undefined)) === undefined) throw new BadInputError(`there is no file ${file}`);
      const answer = await predict(host.ports, { campaign: endpoint, body: await readFile(file), contentType: type });
      const body = JSON.parse(Buffer.from(answer.body).toString("utf8")) as Record<string, unknown>;
      delete body.embedding;
      answers.push({ file, status: answer.status, ...body });
    }
    return answers;
  },

  async stop(host) {
    // After the answer has left.
    setTimeout(() => void host.stop(), 50);
    return { stopping: true };
  },
};

/** Pauses, resumes or cancels a campaign; what was accepted is kept and owed. */
async function status(host: Host, args: Record<string, unknown>, wanted: CampaignHead["status"]) {
  const { campaign } = z.object({ campaign: z.string() }).parse(args);
  await readCampaign(host.ports, campaign);
  await setStatus(host.ports, campaign, wanted);
  return { campaign, status: wanted };
}
