/** What a definition does to AWS, as IAM permissions: derived, so that role and workflow can't drift apart. */

export interface Permission {
  actions: string[];
  resources: string[];
  /** IAM conditions: operator -> key -> value. */
  conditions?: Record<string, Record<string, string>>;
  /** The states that need it. */
  states: string[];
}

/** Where the definition will run; values may be deploy-time tokens. */
export interface Deployment {
  partition: string;
  region: string;
  account: string;
  /** The state machine's own name. */
  machineName: string;
}

/** A Task whose permissions nobody has written down: a deployment of it would fail at run time. */
export class UnknownResourceError extends Error {
  override name = "UnknownResourceError";
}

type State = Record<string, unknown> & { Type: string };
type Arguments = Record<string, unknown>;
interface Found {
  state: string;
  actions: string[];
  resources: string[];
  conditions?: Permission["conditions"];
}

/**
 * Permissions of a filled definition, in a stable order, equal statements merged.
 * `resolve` gives a placeholder's value. Names that only exist at run time (JSONata) become `*` within their own kind of resource.
 */
export function permissionsOf(
  definition: Record<string, unknown>,
  resolve: (text: string) => string,
  at: Deployment,
): Permission[] {
  const found: Found[] = [];
  const sagemaker = (kind: string) => `arn:${at.partition}:sagemaker:${at.region}:${at.account}:${kind}/*`;
  const rule = (name: string) => `arn:${at.partition}:events:${at.region}:${at.account}:rule/${name}`;
  const listen = (name: string) => ({
    actions: ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
    resources: [rule(name)],
  });
  const passRole = (role: unknown) => ({
    actions: ["iam:PassRole"],
    resources: [resolve(String(role))],
    conditions: { StringEquals: { "iam:PassedToService": "sagemaker.amazonaws.com" } },
  });
  const bucket = (args: Arguments) => `arn:${at.partition}:s3:::${resolve(String(args.Bucket))}`;

  /** Names that begin with a text known at deployment: the alarms that bear this beginning. */
  const alarms = (names: unknown[]) => [
    ...new Set(
      names.map((name) => {
        const beginning = /^\{%\s*'([^']+)'\s*&/.exec(String(name))?.[1];
        if (beginning === undefined)
          throw new UnknownResourceError(`an alarm's name must begin with a fixed text, not ${String(name)}`);
        return `arn:${at.partition}:cloudwatch:${at.region}:${at.account}:alarm:${resolve(beginning)}*`;
      }),
    ),
  ];

  const tasks: Record<string, (args: Arguments) => Omit<Found, "state">[]> = {
    "lambda:invoke": (args) => [
      { actions: ["lambda:InvokeFunction"], resources: [resolve(String(args.FunctionName))] },
    ],
    "sagemaker:createTrainingJob.sync": (args) => [
      {
        actions: [
          "sagemaker:CreateTrainingJob",
          "sagemaker:DescribeTrainingJob",
          "sagemaker:StopTrainingJob",
          "sagemaker:AddTags",
        ],
        resources: [sagemaker("training-job")],
      },
      passRole(args.RoleArn),
      listen("StepFunctionsGetEventsForSageMakerTrainingJobsRule"),
    ],
    "sagemaker:createProcessingJob.sync": (args) => [
      {
        actions: [
          "sagemaker:CreateProcessingJob",
          "sagemaker:DescribeProcessingJob",
          "sagemaker:StopProcessingJob",
          "sagemaker:AddTags",
        ],
        resources: [sagemaker("processing-job")],
      },
      passRole(args.RoleArn),
      listen("StepFunctionsGetEventsForSageMakerProcessingJobsRule"),
    ],
    "sagemaker:createModel": (args) => [
      { actions: ["sagemaker:CreateModel", "sagemaker:AddTags"], resources: [sagemaker("model")] },
      passRole(args.ExecutionRoleArn),
    ],
    "sagemaker:createEndpointConfig": () => [
      {
        actions: ["sagemaker:CreateEndpointConfig", "sagemaker:AddTags"],
        resources: [sagemaker("endpoint-config"), sagemaker("model")],
      },
    ],
    "sagemaker:createEndpoint": () => [
      {
        actions: ["sagemaker:CreateEndpoint", "sagemaker:AddTags"],
        resources: [sagemaker("endpoint"), sagemaker("endpoint-config")],
      },
    ],
    "sagemaker:updateEndpoint": () => [
      { actions: ["sagemaker:UpdateEndpoint"], resources: [sagemaker("endpoint"), sagemaker("endpoint-config")] },
    ],
    "states:startExecution.sync:2": (args) => {
      const machine = resolve(String(args.StateMachineArn));
      return [
        { actions: ["states:StartExecution"], resources: [machine] },
        { actions: ["states:DescribeExecution", "states:StopExecution"], resources: [executionsOf(machine, at)] },
        listen("StepFunctionsGetEventsForStepFunctionsExecutionRule"),
      ];
    },
    "aws-sdk:sagemaker:describeTrainingJob": () => [
      { actions: ["sagemaker:DescribeTrainingJob"], resources: [sagemaker("training-job")] },
    ],
    "aws-sdk:sagemaker:describeProcessingJob": () => [
      { actions: ["sagemaker:DescribeProcessingJob"], resources: [sagemaker("processing-job")] },
    ],
    "aws-sdk:cloudwatch:putMetricAlarm": (args) => [
      { actions: ["cloudwatch:PutMetricAlarm"], resources: alarms([args.AlarmName]) },
    ],
    // Alarms are looked for by name, and SageMaker looks for those of a guardrail under the caller's rights.
    "aws-sdk:cloudwatch:describeAlarms": () => [
      {
        actions: ["cloudwatch:DescribeAlarms"],
        resources: [`arn:${at.partition}:cloudwatch:${at.region}:${at.account}:alarm:*`],
      },
    ],
    "aws-sdk:cloudwatch:deleteAlarms": (args) => [
      { actions: ["cloudwatch:DeleteAlarms"], resources: alarms(args.AlarmNames as unknown[]) },
    ],
    "aws-sdk:sagemaker:describeEndpoint": () => [
      { actions: ["sagemaker:DescribeEndpoint"], resources: [sagemaker("endpoint")] },
    ],
    "aws-sdk:sagemaker:deleteEndpoint": () => [
      { actions: ["sagemaker:DeleteEndpoint"], resources: [sagemaker("endpoint")] },
    ],
    "aws-sdk:sagemaker:deleteEndpointConfig": () => [
      { actions: ["sagemaker:DeleteEndpointConfig"], resources: [sagemaker("endpoint-config")] },
    ],
    "aws-sdk:sagemaker:deleteModel": () => [{ actions: ["sagemaker:DeleteModel"], resources: [sagemaker("model")] }],
  };

  for (const { name, state } of statesOf(definition)) {
    if (state.Type === "Task") {
      const service = String(state.Resource)
        .replace(/^arn:[^:]*:states:::/, "")
        .replace(/\.waitForTaskToken$/, "");
      const rules = tasks[service];
      if (rules === undefined) {
        throw new UnknownResourceError(
          `state ${name}: no permissions are known for ${String(state.Resource)}; known are ${Object.keys(tasks).sort().join(", ")}`,
        );
      }
      for (const permission of rules((state.Arguments ?? {}) as Arguments)) found.push({ state: name, ...permission });
    }
    if (isDistributed(state)) {
      const own = `arn:${at.partition}:states:${at.region}:${at.account}:stateMachine:${at.machineName}`;
      found.push({ state: name, actions: ["states:StartExecution"], resources: [own] });
      found.push({
        state: name,
        actions: ["states:DescribeExecution", "states:StopExecution", "states:RedriveExecution"],
        resources: [`arn:${at.partition}:states:${at.region}:${at.account}:execution:${at.machineName}/*`],
      });
      const reader = (state.ItemReader as { Resource?: string; Arguments?: Arguments } | undefined) ?? {};
      const read = reader.Arguments;
      if (read?.Bucket !== undefined) {
        if (String(reader.Resource).endsWith("s3:listObjectsV2"))
          found.push({ state: name, actions: ["s3:ListBucket"], resources: [bucket(read)] });
        else found.push({ state: name, actions: ["s3:GetObject"], resources: [`${bucket(read)}/campaigns/*`] });
      }
      const write = (state.ResultWriter as { Arguments?: Arguments } | undefined)?.Arguments;
      if (write?.Bucket !== undefined) {
        const actions = ["s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"];
        found.push({ state: name, actions, resources: [`${bucket(write)}/campaigns/*`] });
      }
    }
  }
  return merged(found);
}

