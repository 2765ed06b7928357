import type { EnvironmentConfig } from "../../infra/config.ts";
import { drawSample, SAMPLE_CLASSES } from "../../local/sample/draw.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { runCampaign } from "./campaign.ts";
import { filesIn } from "./files.ts";
import { deployedScene } from "./on-aws.ts";

/** One campaign of drawn photos in the deployed stacks, with simulated people. Returns what went wrong. */
export async function smoke(config: EnvironmentConfig, photos: number): Promise<string[]> {
  const files = await filesIn((folder) => drawSample(folder, { count: photos, seed: 5 }));
  const agreement = Campaign.parse({
    name: `smoke-${Date.now().toString(36)}`,
    classes: [...SAMPLE_CLASSES],
    vendors: ["alder", "birch", "cedar"].map((id) => ({ id, name: id, pricePerAnswer: 0.03 })),
    training: { backbone: "descriptor", testShare: 0.25 },
    labelling: { lotSize: 40 },
    approvals: { mode: "auto" },
  });
  const { outcome } = await runCampaign(deployedScene(config), agreement, files);
  console.log(`smoke: ${agreement.name} ended as "${outcome}"`);
  return outcome === "failed" ? [`the smoke campaign ${agreement.name} failed; its execution says why`] : [];
}
