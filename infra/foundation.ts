/** What every function and workflow stands on, by reference. */

import type { Table } from "aws-cdk-lib/aws-dynamodb";
import type { Key } from "aws-cdk-lib/aws-kms";
import type { Bucket } from "aws-cdk-lib/aws-s3";
import type { Topic } from "aws-cdk-lib/aws-sns";
import type { MachineName } from "../workflow/definition.ts";
import type { EnvironmentConfig } from "./config.ts";

export interface Foundation {
  config: EnvironmentConfig;
  bucket: Bucket;
  table: Table;
  /** Seals task tokens and encrypts notices. */
  sealKey: Key;
  /** HMAC key: approvals and signed links. */
  signKey: Key;
  topics: Record<"data-team" | "vendor" | "owner", Topic>;
  /** State machines by name: their ARNs are known before they exist, so that functions may name them. */
  machines: Record<MachineName, { name: string; arn: string }>;
}

/** `countersign-dev-lot` */
export function resourceName(config: Pick<EnvironmentConfig, "name">, name: string): string {
  return `countersign-${config.name}-${name}`;
}
