import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { ConflictError, type Objects, type WriteCondition } from "../../lambdas/ports.ts";
import { ObjectKey } from "../../schemas/names.ts";
import { asPortError, nameOf, statusOf } from "./errors.ts";
import { putInParts } from "./multipart.ts";

/**
 * Objects in one S3 bucket; conditions are If-None-Match and If-Match. The SDK repeats a write whose answer was lost, and
 * the repetition of a conditional one meets its own success as ConflictError: writers compare what is there (writeOnce).
 * With `partBytes` (5 MiB at least), larger objects that must be absent are written in parts and go on when cut off; that
 * needs the right to list uploads.
 */
export function s3Objects(client: S3Client, bucket: string, options: { partBytes?: number } = {}): Objects {
  const at = (key: string) => ({ Bucket: bucket, Key: ObjectKey.parse(key) });

  async function orAbsent<T>(key: string, work: Promise<T>): Promise<T | undefined> {
    try {
      return await work;
    } catch (error) {
      if (["NoSuchKey", "NotFound"].includes(nameOf(error)) || statusOf(error) === 404) return undefined;
      throw asPortError(error, key);
    }
  }

  return {
    async get(key) {
      const found = await orAbsent(key, client.send(new GetObjectCommand(at(key))));
      if (found === undefined) return undefined;
      return { bytes: await bodyOf(found, key), etag: found.ETag as string };
    },
    async getRange(key, offset, length) {
      if (length <= 0) return (await this.head(key)) && new Uint8Array();
      try {
        const range = `bytes=${offset}-${offset + length - 1}`;
        const found = await orAbsent(key, client.send(new GetObjectCommand({ ...at(key), Range: range })));
        return found && (await bodyOf(found, key));
      } catch (error) {
        if (nameOf(error) === "InvalidRange" || statusOf(error) === 416) return new Uint8Array();
        throw error;
      }
    },
    async head(key) {
      const found = await orAbsent(key, client.send(new HeadObjectCommand(at(key))));
      return found && { bytes: found.ContentLength ?? 0, etag: found.ETag as string };
    },
    async put(key, bytes, condition, contentType) {
      if (options.partBytes !== undefined && bytes.length > options.partBytes && condition === "absent") {
        const about = { partBytes: options.partBytes, contentType: contentType ?? "application/octet-stream" };
        return putInParts(client, at(key), bytes, about);
      }
      try {
        const put = new PutObjectCommand({
          ...at(key),
          Body: bytes,
          ContentType: contentType ?? "application/octet-stream",
          ...conditionHeaders(condition),
        });
        return { etag: (await client.send(put)).ETag as string };
      } catch (error) {
        // If-Match on a key that is gone is a 404.
        if (statusOf(error) === 412 || (typeof condition === "object" && nameOf(error) === "NoSuchKey")) {
          throw new ConflictError(
            condition === "absent" ? `${key} is there already` : `${key} has changed since it was read`,
          );
        }
        throw asPortError(error, key);
      }
    },
    async *list(prefix) {
      let token: string | undefined;
      do {
        const request = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token });
        const page = await client.send(request).catch((error: unknown) => Promise.reject(asPortError(error, prefix)));
        for (const object of page.Contents ?? [])
          yield { key: object.Key as string, bytes: object.Size ?? 0, revision: object.ETag ?? "" };
        token = page.NextContinuationToken;
      } while (token !== undefined);
    },
    async delete(key) {
      await orAbsent(key, client.send(new DeleteObjectCommand(at(key))));
    },
  };
}

function conditionHeaders(condition: WriteCondition): { IfNoneMatch?: string; IfMatch?: string } {
  if (condition === "absent") return { IfNoneMatch: "*" };
  return condition === "any" ? {} : { IfMatch: condition.etag };
}

async function bodyOf(
  found: { Body?: { transformToByteArray(): Promise<Uint8Array> } | undefined },
  key: string,
): Promise<Uint8Array> {
  try {
    return (await found.Body?.transformToByteArray()) ?? new Uint8Array();
  } catch (error) {
    throw asPortError(error, key);
  }
}
