import { S3Client } from "@aws-sdk/client-s3";
import { s3Objects } from "../adapters/aws/objects.ts";
import type { Ports } from "../lambdas/ports.ts";
import { BadInputError } from "../lambdas/stage.ts";

/** Larger files travel in parts of this size, and go on where they were cut off. */
const PART_BYTES = 16 * 1024 * 1024;

/** `s3://bucket/campaign`, or with the folder that campaigns lie in: `s3://bucket/campaigns/campaign`. Throws BadInputError. */
export function s3Address(address: string): { bucket: string; campaign: string } {
  const [, bucket, campaign] = /^s3:\/\/([a-z0-9.-]{3,63})\/(?:campaigns\/)?([a-z0-9-]+)\/?$/.exec(address) ?? [];
  if (bucket === undefined || campaign === undefined)
    throw new BadInputError(
      `"${address}" names no campaign in a bucket; expected s3://<bucket of the deployment>/<campaign>`,
    );
  return { bucket, campaign };
}

/** A deployment's bucket by the credentials and region of the environment (`AWS_PROFILE`, `AWS_REGION` ...). */
export function s3Store(bucket: string, client = new S3Client({})): Pick<Ports, "objects" | "clock"> {
  return { objects: s3Objects(client, bucket, { partBytes: PART_BYTES }), clock: { now: () => Date.now() } };
}
