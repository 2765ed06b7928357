import { Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import type { IRepository } from "aws-cdk-lib/aws-ecr";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Architecture,
  type CfnFunction,
  Code,
  Handler,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  Tracing,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { BundledFunction } from "../bundle.ts";
import { type Foundation, resourceName } from "../foundation.ts";
import { bindAccess } from "./grants.ts";

export interface CountersignFunctionProps {
  bundled: BundledFunction;
  foundation: Foundation;
  timeoutSeconds: number;
  memoryMb?: number;
  /** Where a function with native decoders comes from: an image by digest. */
  image?: { repository: IRepository; digest: string };
  environment?: Record<string, string>;
}

/** One Lambda function with its own role, log group and exactly the permissions of its code. */
export class CountersignFunction extends Construct {
  readonly function: LambdaFunction;
  readonly logs: LogGroup;

  constructor(scope: Construct, id: string, props: CountersignFunctionProps) {
    super(scope, id);
    const { bundled, foundation, image } = props;
    const { config } = foundation;
    const functionName = resourceName(config, bundled.name);
    this.logs = new LogGroup(this, "Logs", {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      description: `${bundled.name}: what its code calls, nothing else`,
    });
    role.addToPolicy(
      new PolicyStatement({
        actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
        resources: [this.logs.logGroupArn],
      }),
    );
    const settings = {
      functionName,
      role,
      logGroup: this.logs,
      loggingFormat: LoggingFormat.JSON,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMb ?? 1024,
      timeout: Duration.seconds(props.timeoutSeconds),
      tracing: Tracing.ACTIVE,
      environment: { ENVIRONMENT: config.name, NODE_OPTIONS: "--enable-source-maps", ...props.environment },
    };
    if (bundled.native && image) {
      this.function = new LambdaFunction(this, "Function", {
        ...settings,
        runtime: Runtime.FROM_IMAGE,
        handler: Handler.FROM_IMAGE,
        code: Code.fromEcrImage(image.repository, { tagOrDigest: "replaced", cmd: [`${bundled.name}/index.handler`] }),
      });
      // The construct takes a tag or a literal digest; this one is known at deployment only.
      const code = { ImageUri: `${image.repository.repositoryUri}@${image.digest}` };
      (this.function.node.defaultChild as CfnFunction).addPropertyOverride("Code", code);
    } else {
      this.function = new LambdaFunction(this, "Function", {
        ...settings,
        runtime: Runtime.NODEJS_24_X,
        handler: "index.handler",
        code: Code.fromAsset(bundled.folder),
      });
    }
    bindAccess(this.function, bundled.access, foundation);
  }

  /** The function's ARN by its name: usable before it exists, without a dependency on it. */
  static arnOf(scope: Construct, foundation: Foundation, name: string): string {
    const { partition, region, account } = Stack.of(scope);
    return `arn:${partition}:lambda:${region}:${account}:function:${resourceName(foundation.config, name)}`;
  }
}
