import { S3Client } from "@aws-sdk/client-s3";
import { s3Objects } from "../../adapters/aws/objects.ts";
import { ConflictError, type Objects, type Ports } from "../../lambdas/ports.ts";
import { CLIENT } from "./client-settings.ts";
import { logLine } from "./log-line.ts";
import { setting } from "./settings.ts";
import { world } from "./world.ts";

interface ObjectCreated {
  detail: { object: { key: string } };
}

/** Copies a signed approval to the bucket whose objects can't be changed, once. */
export function keepApproval(
  given: Partial<Ports>,
  audit: Objects = s3Objects(new S3Client(CLIENT), setting("AUDIT_BUCKET")),
): (event: ObjectCreated) => Promise<void> {
  const ports = world(given);
  return async ({ detail }) => {
    const { key } = detail.object;
    const found = await ports.objects.get(key);
    if (found === undefined) throw new Error(`${key} was announced but is not there`);
    try {
      await audit.put(key, found.bytes, "absent", "application/json");
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
    logLine({ function: "keep-approval", key });
  };
}
