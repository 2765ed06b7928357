/** A seeded fault: one small wrong change, with what ought to catch it. Written before the checks were tuned to them. */
// biome-ignore lint/suspicious/noExplicitAny: a fault reaches anywhere into any template.
export type Json = any;

export interface DefinitionFault {
  kind: "definition";
  name: string;
  machine: "campaign" | "lot" | "release";
  /** What ought to see it: types, asl, lint, request, iam, closed-world, run. */
  expect: string;
  /** Changes the parsed file in place; `states` are its top-level states. */
  edit(states: Json, definition: Json): void;
}
export interface TemplateFault {
  kind: "template" | "iam";
  name: string;
  expect: string;
  /** Changes the synthesized templates in place, by stack (Data, Images, Pipeline, Portal, Observability). */
  edit(stacks: Record<string, Json>): void;
}
export interface ConfigFault {
  kind: "config";
  name: string;
  expect: string;
  edit(yaml: string): string;
}
export interface HandlerFault {
  kind: "handler";
  name: string;
  expect: string;
  file: string;
  find: string;
  replace: string;
}
export type Fault = DefinitionFault | TemplateFault | ConfigFault | HandlerFault;

/** Resources of a type whose logical id matches. Throws when there is none: a fault that changes nothing proves nothing. */
export function resources(template: Json, type: string, id: RegExp = /./): Json[] {
  const found = Object.entries(template.Resources as Record<string, Json>)
    .filter(([name, resource]) => resource.Type === type && id.test(name))
    .map(([, resource]) => resource);
  if (found.length === 0) throw new Error(`no ${type} matches ${id}`);
  return found;
}
/** Properties of the first such resource. */
export function properties(template: Json, type: string, id?: RegExp): Json {
  return resources(template, type, id)[0].Properties;
}
/** Statements of the policy of a role. */
export function statements(template: Json, id: RegExp): Json[] {
  return properties(template, "AWS::IAM::Policy", id).PolicyDocument.Statement;
}
/** The statement that allows an action. */
export function statement(template: Json, id: RegExp, action: string): Json {
  const found = statements(template, id).find((one) => [one.Action].flat().includes(action));
  if (found === undefined) throw new Error(`${id} does not allow ${action}`);
  return found;
}
