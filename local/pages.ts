import { buildWeb, publicFilesIn } from "../web/build.ts";

let built: Promise<unknown> | undefined;
const read = publicFilesIn();

/** The built pages; made at the first request of this process. */
export async function publicFiles(path: string): Promise<{ bytes: Uint8Array; contentType: string } | undefined> {
  built ??= buildWeb();
  await built;
  return read(path);
}
