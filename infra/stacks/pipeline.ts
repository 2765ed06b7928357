import { CfnParameter, Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import { Schedule } from "aws-cdk-lib/aws-events";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { StartingPosition } from "aws-cdk-lib/aws-lambda";
import { DynamoEventSource, SqsDlq } from "aws-cdk-lib/aws-lambda-event-sources";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import type { Bucket } from "aws-cdk-lib/aws-s3";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { SCHEDULES, type ScheduleName } from "../../lambdas/schedules.ts";
import {
  definitionText,
  MACHINES,
  type MachineName,
  placeholders,
  stageName,
  stagePlaceholders,
} from "../../workflow/definition.ts";
import type { BundledFunction } from "../bundle.ts";
import type { EnvironmentConfig } from "../config.ts";
import { CountersignFunction } from "../constructs/lambda.ts";
import { Reaction } from "../constructs/reaction.ts";
import { SageMakerRoles } from "../constructs/sagemaker-roles.ts";
import { Workflow } from "../constructs/workflow.ts";
import { type Foundation, resourceName } from "../foundation.ts";
import { hostFunctions, stageNames } from "../functions.ts";
import type { ImageName, ImagesStack } from "./images.ts";

/** Lambda's own limit; a stage that waits by token hands its token on long before. */
const LONGEST_SECONDS = 900;
/** Decoding is as fast as memory is large: 3,538 MB have two cores. */
const NATIVE_MEMORY_MB = 3538;

/** The workflows, their stages, and what starts them. */
export class PipelineStack extends Stack {
  readonly functions: Record<string, CountersignFunction> = {};
  readonly workflows: Record<MachineName, Workflow>;
  readonly reactions: Record<string, Reaction> = {};
  journalDeadLetters!: Queue;

  constructor(
    scope: Construct,
    id: string,
    props: StackProps & {
      config: EnvironmentConfig;
      foundation: Foundation & { audit: Bucket };
      images: ImagesStack;
      bundle: BundledFunction[];
    },
  ) {
    super(scope, id, props);
    const { config, foundation, images } = props;
    const digest = (image: ImageName) =>
      new CfnParameter(this, `${image}Digest`, {
        description: `The ${image} image to run, by digest; "npm run deploy" builds it and fills this in`,
        allowedPattern: "^sha256:[0-9a-f]{64}$",
        constraintDescription: "expected sha256: and 64 hex digits of an image that is in the repository",
      }).valueAsString;
    const imageUri = (image: ImageName) => `${images.repositories[image].repositoryUri}@${digest(image)}`;
    const admission = { repository: images.repositories.admission, digest: digest("admission") };

    for (const name of [...stageNames, ...hostFunctions.map((one) => one.name)]) {
      const bundled = props.bundle.find((one) => one.name === name);
      if (bundled === undefined) throw new Error(`no code was bundled for the function "${name}"`);
      this.functions[name] = new CountersignFunction(this, name, {
        bundled,
        foundation,
        image: admission,
        timeoutSeconds: LONGEST_SECONDS,
        ...(bundled.native ? { memoryMb: NATIVE_MEMORY_MB } : {}),
        ...(name === "keep-approval" ? { environment: { AUDIT_BUCKET: foundation.audit.bucketName } } : {}),
        ...(name === "keep-records" ? { environment: { JOURNAL_BUCKET: foundation.bucket.bucketName } } : {}),
      });
    }
    this.#function("keep-approval").addToRolePolicy(
      new PolicyStatement({
        actions: ["s3:PutObject"],
        resources: [`${foundation.audit.bucketArn}/campaigns/*/approvals/*`],
      }),
    );

    this.#keepRecords(foundation);
    const roles = new SageMakerRoles(this, "Jobs", {
      foundation,
      training: images.repositories.training,
      serving: images.repositories.serving,
    });
    const values: Record<string, string> = {
      Bucket: foundation.bucket.bucketName,
      TrainingRoleArn: roles.training.roleArn,
      EvaluationRoleArn: roles.evaluation.roleArn,
      ServingRoleArn: roles.serving.roleArn,
      TrainingImage: imageUri("training"),
      ServingImage: imageUri("serving"),
      TrainingInstanceType: config.training.instanceType,
      TrainingFallbackInstanceType: config.training.fallbackInstanceType,
      ProcessingInstanceType: config.processing.instanceType,
      ServingInstanceType: config.serving.instanceType,
      Environment: config.name,
      ReleaseAlarmPrefix: resourceName(config, "endpoint-"),
      AlarmTopicArn: foundation.topics["data-team"].topicArn,
      ReleaseStateMachineArn: `${foundation.machines.release.arn}:live`,
    };
    this.workflows = Object.fromEntries(
      MACHINES.map((machine) => [machine, this.#workflow(machine, foundation, values)]),
    ) as Record<MachineName, Workflow>;
    this.workflows.campaign.node.addDependency(this.workflows.release);

    this.#react("Intake", "start-cycle", {
      description: "A sealed intake starts the campaign's next cycle",
      pattern: {
        source: ["aws.s3"],
        detailType: ["Object Created"],
        detail: {
          bucket: { name: [foundation.bucket.bucketName] },
          object: { key: [{ wildcard: "campaigns/*/intakes/*/_SUCCESS" }] },
        },
      },
    });
    this.#react("Approvals", "keep-approval", {
      description: "A signed approval is copied to the audit bucket",
      pattern: {
        source: ["aws.s3"],
        detailType: ["Object Created"],
        detail: {
          bucket: { name: [foundation.bucket.bucketName] },
          object: { key: [{ wildcard: "campaigns/*/approvals/*" }] },
        },
      },
    });
    const rate = (name: ScheduleName) => Schedule.rate(Duration.minutes(SCHEDULES[name]));
    this.#react("Sweep", "sweep", {
      description: "Every hour: what was decided is told again",
      schedule: rate("sweep"),
    });
    this.#react("Watch", "watch", {
      description: "Every five minutes: candidates are judged",
      schedule: rate("watch"),
    });
    this.#react("Monitor", "monitor", {
      description: "Every day: live models are compared with what they were proven on",
      schedule: rate("monitor"),
    });
  }

  /** The table's stream, in order, until it is kept: a change that can't be is set aside after a day, and an alarm rings. */
  #keepRecords(foundation: Foundation): void {
    const keeper = this.#function("keep-records");
    this.journalDeadLetters = new Queue(this, "JournalDeadLetters", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    keeper.addToRolePolicy(
      new PolicyStatement({
        actions: ["s3:PutObject", "s3:GetObject"],
        resources: [`${foundation.bucket.bucketArn}/journal/*`],
      }),
    );
    keeper.addEventSource(
      new DynamoEventSource(foundation.table as ITable, {
        startingPosition: StartingPosition.TRIM_HORIZON,
        batchSize: 1000,
        maxBatchingWindow: Duration.seconds(30),
        maxRecordAge: Duration.hours(23),
        bisectBatchOnError: true,
        onFailure: new SqsDlq(this.journalDeadLetters),
      }),
    );
  }

  #function(name: string) {
    const made = this.functions[name];
    if (made === undefined) throw new Error(`there is no function "${name}"`);
    return made.function;
  }

  #react(
    id: string,
    name: string,
    how: { description: string } & ({ pattern: object } | { schedule: Schedule }),
  ): void {
    this.reactions[id] = new Reaction(this, id, { target: this.#function(name), ...how });
  }

  #workflow(machine: MachineName, foundation: Foundation, values: Readonly<Record<string, string>>): Workflow {
    const text = definitionText(machine);
    const stages = Object.fromEntries(
      stagePlaceholders(text).map((name) => [name, this.#function(stageName(name)).functionArn]),
    );
    const wanted = new Set(placeholders(text));
    const fixed = Object.fromEntries(Object.entries(values).filter(([name]) => wanted.has(name)));
    const logs = new LogGroup(this, `${machine}Logs`, {
      // Step Functions writes only to groups of this prefix without a policy per group.
      logGroupName: `/aws/vendedlogs/states/${resourceName(foundation.config, machine)}`,
      retention: foundation.config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    return new Workflow(this, `${machine}Workflow`, {
      machine,
      name: foundation.machines[machine].name,
      values: { ...fixed, ...stages },
      logs,
    });
  }
}
