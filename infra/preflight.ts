/** What would make a deployment fail, or its first campaign, asked before anything is made. */
import { type Aws, AwsCommandError } from "./aws-command.ts";
import type { EnvironmentConfig } from "./config.ts";
import { resourceName } from "./foundation.ts";

/** The account is not ready: each line says what is wrong, and what to do. */
export class PreflightError extends Error {
  override name = "PreflightError";
  readonly problems: string[];
  constructor(problems: string[]) {
    super(`nothing was deployed:\n${problems.map((problem) => `- ${problem}`).join("\n")}`);
    this.problems = problems;
  }
}

export interface Preflight {
  account: string;
  problems: string[];
  /** What could not be asked, or is only worth knowing. */
  notes: string[];
}

interface Wanted {
  service: "sagemaker" | "lambda";
  quota: string;
  least: number;
  why: string;
  /** A campaign may never need it: worth a note, no more. */
  optional?: boolean;
}

/** Quotas by the names that AWS gives them. */
function wantedQuotas({ training, processing, serving }: EnvironmentConfig): Wanted[] {
  return [
    {
      service: "sagemaker",
      quota: `${training.instanceType} for spot training job usage`,
      least: 1,
      why: "embedding and training run on Spot",
    },
    {
      service: "sagemaker",
      quota: `${training.instanceType} for training job usage`,
      least: 1,
      why: "jobs go on demand where Spot has no machine",
    },
    {
      service: "sagemaker",
      quota: `${training.fallbackInstanceType} for training job usage`,
      least: 1,
      why: "jobs go to this type where the first has no machine",
    },
    {
      service: "sagemaker",
      quota: `${processing.instanceType} for processing job usage`,
      least: 1,
      why: "models are evaluated on it",
    },
    {
      service: "sagemaker",
      quota: "Maximum total concurrency across all serverless endpoints",
      least: 40,
      why: "a champion and a candidate take 20 each",
    },
    {
      service: "sagemaker",
      quota: `${serving.instanceType} for endpoint usage`,
      least: 4,
      why: "two machines and their canary, for campaigns that are served on instances",
      optional: true,
    },
    {
      service: "lambda",
      quota: "Concurrent executions",
      least: 100,
      why: "admission runs 40 functions at once beside the portal's",
    },
  ];
}

/** Asks the account of the deployer's credentials. Throws PreflightError where nobody is signed in or the region is not there. */
export function preflight(aws: Aws, config: EnvironmentConfig): Preflight {
  const account = accountOf(aws, config);
  const notes: string[] = [];
  const problems = [
    ...(config.account !== undefined && config.account !== account
      ? [`you are signed in to the account ${account}; environments.yaml, ${config.name}, names ${config.account}`]
      : []),
    ...bootstrapProblems(aws, config, account),
    ...quotaProblems(aws, config, notes),
    ...collisions(aws, config, account),
  ];
  return { account, problems, notes };
}

function accountOf(aws: Aws, config: EnvironmentConfig): string {
  try {
    return String(aws(["sts", "get-caller-identity"]).Account);
  } catch (error) {
    if (!(error instanceof AwsCommandError)) throw error;
    const unknown = /Could not connect|InvalidClientTokenId|not a valid|endpoint URL/i.test(error.message);
    throw new PreflightError([
      unknown
        ? `the region ${config.region} does not answer: it is not enabled for your account, or not known; choose another in infra/environments.yaml, or enable it (aws account enable-region --region-name ${config.region})`
        : `nobody is signed in (${error.message}); sign in with "aws configure" or "aws sso login", then run this again`,
    ]);
  }
}

function bootstrapProblems(aws: Aws, config: EnvironmentConfig, account: string): string[] {
  const found = orMissing(() => aws(["ssm", "get-parameter", "--name", "/cdk-bootstrap/hnb659fds/version"]));
  return found === undefined
    ? [
        `the CDK was never set up in ${config.region}: run "npx cdk bootstrap aws://${account}/${config.region}" once, then this again`,
      ]
    : [];
}

