/** Squared 97.5 % quantile of the normal distribution: 95 % intervals. */
const Z_SQUARED = 3.841_458_820_694_124;

/**
 * Fewest independent images on which a variant that answers each of them as its reference does is proven to lose at most
 * `margin` of accuracy: without a discordant pair the score interval (Tango 1998) ends at z² / (n + z²). At .01: 381.
 */
export function leastImagesToProve(margin: number): number {
  return Math.ceil(Z_SQUARED * (1 / margin - 1));
}

/** Number of independent images that images in groups are worth at least: (Σ size)² / Σ size², groups wholly alike. 0 for none. */
export function independentImages(groups: readonly string[]): number {
  const sizes = new Map<string, number>();
  for (const group of groups) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  let squares = 0;
  for (const size of sizes.values()) squares += size * size;
  return squares === 0 ? 0 : groups.length ** 2 / squares;
}
