/** `npm run campaign -- --env dev --file campaign.yaml --for anna [--weights weights/]`: opens a campaign where it was deployed; spends nothing yet. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { WITHOUT_WEIGHTS } from "../lambdas/store/weights.ts";
import { type Answer, awsIn } from "./aws-command.ts";
import { ConfigError, readConfig } from "./config.ts";
import { deployedPorts } from "./deployed.ts";
import { openCampaign } from "./open-campaign.ts";
import { storeWeights } from "./weights.ts";

try {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: {
      env: { type: "string" },
      file: { type: "string" },
      for: { type: "string" },
      weights: { type: "string" },
    },
  });
  if (values.env === undefined || values.file === undefined || values.for === undefined)
    throw new ConfigError(
      "say where, what and who is its first person: npm run campaign -- --env dev --file campaign.yaml --for anna",
    );
  const config = readConfig(values.env);
  const aws = awsIn(config.region);
  const stack = `Countersign-${config.name}-Portal`;
  const outputs = aws(["cloudformation", "describe-stacks", "--stack-name", stack]).Stacks[0].Outputs as Answer[];
  const address = outputs.find(({ OutputKey }) => OutputKey === "PagesAddress")?.OutputValue;
  if (address === undefined)
    throw new ConfigError(`${stack} says no address of its pages: deploy "${config.name}" again`);
  const ports = deployedPorts(config, aws);
  if (values.weights !== undefined) {
    const stored = await storeWeights(ports.objects, values.weights);
    console.log(`Weights in the bucket: ${stored.join(", ")}.`);
  }
  const { campaign, backbone, link } = await openCampaign(
    ports,
    readFileSync(values.file, "utf8"),
    values.for,
    address,
  );
  console.log(
    `The campaign "${campaign}" is open. ${values.for} signs in and takes the data team's place here:\n  ${link}\nIt embeds with ${backbone}${backbone === WITHOUT_WEIGHTS ? ", hand-made features: no pretrained weights are used (--weights brings some)" : ""}. Photos: npm start -- add photos/ --to s3://<objects bucket>/${campaign}`,
  );
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
