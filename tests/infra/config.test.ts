import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ConfigError, ENVIRONMENTS, readConfig } from "../../infra/config.ts";

const yaml = readFileSync(new URL("../../infra/environments.yaml", import.meta.url), "utf8");

test.each(ENVIRONMENTS)("%s is configured", (name) => {
  expect(readConfig(name)).toMatchObject({ name, region: expect.any(String) });
});

test.each([
  ["a misspelt key names its nearest", "onDestroy", "onDestory", 'did you mean "onDestroy"'],
  [
    "a missing region says what a region is",
    "  region: eu-central-1\n",
    "",
    "a region is needed, such as eu-central-1",
  ],
  [
    "a made-up instance type is named",
    "ml.g5.xlarge",
    "ml.g5.tiny",
    '"ml.g5.tiny" is no SageMaker instance type for training',
  ],
  ["an EC2 type is named", "ml.m5.xlarge", "m5.xlarge", '"m5.xlarge" is no SageMaker instance type for processing'],
  [
    "a fallback that is no other type is refused",
    "fallbackInstanceType: ml.g4dn.xlarge",
    "fallbackInstanceType: ml.g5.xlarge",
    "training.fallbackInstanceType: must differ from instanceType",
  ],
  [
    "a misspelt inner key names its nearest",
    "fallbackInstanceType",
    "fallbackInstancType",
    'did you mean "fallbackInstanceType"',
  ],
  ["a base image without a tag is refused", "python:3.12-slim", "python", "expected registry/name:tag"],
  [
    "a serving type that SageMaker has not is named",
    "ml.c6i.large",
    "ml.c6i.huge",
    '"ml.c6i.huge" is no SageMaker instance type for serving',
  ],
])("%s", (_, before, after, said) => {
  expect(() => readConfig("dev", yaml.replace(before, after))).toThrow(said);
});

test("an unknown environment is answered with those that are known", () => {
  expect(() => readConfig("prod")).toThrow('there is no environment "prod"; choose one of dev, staging, production');
});

test("production that would delete its data is refused", () => {
  expect(() => readConfig("production", yaml.replace("onDestroy: keep", "onDestroy: delete"))).toThrow(ConfigError);
});
