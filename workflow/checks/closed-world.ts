/** The workflows, the stages and the retry policies are one closed world: nothing is called that does not exist. */
import { placeholders, stageName, stagePlaceholders } from "../definition.ts";
import { RETRY_POLICIES } from "../retry-policies.ts";
import { statesOf } from "./permissions.ts";

/** Placeholders that are no stage: both hosts fill them. */
export const DEPLOYED = [
  "AlarmTopicArn",
  "Bucket",
  "Environment",
  "EvaluationRoleArn",
  "ProcessingInstanceType",
  "ReleaseAlarmPrefix",
  "ReleaseStateMachineArn",
  "ServingImage",
  "ServingInstanceType",
  "ServingRoleArn",
  "TrainingFallbackInstanceType",
  "TrainingImage",
  "TrainingInstanceType",
  "TrainingRoleArn",
];
/** Step Functions' own limit of an execution. */
const A_YEAR_SECONDS = 31_536_000;
const POLICY_OF: [RegExp, keyof typeof RETRY_POLICIES][] = [
  [/:lambda:invoke/, "stage"],
  [/:sagemaker:create(Training|Processing)Job\.sync$/, "job"],
  [/sagemaker:/, "control"],
  [/:aws-sdk:cloudwatch:/, "alarms"],
  [/:states:startExecution/, "execution"],
];

/** What is wrong with one definition, given the names of the stages that exist. */
export function closedWorldFindings(definition: Record<string, unknown>, stages: readonly string[]): string[] {
  const found: string[] = [];
  const text = JSON.stringify(definition);
  if (definition.QueryLanguage !== "JSONata") found.push("the definition does not speak JSONata");
  if (!(Number(definition.TimeoutSeconds) <= A_YEAR_SECONDS))
    found.push(`TimeoutSeconds ${String(definition.TimeoutSeconds)} is not within a year (${A_YEAR_SECONDS})`);
  const ofStages = stagePlaceholders(text);
  for (const name of ofStages)
    if (!stages.includes(stageName(name))) found.push(`\${${name}}: there is no stage "${stageName(name)}"`);
  for (const name of placeholders(text)) {
    if (!ofStages.includes(name) && !DEPLOYED.includes(name))
      found.push(`\${${name}} is filled by no host; known are ${DEPLOYED.join(", ")}`);
  }
  for (const { name, state } of statesOf(definition)) {
    if (state.Type !== "Task" && state.Type !== "Map") continue;
    if (state.Type === "Task") {
      if (state.TimeoutSeconds === undefined) found.push(`${name} has no TimeoutSeconds`);
      const functionName = (state.Arguments as { FunctionName?: string } | undefined)?.FunctionName;
      if (functionName !== undefined && !/^\$\{\w+\}$/.test(functionName))
        found.push(`${name} calls a function by a fixed name: ${functionName}`);
      const policy = POLICY_OF.find(([pattern]) => pattern.test(String(state.Resource)))?.[1];
      if (policy === undefined || JSON.stringify(state.Retry) !== JSON.stringify(RETRY_POLICIES[policy])) {
        found.push(`${name}: Retry is not the policy "${policy ?? "?"}" of workflow/retry-policies.ts`);
      }
    }
    const caught = (state.Catch as { ErrorEquals: string[] }[] | undefined) ?? [];
    if (JSON.stringify(caught.at(-1)?.ErrorEquals) !== '["States.ALL"]')
      found.push(`${name} does not catch States.ALL last`);
  }
  return found;
}
