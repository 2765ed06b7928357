import { chance } from "../chance.ts";

/** 95 % percentile bootstrap over items, 1,000 seeded resamples; resamples without a value are left out, none at all gives [-1, 1]. */
export function percentileInterval<T>(
  items: readonly T[],
  statistic: (items: readonly T[]) => number | undefined,
  seed: string | number,
  resamples = 1000,
): { low: number; high: number } {
  const random = chance(`${seed}/resampling`);
  const values: number[] = [];
  for (let i = 0; i < resamples; i++) {
    const value = statistic(items.map(() => items[random.below(items.length)]!));
    if (value !== undefined) values.push(value);
  }
  if (values.length === 0) return { low: -1, high: 1 };
  values.sort((a, b) => a - b);
  const at = (share: number) =>
    values[Math.min(values.length - 1, Math.max(0, Math.round(share * (values.length - 1))))]!;
  return { low: at(0.025), high: at(0.975) };
}
