/** Every Lambda function: its name, its code's entry, and what it is for. */
import { definitionText, MACHINES, stageName, stagePlaceholders } from "../workflow/definition.ts";

export interface FunctionSource {
  name: string;
  /** Imports that the code's use of ports is read from; defines `make(ports)`. */
  code: string;
}

const camel = (name: string) => name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** `offer-lot` -> the source of its function, ports left open. */
function stageSource(name: string): FunctionSource {
  const code = `
import { stageHandler } from "./infra/lambda/stage-handler.ts";
import { ${camel(name)} } from "./lambdas/stages/${name}.ts";
export const make = (ports) => stageHandler(${camel(name)}, ports);`;
  return { name, code };
}

export const stageNames: string[] = [
  ...new Set(MACHINES.flatMap((machine) => stagePlaceholders(definitionText(machine)))),
]
  .map(stageName)
  .sort();

export const stageFunctions: FunctionSource[] = stageNames.map(stageSource);

const one = (name: string, file: string, factory: string): FunctionSource => ({
  name,
  code: `
import { ${factory} } from "./infra/lambda/${file}.ts";
export const make = (ports) => ${factory}(ports);`,
});

export const hostFunctions: FunctionSource[] = [
  one("start-cycle", "start-cycle", "startCycle"),
  one("keep-approval", "keep-approval", "keepApproval"),
  one("keep-records", "keep-records", "keepRecords"),
  one("sweep", "scheduled", "sweepHandler"),
  one("watch", "scheduled", "watchHandler"),
  one("monitor", "scheduled", "monitorHandler"),
];

/**
 * The portal by audience: each function has only its own routes, and only the permissions that those need. Routes know the
 * image links by type alone, so their module is named beside them.
 */
export const PORTAL_AUDIENCES = {
  people: {
    routes: ["/api/session", "/api/session/end", "/api/me", "/api/media"],
    modules: ["session", "media", "image-links"],
  },
  vendors: { routes: ["/api/annotate", "/api/vendor"], modules: ["annotate", "vendor", "image-links"] },
  experts: { routes: ["/api/review"], modules: ["review", "image-links"] },
  owners: {
    routes: ["/api/approve", "/api/campaigns", "/api/data"],
    modules: ["approve", "campaigns", "data", "image-links"],
  },
  callers: { routes: ["/predict"], modules: ["predict"] },
} as const;
export type Audience = keyof typeof PORTAL_AUDIENCES;

export const portalFunctions: FunctionSource[] = (Object.keys(PORTAL_AUDIENCES) as Audience[]).map((audience) => ({
  name: `portal-${audience}`,
  code: `
import { portalHandler } from "./infra/lambda/portal.ts";
export const make = (ports) => portalHandler(${JSON.stringify(PORTAL_AUDIENCES[audience].routes)}, ports);`,
}));

/** What an audience's permissions are read from: its routes and nothing else. */
export const portalAccessSources: Record<string, string> = Object.fromEntries(
  Object.entries(PORTAL_AUDIENCES).map(([audience, { modules }]) => [
    `portal-${audience}`,
    ["access", ...modules].map((module) => `export * from "./lambdas/api/${module}.ts";`).join("\n"),
  ]),
);

export const allFunctions: FunctionSource[] = [...stageFunctions, ...hostFunctions, ...portalFunctions];
