import { resolve } from "node:path";
import { BadInputError } from "../lambdas/stage.ts";
import { addToStore } from "../local/add-to-store.ts";
import { EXPORT_FORMATS } from "../local/formats/export.ts";
import { Host } from "../local/host.ts";
import type { Summary } from "../local/summary.ts";
import { WorkFolderBusyError } from "../local/work-folder.ts";
import { faultSchedule, type Options, oneOf, type Parsed, parseCommandLine, wholeNumber } from "./arguments.ts";
import { ask } from "./ask.ts";
import { nearest, readCampaignFile } from "./campaign-file.ts";
import { checkDefinitions } from "./check-definitions.ts";
import { dataCommand } from "./data.ts";
import { HELP } from "./help.ts";
import { ProgressBar } from "./progress.ts";
import { rollBackHere, rollbackOrder } from "./rollback.ts";
import { begin, follow, isEmptyWork, planJourney, planSample } from "./run.ts";
import { s3Address, s3Store } from "./s3.ts";
import { preview, simulate } from "./simulate.ts";
import { invoiceCommand, statementCommand, vendorCommand } from "./vendors.ts";

const COMMANDS = [
  "run",
  "add",
  "export",
  "data",
  "status",
  "where",
  "vendor",
  "campaign",
  "rollback",
  "statement",
  "suspects",
  "invoice",
  "report",
  "simulate",
  "preview",
  "predict",
  "check",
  "stop",
  "help",
];

/** Exit codes; help.ts tells them to people. */
const EXIT = { done: 0, defect: 1, badInput: 2, notLive: 3, busy: 4, interrupted: 130 } as const;

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseCommandLine(argv);
  const { command, operands, options } = parsed;
  const work = resolve(options.work ?? ".countersign");
  if (options.help === true || command === "help") {
    process.stdout.write(`${HELP}\n`);
    return EXIT.done;
  }
  switch (command) {
    case "":
      return studio(work, options);
    case "run":
      return run(work, operand(operands, 0, "run needs a folder of photos or a campaign.yaml"), options);
    case "check":
      return checkDefinitions(operands, options.json === true);
    default:
      return small(work, parsed);
  }
}

/** No command: the sample where nothing is yet, what was left unfinished where something is, and the studio on it. */
async function studio(work: string, options: Options): Promise<number> {
  const fresh = await isEmptyWork(work);
  return withHost(work, "virtual", options, async (host, bar) => {
    if (fresh) bar.say("Nothing is here yet: drawing a small set of parts and running a sample campaign on it.");
    if (fresh) await begin(host, await planSample(work, options.unattended === true), options.weights);
    const { link } = (await ask(work, "studio", {}, host)) as { link: string };
    bar.say(`The studio is open:\n  ${link}`);
    let code: number = EXIT.done;
    for (const { campaign, cycle } of await host.openCycles()) {
      const summary = await follow(host, await host.journeyOf(campaign), cycle, bar);
      if (host.stopped) return EXIT.done;
      report(summary, options.json === true, bar);
      code = exitOf(summary);
    }
    if (options.unattended === true) return code;
    bar.say("Ctrl-C ends the studio; everything is kept.");
    await host.runForever();
    return EXIT.done;
  });
}

async function run(work: string, target: string, options: Options): Promise<number> {
  const journey = await planJourney(target, options);
  return withHost(work, journey.people === "simulated" ? "virtual" : "real", options, async (host, bar) => {
    const started = performance.now();
    const cycle = await begin(host, journey, options.weights);
    if (cycle === undefined) {
      bar.say("The campaign has an open cycle; these photos are queued for the next one.");
      return EXIT.done;
    }
    bar.say(`Watch it at ${((await ask(work, "studio", {}, host)) as { link: string }).link}`);
    const summary = await follow(host, journey, cycle, bar);
    if (host.stopped) return EXIT.done;
    report({ ...summary, seconds: Math.round((performance.now() - started) / 100) / 10 }, options.json === true, bar);
    return exitOf(summary);
  });
}

