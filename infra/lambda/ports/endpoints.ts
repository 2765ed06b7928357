import { SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { sagemakerEndpoints } from "../../../adapters/aws/endpoints.ts";
import { CLIENT } from "../client-settings.ts";

export const endpoints = sagemakerEndpoints(new SageMakerRuntimeClient(CLIENT));
