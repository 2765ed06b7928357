import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { BadInputError } from "../lambdas/stage.ts";
import { createCampaign } from "../lambdas/store/cycles.ts";
import { objectKeys } from "../lambdas/store/keys.ts";
import { VirtualClock } from "../local/clock.ts";
import { fetchWeights } from "../local/fetch-weights.ts";
import { isSourceFile } from "../local/formats/source.ts";
import type { Host } from "../local/host.ts";
import { addIntake, bringWeights, classFolders, cycleEnded, existingSource } from "../local/intake.ts";
import { drawSample } from "../local/sample/draw.ts";
import { type Summary, summarise } from "../local/summary.ts";
import type { Campaign, CampaignInput } from "../schemas/campaign.ts";
import { amountOf, type Options, oneOf, wholeNumber } from "./arguments.ts";
import { parseAgreement, readCampaignFile } from "./campaign-file.ts";
import type { ProgressBar } from "./progress.ts";

/** Vendors of a campaign that names none: four companies at the same price. */
const VENDORS = ["alder", "birch", "cedar", "dogwood"].map((id) => ({
  id,
  name: `${id[0]?.toUpperCase()}${id.slice(1)} Annotation`,
  pricePerAnswer: 0.03,
}));

/** What trains without pretrained weights. */
const WITHOUT_WEIGHTS: ReadonlySet<string> = new Set(["small-cnn", "descriptor"]);

const SAMPLE = { images: 320, name: "sample-parts" };

export interface Journey {
  agreement: Campaign;
  folder: string;
  people: "simulated" | "portal";
  truth: boolean;
}

/** What `run` was asked for, checked before anything is written. Throws BadInputError. */
export async function planJourney(target: string, options: Options): Promise<Journey> {
  const found = await stat(target).catch(() => undefined);
  if (found === undefined) throw new BadInputError(`there is no folder or campaign.yaml at ${resolve(target)}`);
  const truth = oneOf("truth", options.truth, ["folders"] as const, "" as "folders") === "folders";
  const people = oneOf("vendors", options.vendors, ["simulated", "portal"] as const, truth ? "simulated" : "portal");
  if (people === "simulated" && !truth) {
    throw new BadInputError(
      "simulated people need to know what the photos show: add --truth folders, with one sub-folder for each class",
    );
  }
  const approve = oneOf("approve", options.approve, ["ask", "auto"] as const, "ask");
  if (found.isFile() && !isSourceFile(target)) {
    const file = await readCampaignFile(target);
    if (file.images === undefined)
      throw new BadInputError(`${target} does not say where the photos are: add "images: <folder>"`);
    const given: CampaignInput = {
      ...file.agreement,
      ...(options.approve === undefined ? {} : { approvals: { ...file.agreement.approvals, mode: approve } }),
      ...(options.seed === undefined ? {} : { seed: wholeNumber("seed", options.seed, 0, 1) }),
      ...(options.budget === undefined ? {} : { budget: amountOf("budget", options.budget) }),
    };
    return { agreement: parseAgreement(given, target), folder: await existingSource(file.images), people, truth };
  }
  const folder = await existingSource(target);
  const inFolders = truth && found.isDirectory();
  const classes =
    options.classes?.split(",").map((name) => name.trim()) ?? (inFolders ? await classFolders(folder) : undefined);
  if (classes === undefined)
    throw new BadInputError("say which classes there are: --classes a,b,c, or --truth folders");
  const written: CampaignInput = {
    name: options.name ?? nameOf(folder),
    classes,
    vendors: VENDORS,
    approvals: { mode: approve },
    seed: wholeNumber("seed", options.seed, 0, 1),
    ...(options.budget === undefined ? {} : { budget: amountOf("budget", options.budget) }),
    guideline: { version: 1, text: `Say which class the picture shows: ${classes.join(", ")}.` },
  };
  return { agreement: parseAgreement(written, "the command line"), folder, people, truth };
}

/** The sample: drawn parts with defects, simulated people, a small network from scratch. */
export async function planSample(work: string, unattended: boolean): Promise<Journey> {
  const folder = join(work, "sample");
  await drawSample(folder, { count: SAMPLE.images, seed: 1 });
  const classes = await classFolders(folder);
  const agreement = parseAgreement(
    {
      name: SAMPLE.name,
      classes,
      vendors: VENDORS,
      approvals: { mode: unattended ? "auto" : "ask" },
      training: { backbone: "small-cnn", testShare: 0.25 },
      labelling: { lotSize: 50 },
      guideline: {
        version: 1,
        text: "Each picture shows a turned part from above. Say what you see on it: a crack (a thin dark line), a hole (a small dark disc), a stain (a brown patch), or ok when the surface is whole. The bore in the middle belongs to the part.",
      },
    },
    "the sample",
  );
  return { agreement, folder, people: "simulated", truth: true };
}

/** Opens the work folder and takes the journey's campaign in; both are safe to do again. */
export async function begin(host: Host, journey: Journey, weights: string | undefined): Promise<number | undefined> {
  const { agreement, folder, people } = journey;
  mustFitTime(host, people);
  if (!WITHOUT_WEIGHTS.has(agreement.training.backbone))
    await provideWeights(host, agreement.training.backbone, weights);
  await createCampaign(host.ports, agreement, "data-team");
  await host.staff(agreement.name, { people });
  return (await addIntake(host, agreement.name, folder)).cycle ?? undefined;
}