/** Commands that a running host carries out, or that this process does in the folder when none runs. */
async function small(work: string, { command, operands, options }: Parsed): Promise<number> {
  const [first] = operands;
  // Text is text already, such as CSV.
  const print = (value: unknown) =>
    process.stdout.write(
      typeof value === "string"
        ? value
        : `${JSON.stringify(value, undefined, options.json === true ? undefined : 2)}\n`,
    );
  switch (command) {
    case "status":
    case "stop":
      print(await ask(work, command, {}));
      return EXIT.done;
    case "where": {
      const image = operand(operands, 0, "where needs an image: a file's name or its sha256");
      print(
        await ask(work, "where", { image, ...(options.campaign === undefined ? {} : { campaign: options.campaign }) }),
      );
      return EXIT.done;
    }
    case "statement":
      print(await statementCommand(work, operands, oneOf("format", options.format, ["json", "csv"] as const, "json")));
      return EXIT.done;
    case "predict":
      print(
        await ask(work, "predict", {
          endpoint: operand(operands, 0, "predict needs an endpoint's name"),
          files: files(operands.slice(1)),
        }),
      );
      return EXIT.done;
    case "add":
      return add(work, resolve(operand(operands, 0, "add needs a folder of photos, an archive or a list")), options);
    case "export":
      print(await exportCommand(work, operand(operands, 0, "export needs a campaign"), options));
      return EXIT.done;
    case "data": {
      const bar = new ProgressBar();
      const answer = await dataCommand(work, operands, options, bar);
      bar.end();
      print(answer);
      return EXIT.done;
    }
    case "vendor":
      print(await vendorCommand(work, operands, options));
      return EXIT.done;
    case "invoice":
      print(await invoiceCommand(work, operands));
      return EXIT.done;
    case "suspects":
      print(await ask(work, "suspects", { campaign: operand(operands, 0, "suspects needs a campaign") }));
      return EXIT.done;
    case "report":
      print(await ask(work, "counterfactual", { campaign: operand(operands, 0, "report needs a campaign") }));
      return EXIT.done;
    case "preview":
    case "simulate": {
      const bar = new ProgressBar();
      const foretell = command === "preview" ? preview : simulate;
      const answer = await foretell(operand(operands, 0, `${command} needs a campaign.yaml`), options, bar);
      bar.end();
      print(answer);
      return EXIT.done;
    }
    case "rollback": {
      const order = rollbackOrder(operand(operands, 0, "rollback needs a campaign's name"), options);
      const running = await ask(work, "rollback", order, undefined, { onlyRunning: true });
      if (running === undefined && (await isEmptyWork(work)))
        throw new BadInputError(`there is nothing in ${work} yet; name the folder with --work`);
      if (running !== undefined) print(running);
      else
        return withHost(work, "virtual", options, async (host) => {
          print(await rollBackHere(work, order, host));
          return EXIT.done;
        });
      return EXIT.done;
    }
    case "campaign": {
      if (first === "amend") {
        const file = await readCampaignFile(operand(operands, 1, "campaign amend needs a campaign.yaml"));
        print(await ask(work, "amend", { agreement: file.agreement }));
        return EXIT.done;
      }
      if (first === "continue") {
        const campaign = operand(operands, 1, "campaign continue needs a campaign's name");
        return carryOn(work, "continue", { campaign }, campaign, options);
      }
      if (
        first !== undefined &&
        ["pause", "resume", "cancel", "proposal", "relabel", "dismiss", "audits", "releases"].includes(first)
      ) {
        print(await ask(work, first, { campaign: operand(operands, 1, `campaign ${first} needs a campaign's name`) }));
        return EXIT.done;
      }
      throw new BadInputError(
        `campaign "${first ?? ""}": allowed are pause, resume, cancel, amend, continue, proposal, relabel, dismiss, audits and releases`,
      );
    }
    default: {
      const near = nearest(command, COMMANDS);
      throw new BadInputError(
        `there is no command "${command}"${near === undefined ? "" : `; did you mean "${near}"?`} (known: ${COMMANDS.join(", ")})`,
      );
    }
  }
}

/** Another intake: given to the host that runs, or carried through here. */
async function add(work: string, path: string, options: Options): Promise<number> {
  const campaign = options.to;
  if (campaign === undefined) throw new BadInputError("say to which campaign: add <folder> --to <campaign>");
  if (campaign.startsWith("s3://")) return addToS3(work, path, campaign, options);
  const labels =
    options.labels === undefined
      ? {}
      : { labels: oneOf("labels", options.labels, ["none", "folders", "list"] as const, "none") };
  return carryOn(work, "add", { path, campaign, ...labels }, campaign, options);
}

/** Another intake of a campaign in a deployment's bucket: its seal starts the cycle there. */
async function addToS3(work: string, path: string, address: string, options: Options): Promise<number> {
  const { bucket, campaign } = s3Address(address);
  const bar = new ProgressBar();
  const labels =
    options.labels === undefined
      ? {}
      : { labels: oneOf("labels", options.labels, ["none", "folders", "list"] as const, "none") };
  const onFile = (done: number) => bar.update({ step: `sending to ${bucket}`, done });
  const added = await addToStore(s3Store(bucket), campaign, path, { ...labels, scratch: work, onFile });
  bar.end();
  process.stdout.write(`${JSON.stringify({ bucket, campaign, ...added })}\n`);
  return EXIT.done;
}

/** `export <campaign> --format F --out PATH`: the frozen dataset for other tools. */
async function exportCommand(work: string, campaign: string, options: Options): Promise<unknown> {
  const format = oneOf("format", options.format, EXPORT_FORMATS, "folders");
  const ending = format === "zip" || format === "tar" ? `.${format}` : "";
  const out = resolve(options.out ?? `${campaign}-${format}${ending}`);
  const prefix = options["source-prefix"];
  return ask(work, "export", { campaign, format, out, ...(prefix === undefined ? {} : { sourcePrefix: prefix }) });
}

