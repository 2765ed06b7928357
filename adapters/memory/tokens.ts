import { TokenGoneError, type Tokens } from "../../lambdas/ports.ts";

export type TokenAnswer = { output: unknown } | { error: string; cause: string };

/** Task tokens that a test issues: each can be answered once. */
export interface MemoryTokens extends Tokens {
  issue(token: string): void;
  expire(token: string): void;
  /** What a token was answered with; undefined while it waits. */
  answerOf(token: string): TokenAnswer | undefined;
  heartbeats(token: string): number;
}

export function memoryTokens(): MemoryTokens {
  const waiting = new Map<string, number>();
  const answers = new Map<string, TokenAnswer>();
  function take(token: string): void {
    if (!waiting.delete(token)) throw new TokenGoneError("nobody waits for this token");
  }
  return {
    issue: (token) => void waiting.set(token, 0),
    expire: (token) => void waiting.delete(token),
    answerOf: (token) => answers.get(token),
    heartbeats: (token) => waiting.get(token) ?? 0,
    async succeed(token, output) {
      const text = JSON.stringify(output ?? null);
      take(token);
      answers.set(token, { output: JSON.parse(text) });
    },
    async fail(token, error, cause) {
      take(token);
      answers.set(token, { error, cause });
    },
    async heartbeat(token) {
      const beats = waiting.get(token);
      if (beats === undefined) throw new TokenGoneError("nobody waits for this token");
      waiting.set(token, beats + 1);
    },
  };
}
