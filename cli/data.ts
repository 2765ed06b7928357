import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { BadInputError } from "../lambdas/stage.ts";
import { checkPhotos } from "../local/check-photos.ts";
import { DecisionKind } from "../schemas/decision.ts";
import { type Options, oneOf } from "./arguments.ts";
import { ask } from "./ask.ts";
import type { ProgressBar } from "./progress.ts";

const ACTIONS = ["check", "report", ...DecisionKind.options] as const;
const LABELS = ["none", "folders", "list"] as const;

/**
 * `data check <folder>`: the report before there is a campaign. `data report <campaign>`: the same of a campaign.
 * `data accept|exclude|restore <image...> --reason TEXT [--campaign NAME]`: what is used.
 */
export async function dataCommand(
  work: string,
  operands: readonly string[],
  options: Options,
  bar: ProgressBar,
): Promise<unknown> {
  const [action, ...rest] = operands;
  switch (oneOf("action", action, ACTIONS, "report")) {
    case "check": {
      const path = resolve(needed(rest[0], "data check needs a folder of photos, an archive or a list"));
      const labels = options.labels === undefined ? {} : { labels: oneOf("labels", options.labels, LABELS, "none") };
      const { report, html } = await checkPhotos(path, {
        ...labels,
        onProgress: (done) => bar.update({ step: "looking at photos", done }),
      });
      bar.end();
      return { ...(await written(html, options.out ?? "photos.html")), ...short(report) };
    }
    case "report": {
      const asked = rest[0] ?? options.campaign;
      const { html, report } = (await ask(work, "data-report", asked === undefined ? {} : { campaign: asked })) as {
        html: string;
        report: Parameters<typeof short>[0];
      };
      return { ...(await written(html, options.out ?? `${report.campaign}-photos.html`)), ...short(report) };
    }
    default: {
      const decision = DecisionKind.parse(action);
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

async function written(html: string, out: string): Promise<{ out: string }> {
  const path = resolve(out);
  await writeFile(path, html);
  return { out: path };
}

function short(report: {
  campaign: string;
  images: number;
  counts: Record<string, number>;
  flagged: { code: string; images: number }[];
  groups: unknown[];
  excluded: unknown[];
  advice: string[];
}) {
  const { images, counts, flagged, groups, excluded, advice } = report;
  return {
    images,
    keptOut: counts.quarantined,
    flagged: Object.fromEntries(flagged.map((one) => [one.code, one.images])),
    nearDuplicateGroups: groups.length,
    excluded: excluded.length,
    advice,
  };
}

function needed(value: string | undefined, otherwise: string): string {
  if (value === undefined || value === "") throw new BadInputError(`${otherwise}; "npm start -- --help" shows how`);
  return value;
}
