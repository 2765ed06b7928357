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
 * The portal by audience: each function has only its own routes, and only the permissions that those need. `parts`: module of
 * lambdas/api/ -> what makes its routes, and where they stand.
 */
export const PORTAL_AUDIENCES = {
  people: {
    routes: ["/api/session", "/api/session/end", "/api/me", "/api/media"],
    parts: { session: ["sessionRoutes", "/api"], media: ["mediaRoutes", "/api/media"] },
  },
  vendors: {
    routes: ["/api/annotate", "/api/vendor"],
    parts: { annotate: ["annotateRoutes", "/api/annotate"], vendor: ["vendorRoutes", "/api/vendor"] },
  },
  experts: { routes: ["/api/review"], parts: { review: ["reviewRoutes", "/api/review"] } },
  owners: {
    routes: ["/api/approve", "/api/campaigns", "/api/data"],
    parts: {
      approve: ["approveRoutes", "/api/approve"],
      campaigns: ["campaignRoutes", "/api/campaigns"],
      data: ["dataRoutes", "/api/data"],
    },
  },
  callers: { routes: ["/predict"], parts: { predict: ["predictRoutes", "/predict"] } },
} as const;
export type Audience = keyof typeof PORTAL_AUDIENCES;
const partsOf = (audience: Audience): [string, readonly [string, string]][] =>
  Object.entries(PORTAL_AUDIENCES[audience].parts);

export const portalFunctions: FunctionSource[] = (Object.keys(PORTAL_AUDIENCES) as Audience[]).map((audience) => ({
  name: `portal-${audience}`,
  code: `
import { portalHandler } from "./infra/lambda/portal.ts";
${partsOf(audience)
  .map(([module, [factory]]) => `import { ${factory} } from "./lambdas/api/${module}.ts";`)
  .join("\n")}
const parts = [${partsOf(audience)
    .map(([, [factory, at]]) => `{ at: ${JSON.stringify(at)}, routes: ${factory} }`)
    .join(", ")}];
export const make = (ports) => portalHandler(${JSON.stringify(PORTAL_AUDIENCES[audience].routes)}, ports, parts);`,
}));

/**
 * What an audience's permissions are read from: its routes and nothing else. Routes know the image links by type alone, so
 * their module stands beside them, but where no image is shown.
 */
export const portalAccessSources: Record<string, string> = Object.fromEntries(
  (Object.keys(PORTAL_AUDIENCES) as Audience[]).map((audience) => [
    `portal-${audience}`,
    ["access", ...partsOf(audience).map(([module]) => module), ...(audience === "callers" ? [] : ["image-links"])]
      .map((module) => `export * from "./lambdas/api/${module}.ts";`)
      .join("\n"),
  ]),
);

export const allFunctions: FunctionSource[] = [...stageFunctions, ...hostFunctions, ...portalFunctions];
