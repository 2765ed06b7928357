import { type App, Tags } from "aws-cdk-lib";
import type { BundledFunction } from "./bundle.ts";
import type { EnvironmentConfig } from "./config.ts";
import { DataStack } from "./stacks/data.ts";
import { ImagesStack } from "./stacks/images.ts";
import { ObservabilityStack } from "./stacks/observability.ts";
import { PipelineStack } from "./stacks/pipeline.ts";
import { PortalStack } from "./stacks/portal.ts";

/** One environment's stacks. */
export function countersign(
  app: App,
  props: { config: EnvironmentConfig; bundle: BundledFunction[]; imageSource: string; pages: string },
) {
  const { config, bundle, imageSource, pages } = props;
  const env = { region: config.region, ...(config.account === undefined ? {} : { account: config.account }) };
  const common = { config, env, terminationProtection: config.onDestroy === "keep" };
  const id = (name: string) => `Countersign-${config.name}-${name}`;
  const data = new DataStack(app, id("Data"), { ...common, description: "Countersign: what survives" });
  const images = new ImagesStack(app, id("Images"), {
    ...common,
    source: imageSource,
    description: "Countersign: container images and their builds",
  });
  const pipeline = new PipelineStack(app, id("Pipeline"), {
    ...common,
    foundation: data,
    images,
    bundle,
    description: "Countersign: workflows and stages",
  });
  const portal = new PortalStack(app, id("Portal"), {
    ...common,
    foundation: data,
    bundle,
    pages,
    description: "Countersign: pages and API",
  });
  const observability = new ObservabilityStack(app, id("Observability"), {
    ...common,
    foundation: data,
    pipeline,
    portal,
    description: "Countersign: alarms, dashboard, budget",
  });
  Tags.of(app).add("application", "countersign");
  Tags.of(app).add("environment", config.name);
  return { data, images, pipeline, portal, observability };
}
