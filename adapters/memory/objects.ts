import { createHash } from "node:crypto";
import { ConflictError, type Objects, StorageFullError, type WriteCondition } from "../../lambdas/ports.ts";
import { ObjectKey } from "../../schemas/names.ts";
import { byBytes } from "../limits.ts";

/** Objects in a map. `capacityBytes` makes it a small disk; a key can't be the folder of another one, as in a file system. */
export function memoryObjects(options: { capacityBytes?: number; before?: () => Promise<void> } = {}): Objects {
  const stored = new Map<string, { bytes: Uint8Array; etag: string }>();
  /** How many objects lie below each folder: a put asks one map, however many keys there are. */
  const below = new Map<string, number>();
  const before = options.before ?? (async () => {});
  const used = () => [...stored.values()].reduce((sum, object) => sum + object.bytes.length, 0);

  return {
    async get(key) {
      await before();
      const found = stored.get(ObjectKey.parse(key));
      return found && { bytes: found.bytes.slice(), etag: found.etag };
    },
    async getRange(key, offset, length) {
      await before();
      return stored.get(ObjectKey.parse(key))?.bytes.slice(offset, offset + length);
    },
    async head(key) {
      await before();
      const found = stored.get(ObjectKey.parse(key));
      return found && { bytes: found.bytes.length, etag: found.etag };
    },
    async put(key, bytes, condition: WriteCondition) {
      await before();
      const there = stored.get(ObjectKey.parse(key));
      if (condition === "absent" && there) throw new ConflictError(`${key} is there already`);
      if (typeof condition === "object" && there?.etag !== condition.etag) {
        throw new ConflictError(`${key} is not at ${condition.etag} but ${there ? `at ${there.etag}` : "absent"}`);
      }
      const folder = below.has(key) ? key : foldersOf(key).find((one) => stored.has(one));
      if (folder !== undefined)
        throw new TypeError(`${folder} can't be an object and a folder: ${key} was to be written`);
      if (
        options.capacityBytes !== undefined &&
        used() - (there?.bytes.length ?? 0) + bytes.length > options.capacityBytes
      ) {
        throw new StorageFullError(`no room for ${bytes.length} bytes under ${key}`);
      }
      const etag = createHash("sha256").update(bytes).digest("hex");
      if (there === undefined) for (const one of foldersOf(key)) below.set(one, (below.get(one) ?? 0) + 1);
      stored.set(key, { bytes: Uint8Array.from(bytes), etag });
      return { etag };
    },
    async *list(prefix) {
      await before();
      for (const key of [...stored.keys()].filter((name) => name.startsWith(prefix)).sort(byBytes)) {
        const object = stored.get(key);
        if (object) yield { key, bytes: object.bytes.length, revision: object.etag };
      }
    },
    async delete(key) {
      await before();
      if (!stored.delete(ObjectKey.parse(key))) return;
      for (const one of foldersOf(key)) {
        const left = (below.get(one) ?? 1) - 1;
        if (left === 0) below.delete(one);
        else below.set(one, left);
      }
    },
  };
}

/** "a/b/c" -> "a", "a/b". */
function foldersOf(key: string): string[] {
  const parts = key.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}
