/** Rules of this product that no general validator knows: each stands for a way to lose money, labels or secrecy. */
import type { MachineName } from "../definition.ts";
import { handoverFindings, jobFindings } from "./job-rules.ts";
import { type Json, nextOf, reaches, type State, type States } from "./paths.ts";
import { statesOf } from "./permissions.ts";

/** Lambda's longest life. */
const LAMBDA_SECONDS = 900;
/** Of the account's 1,000 concurrent functions, most that admission may take. */
const MOST_CHILDREN = 200;
/** Fewer items per child and the map's children cost more than the work. */
const LEAST_BATCH = 100;

/** Gates that no path may go around: to reach the second, the first has been left. */
const GATES: Record<MachineName, [gate: string, guarded: string][]> = {
  campaign: [
    ["OpenCycle", "AdmitImages"],
    ["DrawTestSet", "PlanWave"],
    ["WhoLooksFirst", "PlanWave"],
    ["WorthOptimising", "EvaluateModel"],
    ["EvaluateModel", "JudgeCandidate"],
    ["JudgeCandidate", "AskOwner"],
    ["AskOwner", "ReleaseModel"],
  ],
  lot: [
    ["InspectLot", "JudgeLot"],
    ["JudgeLot", "AcceptLot"],
  ],
  release: [
    ["PrepareRelease", "RegisterModel"],
    ["BeginRollout", "Live"],
    ["BeginRollout", "FinishRollout"],
    ["NoAlarmNoRelease", "StartCandidate"],
    ["NoAlarmNoRelease", "ShiftTraffic"],
    ["HowServed", "ConfigureInstances"],
  ],
  monitor: [
    ["MeasureDrift", "ProposeRelabel"],
    ["PlanAudit", "LabelCaptures"],
    ["ReviewAudit", "SettleAudit"],
    ["SettleAudit", "ProposeCycle"],
  ],
};
/** Where a failure must go, so that it is recorded and people hear of it: [states that may fail, where to, which may not]. */
const FAILURES: Record<MachineName, { to: string; except: string[] }> = {
  campaign: { to: "RecordFailure", except: ["CloseCycle", "RecordFailure"] },
  lot: { to: "LotBroke", except: ["CloseLot", "LotBroke"] },
  // What a decision has left over is taken down if it can be; the decision stands.
  release: {
    to: "WithdrawCandidate",
    except: ["PrepareRelease", "WithdrawCandidate", "RetireEndpoint", "RetireAlarms"],
  },
  monitor: { to: "MonitorFailed", except: [] },
};
/** Questions to people, what reads the answer, and what only an answer may lead to: silence is none. */
const QUESTIONS: [ask: string, answer: string, guarded: string][] = [
  ["AskDataTeam", "WhatDataTeamSaid", "PlanWave"],
  ["AskOwner", "WhatOwnerSaid", "ReleaseModel"],
];
const DONE = "{% $jobStatus = 'Completed' %}";
/** Decisions that open a gate: only this answer goes on, everything else turns away. */
const DECISIONS: Record<MachineName, { choice: string; only: string; next: string }[]> = {
  campaign: [
    { choice: "WhatDataTeamSaid", only: "{% $dataReview = 'accept' %}", next: "PlanWave" },
    { choice: "WorthOptimising", only: "{% $optimisation.wanted %}", next: "OptimiseModel" },
    // A job whose name was taken is adopted where it is done, and only there.
    { choice: "EmbeddingFound", only: DONE, next: "DrawTestSet" },
    { choice: "TrainingFound", only: DONE, next: "WorthOptimising" },
    { choice: "OptimisationFound", only: DONE, next: "EvaluateModel" },
    { choice: "EvaluationFound", only: DONE, next: "JudgeCandidate" },
    { choice: "WorthAsking", only: "{% $judged.outcome = 'promote' %}", next: "AskOwner" },
    { choice: "WhatOwnerSaid", only: "{% $decision = 'approve' %}", next: "ReleaseModel" },
  ],
  lot: [{ choice: "WhichVerdict", only: "{% $verdict = 'accept' %}", next: "AcceptLot" }],
  release: [
    {
      choice: "CandidateReady",
      only: "{% $endpointStatus = 'InService' and $endpointConfig = $release.configName %}",
      next: "BeginRollout",
    },
    { choice: "NoAlarmNoRelease", only: "{% $quietAlarms = 2 %}", next: "NewOrUpdated" },
    {
      choice: "HowServed",
      only: "{% $exists($release.serving) and $release.serving = 'instances' %}",
      next: "ConfigureInstances",
    },
  ],
  monitor: [
    { choice: "DriftsOrNot", only: "{% $drift.outcome = 'drifting' %}", next: "ProposeRelabel" },
    { choice: "AuditOrNot", only: "{% $audit.decision = 'buy' %}", next: "LabelCaptures" },
    { choice: "RightEnough", only: "{% $found.outcome = 'below-floor' %}", next: "ProposeCycle" },
  ],
};

