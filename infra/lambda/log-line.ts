import { Console } from "node:console";

/**
 * Where log lines go. Lambda wraps what the global console says into a message of its own JSON form, and CloudWatch finds no
 * metric in a line that is wrapped; a console of our own writes the line as it is.
 */
export const output = new Console({ stdout: process.stdout, stderr: process.stderr });

/** One structured log line, which may be an embedded metric too. */
export function logLine(line: Record<string, unknown>): void {
  output.log(JSON.stringify(line));
}
