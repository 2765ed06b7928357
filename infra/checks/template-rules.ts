/** What the synthesized templates must do. */
import type { Access } from "../access.ts";
import type { Stacks } from "./resolve.ts";
import { functions, logs, reactions } from "./rules/functions.ts";
import { alarms, heard, nothingIdles, sizes } from "./rules/operations.ts";
import { identityPolicies, resourcePolicies } from "./rules/permissions.ts";
import { portal } from "./rules/portal.ts";
import type { Rule } from "./rules/rule.ts";
import { buckets, images, keysAndTopics, records, statefulIds } from "./rules/storage.ts";
import { aliases, workflows } from "./rules/workflows.ts";

const RULES: Rule[] = [
  buckets,
  records,
  keysAndTopics,
  heard,
  resourcePolicies,
  identityPolicies,
  functions,
  logs,
  workflows,
  aliases,
  reactions,
  images,
  portal,
  alarms,
  nothingIdles,
  statefulIds,
  sizes,
];

/** Everything that is wrong with one environment's templates. `access`: what each function's code was seen to call. */
export function templateFindings(stacks: Stacks, access: Readonly<Record<string, Access>>): string[] {
  return RULES.flatMap((rule) => rule(stacks, access));
}
