/** From counted runs to a bill: every line is a count, a price and where both come from. */
import { z } from "zod";
import type { Json, Stacks } from "../checks/resolve.ts";

export const Prices = z.strictObject({
  region: z.string(),
  written: z.iso.date(),
  prices: z.record(z.string(), z.strictObject({ usd: z.number().nonnegative(), unit: z.string(), source: z.url() })),
  free: z.record(z.string(), z.number()),
  assumptions: z.record(z.string(), z.strictObject({ value: z.number().positive(), why: z.string() })),
});
export type Prices = z.infer<typeof Prices>;

const Part = z.strictObject({
  invocations: z.number(),
  cpuMilliseconds: z.number(),
  s3Put: z.number(),
  s3Get: z.number(),
  writeUnits: z.number(),
  readUnits: z.number(),
  dynamodbRequests: z.number(),
  kms: z.number(),
  sns: z.number(),
  logBytes: z.number(),
  bytesOut: z.number(),
});
const Numbers = z.record(z.string(), z.number());
const Run = z.object({
  images: z.number(),
  outcome: z.string(),
  counts: Numbers,
  parts: z.record(z.string(), Part),
  transitions: Numbers,
  hours: Numbers,
  portal: z.object({ requests: z.number(), bytesOut: z.number() }),
  stored: Numbers,
  recordBytes: z.number(),
  jobs: Numbers,
  labelsUsd: z.number(),
  days: z.number(),
});
export const Counted = z.object({
  countedOn: z.iso.date(),
  command: z.string(),
  load: z.array(z.number()),
  workflow: z.string(),
  runs: z.array(Run).min(2),
  admission: z.object({
    photos: z.number(),
    bytes: z.number(),
    decodeCpuMilliseconds: z.number(),
    stageCpuMilliseconds: z.number(),
    stored: Numbers,
  }),
});
export type Counted = z.infer<typeof Counted>;
type Run = z.infer<typeof Run>;

/** One line of the bill. `group`: what the limits are about. */
export interface Line {
  group: "ingest" | "lots" | "cycle" | "portal" | "jobs" | "storage" | "watching" | "fixed";
  what: string;
  count: number;
  unit: string;
  usd: number;
}
export interface Bill {
  lines: Line[];
  labelsUsd: number;
  /** The smallest counted run priced by the line through the two largest, and by its own counts: how far the line carries. */
  smallest: { images: number; byLineUsd: number; byCountUsd: number } | undefined;
}

const HOURS_PER_MONTH = 730;
/** Standard children of a Distributed Map: one transition starts the child, the others are its states. */
const CHILD_START = 1;

/** A count of some run, at the size that is asked for. */
type At = (of: (run: Run) => number) => number;

/** What a campaign of so many images costs. Counts grow on the line through the two largest counted runs. */
export function bill(images: number, counted: Counted, prices: Prices, stacks: Stacks): Bill {
  const [large, middle, ...smaller] = [...counted.runs].sort((a, b) => b.images - a.images) as [Run, Run, ...Run[]];
  const line =
    (n: number): At =>
    (of) =>
      of(large) + Math.max(0, (of(large) - of(middle)) / (large.images - middle.images)) * (n - large.images);
  const total = (lines: readonly Line[]) => lines.reduce((sum, { usd }) => sum + usd, 0);
  const small = smaller.at(-1);
  return {
    lines: [...linesOf(images, line(images), counted, prices, stacks), ...fixedLines(stacks, prices)],
    labelsUsd: line(images)((run) => run.labelsUsd),
    smallest: small && {
      images: small.images,
      byLineUsd: total(linesOf(small.images, line(small.images), counted, prices, stacks)),
      byCountUsd: total(linesOf(small.images, (of) => of(small), counted, prices, stacks)),
    },
  };
}

