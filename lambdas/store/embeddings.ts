import { EmbeddingIndex } from "../../schemas/training.ts";
import type { Objects } from "../ports.ts";
import { readArchive } from "./archive.ts";
import { DocumentError } from "./documents.ts";

export interface Embeddings {
  /** sha256 of each row's image, in the order of the rows. */
  ids: string[];
  dim: number;
  /** ids.length x dim, row-major, each row of length 1. */
  vectors: Float32Array;
  backbone: string;
}

/** Reads an embed job's model.tar.gz. Throws DocumentError when it is missing, or its parts are or disagree. */
export async function readEmbeddings(objects: Objects, key: string): Promise<Embeddings> {
  const found = await objects.get(key);
  if (found === undefined) throw new DocumentError(`no embeddings at ${key}`);
  const files = await readArchive(found.bytes, key);
  const text = files.get("embeddings.json");
  const rows = files.get("embeddings.f32");
  if (text === undefined || rows === undefined) {
    throw new DocumentError(
      `${key} holds ${[...files.keys()].join(", ") || "nothing"}; embeddings.json and embeddings.f32 are needed`,
    );
  }
  const parsed = EmbeddingIndex.safeParse(JSON.parse(text.toString("utf8")));
  if (!parsed.success) throw new DocumentError(`${key}: embeddings.json is not of its form: ${parsed.error.message}`);
  const { ids, dim, count, backbone } = parsed.data;
  if (ids.length !== count || rows.byteLength !== count * dim * 4) {
    throw new DocumentError(
      `${key}: ${rows.byteLength} bytes of embeddings for ${ids.length} images of ${dim} numbers`,
    );
  }
  // A copy of its own: the piece of the archive need not lie on a multiple of four.
  const vectors = new Float32Array(new Uint8Array(rows).buffer);
  return { ids, dim, vectors, backbone };
}
