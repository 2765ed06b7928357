import { createHash } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type Part,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { ConflictError } from "../../lambdas/ports.ts";
import { asPortError, nameOf, statusOf } from "./errors.ts";

/** Parts sent at the same time. */
const AT_ONCE = 4;

interface Target {
  Bucket: string;
  Key: string;
}

/**
 * Writes an object in parts where nothing is yet. An upload that was cut off goes on: parts that are there with the same
 * bytes (by SHA-256, or MD5 where the store keeps no other) are not sent again. Each part's checksum travels with it and is
 * verified by the store. Throws ConflictError when somebody else's object is there at the end; ours is then given up.
 */
export async function putInParts(
  client: S3Client,
  target: Target,
  bytes: Uint8Array,
  options: { partBytes: number; contentType: string },
): Promise<{ etag: string }> {
  const { Key: key } = target;
  try {
    const uploadId = (await openUpload(client, target)) ?? (await startUpload(client, target, options.contentType));
    const there = await partsOf(client, target, uploadId);
    const numbers = Array.from({ length: Math.ceil(bytes.length / options.partBytes) }, (_, i) => i + 1);
    const parts: CompletedPart[] = [];
    let next = 0;
    const send = async () => {
      for (let at = next++; at < numbers.length; at = next++) {
        const number = numbers[at] as number;
        const body = bytes.subarray((number - 1) * options.partBytes, number * options.partBytes);
        parts[at] = await sendPart(client, target, uploadId, number, body, there.get(number));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, send));
    const done = await client
      .send(
        new CompleteMultipartUploadCommand({
          ...target,
          UploadId: uploadId,
          MultipartUpload: { Parts: parts },
          IfNoneMatch: "*",
        }),
      )
      .catch(async (error: unknown) => {
        if (statusOf(error) === 412)
          await client.send(new AbortMultipartUploadCommand({ ...target, UploadId: uploadId }));
        throw error;
      });
    return { etag: done.ETag as string };
  } catch (error) {
    if (statusOf(error) === 412) throw new ConflictError(`${key} is there already`);
    if (nameOf(error) === "NoSuchUpload") throw new ConflictError(`the upload of ${key} was ended by somebody else`);
    throw asPortError(error, key);
  }
}

/** The newest upload of the key that was begun and not ended. */
async function openUpload(client: S3Client, { Bucket, Key }: Target): Promise<string | undefined> {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: Key }));
  return Uploads.filter((upload) => upload.Key === Key)
    .sort((a, b) => Number(b.Initiated ?? 0) - Number(a.Initiated ?? 0))
    .map(({ UploadId }) => UploadId)[0];
}

async function startUpload(client: S3Client, target: Target, contentType: string): Promise<string> {
  const request = { ...target, ContentType: contentType, ChecksumAlgorithm: "SHA256" as const };
  return (await client.send(new CreateMultipartUploadCommand(request))).UploadId as string;
}

async function partsOf(client: S3Client, target: Target, UploadId: string): Promise<Map<number, Part>> {
  const parts = new Map<number, Part>();
  let marker: string | undefined;
  do {
    const page = await client.send(new ListPartsCommand({ ...target, UploadId, PartNumberMarker: marker }));
    for (const part of page.Parts ?? []) parts.set(part.PartNumber as number, part);
    marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
  } while (marker !== undefined);
  return parts;
}

async function sendPart(
  client: S3Client,
  target: Target,
  UploadId: string,
  PartNumber: number,
  Body: Uint8Array,
  there: Part | undefined,
): Promise<CompletedPart> {
  const ChecksumSHA256 = createHash("sha256").update(Body).digest("base64");
  if (there !== undefined && there.Size === Body.length && isSame(there, Body, ChecksumSHA256))
    return { PartNumber, ETag: there.ETag, ChecksumSHA256 };
  const { ETag } = await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber, Body, ChecksumSHA256 }));
  return { PartNumber, ETag, ChecksumSHA256 };
}

function isSame(there: Part, body: Uint8Array, sha256: string): boolean {
  if (there.ChecksumSHA256 !== undefined) return there.ChecksumSHA256 === sha256;
  return there.ETag?.replaceAll('"', "") === createHash("md5").update(body).digest("hex");
}
