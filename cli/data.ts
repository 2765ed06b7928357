import { access, constants, stat, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { BadInputError } from "../lambdas/stage.ts";
import { checkPhotos } from "../local/check-photos.ts";
import type { DataReport } from "../schemas/data-report.ts";
import { DecisionKind } from "../schemas/decision.ts";
import { type Options, oneOf } from "./arguments.ts";
import { ask } from "./ask.ts";
import { nearest } from "./campaign-file.ts";
import { short } from "./data-summary.ts";
import type { ProgressBar } from "./progress.ts";

const ACTIONS = ["check", "report", ...DecisionKind.options, "refuse"] as const;
const LABELS = ["none", "folders", "list"] as const;

/**
 * `data check <folder>`: the report before there is a campaign. `data report <campaign>`: the same of a campaign.
 * `data accept|exclude|restore <image...> --reason TEXT [--campaign NAME]`: what is used.
 * `data accept|refuse [--reason TEXT] [--campaign NAME]`, without images: the report as a whole, where a cycle waits for it.
 */
export async function dataCommand(
  work: string,
  operands: readonly string[],
  options: Options,
  bar: ProgressBar,
): Promise<unknown> {
  const [named = "report", ...rest] = operands;
  const action = actionOf(named);
  if ((action === "check" || action === "report") && rest.length > 1)
    throw new BadInputError(`data ${action} takes one at a time; given were ${rest.map((r) => `"${r}"`).join(", ")}`);
  switch (action) {
    case "check": {
      const path = resolve(needed(rest[0], "data check needs a folder of photos, an archive or a list"));
      const out = await writable(options.out ?? "photos.html");
      const labels = options.labels === undefined ? {} : { labels: oneOf("labels", options.labels, LABELS, "none") };
      const { report, html } = await checkPhotos(path, {
        ...labels,
        onProgress: (done) => bar.update({ step: "looking at photos", done }),
      });
      bar.end();
      await writeFile(out, html);
      return { out, ...short(report) };
    }
    case "report": {
      if (options.out !== undefined) await writable(options.out);
      const asked = rest[0] ?? options.campaign;
      const { html, report } = (await ask(work, "data-report", asked === undefined ? {} : { campaign: asked })) as {
        html: string;
        report: DataReport;
      };
      const out = await writable(options.out ?? `${report.campaign}-photos.html`);
      await writeFile(out, html);
      return { out, ...short(report) };
    }
    case "refuse":
      if (rest.length > 0)
        throw new BadInputError(
          `data refuse is said of the whole report; to leave images out, use data exclude ${rest[0]} --reason TEXT`,
        );
      return review(work, "refuse", options);
    default: {
      const decision = action;
      if (decision === "accept" && rest.length === 0) return review(work, "accept", options);
      needed(rest[0], `data ${decision} needs at least one image: a file's name as it was dropped, or its sha256`);
      if (options.reason === undefined && decision !== "accept")
        throw new BadInputError(`to ${decision} an image, say why with --reason; "npm start -- --help" shows how`);
      return ask(work, "decide", {
        images: rest,
        decision,
        reason: options.reason ?? "",
        ...(options.campaign === undefined ? {} : { campaign: options.campaign }),
      });
    }
  }
}

function actionOf(named: string): (typeof ACTIONS)[number] {
  const action = ACTIONS.find((one) => one === named);
  if (action !== undefined) return action;
  const near = nearest(named, ACTIONS);
  throw new BadInputError(
    `there is no "data ${named}"${near === undefined ? "" : `; did you mean "data ${near}"?`} (known: ${ACTIONS.join(", ")})`,
  );
}

/** The full path of a file that is to be written, asked before the work: throws BadInputError where it can't be. */
async function writable(out: string): Promise<string> {
  const path = resolve(out);
  const folder = dirname(path);
  const refuse = (why: string) => new BadInputError(`can't write the report to ${path}: ${why}; say where with --out`);
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) throw refuse(`there is no folder ${folder}`);
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory() === true) throw refuse("it is a folder");
  await access(there === undefined ? folder : path, constants.W_OK).catch(() => {
    throw refuse("it may not be written");
  });
  return path;
}

function review(work: string, decision: "accept" | "refuse", options: Options): Promise<unknown> {
  if (decision === "refuse" && options.reason === undefined)
    throw new BadInputError('to refuse the photos, say why with --reason; "npm start -- --help" shows how');
  const campaign = options.campaign === undefined ? {} : { campaign: options.campaign };
  return ask(work, "data-review", { decision, reason: options.reason ?? "", ...campaign });
}

function needed(value: string | undefined, otherwise: string): string {
  if (value === undefined || value === "") throw new BadInputError(`${otherwise}; "npm start -- --help" shows how`);
  return value;
}
