import { ArnFormat, Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { AttributeType, BillingMode, StreamViewType, Table } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Key, KeySpec, KeyUsage } from "aws-cdk-lib/aws-kms";
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type CfnBucket,
  type IBucket,
  ObjectLockRetention,
  ObjectOwnership,
  StorageClass,
} from "aws-cdk-lib/aws-s3";
import { Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import type { Construct } from "constructs";
import { MACHINES, type MachineName } from "../../workflow/definition.ts";
import type { EnvironmentConfig } from "../config.ts";
import { type Foundation, resourceName } from "../foundation.ts";

/** What survives: objects, records, keys, topics. The logical ids of this stack never change (tests/infra/stateful-ids.json). */
export class DataStack extends Stack implements Foundation {
  readonly config: EnvironmentConfig;
  readonly bucket: Bucket;
  readonly accessLogs: Bucket;
  readonly audit: Bucket;
  readonly table: Table;
  readonly sealKey: Key;
  readonly signKey: Key;
  readonly topics: Foundation["topics"];
  readonly machines: Foundation["machines"];

  constructor(scope: Construct, id: string, props: StackProps & { config: EnvironmentConfig }) {
    super(scope, id, props);
    const { config } = props;
    this.config = config;
    const keeps = config.onDestroy === "keep";
    const removal = keeps ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;
    const closed = {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: removal,
      versioned: true,
    };

    this.accessLogs = new Bucket(this, "AccessLogs", {
      ...closed,
      versioned: false,
      lifecycleRules: [{ id: "forget", expiration: Duration.days(config.logRetentionDays) }],
    });
    this.bucket = new Bucket(this, "Objects", {
      ...closed,
      serverAccessLogsBucket: this.accessLogs as IBucket,
      serverAccessLogsPrefix: "objects/",
      lifecycleRules: [
        { id: "abandoned-uploads", abortIncompleteMultipartUploadAfter: Duration.days(7) },
        { id: "old-versions", noncurrentVersionExpiration: Duration.days(30) },
        {
          id: "cool-down",
          transitions: [{ storageClass: StorageClass.INTELLIGENT_TIERING, transitionAfter: Duration.days(30) }],
        },
      ],
    });
    // The property itself: eventBridgeEnabled would bring a function of its own.
    (this.bucket.node.defaultChild as CfnBucket).notificationConfiguration = {
      eventBridgeConfiguration: { eventBridgeEnabled: true },
    };
    // Approvals are copied here and can't be changed: by nobody in production, by nobody without a special right elsewhere.
    this.audit = new Bucket(this, "Audit", {
      ...closed,
      objectLockEnabled: true,
      objectLockDefaultRetention: keeps
        ? ObjectLockRetention.compliance(Duration.days(365 * 7))
        : ObjectLockRetention.governance(Duration.days(1)),
      serverAccessLogsBucket: this.accessLogs as IBucket,
      serverAccessLogsPrefix: "audit/",
    });

    this.table = new Table(this, "Records", {
      partitionKey: { name: "pk", type: AttributeType.STRING },
      sortKey: { name: "sk", type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      // Every change is copied to objects (keep-records): what the books are rebuilt from.
      stream: StreamViewType.NEW_IMAGE,
      deletionProtection: keeps,
      removalPolicy: removal,
    });

    this.sealKey = new Key(this, "SealKey", {
      description: "Seals task tokens; encrypts notices",
      enableKeyRotation: true,
      removalPolicy: removal,
      pendingWindow: Duration.days(keeps ? 30 : 7),
    });
    // CloudWatch, Budgets and EventBridge publish to encrypted topics.
    this.sealKey.addToResourcePolicy(
      new PolicyStatement({
        actions: ["kms:Decrypt", "kms:GenerateDataKey"],
        principals: ["cloudwatch", "budgets", "events"].map(
          (service) => new ServicePrincipal(`${service}.amazonaws.com`),
        ),
        resources: ["*"],
        conditions: { StringEquals: { "aws:SourceAccount": this.account } },
      }),
    );
    this.signKey = new Key(this, "SignKey", {
      description: "Signs approvals and links",
      keySpec: KeySpec.HMAC_256,
      keyUsage: KeyUsage.GENERATE_VERIFY_MAC,
      removalPolicy: removal,
      pendingWindow: Duration.days(keeps ? 30 : 7),
    });

    const dataTeam = this.#topic("DataTeam");
    // A topic's own policy takes the place of the one that lets the whole account in: alarms and the budget are named here.
    dataTeam.addToResourcePolicy(
      new PolicyStatement({
        actions: ["sns:Publish"],
        principals: ["cloudwatch", "budgets"].map((service) => new ServicePrincipal(`${service}.amazonaws.com`)),
        resources: [dataTeam.topicArn],
        conditions: { StringEquals: { "aws:SourceAccount": this.account } },
      }),
    );
    this.topics = {
      "data-team": dataTeam,
      vendor: this.#topic("Vendors"),
      owner: this.#topic("Owners"),
    };
    this.machines = Object.fromEntries(
      MACHINES.map((machine) => {
        const name = resourceName(config, machine);
        return [
          machine,
          {
            name,
            arn: this.formatArn({
              service: "states",
              resource: "stateMachine",
              resourceName: name,
              arnFormat: ArnFormat.COLON_RESOURCE_NAME,
            }),
          },
        ];
      }),
    ) as Record<MachineName, { name: string; arn: string }>;
  }

  #topic(id: string): Topic {
    const topic = new Topic(this, id, { masterKey: this.sealKey, enforceSSL: true });
    if (this.config.alarmEmail !== undefined && id === "DataTeam")
      topic.addSubscription(new EmailSubscription(this.config.alarmEmail));
    return topic;
  }
}
