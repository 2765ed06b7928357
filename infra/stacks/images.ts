import { RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import {
  BuildSpec,
  ComputeType,
  LinuxArmBuildImage,
  LinuxBuildImage,
  Project,
  Source,
} from "aws-cdk-lib/aws-codebuild";
import { Repository, TagMutability } from "aws-cdk-lib/aws-ecr";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import type { Construct } from "constructs";
import type { EnvironmentConfig } from "../config.ts";
import { resourceName } from "../foundation.ts";

export const IMAGES = ["training", "serving", "admission"] as const;
export type ImageName = (typeof IMAGES)[number];

/** Dockerfile of each image, within the build source, the machine that it is built on, and whether it names its base. */
export const RECIPES: Record<ImageName, { file: string; arm: boolean; base?: "training" | "serving" }> = {
  training: { file: "training-container/Dockerfile.train", arm: false, base: "training" },
  serving: { file: "training-container/Dockerfile.serve", arm: false, base: "serving" },
  admission: { file: "infra/admission/Dockerfile", arm: true },
};
/** A registry of AWS's own (their deep learning containers) in a base image's name. */
const REGISTRY = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com\/([^:@]+)/;

/** The three container images: repositories, and a build in the user's own account, so that no deployer needs Docker. */
export class ImagesStack extends Stack {
  readonly repositories: Record<ImageName, Repository>;
  readonly projects: Record<ImageName, Project>;

  constructor(scope: Construct, id: string, props: StackProps & { config: EnvironmentConfig; source: string }) {
    super(scope, id, props);
    const { config } = props;
    const source = new Asset(this, "Source", { path: props.source });
    const made = IMAGES.map((image) => {
      const keeps = config.onDestroy === "keep";
      const repository = new Repository(this, `${image}Repository`, {
        repositoryName: resourceName(config, image),
        imageScanOnPush: true,
        imageTagMutability: TagMutability.IMMUTABLE,
        removalPolicy: keeps ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
        emptyOnDelete: !keeps,
        lifecycleRules: [{ description: "keep the last twenty", maxImageCount: 20 }],
      });
      const logs = new LogGroup(this, `${image}Logs`, {
        logGroupName: `/aws/codebuild/${resourceName(config, image)}`,
        retention: config.logRetentionDays,
        removalPolicy: RemovalPolicy.DESTROY,
      });
      const { file, arm, base } = RECIPES[image];
      const baseImage = base === undefined ? undefined : config.baseImages[base];
      const project = new Project(this, `${image}Build`, {
        projectName: resourceName(config, image),
        source: Source.s3({ bucket: source.bucket, path: source.s3ObjectKey }),
        environment: {
          buildImage: arm ? LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0 : LinuxBuildImage.AMAZON_LINUX_2023_5,
          computeType: arm ? ComputeType.LARGE : ComputeType.MEDIUM,
          privileged: true,
        },
        logging: { cloudWatch: { logGroup: logs } },
        buildSpec: BuildSpec.fromObject({
          version: "0.2",
          phases: {
            pre_build: {
              commands: [
                `aws ecr get-login-password | docker login --username AWS --password-stdin ${repository.repositoryUri}`,
                ...loginTo(baseImage),
              ],
            },
            build: { commands: buildCommands(`-f ${file} -t ${repository.repositoryUri}:$TAG`, baseImage) },
            post_build: { commands: [`docker push ${repository.repositoryUri}:$TAG`] },
          },
        }),
      });
      repository.grantPullPush(project);
      const [, owner, region, name] = REGISTRY.exec(baseImage ?? "") ?? [];
      if (owner !== undefined) {
        project.addToRolePolicy(
          new PolicyStatement({
            actions: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            resources: [`arn:${this.partition}:ecr:${region}:${owner}:repository/${name}`],
          }),
        );
      }
      return [image, { repository, project }] as const;
    });
    this.repositories = Object.fromEntries(made.map(([image, { repository }]) => [image, repository])) as Record<
      ImageName,
      Repository
    >;
    this.projects = Object.fromEntries(made.map(([image, { project }]) => [image, project])) as Record<
      ImageName,
      Project
    >;
  }
}

/** A base image in another account's registry needs a log-in of its own. */
function loginTo(baseImage: string | undefined): string[] {
  const [, owner, region] = REGISTRY.exec(baseImage ?? "") ?? [];
  if (owner === undefined) return [];
  const registry = `${owner}.dkr.ecr.${region}.amazonaws.com`;
  return [`aws ecr get-login-password --region ${region} | docker login --username AWS --password-stdin ${registry}`];
}

/** The base is pulled first and handed over by its digest, so that the build's log says what stands below. */
function buildCommands(rest: string, baseImage: string | undefined): string[] {
  if (baseImage === undefined) return [`docker build --provenance=false ${rest} .`];
  return [
    `docker pull ${baseImage}`,
    `BASE=$(docker inspect --format '{{index .RepoDigests 0}}' ${baseImage}) && echo "base $BASE" && docker build --provenance=false --build-arg BASE=$BASE ${rest} .`,
  ];
}
