import { describe, expect, test } from "vitest";
import { sdkFindings } from "../../infra/checks/sdk-schemas.ts";
import { serviceModels } from "../../infra/checks/service-models.ts";
import { answerErrors, apiRequest, requestErrors, serviceOf } from "../../infra/checks/wire.ts";
import { requestsOf } from "../../workflow/checks/requests.ts";
import { definitionText, MACHINES } from "../../workflow/definition.ts";

const models = serviceModels();
const signed = (service: string) => ({
  authorization: `AWS4-HMAC-SHA256 Credential=a/20260101/eu-central-1/${service}/aws4_request, Signature=b`,
});
const s3 = (method: string, url: string, headers: Record<string, string> = {}, body = "") =>
  apiRequest({ service: "s3", method, url, headers: { ...signed("s3"), ...headers }, body: Buffer.from(body) }, models);

describe("what travelled is read back into the API's members", () => {
  test("the service is the signature's", () => {
    expect([serviceOf(signed("dynamodb")), serviceOf({})]).toEqual(["dynamodb", ""]);
  });

  test("a conditional write, a ranged read and a listing", () => {
    expect(
      s3("PUT", "/bucket/a/b%20c?x-id=PutObject", { "if-none-match": "*", "content-type": "text/plain" }, "x"),
    ).toEqual({
      service: "s3",
      operation: "PutObject",
      input: { Bucket: "bucket", Key: "a/b c", IfNoneMatch: "*", ContentType: "text/plain", Body: Buffer.from("x") },
    });
    expect(s3("GET", "/bucket/a", { range: "bytes=0-1" }).input).toEqual({
      Bucket: "bucket",
      Key: "a",
      Range: "bytes=0-1",
    });
    expect(s3("GET", "/bucket?list-type=2&prefix=a%2F&max-keys=5")).toEqual({
      service: "s3",
      operation: "ListObjectsV2",
      input: { Bucket: "bucket", Prefix: "a/", MaxKeys: 5 },
    });
  });

  test("a header that no member travels in is refused", () => {
    expect(() => s3("PUT", "/bucket/a", { "x-amz-storage-clas": "STANDARD" })).toThrow("x-amz-storage-clas");
    expect(() => s3("POST", "/bucket/a")).toThrow("no S3 operation");
  });
});

test.each([
  ["s3", "PutObject", { Bucket: "bucket", Key: "a", StorageClass: "HOT" }, '"HOT" is none of'],
  ["s3", "GetObject", { Bucket: "bucket" }, '"Key" is required'],
  ["s3", "ListObjectsV2", { Bucket: "bucket", MaxKeys: "5" }, "expected a whole number"],
  ["dynamodb", "GetItem", { TableName: "t", Key: { pk: { S: 1 } } }, "expected a text"],
  ["dynamodb", "GetItem", { TableName: "t", Key: {}, Consistent: true }, '"Consistent" is not known'],
  ["dynamodb", "TransactWriteItems", { TransactItems: [] }, "0 members is less than 1"],
  ["kms", "Encrypt", { KeyId: "k", Plaintext: Buffer.alloc(5000).toString("base64") }, "5000 bytes is more than 4096"],
  ["states", "StartExecution", { stateMachineArn: "arn", name: "x".repeat(81) }, "81 characters is more than 80"],
  ["states", "SendTaskSuccess", { taskToken: "t" }, '"output" is required'],
  ["states", "Start", {}, "AWS has no states:Start"],
] as const)("%s:%s is found wrong", (service, operation, input, expected) => {
  expect(requestErrors({ service, operation, input }, models).join("; ")).toContain(expected);
});

test("an answer that the service never gives is found wrong", () => {
  const call = { service: "states", operation: "SendTaskSuccess" };
  expect(answerErrors(call, { error: "ExecutionDoesNotExist" }, models)[0]).toContain(
    "never fails as ExecutionDoesNotExist",
  );
  expect(answerErrors(call, { error: "TaskTimedOut" }, models)).toEqual([]);
  const described = { service: "states", operation: "DescribeExecution" };
  expect(answerErrors(described, { output: { status: "DONE" } }, models).join()).toContain('"DONE" is none of');
});

test("the SDK's own schemas see names, types and what is required", () => {
  expect(sdkFindings("dynamodb", "GetItem", { Key: { pk: { S: 5 } }, Tabel: "t" }).join("; ")).toMatch(
    /"TableName" is required.*expected a string, got 5.*"Tabel" is not known/,
  );
  expect(sdkFindings("sagemaker", "CreateTrainingJob", { HyperParameters: { seed: 1 } }).join()).toContain(
    "expected a string, got 1",
  );
  expect(sdkFindings("sns", "Shout", {})).toEqual(["the SDK has no sns:Shout"]);
});

test.each(MACHINES)("the SDK's own schemas take every request of %s", (machine) => {
  const requests = requestsOf(JSON.parse(definitionText(machine)));
  expect(requests.flatMap(({ service, operation, input }) => sdkFindings(service, operation, input))).toEqual([]);
});