/** Every state with its name; those of inner maps and branches too. */
export function statesOf(machine: Record<string, unknown>): { name: string; state: State }[] {
  return Object.entries((machine.States ?? {}) as Record<string, State>).flatMap(([name, state]) => [
    { name, state },
    ...(state.ItemProcessor ? statesOf(state.ItemProcessor as Record<string, unknown>) : []),
    ...((state.Branches as Record<string, unknown>[] | undefined) ?? []).flatMap((branch) => statesOf(branch)),
  ]);
}

function isDistributed(state: State): boolean {
  const processor = state.ItemProcessor as { ProcessorConfig?: { Mode?: string } } | undefined;
  return state.Type === "Map" && processor?.ProcessorConfig?.Mode === "DISTRIBUTED";
}

/** arn:...:stateMachine:name[:alias] -> arn:...:execution:name:* */
function executionsOf(machineArn: string, at: Deployment): string {
  const name = /:stateMachine:([^:]+)/.exec(machineArn)?.[1];
  if (name === undefined) throw new UnknownResourceError(`${machineArn} names no state machine`);
  return `arn:${at.partition}:states:${at.region}:${at.account}:execution:${name}:*`;
}

function merged(found: Found[]): Permission[] {
  const byStatement = new Map<string, Permission>();
  for (const { state, actions, resources, conditions } of found) {
    const key = JSON.stringify([actions, resources, conditions ?? null]);
    const there = byStatement.get(key);
    if (there) there.states = [...new Set([...there.states, state])];
    else byStatement.set(key, { actions, resources, states: [state], ...(conditions ? { conditions } : {}) });
  }
  return [...byStatement.values()];
}
