import { Duration, Stack, type StackProps } from "aws-cdk-lib";
import { CfnBudget } from "aws-cdk-lib/aws-budgets";
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IMetric,
  Metric,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";
import { MACHINES } from "../../workflow/definition.ts";
import type { EnvironmentConfig } from "../config.ts";
import { type Foundation, resourceName } from "../foundation.ts";
import type { PipelineStack } from "./pipeline.ts";
import type { PortalStack } from "./portal.ts";

interface AlarmPlan {
  /** Also the alarm's section in docs/runbook.md. */
  id: string;
  says: string;
  metric: IMetric;
  threshold: number;
  periods?: number;
  comparison?: ComparisonOperator;
  missing?: TreatMissingData;
}

/** Alarms with a page each in the runbook, one dashboard, and a budget. About 0.10 USD an alarm and month. */
export class ObservabilityStack extends Stack {
  readonly alarms: Alarm[];

  constructor(
    scope: Construct,
    id: string,
    props: StackProps & {
      config: EnvironmentConfig;
      foundation: Foundation;
      pipeline: PipelineStack;
      portal: PortalStack;
    },
  ) {
    super(scope, id, props);
    const { config, foundation } = props;
    const topic = foundation.topics["data-team"] as ITopic;
    const plans = [...workflowAlarms(props.pipeline), ...reactionAlarms(props.pipeline), ...edgeAlarms(props)];
    this.alarms = plans.map((plan) => {
      const alarm = new Alarm(this, plan.id, {
        alarmName: resourceName(config, plan.id),
        alarmDescription: `${plan.says} What to do: docs/runbook.md#${plan.id}`,
        metric: plan.metric,
        threshold: plan.threshold,
        evaluationPeriods: plan.periods ?? 1,
        comparisonOperator: plan.comparison ?? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: plan.missing ?? TreatMissingData.NOT_BREACHING,
      });
      alarm.addAlarmAction(new SnsAction(topic));
      return alarm;
    });
    new Dashboard(this, "Dashboard", {
      dashboardName: resourceName(config, "overview"),
      widgets: [plans.map((plan) => new GraphWidget({ title: plan.id, left: [plan.metric], width: 6 }))],
    });
    this.#budget(config, foundation);
  }

  #budget(config: EnvironmentConfig, foundation: Foundation): void {
    const subscribers = [{ subscriptionType: "SNS", address: foundation.topics["data-team"].topicArn }];
    const when = (notificationType: string, threshold: number) => ({
      notification: { notificationType, threshold, thresholdType: "PERCENTAGE", comparisonOperator: "GREATER_THAN" },
      subscribers,
    });
    new CfnBudget(this, "Budget", {
      budget: {
        budgetName: resourceName(config, "month"),
        budgetType: "COST",
        timeUnit: "MONTHLY",
        budgetLimit: { amount: config.budgetUsdPerMonth, unit: "USD" },
        costFilters: { TagKeyValue: [`user:application$countersign`] },
      },
      notificationsWithSubscribers: [when("ACTUAL", 80), when("ACTUAL", 100), when("FORECASTED", 100)],
    });
  }
}

const FIVE = { period: Duration.minutes(5), statistic: "Sum" };
const HOUR = { period: Duration.hours(1), statistic: "Sum" };

function workflowAlarms(pipeline: PipelineStack): AlarmPlan[] {
  return MACHINES.flatMap((machine) => {
    const { stateMachine } = pipeline.workflows[machine];
    return [
      {
        id: `${machine}-failed`,
        says: `An execution of ${machine} failed.`,
        metric: stateMachine.metricFailed(FIVE),
        threshold: 1,
      },
      {
        id: `${machine}-timed-out`,
        says: `An execution of ${machine} ran into its timeout.`,
        metric: stateMachine.metricTimedOut(FIVE),
        threshold: 1,
      },
    ];
  });
}

function reactionAlarms(pipeline: PipelineStack): AlarmPlan[] {
  const dead = Object.entries(pipeline.reactions).map(([name, { deadLetters }]) => ({
    id: `${name.toLowerCase()}-dead-letters`,
    says: `An event for ${name.toLowerCase()} was given up.`,
    metric: deadLetters.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(5), statistic: "Maximum" }),
    threshold: 1,
  }));
  const silent = (["sweep", "watch"] as const).map((name) => ({
    id: `${name}-silent`,
    says: `The schedule ${name} has not run for two hours.`,
    metric: (pipeline.functions[name] as NonNullable<(typeof pipeline.functions)[string]>).function.metricInvocations(
      HOUR,
    ),
    threshold: 1,
    periods: 2,
    comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
    missing: TreatMissingData.BREACHING,
  }));
  const monitor = pipeline.functions.monitor as NonNullable<(typeof pipeline.functions)[string]>;
  const proposals = pipeline.functions["propose-relabel"] as NonNullable<(typeof pipeline.functions)[string]>;
  return [
    ...dead,
    ...silent,
    {
      id: "journal-dead-letters",
      says: "Changes of records could not be copied to objects.",
      metric: pipeline.journalDeadLetters.metricApproximateNumberOfMessagesVisible({
        period: Duration.minutes(5),
        statistic: "Maximum",
      }),
      threshold: 1,
    },
    {
      id: "monitor-silent",
      says: "No live model has been looked at for two days.",
      metric: monitor.function.metricInvocations({ period: Duration.days(1), statistic: "Sum" }),
      threshold: 1,
      periods: 2,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      missing: TreatMissingData.BREACHING,
    },
    {
      id: "model-drifts",
      says: "Real requests look unlike what a live model was proven on.",
      metric: proposals.function.metricInvocations(FIVE),
      threshold: 1,
    },
  ];
}

function edgeAlarms({ portal, foundation }: { portal: PortalStack; foundation: Foundation }): AlarmPlan[] {
  return [
    {
      id: "stage-errors",
      says: "Stages failed more than twenty times in five minutes.",
      metric: new Metric({ namespace: "Countersign", metricName: "failed", ...FIVE }),
      threshold: 20,
    },
    {
      id: "portal-errors",
      says: "The portal broke for somebody.",
      metric: portal.api.metricServerError(FIVE),
      threshold: 5,
    },
    {
      id: "portal-slow",
      says: "One request in twenty to the portal takes over three seconds.",
      metric: portal.api.metricLatency({ period: Duration.minutes(5), statistic: "p95" }),
      threshold: 3000,
      periods: 3,
    },
    {
      id: "records-throttled",
      says: "DynamoDB refuses requests.",
      metric: foundation.table.metricThrottledRequestsForOperations({
        ...FIVE,
        operations: ["GetItem", "UpdateItem", "Query", "TransactWriteItems"] as never,
      }),
      threshold: 50,
    },
  ];
}
