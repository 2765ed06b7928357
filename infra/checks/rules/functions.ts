/** Functions, their logs, and what starts them. */
import { MACHINES } from "../../../workflow/definition.ts";
import type { PortName } from "../../access.ts";
import type { Json, Stacks } from "../resolve.ts";
import { all, type Rule, shortName, text, when } from "./rule.ts";

/** Functions of ours, not those that the CDK adds. */
export const ownFunctions = (stacks: Stacks) =>
  all(stacks, "AWS::Lambda::Function").filter(({ properties }) => typeof properties.FunctionName === "string");

const SETTINGS: Record<PortName, string[]> = {
  objects: ["BUCKET"],
  records: ["TABLE"],
  tokens: [],
  sealer: ["SEAL_KEY", "SIGN_KEY"],
  notifier: ["TOPIC_DATA_TEAM", "TOPIC_VENDOR", "TOPIC_OWNER"],
  workflows: MACHINES.map((machine) => `MACHINE_${machine.toUpperCase()}`),
  endpoints: [],
};

export const functions: Rule = (stacks, access) =>
  ownFunctions(stacks).flatMap(({ id, properties: p }) => {
    const name = shortName(p.FunctionName);
    const image = p.PackageType === "Image";
    const needed = (Object.keys(access[name]?.calls ?? {}) as PortName[]).flatMap((port) => SETTINGS[port]);
    return [
      ...when(!image && p.Runtime !== "nodejs24.x", `${id}: runs on ${p.Runtime}`),
      ...when(text(p.Architectures) !== '["arm64"]', `${id}: is not on arm64`),
      ...when(!image && p.Handler !== "index.handler", `${id}: ${p.Handler} is not in its bundle`),
      ...when(image && !text(p.Code.ImageUri).includes('"@",{"Ref":"'), `${id}: its image is not named by digest`),
      ...when(image && Number(p.MemorySize) < 1769, `${id}: ${p.MemorySize} MB are too few to decode in`),
      ...when(p.TracingConfig?.Mode !== "Active", `${id}: leaves no trace`),
      ...needed
        .filter((setting) => p.Environment?.Variables?.[setting] === undefined)
        .map((setting) => `${id}: ${setting} is not set`),
      ...when(p.LoggingConfig?.LogGroup === undefined, `${id}: logs into a group that is kept for ever`),
    ];
  });

export const logs: Rule = (stacks) =>
  all(stacks, "AWS::Logs::LogGroup").flatMap(({ id, properties: p }) =>
    when(p.RetentionInDays === undefined, `${id}: is kept for ever`),
  );

const RATES = [
  ["Sweep", "rate(1 hour)"],
  ["Watch", "rate(5 minutes)"],
  ["Monitor", "rate(1 day)"],
] as const;

export const reactions: Rule = (stacks) =>
  all(stacks, "AWS::Events::Rule").flatMap(({ id, properties: p }) => {
    const key = p.EventPattern?.detail?.object?.key?.[0]?.wildcard;
    const wantedKey = id.startsWith("Intake") ? "campaigns/*/intakes/*/_SUCCESS" : "campaigns/*/approvals/*";
    const wantedRate = RATES.find(([name]) => id.startsWith(name))?.[1];
    return [
      ...when(p.State !== undefined && p.State !== "ENABLED", `${id}: is off`),
      ...p.Targets.flatMap((target: Json) =>
        when(target.DeadLetterConfig === undefined, `${id}: an event that fails is lost`),
      ),
      ...when(
        p.EventPattern !== undefined && p.EventPattern.detail?.bucket?.name === undefined,
        `${id}: hears every bucket of the account`,
      ),
      ...when(p.EventPattern !== undefined && key !== wantedKey, `${id}: answers ${String(key)}, not ${wantedKey}`),
      ...when(
        p.EventPattern === undefined && p.ScheduleExpression !== wantedRate,
        `${id}: runs at ${p.ScheduleExpression}, not at ${wantedRate}`,
      ),
    ];
  });