/** What breaks a rule of the house in one definition. */
export function houseFindings(machine: MachineName, definition: Json): string[] {
  const states: States = new Map(Object.entries((definition.States ?? {}) as Record<string, State>));
  const start = String(definition.StartAt);
  return [
    ...GATES[machine]
      .filter(([gate, guarded]) => reaches(states, start, guarded, gate))
      .map(([gate, guarded]) => `${guarded} can be reached without ${gate}`),
    ...decisionFindings(machine, states),
    ...QUESTIONS.filter(([ask, answer, guarded]) => reaches(states, ask, guarded, answer)).map(
      ([ask, answer, guarded]) => `${ask} can lead to ${guarded} without ${answer}`,
    ),
    ...endingFindings(states),
    ...failureFindings(machine, states),
    ...pollingFindings(states),
    ...handoverFindings(states),
    ...statesOf(definition).flatMap(({ name, state }) => [
      ...jobFindings(name, state, states, start),
      ...stageFindings(name, state),
      ...mapFindings(name, state),
      ...servingFindings(name, state),
      ...guardrailFindings(name, state),
    ]),
  ];
}

function decisionFindings(machine: MachineName, states: States): string[] {
  return DECISIONS[machine].flatMap(({ choice, only, next }) => {
    const state = states.get(choice);
    const rules = (state?.Choices as { Condition: string; Next: string }[] | undefined) ?? [];
    const open = rules.filter((rule) => rule.Next === next).map((rule) => rule.Condition);
    const good = open.length === 1 && open[0] === only && state?.Default !== next;
    return good ? [] : [`${choice} may go to ${next} on ${only} alone`];
  });
}

/** Every way to the end of a cycle says how it ended. */
function endingFindings(states: States): string[] {
  type Way = { Next?: string; Assign?: Json };
  return [...states].flatMap(([name, state]) => {
    const own = { Assign: (state.Assign ?? {}) as Json };
    const ways: Way[] = [
      ...[state.Next, state.Default].map((next) => ({ ...own, Next: next as string })),
      ...((state.Choices as Way[] | undefined) ?? []),
      ...((state.Catch as Way[] | undefined) ?? []),
    ];
    const silent = ways.some(({ Next, Assign }) => Next === "CloseCycle" && Assign?.outcome === undefined);
    return silent ? [`${name} ends the cycle without a word on its outcome`] : [];
  });
}

function failureFindings(machine: MachineName, states: States): string[] {
  const { to, except } = FAILURES[machine];
  return [...states].flatMap(([name, state]) => {
    if (state.Type !== "Task" && state.Type !== "Map") return [];
    const last = ((state.Catch as { Next: string }[] | undefined) ?? []).at(-1)?.Next;
    return except.includes(name) || last === to ? [] : [`a failure of ${name} goes to ${String(last)}, not to ${to}`];
  });
}

/** A loop that looks at a machine's state has a pause in it. */
function pollingFindings(states: States): string[] {
  return [...states].flatMap(([name, state]) => {
    if (!String(state.Resource).includes("aws-sdk:") || !String(state.Resource).includes(":describe")) return [];
    // A job that is waited for is a pause too.
    const pauses = [...states]
      .filter(([, other]) => other.Type === "Wait" || String(other.Resource).endsWith(".sync"))
      .map(([pause]) => pause);
    const again = nextOf(state).some((next) => reaches(states, next, name, ...pauses));
    return again ? [`${name} is asked again without a pause`] : [];
  });
}

