/** Alarms and who hears them, the budget, and what would cost while nobody works. */
import { readFileSync } from "node:fs";
import { definitionText, MACHINES } from "../../../workflow/definition.ts";
import { type Json, resolve } from "../resolve.ts";
import { all, type Rule, text, when } from "./rule.ts";

/** Types that cost by the hour while nobody works. */
const IDLE =
  /^AWS::(?:EC2::(?:Instance|NatGateway|VPC)|RDS::|SageMaker::(?:Endpoint|NotebookInstance|Domain)|ECS::|EKS::|OpenSearch|ElastiCache::|Kinesis::|WAFv2::WebACL)/;

/** Services that publish to topics, and what they publish of: their right stands in the topic's and the key's own policy. */
export const heard: Rule = (stacks) => {
  const told = [
    ...all(stacks, "AWS::CloudWatch::Alarm").map((one) => ({
      ...one,
      service: "cloudwatch",
      topics: one.properties.AlarmActions ?? [],
    })),
    ...all(stacks, "AWS::Budgets::Budget").map((one) => ({
      ...one,
      service: "budgets",
      topics: (one.properties.NotificationsWithSubscribers ?? []).flatMap((each: Json) =>
        each.Subscribers.map(({ Address }: Json) => Address),
      ),
    })),
  ];
  const allows = (statements: Json[], action: string, service: string) =>
    statements.some(
      (s) =>
        s.Effect === "Allow" &&
        [s.Action].flat().includes(action) &&
        [s.Principal?.Service].flat().includes(`${service}.amazonaws.com`),
    );
  return told.flatMap(({ stack, id, service, topics }) => {
    const wanted = topics.map((topic: Json) => text(resolve(stacks, stack, topic)));
    const published = all(stacks, "AWS::SNS::TopicPolicy").filter(({ stack: at, properties: p }) =>
      p.Topics.some((topic: Json) => wanted.includes(text(resolve(stacks, at, topic)))),
    );
    const keys = all(stacks, "AWS::KMS::Key").filter(({ id: key }) => key.startsWith("SealKey"));
    return [
      ...when(
        published.length === 0 ||
          !published.every(({ properties: p }) => allows(p.PolicyDocument.Statement, "sns:Publish", service)),
        `${id}: its topic does not let ${service} publish, nobody is told`,
      ),
      ...when(
        !keys.every(({ properties: p }) => allows(p.KeyPolicy.Statement, "kms:GenerateDataKey", service)),
        `${id}: its topic's key does not let ${service} encrypt, nobody is told`,
      ),
    ];
  });
};

/** Every alarm can ring, tells somebody, and has its section in the runbook. */
export const alarms: Rule = (stacks) => {
  const found = all(stacks, "AWS::CloudWatch::Alarm");
  const runbook = new Set(
    [...readFileSync(new URL("../../../docs/runbook.md", import.meta.url), "utf8").matchAll(/^## (.+)$/gm)].map(
      (match) => match[1],
    ),
  );
  // Alarms that a release raises beside its endpoint name their section too.
  const raised = MACHINES.flatMap((machine) => [
    ...definitionText(machine).matchAll(/docs\/runbook\.md#([\w-]+)/g),
  ]).map((match) => match[1] as string);
  const metrics = found.map(
    ({ properties }) => `${properties.MetricName} ${text(properties.Dimensions ?? properties.Metrics)}`,
  );
  const watched = (metric: string, id: string) => metrics.some((one) => one.startsWith(metric) && one.includes(id));
  return [
    ...raised
      .filter((section) => !runbook.has(section))
      .map((section) => `docs/runbook.md has no section "${section}"`),
    ...found.flatMap(({ id, properties: p }) => {
      const section = /docs\/runbook\.md#([\w-]+)/.exec(String(p.AlarmDescription))?.[1] ?? "";
      const silent = /silent/i.test(id);
      return [
        ...when((p.AlarmActions ?? []).length === 0, `${id}: tells nobody`),
        ...when(!runbook.has(section), `${id}: docs/runbook.md has no section "${section}"`),
        ...when(
          Number(p.Threshold) > 5000 || (/Executions(?:Failed|TimedOut)/.test(p.MetricName) && p.Threshold !== 1),
          `${id}: never rings at ${p.Threshold}`,
        ),
        ...when(silent && p.TreatMissingData !== "breaching", `${id}: takes silence for health`),
      ];
    }),
    ...all(stacks, "AWS::StepFunctions::StateMachine").flatMap(({ id }) =>
      ["ExecutionsFailed", "ExecutionsTimedOut"]
        .filter((metric) => !watched(metric, id))
        .map((metric) => `${id}: no alarm on ${metric}`),
    ),
    ...all(stacks, "AWS::SQS::Queue").flatMap(({ id }) =>
      when(!watched("ApproximateNumberOfMessagesVisible", id), `${id}: no alarm on dead letters`),
    ),
    ...when(all(stacks, "AWS::Budgets::Budget").length === 0, "there is no budget"),
    ...when(
      !all(stacks, "AWS::CloudWatch::Dashboard").some(({ properties: p }) =>
        found.every(({ properties: alarm }) =>
          text(p.DashboardBody).includes(String(alarm.AlarmName).replace(/^countersign-[a-z]+-/, "")),
        ),
      ),
      "no dashboard shows what every alarm watches",
    ),
  ];
};

export const nothingIdles: Rule = (stacks) =>
  Object.entries(stacks).flatMap(([stack, template]) =>
    Object.entries(template.Resources as Record<string, Json>).flatMap(([id, { Type, Properties }]) => [
      ...when(IDLE.test(Type), `${stack} ${id}: a ${Type} costs while nobody works`),
      ...when(
        Properties?.ProvisionedConcurrencyConfig !== undefined,
        `${stack} ${id}: provisioned concurrency costs while nobody works`,
      ),
    ]),
  );

export const sizes: Rule = (stacks) =>
  Object.entries(stacks).flatMap(([stack, template]) => {
    const resources = Object.keys(template.Resources).length;
    return when(resources > 400, `${stack}: ${resources} resources; at most 400, or the next one does not fit`);
  });
