import { Stack } from "aws-cdk-lib";
import type { IRepository } from "aws-cdk-lib/aws-ecr";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import type { Foundation } from "../foundation.ts";

/** One role per kind of job: training never sees the sealed truth, serving sees models only. */
export class SageMakerRoles extends Construct {
  readonly training: Role;
  readonly evaluation: Role;
  readonly serving: Role;

  constructor(
    scope: Construct,
    id: string,
    props: { foundation: Foundation; training: IRepository; serving: IRepository },
  ) {
    super(scope, id);
    const { bucket } = props.foundation;
    this.training = this.#role("Training", "Embedding and training jobs", props.training);
    this.#read(this.training, bucket.bucketArn, ["campaigns/*", "weights/*"]);
    this.#write(this.training, bucket.bucketArn, ["campaigns/*/embeddings/*", "campaigns/*/models/*"]);
    this.evaluation = this.#role(
      "Evaluation",
      "Evaluation jobs: the only ones that may read the sealed truth",
      props.training,
    );
    this.#read(this.evaluation, bucket.bucketArn, ["campaigns/*", "sealed/*"]);
    this.#write(this.evaluation, bucket.bucketArn, ["campaigns/*/evaluations/*"]);
    this.serving = this.#role("Serving", "Endpoints", props.serving);
    this.#read(this.serving, bucket.bucketArn, ["campaigns/*/models/*"]);
  }

  #role(id: string, description: string, image: IRepository): Role {
    const { account, region, partition } = Stack.of(this);
    const role = new Role(this, id, {
      description,
      assumedBy: new ServicePrincipal("sagemaker.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": account } },
      }),
    });
    role.addToPolicy(
      new PolicyStatement({
        actions: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        resources: [image.repositoryArn],
      }),
    );
    // These two have no resource of their own.
    role.addToPolicy(new PolicyStatement({ actions: ["ecr:GetAuthorizationToken"], resources: ["*"] }));
    role.addToPolicy(
      new PolicyStatement({
        actions: ["cloudwatch:PutMetricData"],
        resources: ["*"],
        conditions: { StringLike: { "cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"] } },
      }),
    );
    role.addToPolicy(
      new PolicyStatement({
        actions: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        resources: [`arn:${partition}:logs:${region}:${account}:log-group:/aws/sagemaker/*`],
      }),
    );
    return role;
  }

  #read(role: Role, bucketArn: string, places: string[]): void {
    role.addToPolicy(
      new PolicyStatement({ actions: ["s3:GetObject"], resources: places.map((place) => `${bucketArn}/${place}`) }),
    );
    role.addToPolicy(
      new PolicyStatement({
        actions: ["s3:ListBucket"],
        resources: [bucketArn],
        conditions: { StringLike: { "s3:prefix": places } },
      }),
    );
  }

  #write(role: Role, bucketArn: string, places: string[]): void {
    role.addToPolicy(
      new PolicyStatement({
        actions: ["s3:PutObject", "s3:AbortMultipartUpload"],
        resources: places.map((place) => `${bucketArn}/${place}`),
      }),
    );
  }
}
