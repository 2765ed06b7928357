import { spawnSync } from "node:child_process";

// biome-ignore lint/suspicious/noExplicitAny: what the command line answers is as deep as the service's own API.
export type Answer = any;
/** Runs the AWS command line; throws AwsCommandError. */
export type Aws = (args: readonly string[]) => Answer;

/** The AWS command line refused; `code` is the service's own name of the error, such as ResourceNotFoundException. */
export class AwsCommandError extends Error {
  override name = "AwsCommandError";
  readonly code: string;
  constructor(args: readonly string[], said: string) {
    super(`aws ${args.slice(0, 2).join(" ")}: ${said.trim()}`);
    this.code = /\((\w+)\)/.exec(said)?.[1] ?? "";
  }
}

/** The command line in one region. It brings its own chain of credentials, retries and pages. */
export function awsIn(region: string): Aws {
  return (args) => {
    const { status, stdout, stderr, error } = spawnSync("aws", [...args, "--region", region, "--output", "json"], {
      encoding: "utf8",
      maxBuffer: 256 * 1024 * 1024,
    });
    if (error)
      throw new Error(
        'the "aws" command line is needed to deploy; install it (version 2) and sign in, then run this again',
      );
    if (status !== 0) throw new AwsCommandError(args, stderr);
    return JSON.parse(stdout.trim() === "" ? "{}" : stdout);
  };
}
