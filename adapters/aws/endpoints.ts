import { InvokeEndpointCommand, type SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import type { Endpoints } from "../../lambdas/ports.ts";
import { asPortError, nameOf } from "./errors.ts";

const UNREACHABLE = new Set([
  "ValidationError",
  "ValidationException",
  "ServiceUnavailable",
  "ModelNotReadyException",
  "InternalDependencyException",
]);

/** Live SageMaker endpoints. What the container itself refuses comes back as its status, not as an exception. */
export function sagemakerEndpoints(client: SageMakerRuntimeClient): Endpoints {
  return {
    async invoke(endpoint, body, contentType) {
      try {
        const request = new InvokeEndpointCommand({
          EndpointName: endpoint,
          Body: body,
          ContentType: contentType,
          Accept: "application/json",
        });
        const answer = await client.send(request);
        return { status: answer.$metadata.httpStatusCode ?? 200, body: answer.Body ?? new Uint8Array() };
      } catch (error) {
        if (nameOf(error) === "ModelError") {
          const { OriginalStatusCode, OriginalMessage } = error as {
            OriginalStatusCode?: number;
            OriginalMessage?: string;
          };
          return { status: OriginalStatusCode ?? 500, body: Buffer.from(OriginalMessage ?? "") };
        }
        if (UNREACHABLE.has(nameOf(error))) {
          throw Object.assign(new Error(`endpoint "${endpoint}" can't be reached: ${(error as Error).message}`), {
            name: "EndpointUnavailable",
          });
        }
        throw asPortError(error, endpoint);
      }
    },
  };
}
