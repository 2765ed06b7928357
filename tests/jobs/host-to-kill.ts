/** A host that starts a job, prints its child's pid, and waits to be killed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findPython } from "../../local/jobs/python.ts";
import { JobRunner } from "../../local/jobs/runner.ts";
import { BUCKET, FolderObjects, trainingRequest } from "./scene.ts";

const folder = process.argv[2] as string;
const runner = new JobRunner({
  root: join(folder, "jobs"),
  objects: new FolderObjects(join(folder, "objects")),
  bucket: BUCKET,
  python: findPython(),
  hold: () => () => undefined,
});
const hyper = { command: "embed", backbone: "descriptor", seed: "1" };
void runner.createTrainingJob(
  trainingRequest("embed-killed", hyper, { shards: "shards" }),
  new AbortController().signal,
);

const look = setInterval(() => {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8").trim();
  if (children === "") return;
  clearInterval(look);
  console.log(children.split(" ")[0]);
}, 20);
