/** An offline IAM evaluator for identity policies: enough of the language for what our templates say; what it does not know it refuses. */
import { type Json, resolve, type Stacks } from "./resolve.ts";

export interface Question {
  action: string;
  resource: string;
  /** Condition keys of the request, such as iam:PassedToService. */
  context?: Record<string, string>;
}
interface Statement {
  Effect: "Allow" | "Deny";
  Action?: string | string[];
  Resource?: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

/** Statements of a role's own policies, resolved. */
export function statementsOfRole(stacks: Stacks, stack: string, roleId: string): Statement[] {
  const template = stacks[stack];
  const role = template.Resources[roleId];
  const inline = ((role?.Properties?.Policies ?? []) as Json[]).flatMap((policy) => policy.PolicyDocument.Statement);
  const attached = (Object.values(template.Resources) as Json[])
    .filter(
      (resource) =>
        resource.Type === "AWS::IAM::Policy" &&
        (resource.Properties.Roles ?? []).some((one: Json) => one.Ref === roleId),
    )
    .flatMap((policy) => policy.Properties.PolicyDocument.Statement);
  return resolve(stacks, stack, [...inline, ...attached]) as Statement[];
}

/** True when some statement allows it and none denies it. */
export function isAllowed(statements: readonly Statement[], question: Question): boolean {
  const applies = (statement: Statement) =>
    list(statement.Action).some((action) => like(action, question.action, true)) &&
    list(statement.Resource).some((resource) => like(resource, question.resource, false)) &&
    holds(statement.Condition ?? {}, question.context ?? {});
  if (statements.some((statement) => statement.Effect === "Deny" && applies(statement))) return false;
  return statements.some((statement) => statement.Effect === "Allow" && applies(statement));
}

function holds(conditions: NonNullable<Statement["Condition"]>, context: Record<string, string>): boolean {
  return Object.entries(conditions).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => {
      const given = context[key];
      if (given === undefined) return false;
      const values = list(wanted);
      if (operator === "StringEquals" || operator === "ArnEquals") return values.includes(given);
      if (operator === "StringLike" || operator === "ArnLike")
        return values.some((pattern) => like(pattern, given, false));
      if (operator === "Bool") return values.includes(given);
      throw new Error(`the condition operator ${operator} is not known to the evaluator`);
    }),
  );
}

const list = (value: string | string[] | undefined): string[] => (value === undefined ? [] : [value].flat());

/** IAM's own wildcards: * for any run of characters, ? for one. Actions ignore case. */
function like(pattern: string, text: string, ignoreCase: boolean): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, ignoreCase ? "is" : "s").test(text);
}
