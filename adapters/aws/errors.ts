import { ThrottledError } from "../../lambdas/ports.ts";

const BUSY = new Set([
  "SlowDown",
  "ServiceUnavailable",
  "InternalError",
  "RequestTimeout",
  "ConditionalRequestConflict",
  "OperationAborted",
  "ThrottlingException",
  "Throttling",
  "TooManyRequestsException",
  "RequestLimitExceeded",
  "ProvisionedThroughputExceededException",
  "TransactionConflictException",
  "TransactionInProgressException",
  "InternalServerError",
  "InternalServerException",
  "LimitExceededException",
  "KMSInternalException",
  "DependencyTimeoutException",
  "TimeoutError",
]);

export const nameOf = (error: unknown): string => (error as { name?: string }).name ?? "";
export const statusOf = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;

/** What AWS says when it is busy, as the one name that workflows retry on; every other error as it is. */
export function asPortError(error: unknown, what: string): unknown {
  const status = statusOf(error);
  if (BUSY.has(nameOf(error)) || status === 503 || status === 429 || status === 500) {
    return Object.assign(new ThrottledError(`${what}: AWS is busy (${nameOf(error)}); try again`), { cause: error });
  }
  return error;
}