function linesOf(images: number, at: At, counted: Counted, prices: Prices, stacks: Stacks): Line[] {
  const lines: Line[] = [];
  const add = (group: Line["group"], what: string, price: string, count: number, factor = 1) => {
    const found = prices.prices[price];
    if (found === undefined) throw new Error(`prices.yaml has no "${price}"`);
    lines.push({
      group,
      what,
      count: Math.round(count * 100) / 100,
      unit: found.unit,
      usd: count * found.usd * factor,
    });
  };
  const assume = (name: string): number => {
    const found = prices.assumptions[name];
    if (found === undefined) throw new Error(`prices.yaml assumes no "${name}"`);
    return found.value;
  };
  const memory = memories(stacks);
  let invocations = 0;
  let logBytes = 0;

  for (const machine of keysOf(counted.runs, "transitions")) {
    const children = machine.endsWith("children");
    const entered = at((run) => run.transitions[machine] ?? 0);
    const group = children ? "ingest" : machine === "lot" ? "lots" : "cycle";
    // A child has one state here; its start is charged as well.
    add(
      group,
      `Step Functions, ${machine}`,
      "stepFunctions.transition",
      children ? entered * (1 + CHILD_START) : entered,
    );
  }

  for (const part of keysOf(counted.runs, "parts")) {
    if (part === "operator") continue;
    const of = (name: keyof z.infer<typeof Part>) => at((run) => run.parts[part]?.[name] ?? 0);
    const group = groupOf(part);
    const calls = of("invocations");
    const puts = of("s3Put");
    const gets = of("s3Get");
    const requests = of("dynamodbRequests");
    const kms = of("kms");
    if (part !== "upload") {
      const mb = memory(part);
      const admits = part === "admit-images";
      // Admission was measured on photos as large as those that are dropped, and reads twelve of them at a time.
      const cpu = admits
        ? images * (counted.admission.decodeCpuMilliseconds + counted.admission.stageCpuMilliseconds)
        : of("cpuMilliseconds");
      const waiting =
        ((puts + gets) * assume("s3Milliseconds")) / (admits ? 12 : 1) +
        requests * assume("dynamodbMilliseconds") +
        kms * assume("kmsMilliseconds");
      const milliseconds = (cpu * assume("cpuOfVcpu")) / Math.max(mb / 1769, 0.1) + waiting;
      add(group, `Lambda requests, ${part}`, "lambda.request", calls);
      add(group, `Lambda GB-seconds, ${part} (${mb} MB)`, "lambda.gbSecond", (milliseconds / 1000) * (mb / 1024));
      invocations += calls;
      logBytes += of("logBytes");
    }
    add(group, `S3 writes and lists, ${part}`, "s3.put", puts);
    add(group, `S3 reads, ${part}`, "s3.get", gets);
    add(group, `DynamoDB writes, ${part}`, "dynamodb.write", of("writeUnits"));
    add(group, `DynamoDB reads, ${part}`, "dynamodb.read", of("readUnits"));
    add(group, `KMS, ${part}`, "kms.request", kms);
    add(group, `SNS, ${part}`, "sns.publish", of("sns"));
  }
  const writes = at((run) => Object.values(run.parts).reduce((sum, part) => sum + part.s3Put, 0));
  add("ingest", "EventBridge, one event for each object", "eventbridge.event", writes);

  const requests = at((run) => run.portal.requests);
  add("portal", "HTTP API", "api.request", requests);
  const shown = at((run) => mediaOf(run));
  const webBytes = counted.admission.stored.packs ?? 0;
  const gb = (shown * webBytes + at((run) => run.portal.bytesOut)) / 1e9;
  add(
    "portal",
    "CloudFront requests beyond the month's free ones",
    "cloudfront.request",
    Math.max(0, requests - (prices.free["cloudfront.request"] ?? 0)),
  );
  add(
    "portal",
    "CloudFront GB beyond the month's free ones",
    "cloudfront.gb",
    Math.max(0, gb - (prices.free["cloudfront.gb"] ?? 0)),
  );

  const spot = assume("spotShare");
  const start = assume("jobStartSeconds") / 3600;
  const job = (name: string) => at((run) => run.jobs[name] ?? 0);
  const trainings = job("createTrainingJob");
  add(
    "jobs",
    `embedding at ${assume("gpuImagesPerSecond")} images a second, on Spot`,
    "sagemaker.trainingHour",
    images / assume("gpuImagesPerSecond") / 3600 + start,
    spot,
  );
  add(
    "jobs",
    "training up to its limit of four hours, on Spot",
    "sagemaker.trainingHour",
    Math.max(0, trainings - 1) * (4 + start),
    spot,
  );
  add(
    "jobs",
    "variants and evaluation, each up to its limit of two hours",
    "sagemaker.processingHour",
    job("createProcessingJob") * (2 + start),
  );

  const originals = counted.admission.bytes * images;
  const kept = (folder: string) => (counted.admission.stored[folder] ?? 0) * images;
  const other = at((run) =>
    Object.entries(run.stored).reduce(
      (sum, [folder, bytes]) => sum + (["files", "packs", "shards"].includes(folder) ? 0 : bytes),
      0,
    ),
  );
  add("storage", "originals, one month", "s3.gbMonth", originals / 1e9);
  add("storage", "web variants and thumbnails, one month", "s3.gbMonth", kept("packs") / 1e9);
  add("storage", "shards for jobs, one month", "s3.gbMonth", kept("shards") / 1e9);
  add("storage", "all other objects, one month", "s3.gbMonth", other / 1e9);
  add("storage", "records, one month", "dynamodb.gbMonth", at((run) => run.recordBytes) / 1e9);

  add("watching", "logs", "logs.gb", logBytes / 1e9);
  add("watching", "traces", "xray.trace", invocations * assume("tracedShare"));
  const metricHours = keysOf(counted.runs, "hours")
    .filter((part) => groupOf(part) !== "portal" && part !== "upload" && part !== "start-cycle" && part !== "sweep")
    .reduce(
      (sum, part) =>
        sum +
        Math.min(
          HOURS_PER_MONTH,
          at((run) => run.hours[part] ?? 0),
        ),
      0,
    );
  add(
    "watching",
    "two metrics of each stage, in the hours when it runs",
    "metrics.metricMonth",
    (2 * metricHours) / HOURS_PER_MONTH,
  );

  return lines.filter(({ usd }) => usd > 0);
}

