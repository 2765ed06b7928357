import { S3Client } from "@aws-sdk/client-s3";
import { s3Objects } from "../../adapters/aws/objects.ts";
import type { Objects, Ports } from "../../lambdas/ports.ts";
import { type Change, keepChanges } from "../../lambdas/store/journal.ts";
import { CLIENT } from "./client-settings.ts";
import { logLine } from "./log-line.ts";
import { setting } from "./settings.ts";

interface Attribute {
  S?: string;
  N?: string;
}
/** A DynamoDB stream's batch: changes of one shard, in order; it comes again until it is kept. */
export interface RecordsChanged {
  Records: {
    eventName?: string;
    dynamodb?: {
      SequenceNumber?: string;
      ApproximateCreationDateTime?: number;
      Keys?: Record<string, Attribute>;
      NewImage?: Record<string, Attribute>;
    };
  }[];
}

/** Copies what happens in the table to objects that are only ever added. */
export function keepRecords(
  _given: Partial<Ports>,
  objects: Objects = s3Objects(new S3Client(CLIENT), setting("JOURNAL_BUCKET")),
): (event: RecordsChanged) => Promise<void> {
  return async ({ Records }) => {
    const changes = Records.map(({ dynamodb }): Change => {
      const { Keys, NewImage, SequenceNumber } = dynamodb ?? {};
      return {
        sequence: SequenceNumber ?? "",
        pk: Keys?.pk?.S ?? "",
        sk: Keys?.sk?.S ?? "",
        version: NewImage === undefined ? null : Number(NewImage.version?.N),
        body: NewImage === undefined ? null : JSON.parse(NewImage.body?.S ?? "null"),
      };
    });
    // The first change's own day: the same batch has the same key on whatever day it is tried again.
    const at = (Records[0]?.dynamodb?.ApproximateCreationDateTime ?? 0) * 1000;
    const key = await keepChanges({ objects }, new Date(at).toISOString().slice(0, 10), changes);
    logLine({ function: "keep-records", key, changes: changes.length });
  };
}
