import vm from "node:vm";

/** A regular expression may backtrack this long; then evaluation fails instead of blocking the host. */
const MAX_MATCH_MS = 1_000;

const sandbox: { engine: RegExp; text: string } = { engine: /./, text: "" };
const context = vm.createContext(sandbox);
const script = new vm.Script("engine.exec(text)");

/** Shorter subjects cannot be told from instant ones unless the pattern nests its repetitions. */
const NESTED_REPETITION = /[*+}][^)]*\)[*+{?]|\|[^)]*\)[*+{]|\\\d/;

/**
 * The RegExp that JSONata uses here: the same language, but a match that backtracks without end is stopped.
 * Patterns without nested repetition, alternation under repetition or back-references run directly.
 */
export class BoundedRegex extends RegExp {
  override exec(text: string): RegExpExecArray | null {
    if (text.length < 16 || (text.length < 10_000 && !NESTED_REPETITION.test(this.source))) return super.exec(text);
    const engine = new RegExp(this.source, this.flags);
    engine.lastIndex = this.lastIndex;
    sandbox.engine = engine;
    sandbox.text = text;
    try {
      const match = script.runInContext(context, { timeout: MAX_MATCH_MS }) as RegExpExecArray | null;
      this.lastIndex = engine.lastIndex;
      return match;
    } catch (error) {
      if ((error as { code?: string }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      throw new Error(`the regular expression /${this.source}/ does not finish within ${MAX_MATCH_MS} ms`);
    }
  }
}