/** Something that may open a cycle: given to the host that runs, or carried through to the cycle's end here. */
async function carryOn(
  work: string,
  command: "add" | "continue",
  args: Record<string, unknown>,
  campaign: string,
  options: Options,
): Promise<number> {
  const running = await ask(work, command, args, undefined, { onlyRunning: true });
  if (running !== undefined) {
    process.stdout.write(`${JSON.stringify(running)}\n`);
    return EXIT.done;
  }
  return withHost(work, "virtual", options, async (host, bar) => {
    const started = performance.now();
    const { cycle, claims, notes } = (await ask(work, command, args, host)) as {
      cycle: number | null;
      claims?: number;
      notes?: string[];
    };
    for (const note of notes ?? []) bar.say(note);
    if (claims !== undefined && claims > 0)
      bar.say(
        `${claims} labels came with the photos: they are shown beside what is bought, and count as nobody's answers.`,
      );
    if (cycle === null) {
      bar.say(`${campaign} has an open cycle, or is paused; these photos are queued for the next one.`);
      return EXIT.done;
    }
    const { agreement, truth } = await host.journeyOf(campaign);
    const summary = await follow(host, { agreement, truth }, cycle, bar);
    if (host.stopped) return EXIT.done;
    report({ ...summary, seconds: Math.round((performance.now() - started) / 100) / 10 }, options.json === true, bar);
    return exitOf(summary);
  });
}

/** Opens the folder, runs, and leaves it resumable however the work ends. */
async function withHost(
  work: string,
  time: "real" | "virtual",
  options: Options,
  body: (host: Host, bar: ProgressBar) => Promise<number>,
): Promise<number> {
  const bar = new ProgressBar();
  const faults = options.faults === undefined ? undefined : faultSchedule(options.faults);
  if (faults !== undefined) bar.say(`Injecting --faults ${faults}`);
  const host = await Host.open({
    work,
    time,
    onProgress: bar.update,
    onTrouble: (stage, { name, message }) => bar.say(`! ${stage}: ${name}: ${message.slice(0, 500)}`),
    // Vendors read theirs on their own page.
    onNotice: ({ audience, text }) => audience !== "vendor" && bar.say(text),
    port: wholeNumber("port", options.port, 0, 0),
    ...(options.bind === undefined ? {} : { bind: options.bind }),
    ...(faults === undefined ? {} : { faults }),
  });
  let interrupted = false;
  const interrupt = () => {
    if (interrupted) process.exit(EXIT.interrupted);
    interrupted = true;
    bar.say("Stopping; the same command, or a plain npm start, goes on from here.");
    void host.close().then(() => process.exit(EXIT.interrupted));
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  try {
    return await body(host, bar);
  } finally {
    bar.end();
    await host.close();
  }
}

function report(summary: Summary & { seconds?: number }, json: boolean, bar: ProgressBar): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(summary)}\n`);
    return;
  }
  const { images, labels, model, dataset } = summary;
  bar.say(
    `${images.files} files: ${images.admitted} admitted, ${images.quarantined} quarantined, ${images.duplicates} duplicates`,
  );
  const agreement =
    labels.agreementWithTruth === null ? "" : `, ${(labels.agreementWithTruth * 100).toFixed(1)} % as the folders say`;
  bar.say(
    `${labels.bought} answers bought (${labels.perImage.toFixed(2)} an image${agreement}), ${summary.costUsd.toFixed(2)} spent`,
  );
  if (dataset !== null)
    bar.say(
      `dataset ${dataset.version.slice(0, 12)}: ${dataset.train} train, ${dataset.validation} validation, ${dataset.test} test`,
    );
  if (model !== null) {
    const share = (value: number) => `${(value * 100).toFixed(1)} %`;
    bar.say(
      `${model.backbone}: ${share(model.accuracy)} right on the sealed test [${share(model.low)}, ${share(model.high)}]`,
    );
  }
  for (const gate of summary.gates) bar.say(`  ${gate.outcome.padEnd(15)} ${gate.name}: ${gate.reason}`);
  if (summary.failure !== undefined) bar.say(`It broke: ${summary.failure.error}: ${summary.failure.cause}`);
  bar.say(
    `outcome: ${summary.outcome}${summary.endpoint === null ? "" : `; ask it with: npm start -- predict ${summary.endpoint} <image>`}`,
  );
}

function exitOf(summary: Summary): number {
  if (summary.outcome === "failed") return EXIT.defect;
  return ["live", "promoted", "observing", "open"].includes(summary.outcome) ? EXIT.done : EXIT.notLive;
}

function operand(operands: readonly string[], index: number, otherwise: string): string {
  const found = operands[index];
  if (found === undefined) throw new BadInputError(`${otherwise}; "npm start -- --help" shows how`);
  return found;
}

function files(named: readonly string[]): string[] {
  if (named.length === 0) throw new BadInputError("predict needs at least one image file");
  return named.map((file) => resolve(file));
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { name, message, stack } = error as Error;
  if (name === "BadInputError") process.exitCode = EXIT.badInput;
  else if (error instanceof WorkFolderBusyError) process.exitCode = EXIT.busy;
  else process.exitCode = EXIT.defect;
  process.stderr.write(`${process.exitCode === EXIT.defect ? (stack ?? message) : message}\n`);
}
