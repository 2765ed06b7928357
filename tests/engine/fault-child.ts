import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { VirtualClock } from "../../local/clock.ts";
import { Engine, type EngineServices } from "../../local/engine/engine.ts";
import { parseFaults, withFaults } from "../../local/engine/faults.ts";
import { machine, worldOf } from "./world.ts";

/** One life of a process that buys three labels by token and pays for each; killed by the faults it is told. */
const [folder, faultText] = process.argv.slice(2) as [string, string];
const payments = join(folder, "payments.txt");
const clock = new VirtualClock(0);
const linesOf = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
const paid = (): string[] => linesOf(payments);
/** Tokens are kept where the vendor's answer finds them after a restart, as the product's records do. */
const offers = join(folder, "offers.txt");
const answered = new Set<string>();
const retry = [
  { ErrorEquals: ["Lambda.TooManyRequestsException", "Lambda.SdkClientException"], IntervalSeconds: 1, MaxAttempts: 5 },
];
const lot = machine({
  Each: {
    Type: "Map",
    Items: ["a", "b", "c"],
    MaxConcurrency: 2,
    ItemProcessor: {
      StartAt: "Ask",
      States: {
        Ask: {
          Type: "Task",
          Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
          Arguments: { FunctionName: "ask", Payload: { token: "{% $states.context.Task.Token %}" } },
          TimeoutSeconds: 1000,
          Retry: retry,
          Next: "Rest",
        },
        Rest: { Type: "Wait", Seconds: 60, Next: "Pay" },
        Pay: {
          Type: "Task",
          Resource: "arn:aws:states:::lambda:invoke",
          Arguments: {
            FunctionName: "pay",
            Payload: { image: "{% $states.context.Map.Item.Value %}", label: "{% $states.input %}" },
          },
          TimeoutSeconds: 1000,
          Retry: retry,
          Output: "{% $states.result.Payload %}",
          End: true,
        },
      },
    },
    End: true,
  },
});
const world: EngineServices = worldOf({
  ask: (payload: { token: string }) => appendFileSync(offers, `${payload.token}\n`),
  pay: ({ image, label }: { image: string; label: string }) => {
    // The handler's own rule against paying twice: what a conditional write does on AWS.
    if (!paid().includes(image)) appendFileSync(payments, `${image}\n`);
    return `${image}:${label}`;
  },
});
const { services, observer } = withFaults(world, parseFaults(faultText), { ledgerPath: join(folder, "faults.txt") });
const engine = Engine.open({
  logPath: join(folder, "engine.db"),
  clock,
  machines: { lot },
  services,
  seed: 1,
  observer,
});
engine.resume();
const { executionArn } = engine.start({ machine: "lot", name: "lot-1", input: {} });
for (;;) {
  await engine.whenIdle();
  const described = engine.describe(executionArn);
  if (described !== undefined && described.status !== "RUNNING") {
    console.log(JSON.stringify({ status: described.status, output: described.output, paid: paid() }));
    await engine.close();
    process.exit(0);
  }
  const token = linesOf(offers).find((offer) => !answered.has(offer));
  if (token !== undefined) {
    answered.add(token);
    try {
      engine.sendTaskSuccess(token, '"ok"');
    } catch (error) {
      if ((error as Error).name !== "TaskTimedOut") throw error;
    }
  } else if (!clock.advanceToNext()) throw new Error("stuck: nothing left to wait for");
}
