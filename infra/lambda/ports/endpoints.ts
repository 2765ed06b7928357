import { SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { sagemakerEndpoints } from "../../../adapters/aws/endpoints.ts";

export const endpoints = sagemakerEndpoints(new SageMakerRuntimeClient({}));