function quotaProblems(aws: Aws, config: EnvironmentConfig, notes: string[]): string[] {
  const wanted = wantedQuotas(config);
  const problems: string[] = [];
  for (const service of ["sagemaker", "lambda"] as const) {
    let quotas: { QuotaName: string; QuotaCode: string; Value: number }[];
    try {
      const ask = (which: string) =>
        (aws(["service-quotas", which, "--service-code", service]).Quotas ?? []) as typeof quotas;
      // An account's list leaves out what was never applied to it; the default holds there. What it lists comes first.
      quotas = [...ask("list-service-quotas"), ...ask("list-aws-default-service-quotas")];
    } catch (error) {
      if (!(error instanceof AwsCommandError)) throw error;
      notes.push(
        `the quotas of ${service} could not be asked (${error.message}); a job may wait or fail for want of one`,
      );
      continue;
    }
    for (const one of wanted.filter((each) => each.service === service)) {
      const found = quotas.find(({ QuotaName }) => QuotaName === one.quota);
      const type = /^(ml\.\S+) for/.exec(one.quota)?.[1];
      const line =
        found === undefined
          ? type === undefined
            ? undefined
            : `${type} is not offered in ${config.region} for this (there is no quota "${one.quota}"): ${one.why}; choose another type in infra/environments.yaml`
          : found.Value < one.least
            ? `the quota "${one.quota}" is ${found.Value}, ${one.least} are needed: ${one.why}; ask for more: aws service-quotas request-service-quota-increase --service-code ${service} --quota-code ${found.QuotaCode} --desired-value ${one.least} --region ${config.region}`
            : undefined;
      if (line !== undefined) (one.optional ? notes : problems).push(line);
    }
  }
  return problems;
}

/** Names that a stack would take while something else bears them: leftovers, or somebody else's. */
function collisions(aws: Aws, config: EnvironmentConfig, account: string): string[] {
  const there = (stack: string) =>
    orMissing(() =>
      aws(["cloudformation", "describe-stacks", "--stack-name", `Countersign-${config.name}-${stack}`]),
    ) !== undefined;
  const found: string[] = [];
  if (!there("Images")) {
    const names = ["training", "serving", "admission"].map((image) => resourceName(config, image));
    const taken = names.filter((name) =>
      orMissing(() => aws(["ecr", "describe-repositories", "--repository-names", name])),
    );
    found.push(...taken.map((name) => `the ECR repository ${name}`));
  }
  if (!there("Pipeline")) {
    const { stateMachines = [] } = aws(["stepfunctions", "list-state-machines"]);
    const own = resourceName(config, "");
    found.push(
      ...(stateMachines as { name: string }[])
        .filter(({ name }) => name.startsWith(own))
        .map(({ name }) => `the state machine ${name}`),
    );
    const { Functions = [] } = aws(["lambda", "list-functions"]);
    found.push(
      ...(Functions as { FunctionName: string }[])
        .filter(({ FunctionName }) => FunctionName.startsWith(own))
        .map(({ FunctionName }) => `the function ${FunctionName}`),
    );
  }
  if (!there("Portal")) {
    const domain = `${resourceName(config, "portal")}-${account}`;
    const { DomainDescription = {} } = aws(["cognito-idp", "describe-user-pool-domain", "--domain", domain]);
    if (DomainDescription.UserPoolId !== undefined) found.push(`the sign-in domain ${domain}`);
  }
  return found.map(
    (name) =>
      `${name} is there already, but not of a stack of this deployment: delete or rename it (what an earlier production left behind is imported with "cdk import")`,
  );
}

/** The answer, or undefined where the service says that there is no such thing. */
function orMissing(ask: () => unknown): unknown {
  try {
    return ask();
  } catch (error) {
    if (error instanceof AwsCommandError && /NotFound|does not exist/i.test(`${error.code} ${error.message}`))
      return undefined;
    throw error;
  }
}
