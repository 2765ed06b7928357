/**
 * An AWS account on loopback: the synthesized templates deployed into moto, their functions run from their packages, their
 * definitions by the engine, jobs by the laptop's job runner. Nothing of the product is replaced but AWS itself.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { awsPorts } from "../../adapters/aws/index.ts";
import type { Json, Stacks } from "../../infra/checks/resolve.ts";
import { serviceModels } from "../../infra/checks/service-models.ts";
import { answerErrors, requestErrors } from "../../infra/checks/wire.ts";
import { synthesizeInto } from "../../infra/synthesize.ts";
import type { Objects, Ports } from "../../lambdas/ports.ts";
import { Alarms } from "../../local/alarms.ts";
import { VirtualClock } from "../../local/clock.ts";
import { Engine, type EngineServices } from "../../local/engine/engine.ts";
import { findPython } from "../../local/jobs/python.ts";
import { JobRunner } from "../../local/jobs/runner.ts";
import { laptopServices } from "../../local/services.ts";
import { startMoto } from "../contract/moto.ts";
import type { Scene } from "./campaign.ts";
import { type Deployment, deployIntoMoto, REGION } from "./deployment.ts";
import { type Front, openFront } from "./front.ts";
import { Functions } from "./functions.ts";
import { routesOf, throughPortal } from "./portal.ts";
import { answerStates } from "./step-functions.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CREDENTIALS = { accessKeyId: "test", secretAccessKey: "test" };

export interface Account extends Scene {
  engine: Engine;
  functions: Functions;
  deployment: Deployment;
  front: Front;
  stacks: Stacks;
  /** Errors that functions threw, before the workflow decided what to do with them. */
  troubles: string[];
  /** S3's word of a new object, to whom the template's rules tell it; resolves when they have heard it. */
  announce(key: string): Promise<void>;
  close(): Promise<void>;
}

export interface AccountOptions {
  /** Objects are kept here and not in moto, which is slow with many. */
  objects?: Objects;
  /** Hears of every job that is ordered, in place of running it. */
  onJob?: (request: Record<string, unknown>) => void;
}

