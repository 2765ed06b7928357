import type { Access } from "../../access.ts";
import type { Json, Stacks } from "../resolve.ts";

/** Says what is wrong in one environment's templates, where, in words. `access`: what each function's code was seen to call. */
export type Rule = (stacks: Stacks, access: Readonly<Record<string, Access>>) => string[];

/** Every resource of a type, in all stacks. */
export function all(stacks: Stacks, type: string): { stack: string; id: string; properties: Json; resource: Json }[] {
  return Object.entries(stacks).flatMap(([stack, template]) =>
    Object.entries(template.Resources as Record<string, Json>)
      .filter(([, resource]) => resource.Type === type)
      .map(([id, resource]) => ({ stack, id, properties: resource.Properties ?? {}, resource })),
  );
}

export const text = (value: Json) => JSON.stringify(value) ?? "";
export const when = (wrong: boolean, what: string) => (wrong ? [what] : []);

/** "countersign-dev-sweep" -> "sweep". */
export const shortName = (functionName: string) => functionName.replace(/^countersign-[a-z]+-/, "");