/** Simulated people live in time that jumps, real ones in real time; a work folder has one of the two. Throws BadInputError. */
function mustFitTime(host: Host, people: Journey["people"]): void {
  const virtual = host.clock instanceof VirtualClock;
  if (virtual === (people === "simulated")) return;
  throw new BadInputError(
    virtual
      ? `time in ${host.work} jumps, for simulated people; give the campaign of real people a folder of its own with --work DIR`
      : `time in ${host.work} is real, for real people; give the campaign of simulated people a folder of its own with --work DIR`,
  );
}

/** Lets the host work until the cycle has ended or only a person's requests can go on. */
export async function follow(
  host: Host,
  journey: Pick<Journey, "agreement" | "truth">,
  cycle: number,
  bar: ProgressBar,
): Promise<Summary> {
  const { name } = journey.agreement;
  let told = "";
  const held = new Set<string>();
  await host.runUntil(async () => {
    if (await cycleEnded(host, name, cycle)) return true;
    const waits = await host.waitsForPerson(name);
    if (waits !== undefined && waits !== told) bar.say(await whatToDo(host, name, waits));
    told = waits ?? "";
    if (waits === undefined) await tellWhoHoldsTime(host, name, held, bar);
    return waits === "requests";
  });
  bar.end();
  return summarise(host.ports, name, cycle, journey.truth);
}

/** Simulated time stands still for all campaigns of a folder while one of them waits for a person: says which, once. */
async function tellWhoHoldsTime(host: Host, name: string, told: Set<string>, bar: ProgressBar): Promise<void> {
  if (!(host.clock instanceof VirtualClock)) return;
  for (const other of await host.campaigns()) {
    if (other === name || told.has(other)) continue;
    const waits = await host.waitsForPerson(other);
    if (waits === undefined) continue;
    told.add(other);
    bar.say(`${name} goes on when ${other} does: simulated time stands still while a person is awaited.`);
    bar.say(await whatToDo(host, other, waits));
  }
}

async function whatToDo(host: Host, campaign: string, waits: string): Promise<string> {
  const { invite } = await import("../lambdas/store/members.ts");
  const link = async (role: "owner" | "data-team") => {
    const secret = await invite(host.ports, {
      campaign,
      role,
      subject: role === "owner" ? "owner" : "studio",
      ttlSeconds: 14 * 86_400,
    });
    return `${host.url}/join#${secret}`;
  };
  if (waits === "approval") return `A model waits for the owner's decision:\n  ${await link("owner")}`;
  if (waits === "photos")
    return `The report on the photos waits for the data team, before labels are bought:\n  npm start -- data accept --campaign ${campaign}\nor on the page /data/${campaign}, signed in by\n  ${await link("data-team")}`;
  if (waits === "labels") {
    return `Labels are wanted. Invite people with\n  npm start -- vendor invite ${campaign} <who> --role annotator --vendor <id>\nand watch at\n  ${await link("data-team")}`;
  }
  if (waits === "resume") return `${campaign} is paused; go on with\n  npm start -- campaign resume ${campaign}`;
  return `The candidate gets its share of real requests at ${host.url}/predict/${campaign}; it is promoted or rolled back by them.`;
}

/** Used where the campaign leaves the choice open and the weights come from timm's hub. */
const HUB_DEFAULT = "vit_tiny_patch16_224";

/** Weights from `--weights`, then COUNTERSIGN_WEIGHTS, then what the folder has, then timm's hub. Throws BadInputError. */
async function provideWeights(host: Host, backbone: string, given: string | undefined): Promise<void> {
  const folder = given ?? process.env.COUNTERSIGN_WEIGHTS;
  if (folder !== undefined) {
    const found = await bringWeights(host, folder);
    if (backbone === "auto" || found.includes(backbone)) return;
    throw new BadInputError(
      `the campaign trains on "${backbone}", but ${folder} holds ${found.join(", ")}; name one of these or auto`,
    );
  }
  if (await hasWeights(host, backbone)) return;
  host.onProgress({ step: "asking timm's hub for weights" });
  await bringWeights(
    host,
    await fetchWeights(backbone === "auto" ? HUB_DEFAULT : backbone, join(host.work, "fetched-weights")),
  );
}

async function hasWeights(host: Host, backbone: string): Promise<boolean> {
  const wanted = backbone === "auto" ? "/model.safetensors" : `${objectKeys.weights(backbone)}/model.safetensors`;
  for await (const { key } of host.ports.objects.list(objectKeys.weights(""))) if (key.endsWith(wanted)) return true;
  return false;
}

function nameOf(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 32)
    .replaceAll(/-+$/g, "");
  return name === "" ? "campaign" : name;
}

/** Whether a folder holds anything at all. */
export async function isEmptyWork(work: string): Promise<boolean> {
  return !(await readdir(work).catch(() => [] as string[])).includes("records.db");
}
