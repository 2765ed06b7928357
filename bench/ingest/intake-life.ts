// One life of the intake: opens the folder, seals the made images, and runs the workflow's first three states on the
// laptop's engine until the catalogue stands. Safe to kill at any time; the next life goes on.
// node bench/ingest/intake-life.ts FOLDER COUNT
import { join } from "node:path";
import { openLocalPorts } from "../../adapters/local/index.ts";
import { stages } from "../../lambdas/main.ts";
import { createCampaign, enqueueIntake } from "../../lambdas/store/cycles.ts";
import { sealIntake } from "../../lambdas/store/intakes.ts";
import { realClock } from "../../local/clock.ts";
import { Engine } from "../../local/engine/engine.ts";
import { laptopMachines } from "../../local/host.ts";
import { laptopServices } from "../../local/services.ts";
import { engineTokens, engineWorkflows } from "../../local/workflows.ts";
import { Campaign } from "../../schemas/campaign.ts";
import { madeFiles } from "./made-images.ts";

const [folder, count] = [process.argv[2] as string, Number(process.argv[3])];
const tell = (line: Record<string, unknown>) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** The campaign's workflow up to the catalogue: the product's own states, cut off behind BuildCatalogue. */
function intakeMachine(): Record<string, unknown> {
  const whole = structuredClone(laptopMachines().campaign) as {
    States: Record<string, Record<string, unknown>>;
  } & Record<string, unknown>;
  const kept = ["OpenCycle", "AdmitImages", "BuildCatalogue"];
  const States = Object.fromEntries(
    kept.map((name) => {
      const { Catch: _, Next, ...state } = whole.States[name] as Record<string, unknown>;
      return [
        name,
        name === "BuildCatalogue"
          ? { ...state, Output: "{% $states.result.Payload.catalogue %}", End: true }
          : { ...state, Next },
      ];
    }),
  );
  return { ...whole, States };
}

const clock = realClock();
let engine: Engine | undefined;
const ports = await openLocalPorts({
  folder,
  clock,
  tokens: engineTokens(() => engine as Engine),
  workflows: engineWorkflows(() => engine as Engine),
  endpoints: { invoke: () => Promise.reject(new Error("an intake asks no endpoint")) },
});
let batches = 0;
const services = laptopServices({
  ports,
  jobs: {} as never,
  stages,
  log: ({ stage }) => {
    if (stage !== "admit-images") return;
    batches += 1;
    tell({ step: "admitted", batches });
  },
  onTrouble: (stage, error) => tell({ step: "trouble", stage, message: error.message }),
});
engine = Engine.open({
  logPath: join(folder, "engine.db"),
  clock,
  machines: { campaign: intakeMachine() },
  services,
  seed: 1,
});
engine.resume();

const campaign = "made";
await createCampaign(
  ports,
  Campaign.parse({ name: campaign, classes: ["a", "b"], vendors: [{ id: "v", name: "V", pricePerAnswer: 0.01 }] }),
  "bench",
);
const { intake } = await sealIntake(ports, {
  campaign,
  files: madeFiles(count),
  onFile: (stored) => stored % 1000 === 0 && tell({ step: "stored", stored }),
});
tell({ step: "sealed" });
const cycle = await enqueueIntake(ports, campaign, intake);
for (;;) {
  const found = await ports.workflows.describe("campaign", `${campaign}-${cycle}`);
  if (found?.status === "SUCCEEDED") {
    tell({ step: "done", catalogue: found.output });
    break;
  }
  if (found !== undefined && found.status !== "RUNNING")
    throw new Error(`${found.status}: ${found.error} ${found.cause}`);
  await new Promise((resolve) => setTimeout(resolve, 100));
}
engine.close();
ports.close();
process.exit(0);
