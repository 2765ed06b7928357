import { fromEnv } from "@aws-sdk/credential-provider-env";

/** Stands for the SDK's chain of providers in the bundles: Lambda gives credentials in the environment, and nothing else is tried. */
export const defaultProvider = () => fromEnv();
