import { existsSync, globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { ServiceModel } from "../../workflow/checks/requests.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDERS: Record<string, string> = {
  cloudwatch: "cloudwatch",
  sagemaker: "sagemaker",
  states: "stepfunctions",
  sfn: "stepfunctions",
  s3: "s3",
  dynamodb: "dynamodb",
  kms: "kms",
  sns: "sns",
  "sagemaker-runtime": "sagemaker-runtime",
};
const loaded = new Map<string, ServiceModel>();

/** botocore's models, from the Python environment that the tests set up. Throws where it is missing. */
export function serviceModels(): Record<string, ServiceModel> {
  return Object.fromEntries(Object.entries(FOLDERS).map(([service, folder]) => [service, model(folder)]));
}

function model(folder: string): ServiceModel {
  const there = loaded.get(folder);
  if (there) return there;
  const [file] = globSync(`.venv/lib/python3*/site-packages/botocore/data/${folder}/*/service-2.json.gz`, {
    cwd: ROOT,
  });
  if (file === undefined || !existsSync(`${ROOT}/${file}`))
    throw new Error("botocore is missing in .venv: `npm test` sets it up");
  const parsed = JSON.parse(gunzipSync(readFileSync(`${ROOT}/${file}`)).toString()) as ServiceModel;
  loaded.set(folder, parsed);
  return parsed;
}
