import { readFileSync } from "node:fs";
import { App } from "aws-cdk-lib";

/** An app under cdk.json's feature flags, also where no CDK command line hands them over. */
export function newApp(outdir?: string): App {
  const { context } = JSON.parse(readFileSync(new URL("../cdk.json", import.meta.url), "utf8")) as {
    context: Record<string, unknown>;
  };
  return new App({ context, analyticsReporting: false, ...(outdir === undefined ? {} : { outdir }) });
}
