import { S3Client } from "@aws-sdk/client-s3";
import { s3Objects } from "../../../adapters/aws/objects.ts";
import { CLIENT } from "../client-settings.ts";
import { setting } from "../settings.ts";

export const objects = s3Objects(new S3Client(CLIENT), setting("BUCKET"));