export async function openAccount(options: AccountOptions = {}): Promise<Account> {
  // Inside the repository, so that a package finds the decoders that its image installs beside it.
  mkdirSync(join(ROOT, "build", "account"), { recursive: true });
  const work = mkdtempSync(join(ROOT, "build", "account", "run-"));
  const { stacks } = await synthesizeInto(work, "dev");
  const moto = await startMoto();
  const deployment = await deployIntoMoto(moto.endpoint, stacks, join(work, "cdk"), (name) =>
    join(work, "functions", name),
  );
  const bucket = physical(deployment, "Data/Objects");
  const clock = new VirtualClock(Date.now());
  const time = new SharedArrayBuffer(8);
  const tick = () => {
    new Float64Array(time)[0] = clock.now();
  };
  tick();
  const troubles: string[] = [];
  const events = new Set<Promise<unknown>>();
  let engine: Engine | undefined;
  let jobs: JobRunner | undefined;
  const front = await openFront({
    moto: moto.endpoint,
    states: (operation, input) => answerStates(engine as Engine, operation, input),
    invokeEndpoint: (name, body, type) => (jobs as JobRunner).invokeEndpoint(name, body, type),
    onObjectCreated: (_, key) => tell(key),
    ...(options.objects === undefined ? {} : { objects: options.objects }),
  });
  function tell(key: string): void {
    for (const target of listeners(stacks.Pipeline, key)) {
      const detail = { bucket: { name: bucket }, object: { key } };
      const told = functions
        .invoke(target, { source: "aws.s3", "detail-type": "Object Created", detail })
        .catch((error: Error) => troubles.push(`${target}: ${error.name}: ${error.message}`));
      events.add(told);
      void told.finally(() => events.delete(told));
    }
  }
  const connection = { endpoint: front.url, region: REGION, credentials: CREDENTIALS };
  const functions = new Functions(
    deployment.functions,
    {
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      AWS_ENDPOINT_URL: front.url,
    },
    time,
  );
  const topic = (name: string) => physical(deployment, `Data/${name}`);
  const ports: Ports = {
    ...awsPorts(
      {
        environment: "dev",
        bucket,
        table: physical(deployment, "Data/Records"),
        sealKeyId: physical(deployment, "Data/SealKey"),
        signKeyId: Object.values(deployment.functions).find(({ environment }) => environment.SIGN_KEY)?.environment
          .SIGN_KEY as string,
        topics: { "data-team": topic("DataTeam"), vendor: topic("Vendors"), owner: topic("Owners") },
        machines: Object.fromEntries(
          ["campaign", "lot", "release"].map((machine) => [
            machine,
            `arn:aws:states:${REGION}:123456789012:stateMachine:countersign-dev-${machine}:live`,
          ]),
        ),
      },
      connection,
    ),
    clock,
  };
  jobs = new JobRunner({
    root: join(work, "jobs"),
    objects: {
      read: async (key) => (await ports.objects.get(key))?.bytes,
      async *list(prefix) {
        for await (const { key } of ports.objects.list(prefix)) yield key;
      },
      write: async (key, bytes) => void (await ports.objects.put(key, bytes, "any")),
    },
    bucket,
    python: findPython(),
    hold: (reason) => clock.hold(reason),
  });
  engine = Engine.open({
    logPath: join(work, "engine.db"),
    clock,
    machines: deployment.machines,
    services: services({ ports, jobs, functions, front, bucket, troubles, onJob: options.onJob }),
    seed: 1,
  });
  engine.resume();
  const routes = routesOf(stacks.Portal);
  const request = (asked: Request) =>
    throughPortal(routes, asked, (target, event) => functions.invoke(target, event), clock.now());
  return {
    ports,
    engine,
    functions,
    deployment,
    front,
    stacks,
    troubles,
    request,
    async signIn(invitation, subject) {
      const body = JSON.stringify({ invitation });
      const headers = { authorization: `Bearer ${subject}`, "content-type": "application/json" };
      const answer = await request(new Request("http://127.0.0.1/api/session", { method: "POST", headers, body }));
      if (!answer.ok) throw new Error(`${subject} is not let in: ${await answer.text()}`);
      return subject;
    },
    async rest() {
      await (engine as Engine).whenIdle();
      await Promise.all(events);
    },
    busy: () => (engine as Engine).busy(),
    async announce(key) {
      tell(key);
      await Promise.all(events);
    },
    async wait(until) {
      const cancel = until === undefined ? undefined : clock.at(until, () => {});
      const moved = clock.advanceToNext();
      cancel?.();
      tick();
      if (moved) return;
      // A process of the job runner holds time until it is ready.
      if (clock.holds().length === 0) throw new Error(`nothing moves any more: ${troubles.join("; ")}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    },
    async close() {
      await engine?.close();
      await jobs?.close();
      await functions.close();
      await front.close();
      await moto.stop();
      rmSync(work, { recursive: true, force: true });
    },
  };
}

/** The physical id of the one resource whose logical id begins so. */
function physical({ resources }: Deployment, begins: string): string {
  const found = Object.entries(resources).filter(([id]) => new RegExp(`^${begins}[0-9A-F]{8}$`).test(id));
  if (found.length !== 1) throw new Error(`${found.length} resources are called ${begins}`);
  return found[0]?.[1].id as string;
}

/** Functions that the template's rules call for a new object. */
function listeners(pipeline: Json, key: string): string[] {
  const resources = pipeline.Resources as Record<string, Json>;
  return Object.values(resources)
    .filter(
      ({ Type, Properties }) => Type === "AWS::Events::Rule" && Properties.EventPattern?.detail?.object !== undefined,
    )
    .filter(({ Properties }) =>
      (Properties.EventPattern.detail.object.key as { wildcard: string }[]).some(({ wildcard }) =>
        new RegExp(`^${wildcard.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`).test(key),
      ),
    )
    .flatMap(({ Properties }) =>
      (Properties.Targets as Json[]).map(({ Arn }) => String(resources[Arn["Fn::GetAtt"][0]].Properties.FunctionName)),
    );
}

/** What the engine's tasks reach: functions by ARN, SageMaker and CloudWatch by the laptop's stand-ins with both sides checked. */
function services(world: {
  ports: Ports;
  jobs: JobRunner;
  functions: Functions;
  front: Front;
  bucket: string;
  troubles: string[];
  onJob: AccountOptions["onJob"];
}): EngineServices {
  const { ports, jobs, functions, front, bucket, troubles, onJob } = world;
  const models = serviceModels();
  const log = () => {};
  const laptop = laptopServices({ ports, jobs, alarms: new Alarms(ports), stages: {}, log, onTrouble: log });
  async function checked(
    service: string,
    { action, sync, arguments: input }: { action: string; sync: boolean; arguments: Record<string, unknown> },
    answer: Promise<unknown>,
  ): Promise<unknown> {
    const operation = action.charAt(0).toUpperCase() + action.slice(1);
    const name = `${service}:${operation}`;
    front.requests[name] = (front.requests[name] ?? 0) + 1;
    for (const finding of requestErrors({ service, operation, input }, models))
      front.findings.add(`${name}: ${finding}`);
    const output = JSON.parse(JSON.stringify((await answer) ?? {})) as unknown;
    // A job that is waited for is answered by its description.
    const described = { service, operation: sync ? operation.replace("Create", "Describe") : operation };
    for (const finding of answerErrors(described, { output }, models))
      front.findings.add(`answer of ${service}:${finding}`);
    return output;
  }
  const mine = (name: string) => {
    if (name !== bucket) throw Object.assign(new Error(`no bucket ${name}`), { name: "S3.NoSuchBucketException" });
  };
  return {
    async invokeLambda({ functionName, payload }) {
      return functions.invoke(functionName, payload).catch((error: Error) => {
        troubles.push(`${functionName.split(":").at(-1)}: ${error.name}: ${error.message.slice(0, 300)}`);
        throw error;
      });
    },
    async sageMaker(call) {
      if (onJob === undefined) return checked("sagemaker", call, laptop.sageMaker(call));
      onJob(call.arguments);
      return new Promise(() => {});
    },
    sdk: (call) => checked(call.service, { ...call, sync: false }, laptop.sdk(call)),
    async readObject(name, key) {
      mine(name);
      const found = await ports.objects.get(key);
      if (found === undefined) throw Object.assign(new Error(`no object ${key}`), { name: "S3.NoSuchKeyException" });
      return found.bytes;
    },
    async *listObjects(name, prefix) {
      mine(name);
      for await (const { key, bytes } of ports.objects.list(prefix))
        yield { Key: key, Size: bytes, ETag: "", LastModified: new Date(ports.clock.now()).toISOString() };
    },
    async writeObject(name, key, bytes) {
      mine(name);
      await ports.objects.put(key, bytes, "any");
    },
  };
}
