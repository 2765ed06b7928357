import { pack } from "tar-stream";

/**
 * A tar file of the entries, in their order, with nothing in it that differs between machines or times.
 * Throws on a name of more than 100 characters.
 */
export async function tarOf(entries: readonly { name: string; bytes: Uint8Array }[]): Promise<Buffer> {
  const archive = pack();
  const pieces: Buffer[] = [];
  const collected = (async () => {
    for await (const piece of archive) pieces.push(piece as Buffer);
  })();
  for (const { name, bytes } of entries) {
    const header = { name, size: bytes.length, mtime: new Date(0), mode: 0o644, uid: 0, gid: 0 };
    await new Promise<void>((resolve, reject) => {
      archive.entry(header, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }
  archive.finalize();
  await collected;
  return Buffer.concat(pieces);
}
