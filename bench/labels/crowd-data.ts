import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { AnswerColumns } from "../../domain/consensus/answers.ts";

/** A public crowd: `labels.csv` (item,worker,label) and `truth.csv` (item,truth) in one folder. */
export interface Crowd extends AnswerColumns {
  name: string;
  /** Class index per task, -1 where the truth is not known. */
  truth: Int32Array;
  classNames: string[];
}

/** The folder itself, or every folder in it that holds a crowd, in order of name. */
export function readCrowds(folder: string): Crowd[] {
  const isCrowd = (path: string) => existsSync(join(path, "labels.csv")) && existsSync(join(path, "truth.csv"));
  const folders = isCrowd(folder)
    ? [folder]
    : readdirSync(folder)
        .sort()
        .map((name) => join(folder, name))
        .filter(isCrowd);
  if (folders.length === 0) throw new Error(`no folder with labels.csv and truth.csv in ${folder}`);
  return folders.map(readCrowd);
}

function readCrowd(folder: string): Crowd {
  const rows = readTable(join(folder, "labels.csv"), ["item", "worker", "label"]);
  const known = readTable(join(folder, "truth.csv"), ["item", "truth"]);
  const items = indexed(rows.map(([item]) => item!));
  const workers = indexed(rows.map(([, worker]) => worker!));
  const classNames = [...new Set([...rows.map(([, , label]) => label!), ...known.map(([, truth]) => truth!)])].sort();
  const classes = new Map(classNames.map((name, index) => [name, index]));
  const truth = new Int32Array(items.size).fill(-1);
  for (const [item, label] of known) {
    const task = items.get(item!);
    if (task !== undefined) truth[task] = classes.get(label!)!;
  }
  return {
    name: basename(folder),
    classes: classNames.length,
    classNames,
    tasks: items.size,
    workers: workers.size,
    task: Int32Array.from(rows, ([item]) => items.get(item!)!),
    worker: Int32Array.from(rows, ([, worker]) => workers.get(worker!)!),
    label: Int32Array.from(rows, ([, , label]) => classes.get(label!)!),
    truth,
  };
}

function readTable(path: string, columns: string[]): string[][] {
  const [header, ...lines] = readFileSync(path, "utf8").trim().split(/\r?\n/);
  if (header !== columns.join(",")) throw new Error(`${path} begins with "${header}"; expected "${columns.join(",")}"`);
  return lines.map((line) => line.split(","));
}

function indexed(values: string[]): Map<string, number> {
  const index = new Map<string, number>();
  for (const value of values) if (!index.has(value)) index.set(value, index.size);
  return index;
}

/** Share of right labels among tasks of known truth; a tie counts as far as it is right. `skip` leaves tasks out. */
export function accuracyOf(
  posterior: Float64Array,
  truth: Int32Array,
  classes: number,
  skip?: (task: number) => boolean,
): number {
  let right = 0;
  let n = 0;
  for (let t = 0; t < truth.length; t++) {
    if (truth[t]! < 0 || skip?.(t)) continue;
    n++;
    const row = posterior.subarray(t * classes, (t + 1) * classes);
    const best = Math.max(...row);
    const tied = row.filter((p) => p > best - 1e-12).length;
    if (row[truth[t]!]! > best - 1e-12) right += 1 / tied;
  }
  return n === 0 ? Number.NaN : right / n;
}

/** F1 of a two-class crowd's rarer class. */
export function f1Of(posterior: Float64Array, truth: Int32Array): number {
  const ones = truth.filter((t) => t === 1).length;
  const positive = ones * 2 <= truth.filter((t) => t >= 0).length ? 1 : 0;
  let hit = 0;
  let said = 0;
  let real = 0;
  for (let t = 0; t < truth.length; t++) {
    if (truth[t]! < 0) continue;
    const says = posterior[2 * t + positive]! > 0.5 + 1e-9;
    if (says) said++;
    if (truth[t] === positive) real++;
    if (says && truth[t] === positive) hit++;
  }
  return (2 * hit) / (said + real);
}
