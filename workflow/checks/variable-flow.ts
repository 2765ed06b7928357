/** A way from one state to another, and the variables assigned on it. */
export interface Edge {
  from: string;
  to: string;
  assigns: readonly string[];
}

/** Per state: the variables that may hold a value at its entry, and those that surely do. */
export interface Flow {
  may: Map<string, Set<string>>;
  must: Map<string, Set<string>>;
}

/**
 * Forward data flow over the states of one scope: `may` is the union and `must` the intersection over all ways in,
 * repeated until nothing changes (both only grow or only shrink, so it ends).
 * Example: A -> B assigning x, A -> C assigning nothing, both -> D: at D may = {x}, must = {}.
 */
export function assignedAt(
  start: string,
  states: readonly string[],
  edges: readonly Edge[],
  outer: ReadonlySet<string>,
): Flow {
  const may = new Map<string, Set<string>>(states.map((state) => [state, new Set(outer)]));
  const must = new Map<string, Set<string> | undefined>(
    states.map((state) => [state, state === start ? new Set(outer) : undefined]),
  );
  for (let changed = true; changed; ) {
    changed = false;
    for (const { from, to, assigns } of edges) {
      const known = may.get(from);
      const target = may.get(to);
      if (known === undefined || target === undefined) continue;
      const before = target.size;
      for (const name of [...known, ...assigns]) target.add(name);
      if (target.size !== before) changed = true;
      const sure = must.get(from);
      if (sure === undefined) continue;
      const arriving = new Set([...sure, ...assigns]);
      const current = must.get(to);
      const next = current === undefined ? arriving : new Set([...current].filter((name) => arriving.has(name)));
      if (current === undefined || next.size !== current.size) {
        must.set(to, next);
        changed = true;
      }
    }
  }
  return { may, must: new Map([...must].map(([state, names]) => [state, names ?? new Set<string>()])) };
}
