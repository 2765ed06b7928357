import type { Campaign } from "../../schemas/campaign.ts";
import { type CampaignHead, CycleRecord } from "../../schemas/state.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { readCampaign } from "./campaigns.ts";
import { writeAddressed } from "./documents.ts";
import { objectKeys, recordKeys } from "./keys.ts";

type Store = Pick<Ports, "records" | "objects" | "clock" | "workflows">;

/** An execution's name: unique, and telling. */
export function executionName(campaign: string, cycle: number): string {
  return `${campaign}-${cycle}`;
}

/**
 * Writes a new campaign's head. The same agreement again is welcome.
 * Throws BadInputError when the name is taken by another agreement: that is an amendment.
 */
export async function createCampaign(ports: Store, agreement: Campaign, requester: string): Promise<void> {
  const { key, digest } = await writeAddressed(
    ports.objects,
    (d) => objectKeys.agreement(agreement.name, d),
    agreement,
  );
  const head: CampaignHead = {
    campaign: agreement.name,
    agreementKey: key,
    agreementDigest: digest,
    status: "active",
    cycles: 0,
    openCycle: null,
    queue: [],
    requester,
  };
  try {
    await ports.records.transact([
      { op: "put", key: recordKeys.campaign(agreement.name), body: head, condition: "absent" },
      { op: "put", key: recordKeys.campaigns(agreement.name), body: { campaign: agreement.name }, condition: "any" },
    ]);
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    const { head: there } = await readCampaign(ports, agreement.name);
    if (there.agreementDigest !== digest) {
      throw new BadInputError(
        `there is a campaign "${agreement.name}" with another agreement; use "campaign amend" to change it, or another name`,
      );
    }
  }
}

/** Puts another agreement in force; cycles that are open keep theirs. The classes of a campaign stay. */
export async function amendCampaign(ports: Store, agreement: Campaign): Promise<void> {
  const { agreement: old } = await readCampaign(ports, agreement.name);
  if (JSON.stringify(old.classes) !== JSON.stringify(agreement.classes)) {
    throw new BadInputError(
      `classes can't be amended: answers were given under ${old.classes.join(", ")}; start another campaign for ${agreement.classes.join(", ")}`,
    );
  }
  const { key, digest } = await writeAddressed(
    ports.objects,
    (d) => objectKeys.agreement(agreement.name, d),
    agreement,
  );
  for (;;) {
    const { head, version } = await readCampaign(ports, agreement.name);
    try {
      await ports.records.put(
        recordKeys.campaign(agreement.name),
        { ...head, agreementKey: key, agreementDigest: digest },
        { version },
      );
      return;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}

/**
 * A sealed intake becomes the next cycle, or queues while one is open. Safe to call again: an intake is admitted once.
 * Returns the cycle's number, or undefined while the intake waits.
 */
export async function enqueueIntake(ports: Store, campaign: string, intake: string): Promise<number | undefined> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const { head, version } = await readCampaign(ports, campaign);
    if (head.status === "cancelled")
      throw new BadInputError(`campaign "${campaign}" is cancelled: it takes no more intakes`);
    const known = await cycleOfIntake(ports, head, intake);
    if (known !== undefined) {
      if (head.openCycle === known) await startExecution(ports, campaign, known, intake);
      return known;
    }
    if (head.openCycle !== null) {
      if (head.queue.includes(intake)) return undefined;
      if (
        await wrote(() =>
          ports.records.put(recordKeys.campaign(campaign), { ...head, queue: [...head.queue, intake] }, { version }),
        )
      ) {
        return undefined;
      }
      continue;
    }
    if (await wrote(() => openNext(ports, head, version, intake))) {
      await startExecution(ports, campaign, head.cycles + 1, intake);
      return head.cycles + 1;
    }
  }
  throw new ConflictError(`campaign "${campaign}" is being changed by too many at once`);
}

/**
 * Closes a cycle: its outcome stands in its record, the head is free, and the next queued intake starts.
 * Safe to call again.
 */
export async function closeCycle(
  ports: Store,
  campaign: string,
  cycle: number,
  outcome: CycleRecord["outcome"],
  failure?: CycleRecord["failure"],
): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const { head, version } = await readCampaign(ports, campaign);
    const stored = await ports.records.get(recordKeys.cycle(campaign, cycle));
    if (stored === undefined) throw new BadInputError(`campaign "${campaign}" has no cycle ${cycle}`);
    const record = CycleRecord.parse(stored.body);
    if (head.openCycle !== cycle) break;
    const closed: CycleRecord = {
      ...record,
      outcome,
      closedAt: new Date(ports.clock.now()).toISOString(),
      ...(failure ? { failure } : {}),
    };
    const done = await wrote(() =>
      ports.records.transact([
        { op: "put", key: recordKeys.campaign(campaign), body: { ...head, openCycle: null }, condition: { version } },
        { op: "put", key: recordKeys.cycle(campaign, cycle), body: closed, condition: { version: stored.version } },
      ]),
    );
    if (done) break;
  }
  await startQueued(ports, campaign);
}

/** Opens the next cycle from the queue when the campaign is active and none is open. */
export async function startQueued(ports: Store, campaign: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const { head, version } = await readCampaign(ports, campaign);
    const intake = head.queue[0];
    if (head.status !== "active" || head.openCycle !== null || intake === undefined) return;
    if (await wrote(() => openNext(ports, { ...head, queue: head.queue.slice(1) }, version, intake))) {
      await startExecution(ports, campaign, head.cycles + 1, intake);
      return;
    }
  }
}

/** Starts again what a crash left recorded but not started. */
export async function resumeCycles(ports: Store, campaign: string): Promise<void> {
  const { head } = await readCampaign(ports, campaign);
  if (head.openCycle === null) return startQueued(ports, campaign);
  const stored = await ports.records.get(recordKeys.cycle(campaign, head.openCycle));
  if (stored !== undefined)
    await startExecution(ports, campaign, head.openCycle, CycleRecord.parse(stored.body).intake);
}

async function openNext(ports: Store, head: CampaignHead, version: number, intake: string): Promise<void> {
  const cycle = head.cycles + 1;
  const record: CycleRecord = {
    campaign: head.campaign,
    cycle,
    intake,
    agreementKey: head.agreementKey,
    outcome: "open",
    openedAt: new Date(ports.clock.now()).toISOString(),
    refs: {},
    counts: {},
  };
  await ports.records.transact([
    {
      op: "put",
      key: recordKeys.campaign(head.campaign),
      body: { ...head, cycles: cycle, openCycle: cycle },
      condition: { version },
    },
    { op: "put", key: recordKeys.cycle(head.campaign, cycle), body: record, condition: "absent" },
  ]);
}

async function startExecution(ports: Store, campaign: string, cycle: number, intake: string): Promise<void> {
  await ports.workflows.start("campaign", executionName(campaign, cycle), { campaign, cycle, intake });
}

/** The cycle that took this intake. A cycle that failed took nothing: the same photos may be brought again. */
async function cycleOfIntake(ports: Store, head: CampaignHead, intake: string): Promise<number | undefined> {
  for (let cycle = head.cycles; cycle >= 1; cycle -= 1) {
    const stored = await ports.records.get(recordKeys.cycle(head.campaign, cycle));
    if (stored === undefined) continue;
    const record = CycleRecord.parse(stored.body);
    if (record.intake === intake && record.outcome !== "failed") return cycle;
  }
  return undefined;
}

/** Runs a conditional write; false when somebody was there first. */
async function wrote(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (error instanceof ConflictError) return false;
    throw error;
  }
}