function stageFindings(name: string, state: State): string[] {
  const resource = String(state.Resource);
  if (!resource.includes(":lambda:invoke")) return [];
  const payload = JSON.stringify((state.Arguments as Json | undefined)?.Payload ?? null);
  const waits = resource.endsWith(".waitForTaskToken");
  const hasToken = payload.includes("$states.context.Task.Token");
  const wrong: [boolean, string][] = [
    [
      !waits && !(Number(state.TimeoutSeconds) <= LAMBDA_SECONDS),
      `is given ${String(state.TimeoutSeconds)} s; a function lives ${LAMBDA_SECONDS}`,
    ],
    [waits && !hasToken, "waits for a token that it does not hand over"],
    [!waits && hasToken, "hands over a token that nobody waits for"],
    [payload.startsWith('"'), "hands over the whole state instead of named members"],
  ];
  return wrong.filter(([is]) => is).map(([, what]) => `${name} ${what}`);
}

function mapFindings(name: string, state: State): string[] {
  if (state.Type !== "Map") return [];
  const config = ((state.ItemProcessor as Json | undefined)?.ProcessorConfig ?? {}) as {
    Mode?: string;
    ExecutionType?: string;
  };
  const batch = Number((state.ItemBatcher as Json | undefined)?.MaxItemsPerBatch ?? 1);
  const reader = (state.ItemReader as { ReaderConfig?: { InputType?: string } } | undefined)?.ReaderConfig?.InputType;
  const wrong: [boolean, string][] = [
    [config.Mode !== "DISTRIBUTED", "is not distributed: a manifest does not fit into state"],
    [
      config.ExecutionType !== "STANDARD" && config.ExecutionType !== "EXPRESS",
      `has children of the kind ${String(config.ExecutionType)}`,
    ],
    [
      batch < LEAST_BATCH,
      `gives ${batch} items to a child; at least ${LEAST_BATCH}, or the children cost more than the work`,
    ],
    [
      !(Number(state.MaxConcurrency) <= MOST_CHILDREN),
      `runs ${String(state.MaxConcurrency)} children at once; at most ${MOST_CHILDREN}, the account's functions are shared`,
    ],
    [state.ResultWriter === undefined, "keeps all results in state; they belong into objects"],
    [reader !== "JSONL", `reads its manifest as ${String(reader)}; manifests are JSONL`],
  ];
  return wrong.filter(([is]) => is).map(([, what]) => `${name} ${what}`);
}

function servingFindings(name: string, state: State): string[] {
  const variants = ((state.Arguments as Json | undefined)?.ProductionVariants ?? []) as {
    InitialInstanceCount?: number;
    ServerlessConfig?: { MemorySizeInMB?: number; MaxConcurrency?: number };
  }[];
  return variants.flatMap(({ ServerlessConfig: config, InitialInstanceCount: machines }) => {
    if (config === undefined && name === "ConfigureInstances")
      return Number(machines) >= 2 ? [] : [`${name}: a canary needs two machines at least, not ${String(machines)}`];
    if (config === undefined) return [`${name}: a variant that is not serverless idles`];
    const memory = Number(config.MemorySizeInMB);
    return [1024, 2048, 3072, 4096, 5120, 6144].includes(memory)
      ? []
      : [`${name}: serverless memory is 1024 to 6144 in steps of 1024, not ${memory}`];
  });
}

/** A live endpoint changes by a canary that alarms can call back; a new alarm tells somebody. */
function guardrailFindings(name: string, state: State): string[] {
  const args = (state.Arguments ?? {}) as Json;
  if (String(state.Resource).endsWith(":cloudwatch:putMetricAlarm")) {
    const deaf = args.ActionsEnabled !== true || ((args.AlarmActions as unknown[] | undefined) ?? []).length === 0;
    return deaf ? [`${name}: an alarm that tells nobody`] : [];
  }
  if (!String(state.Resource).endsWith(":sagemaker:updateEndpoint")) return [];
  const config = (args.DeploymentConfig ?? {}) as {
    BlueGreenUpdatePolicy?: {
      TrafficRoutingConfiguration?: { Type?: string; CanarySize?: { Value?: number }; WaitIntervalInSeconds?: number };
    };
    AutoRollbackConfiguration?: { Alarms?: unknown[] };
  };
  const routing = config.BlueGreenUpdatePolicy?.TrafficRoutingConfiguration;
  const wrong: [boolean, string][] = [
    [routing?.Type !== "CANARY", "shifts all requests at once"],
    [!(Number(routing?.CanarySize?.Value) <= 50), "has a canary of more than half"],
    [!(Number(routing?.WaitIntervalInSeconds) >= 300), "looks at its canary for less than five minutes"],
    [(config.AutoRollbackConfiguration?.Alarms ?? []).length === 0, "goes back on no alarm"],
  ];
  return wrong.filter(([is]) => is).map(([, what]) => `${name} ${what}`);
}
