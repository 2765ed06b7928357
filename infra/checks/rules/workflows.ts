/** State machines: the file's text, filled in with what is this environment's own. */
import {
  definitionText,
  type MachineName,
  placeholders,
  stageName,
  stagePlaceholders,
} from "../../../workflow/definition.ts";
import { type Json, resolve } from "../resolve.ts";
import { ownFunctions } from "./functions.ts";
import { all, type Rule, shortName, when } from "./rule.ts";

export const workflows: Rule = (stacks) =>
  all(stacks, "AWS::StepFunctions::StateMachine").flatMap(({ stack, id, properties: p }) => {
    const machine = shortName(p.StateMachineName) as MachineName;
    const file = definitionText(machine);
    const values = resolve(stacks, stack, p.DefinitionSubstitutions ?? {}) as Record<string, string>;
    const stages = stagePlaceholders(file);
    const environment = /^countersign-([a-z]+)-/.exec(p.StateMachineName)?.[1];
    const role = (name: string) => String(values[name] ?? "");
    const timeouts = Object.fromEntries(
      ownFunctions(stacks).map(({ properties }) => [shortName(properties.FunctionName), Number(properties.Timeout)]),
    );
    const invoked = stageTimeouts(JSON.parse(file));
    return [
      ...when(p.DefinitionString !== file, `${id}: the definition is not the file's text`),
      ...placeholders(file)
        .filter((name) => !values[name])
        .map((name) => `${id}: \${${name}} is left empty`),
      ...stages
        .filter(
          (name) => values[name] && !values[name]?.endsWith(`:function:countersign-${environment}-${stageName(name)}`),
        )
        .map((name) => `${id}: \${${name}} is ${values[name]}`),
      ...["Training", "Evaluation", "Serving"]
        .filter((kind) => values[`${kind}RoleArn`] && !role(`${kind}RoleArn`).includes(`/Jobs${kind}`))
        .map((kind) => `${id}: \${${kind}RoleArn} is another job's role`),
      ...["Training", "Serving"]
        .filter((kind) => values[`${kind}Image`] && !/@sha256:[0-9a-f]{64}$/.test(role(`${kind}Image`)))
        .map((kind) => `${id}: \${${kind}Image} is not named by digest`),
      ...when(p.LoggingConfiguration?.IncludeExecutionData !== false, `${id}: what people said is logged`),
      ...when(p.TracingConfiguration?.Enabled !== true, `${id}: leaves no trace`),
      ...Object.entries(invoked)
        .filter(([name, seconds]) => (timeouts[name] ?? 0) < Math.min(seconds, 900))
        .map(
          ([name, seconds]) => `${name}: its function gives up after ${timeouts[name]} s, its state waits ${seconds}`,
        ),
    ];
  });

/** Seconds that each stage's state waits for it, where the file says a number. */
function stageTimeouts(definition: Json): Record<string, number> {
  const found: Record<string, number> = {};
  const visit = (states: Json): void => {
    for (const state of Object.values(states) as Json[]) {
      const name = /^\$\{(\w+)\}$/.exec(state.Arguments?.FunctionName ?? "")?.[1];
      if (name)
        found[stageName(name)] = Math.max(
          found[stageName(name)] ?? 0,
          typeof state.TimeoutSeconds === "number" ? state.TimeoutSeconds : 60,
        );
      if (state.ItemProcessor) visit(state.ItemProcessor.States);
    }
  };
  visit(definition.States);
  return found;
}

export const aliases: Rule = (stacks) =>
  all(stacks, "AWS::StepFunctions::StateMachineAlias").flatMap(({ stack, id, properties: p }) => {
    const version = p.DeploymentPreference?.StateMachineVersionArn?.["Fn::GetAtt"]?.[0];
    return when(
      stacks[stack].Resources[version]?.Type !== "AWS::StepFunctions::StateMachineVersion" || p.Name !== "live",
      `${id}: follows no version of its state machine`,
    );
  });
