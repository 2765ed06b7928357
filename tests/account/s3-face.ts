/** S3's protocol before objects in memory, as far as the adapter asks: quicker than moto by a hundredfold, for many images. */
import type { ServerResponse } from "node:http";
import { ConflictError, type Objects } from "../../lambdas/ports.ts";

const MOST_KEYS = 1000;

/** Answers one S3 call from `objects`; resolves with the status. */
export async function answerS3(
  objects: Objects,
  operation: string,
  input: Record<string, unknown>,
  response: ServerResponse,
): Promise<number> {
  const say = (status: number, headers: Record<string, string | number> = {}, body?: Uint8Array | string): number => {
    response.writeHead(status, headers).end(body);
    return status;
  };
  const refuse = (status: number, code: string) =>
    say(status, { "content-type": "application/xml" }, `<Error><Code>${code}</Code><Message>${code}</Message></Error>`);
  const key = String(input.Key);
  switch (operation) {
    case "GetObject": {
      const found = await objects.get(key);
      if (found === undefined) return refuse(404, "NoSuchKey");
      const range = /^bytes=(\d+)-(\d+)$/.exec(String(input.Range ?? ""));
      const bytes = range ? found.bytes.subarray(Number(range[1]), Number(range[2]) + 1) : found.bytes;
      if (range && bytes.length === 0) return refuse(416, "InvalidRange");
      return say(range ? 206 : 200, { etag: `"${found.etag}"`, "content-length": bytes.length }, bytes);
    }
    case "HeadObject": {
      const found = await objects.head(key);
      return found === undefined ? say(404) : say(200, { etag: `"${found.etag}"`, "content-length": found.bytes });
    }
    case "PutObject":
      try {
        const condition =
          input.IfNoneMatch === "*"
            ? "absent"
            : typeof input.IfMatch === "string"
              ? { etag: input.IfMatch.replaceAll('"', "") }
              : "any";
        const { etag } = await objects.put(key, input.Body as Uint8Array, condition);
        return say(200, { etag: `"${etag}"` });
      } catch (error) {
        if (error instanceof ConflictError) return refuse(412, "PreconditionFailed");
        throw error;
      }
    case "ListObjectsV2": {
      const after = String(input.ContinuationToken ?? "");
      const contents: string[] = [];
      let last = "";
      let more = false;
      for await (const entry of objects.list(String(input.Prefix ?? ""))) {
        const { key: one, bytes } = entry;
        if (one <= after) continue;
        more = contents.length === MOST_KEYS;
        if (more) break;
        const etag = "revision" in entry ? `<ETag>"${entry.revision}"</ETag>` : "";
        contents.push(`<Contents><Key>${one}</Key>${etag}<Size>${bytes}</Size></Contents>`);
        last = one;
      }
      const next = more ? `<NextContinuationToken>${last}</NextContinuationToken>` : "";
      return say(
        200,
        { "content-type": "application/xml" },
        `<ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${contents.join("")}</ListBucketResult>`,
      );
    }
    default:
      return refuse(501, "NotImplemented");
  }
}
