/** An item of a stratified sample; `weight` items of the sample would stand for it if all strata were sampled alike. */
export interface Drawn<T> {
  item: T;
  weight: number;
}

/**
 * The first `n` of randomly ordered items, with at least one of every stratum (a class as it was answered): a stratum that
 * chance left out takes the last place of the one with most. So a rare class can't hide behind a common one. The weights
 * give each stratum back its share of the lot (Horvitz and Thompson), else rare classes, which honest people get wrong more
 * often, would count too much. Nothing left out: all weights are 1. More strata than places: the commonest come first.
 */
export function stratifiedSample<T>(ordered: readonly T[], stratumOf: (item: T) => string, n: number): Drawn<T>[] {
  const strata = Map.groupBy(ordered, stratumOf);
  const chosen = ordered.slice(0, n);
  const left = [...strata]
    .filter(([name]) => !chosen.some((item) => stratumOf(item) === name))
    .sort(([a, one], [b, two]) => two.length - one.length || (a < b ? -1 : 1));
  for (const [, members] of left) {
    const counts = Map.groupBy(chosen, stratumOf);
    const [name, most] = [...counts].reduce((top, next) => (next[1].length > top[1].length ? next : top), ["", []] as [
      string,
      T[],
    ]);
    if (most.length < 2) break;
    chosen.splice(
      chosen.findLastIndex((item) => stratumOf(item) === name),
      1,
      members[0] as T,
    );
  }
  if (left.length === 0) return chosen.map((item) => ({ item, weight: 1 }));
  const drawn = Map.groupBy(chosen, stratumOf);
  return chosen.map((item) => {
    const name = stratumOf(item);
    const share = (strata.get(name)?.length ?? 0) / ordered.length;
    return { item, weight: (chosen.length * share) / (drawn.get(name)?.length ?? 1) };
  });
}
