import { Duration } from "aws-cdk-lib";
import { type EventPattern, Rule, type Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as LambdaTarget } from "aws-cdk-lib/aws-events-targets";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";

/** A function that answers an event or a schedule. What fails for a day lies in the dead-letter queue, and an alarm rings. */
export class Reaction extends Construct {
  readonly deadLetters: Queue;

  constructor(
    scope: Construct,
    id: string,
    props: { target: LambdaFunction; description: string } & ({ pattern: EventPattern } | { schedule: Schedule }),
  ) {
    super(scope, id);
    this.deadLetters = new Queue(this, "DeadLetters", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    new Rule(this, "Rule", {
      description: props.description,
      ...("pattern" in props ? { eventPattern: props.pattern } : { schedule: props.schedule }),
      targets: [
        new LambdaTarget(props.target, {
          deadLetterQueue: this.deadLetters,
          maxEventAge: Duration.hours(24),
          retryAttempts: 185,
        }),
      ],
    });
    // EventBridge hands over asynchronously: what the function itself refuses comes here too.
    props.target.configureAsyncInvoke({
      maxEventAge: Duration.hours(6),
      retryAttempts: 2,
      onFailure: new SqsDestination(this.deadLetters),
    });
  }
}
