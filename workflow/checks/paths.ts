/** The ways through a definition's states. */
export type State = Record<string, unknown> & { Type: string };
export type Json = Record<string, unknown>;
export type States = Map<string, State>;

/** Where a state can lead: its own ways on and its catches. */
export function nextOf(state: State): string[] {
  const choices = (state.Choices as { Next: string }[] | undefined) ?? [];
  const caught = (state.Catch as { Next: string }[] | undefined) ?? [];
  return [state.Next, state.Default, ...choices.map(({ Next }) => Next), ...caught.map(({ Next }) => Next)].filter(
    (next): next is string => typeof next === "string",
  );
}

/** Whether a path leads from one state to another that does not pass any of `around`. */
export function reaches(states: States, from: string, to: string, ...around: string[]): boolean {
  const seen = new Set<string>();
  const left = [from];
  while (left.length > 0) {
    const name = left.pop() as string;
    if (around.includes(name) || seen.has(name)) continue;
    if (name === to) return true;
    seen.add(name);
    const state = states.get(name);
    if (state) left.push(...nextOf(state));
  }
  return false;
}
