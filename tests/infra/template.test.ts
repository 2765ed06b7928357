import { beforeAll, describe, expect, test } from "vitest";
import type { Access } from "../../infra/access.ts";
import { askMatrix } from "../../infra/checks/iam-matrix.ts";
import type { Json, Stacks } from "../../infra/checks/resolve.ts";
import { templateFindings } from "../../infra/checks/template-rules.ts";
import { definitionText, MACHINES } from "../../workflow/definition.ts";
import { functionAccess, synthesized } from "../mutants/synthesized.ts";

const environments = ["dev", "production"] as const;
const stacksOf = new Map<string, Stacks>();
let access: Record<string, Access>;
beforeAll(async () => {
  for (const environment of environments) stacksOf.set(environment, await synthesized(environment));
  access = await functionAccess();
}, 240_000);

describe.each(environments)("%s", (environment) => {
  const stacks = () => stacksOf.get(environment) as Stacks;
  const ofType = (type: string) =>
    Object.values(stacks()).flatMap((template) =>
      (Object.values(template.Resources) as Json[]).filter((one) => one.Type === type),
    );

  test("the templates keep every rule", () => {
    expect(templateFindings(stacks(), access)).toEqual([]);
  });

  test("everybody may do what the code and the definitions do, and nothing else", () => {
    const { allow, deny } = askMatrix(stacks(), access);
    expect(allow.wrong).toEqual([]);
    expect(deny.wrong).toEqual([]);
    expect(allow.rows).toBeGreaterThan(200);
    expect(deny.rows).toBeGreaterThan(1000);
  });

  test("a state machine's definition is the file's text", () => {
    const texts = ofType("AWS::StepFunctions::StateMachine").map((one) => one.Properties.DefinitionString);
    expect(texts.sort()).toEqual(MACHINES.map(definitionText).sort());
  });

  test("data outlive the stacks in production, and nowhere else", () => {
    const kept = ["AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key"].flatMap((type) =>
      Object.values(stacks().Data.Resources as Json).filter((one) => (one as Json).Type === type),
    );
    for (const one of kept as Json[])
      expect(one.DeletionPolicy).toBe(environment === "production" ? "Retain" : "Delete");
  });

  test("a cold account pays for two keys and the alarms, at most five dollars a month", () => {
    const keys = ofType("AWS::KMS::Key").length * 1;
    const alarms = ofType("AWS::CloudWatch::Alarm").length * 0.1;
    expect(keys + alarms).toBeLessThanOrEqual(5);
  });
});

test("without machine clients /predict is asked by IAM, and there is no client that costs", async () => {
  const stacks = await synthesized("dev", false);
  expect(templateFindings(stacks, access)).toEqual([]);
  const portal = Object.values(stacks.Portal.Resources) as Json[];
  const routes = portal.filter(({ Type }) => Type === "AWS::ApiGatewayV2::Route").map(({ Properties }) => Properties);
  const predict = routes.filter(({ RouteKey }) => RouteKey.includes("/predict"));
  expect(predict.map(({ RouteKey, AuthorizationType }) => [RouteKey, AuthorizationType])).toEqual([
    ["POST /predict/{endpoint}", "AWS_IAM"],
  ]);
  expect(portal.filter(({ Type }) => Type === "AWS::Cognito::UserPoolClient")).toHaveLength(1);
}, 60_000);

test("only the freeze and the judgement of all functions may read the sealed truth", () => {
  expect(Object.keys(access).filter((name) => access[name]?.sealedTruth)).toEqual([
    "freeze-dataset",
    "judge-candidate",
  ]);
});
