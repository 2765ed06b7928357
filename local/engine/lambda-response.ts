/**
 * What `arn:aws:states:::lambda:invoke` returns around a function's answer. Request ids, dates and trace ids are
 * AWS's own and stand here as fixed words, so that a history is the same on every run.
 */
export function lambdaResponse(payload: unknown): Record<string, unknown> {
  const length = String(Buffer.byteLength(JSON.stringify(payload) ?? "null"));
  const headers = {
    Connection: "keep-alive",
    "Content-Length": length,
    "Content-Type": "application/json",
    Date: "local",
    "X-Amz-Executed-Version": "$LATEST",
    "x-amzn-Remapped-Content-Length": "0",
    "x-amzn-RequestId": "local",
    "X-Amzn-Trace-Id": "local",
  };
  return {
    ExecutedVersion: "$LATEST",
    Payload: payload,
    SdkHttpMetadata: {
      AllHttpHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
      HttpHeaders: headers,
      HttpStatusCode: 200,
    },
    SdkResponseMetadata: { RequestId: "local" },
    StatusCode: 200,
  };
}