/** What a month costs in which nobody works. */
function fixedLines(stacks: Stacks, prices: Prices): Line[] {
  const containerGb = prices.assumptions.containerGb?.value ?? 0;
  const all = (type: string) =>
    Object.values(stacks).flatMap((template) =>
      (Object.values(template.Resources) as Json[]).filter((one) => one.Type === type),
    );
  const line = (what: string, price: string, count: number): Line => {
    const found = prices.prices[price] as { usd: number; unit: string };
    return { group: "fixed", what, count: Math.round(count * 1000) / 1000, unit: found.unit, usd: count * found.usd };
  };
  const scheduled = all("AWS::Events::Rule")
    .map(({ Properties }) => String(Properties.ScheduleExpression ?? ""))
    .reduce((sum, text) => sum + runsPerMonth(text), 0);
  // A scheduled run with nothing to do: a tenth of a second at 1 GB and one query for each campaign.
  const machineClients = all("AWS::Cognito::UserPoolClient").filter(({ Properties }) =>
    (Properties.AllowedOAuthFlows ?? []).includes("client_credentials"),
  );
  const dashboards = Math.max(0, all("AWS::CloudWatch::Dashboard").length - (prices.free.dashboards ?? 0));
  if (dashboards > 0) throw new Error("a dashboard beyond the free ones is not priced");
  return [
    line("keys", "kms.keyMonth", all("AWS::KMS::Key").length),
    line("alarms", "alarms.alarmMonth", all("AWS::CloudWatch::Alarm").length),
    line("container images", "ecr.gbMonth", containerGb),
    line("machine clients", "cognito.machineClientMonth", machineClients.length),
    line("scheduled runs", "lambda.request", scheduled),
    line("scheduled runs, a tenth of a second each", "lambda.gbSecond", scheduled * 0.1),
    line("scheduled runs, two reads each", "dynamodb.read", scheduled * 2),
    line("scheduled runs, their log", "logs.gb", (scheduled * 1000) / 1e9),
  ].filter(({ count }) => count > 0);
}

function runsPerMonth(schedule: string): number {
  const rate = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(schedule);
  if (rate === null) return schedule.startsWith("cron(") ? 31 : 0;
  return (
    (HOURS_PER_MONTH * 60) /
    (Number(rate[1]) * { minute: 1, hour: 60, day: 1440 }[rate[2] as "minute" | "hour" | "day"])
  );
}

function groupOf(part: string): Line["group"] {
  if (part.startsWith("portal")) return "portal";
  if (["upload", "start-cycle", "open-cycle", "admit-images", "build-catalogue"].includes(part)) return "ingest";
  return /-lot$/.test(part) ? "lots" : "cycle";
}

/** Memory of a part's function in the template; routes of the portal lie in functions by audience. */
function memories(stacks: Stacks): (part: string) => number {
  const functions = Object.values(stacks).flatMap((template) =>
    (Object.values(template.Resources) as Json[]).filter(
      (one) => one.Type === "AWS::Lambda::Function" && typeof one.Properties.FunctionName === "string",
    ),
  );
  return (part) => {
    const name = part.startsWith("portal") ? "portal-" : `-${part}`;
    const found = functions.find(({ Properties }) =>
      part.startsWith("portal") ? Properties.FunctionName.includes(name) : Properties.FunctionName.endsWith(name),
    );
    if (found === undefined) throw new Error(`no function of the template runs "${part}"`);
    return Number(found.Properties.MemorySize);
  };
}

const mediaOf = (run: Run) => run.parts["portal/api/media"]?.invocations ?? 0;

function keysOf(runs: readonly Run[], field: "parts" | "transitions" | "hours"): string[] {
  return [...new Set(runs.flatMap((run) => Object.keys(run[field])))].sort();
}
