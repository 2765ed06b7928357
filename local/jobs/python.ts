import { accessSync, constants } from "node:fs";
import { isAbsolute, join } from "node:path";
import { PythonMissingError } from "./errors.ts";

const REPOSITORY = join(import.meta.dirname, "../..");

/** The folder that holds the package `countersign_ml`. */
export const CONTAINER_FOLDER = join(REPOSITORY, "training-container");

/**
 * The interpreter for jobs: COUNTERSIGN_PYTHON, else the repository's .venv.
 * Throws PythonMissingError saying where it looked and what to do.
 */
export function findPython(env: NodeJS.ProcessEnv = process.env): string {
  const given = env.COUNTERSIGN_PYTHON;
  if (given !== undefined && given !== "" && !isAbsolute(given)) return given;
  const path = given || join(REPOSITORY, ".venv/bin/python");
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    throw new PythonMissingError(
      `no Python at ${path}: install Python 3.11 or 3.12 and run "npm start" once more (it makes .venv), ` +
        "or set COUNTERSIGN_PYTHON to an interpreter that has training-container/requirements installed",
    );
  }
}
