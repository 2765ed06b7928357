import { readFileSync } from "node:fs";
import { ProcessingInstanceType, ProductionVariantInstanceType, TrainingInstanceType } from "@aws-sdk/client-sagemaker";
import { parse } from "yaml";
import { z } from "zod";
import { editDistance } from "../domain/edit-distance.ts";

/** infra/environments.yaml is wrong: says the place, the bad value and what is allowed. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

export const ENVIRONMENTS = ["dev", "staging", "production"] as const;
export type EnvironmentName = (typeof ENVIRONMENTS)[number];

const instance = (known: Record<string, string>, purpose: string) =>
  z.string().refine((type) => Object.values(known).includes(type), {
    error: (issue) =>
      `"${String(issue.input)}" is no SageMaker instance type for ${purpose}; such as ml.m5.xlarge, ml.g5.xlarge`,
  });

const BaseImage = z
  .string()
  .regex(
    /^[a-z0-9.-]+(?:\/[a-z0-9._-]+)+(?::[\w.-]+|@sha256:[0-9a-f]{64})$/,
    "expected registry/name:tag or registry/name@sha256:<64 hex digits>",
  );

const Settings = z.strictObject({
  region: z
    .string("a region is needed, such as eu-central-1")
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "expected a region's code, such as eu-central-1"),
  /** Twelve digits; without it the account of the deployer's credentials. */
  account: z
    .string()
    .regex(/^\d{12}$/, "expected twelve digits in quotes")
    .optional(),
  onDestroy: z.enum(["delete", "keep"]),
  logRetentionDays: z.literal([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653]),
  budgetUsdPerMonth: z.number().positive().max(1_000_000),
  /** Who is mailed when an alarm rings or the budget is near; without it only the topics are there. */
  alarmEmail: z.email().optional(),
  training: z
    .strictObject({
      instanceType: instance(TrainingInstanceType, "training"),
      /** Another type, tried where the first has no machine to give. */
      fallbackInstanceType: instance(TrainingInstanceType, "training"),
    })
    .refine((one) => one.instanceType !== one.fallbackInstanceType, {
      path: ["fallbackInstanceType"],
      error: "must differ from instanceType: it is tried where that one has no machine to give",
    }),
  processing: z.strictObject({ instanceType: instance(ProcessingInstanceType, "processing") }),
  /** Machines of endpoints that a campaign asks to be served on instances; the default, serverless, needs none. */
  serving: z.strictObject({ instanceType: instance(ProductionVariantInstanceType, "serving") }),
  /** Programs call /predict with credentials of their own. Cognito lists 6 USD a month for such a client. */
  machineCallers: z.boolean(),
  /** What the container images stand on; the build pulls it and uses its digest. */
  baseImages: z.strictObject({ training: BaseImage, serving: BaseImage }),
});

export type EnvironmentConfig = z.infer<typeof Settings> & { name: EnvironmentName };

/** The settings of one environment. Throws ConfigError. */
export function readConfig(
  name: string,
  text = readFileSync(new URL("./environments.yaml", import.meta.url), "utf8"),
): EnvironmentConfig {
  const environment = ENVIRONMENTS.find((known) => known === name);
  if (environment === undefined)
    throw new ConfigError(`there is no environment "${name}"; choose one of ${ENVIRONMENTS.join(", ")}`);
  let all: unknown;
  try {
    all = parse(text);
  } catch (error) {
    throw new ConfigError(`environments.yaml is not YAML: ${(error as Error).message}`);
  }
  const block = (all as Record<string, unknown> | null)?.[environment];
  if (block === undefined) throw new ConfigError(`environments.yaml has no block "${environment}"`);
  const parsed = Settings.safeParse(block);
  if (parsed.success) {
    if (environment === "production" && parsed.data.onDestroy === "delete") {
      throw new ConfigError(
        "environments.yaml, production: onDestroy is delete; production keeps its data, write keep",
      );
    }
    return { name: environment, ...parsed.data };
  }
  const lines = parsed.error.issues.map((issue) => {
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(key, issue.path)).join("; ");
    return `${issue.path.join(".")}: ${issue.message}`;
  });
  throw new ConfigError(`environments.yaml, ${environment}: ${lines.join("; ")}`);
}

function unknownKey(key: string, path: PropertyKey[]): string {
  const inner = path[0] === undefined ? Settings : Settings.shape[path[0] as keyof typeof Settings.shape];
  const allowed = inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
  const nearest = allowed.map((name) => ({ name, far: editDistance(key, name) })).sort((a, b) => a.far - b.far)[0];
  const guess = nearest !== undefined && nearest.far <= 3 ? `, did you mean "${nearest.name}"?` : "";
  return `${[...path, key].join(".")} is not known${guess} Allowed: ${allowed.join(", ")}`;
}
