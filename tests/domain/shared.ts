import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../", import.meta.url));

/** A file of the shared test data (COUNTERSIGN_SHARED, else ../shared beside the repository), or undefined with a message. */
export function sharedText(path: string): string | undefined {
  const file = `${process.env.COUNTERSIGN_SHARED ?? `${repository}../shared`}/${path}`;
  if (existsSync(file)) return readFileSync(file, "utf8");
  console.warn(`NOT RUN: ${path} is not in the shared test data; set COUNTERSIGN_SHARED to the folder that holds it`);
  return undefined;
}
