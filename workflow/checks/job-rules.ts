/** Rules of jobs: where they run, what they may read, and that what one makes is what the next one takes. */
import { type Json, reaches, type State, type States } from "./paths.ts";

type Found = [is: boolean, what: string][];
interface Stopping {
  MaxRuntimeInSeconds?: number;
  MaxWaitTimeInSeconds?: number;
}

/** What is wrong with one state that orders a job. */
export function jobFindings(name: string, state: State, states: States, start: string): string[] {
  const kind = kindOf(state);
  if (kind === undefined) return [];
  const wrong = [
    ...everyJob(kind, state),
    ...(kind === "Training" ? training(name, state, states, start) : processing(state)),
    ...artefact(kind, state, states),
  ];
  return wrong.filter(([is]) => is).map(([, what]) => `${name} ${what}`);
}

/** What is wrong with the way from the model that was made to the model that is judged: the same bytes all along. */
export function handoverFindings(states: States): string[] {
  return [...states].flatMap(([name, state]) => {
    const args = (state.Arguments ?? {}) as Json;
    const payload = (args.Payload ?? {}) as Json;
    const taken = /'name': 'model', 'prefix': ([^}]+)\}/.exec(String(args.ProcessingInputs))?.[1];
    const wrong: Found = [
      [taken !== undefined && taken !== "$modelKey", `works on the model ${String(taken)}, not on $modelKey`],
      [
        payload.modelKey !== undefined && payload.modelKey !== "{% $modelKey %}",
        `is told of the model ${String(payload.modelKey)}, not of $modelKey`,
      ],
    ];
    return wrong.filter(([is]) => is).map(([, what]) => `${name} ${what}`);
  });
}

function kindOf(state: State): "Training" | "Processing" | undefined {
  return /:sagemaker:create(Training|Processing)Job/.exec(String(state.Resource))?.[1] as
    | "Training"
    | "Processing"
    | undefined;
}

/** The one job that looks at the sealed test's truth. */
const isSealedLook = ({ Arguments }: State) =>
  String((Arguments as Json | undefined)?.ProcessingInputs).includes("$evaluation.inputs");

function everyJob(kind: "Training" | "Processing", state: State): Found {
  const args = (state.Arguments ?? {}) as Json;
  const { MaxRuntimeInSeconds, MaxWaitTimeInSeconds } = (args.StoppingCondition ?? {}) as Stopping;
  const longest = Math.max(Number(MaxRuntimeInSeconds ?? 0), Number(MaxWaitTimeInSeconds ?? 0));
  const isolated =
    kind === "Training" ? args.EnableNetworkIsolation : ((args.NetworkConfig ?? {}) as Json).EnableNetworkIsolation;
  const role = isSealedLook(state) ? "${EvaluationRoleArn}" : "${TrainingRoleArn}";
  return [
    [!String(state.Resource).endsWith(".sync"), "is not waited for"],
    [isolated !== true, "has a network"],
    [args.RoleArn !== role, `runs under ${String(args.RoleArn)}, not under ${role}`],
    [!named(args[`${kind}JobName`]), "keeps its name when it is tried again, and would collide"],
    [!(MaxRuntimeInSeconds !== undefined && longest > 0), "has no longest run time"],
    [
      Number(state.TimeoutSeconds) <= longest,
      `is given up after ${String(state.TimeoutSeconds)} s, before its job may end (${longest} s)`,
    ],
  ];
}

const named = (text: unknown) => String(text).includes("$states.context.State.RetryCount");

/** Training states that run on Spot: what else trains comes after one of them. */
const isSpot = (state: State) =>
  kindOf(state) === "Training" && ((state.Arguments ?? {}) as Json).EnableManagedSpotTraining === true;
const settingsOf = ({ Arguments }: State) => (((Arguments ?? {}) as Json).HyperParameters ?? {}) as Json;
/** What a job learns from and how. */
const orderOf = (state: State) =>
  JSON.stringify([settingsOf(state), ((state.Arguments ?? {}) as Json).InputDataConfig ?? null]);

function training(name: string, state: State, states: States, start: string): Found {
  const args = (state.Arguments ?? {}) as Json;
  const { command } = settingsOf(state);
  const stopping = (args.StoppingCondition ?? {}) as Stopping;
  const before = [...states].find(([, other]) => isSpot(other) && settingsOf(other).command === command);
  const spot = isSpot(state);
  const fallback = before !== undefined && !reaches(states, start, name, before[0]);
  return [
    [args.ResourceConfig === undefined, "names no machine to run on"],
    [!spot && !fallback, "does not run on Spot, nor after the same job on Spot"],
    [
      !spot && before !== undefined && orderOf(state) !== orderOf(before[1]),
      `trains otherwise than ${String(before?.[0])}, in whose place it runs`,
    ],
    [spot && !leadsToOther(states, name, command), "has no other machine to go to where Spot has none"],
    [args.CheckpointConfig === undefined, "loses its work when Spot takes the machine: no checkpoints"],
    [
      spot && !(Number(stopping.MaxWaitTimeInSeconds ?? 0) >= Number(stopping.MaxRuntimeInSeconds)),
      "waits for Spot for less time than it may run",
    ],
  ];
}

/** Variants compete where the sealed look is taken: on machines of one type. */
function processing(state: State): Found {
  const resources = (((state.Arguments ?? {}) as Json).ProcessingResources ?? {}) as {
    ClusterConfig?: { InstanceType?: string };
  };
  const machine = resources.ClusterConfig?.InstanceType;
  return [[machine !== "${ProcessingInstanceType}", `runs on ${String(machine)}, not on \${ProcessingInstanceType}`]];
}

/** Variables that a state fills with what a job made. */
function made(state: State | undefined): string[] {
  const archive = /S3ModelArtifacts|Outputs\[0\]\.S3Output\.S3Uri.*'\/model\.tar\.gz'/;
  return Object.entries((state?.Assign ?? {}) as Json)
    .filter(([, expression]) => archive.test(String(expression)))
    .map(([variable]) => variable);
}

/** What a job makes is kept, also where a job of the same name had made it; two tries never write to one place. */
function artefact(kind: "Training" | "Processing", state: State, states: States): Found {
  if (isSealedLook(state)) return [];
  const own = made(state);
  const rules = (state.Catch as { ErrorEquals: string[]; Next: string }[] | undefined) ?? [];
  const look = rules.find(({ ErrorEquals }) => ErrorEquals.includes("SageMaker.ResourceInUseException"))?.Next;
  const outputs = (((state.Arguments ?? {}) as Json).ProcessingOutputConfig ?? {}) as {
    Outputs?: { S3Output?: { S3Uri?: string } }[];
  };
  const place = outputs.Outputs?.[0]?.S3Output?.S3Uri;
  return [
    [own.length !== 1, "makes a model that nobody keeps"],
    [
      look === undefined || made(states.get(look)).join() !== own.join(),
      `forgets what a job of its name has made: ${String(look)} does not keep it`,
    ],
    [kind === "Processing" && !named(place), "writes to one place whenever it is tried"],
  ];
}

/** Whether a training's failure can lead to the same command on demand. */
function leadsToOther(states: States, name: string, command: unknown): boolean {
  const others = [...states].filter(
    ([other, state]) => other !== name && kindOf(state) === "Training" && settingsOf(state).command === command,
  );
  const short = (states.get(name)?.Catch as { ErrorEquals: string[]; Next: string }[] | undefined)?.find((rule) =>
    rule.ErrorEquals.includes("States.TaskFailed"),
  );
  return short !== undefined && others.some(([other]) => reaches(states, short.Next, other, "RecordFailure"));
}
