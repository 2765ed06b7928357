import { chance } from "../../domain/chance.ts";
import type { Campaign } from "../../schemas/campaign.ts";
import { defaultPool, modelVendor, type Pool } from "./pool.ts";

/** Whom a simulation hires for an agreement: the default pool; vendors that are models are one network each, right on 60 to 90 %. */
export function hiredFor({ classes, vendors }: Pick<Campaign, "classes" | "vendors">, seed: number): Pool {
  const people = defaultPool(seed, classes);
  const models = new Map(
    vendors
      .filter(({ kind }) => kind === "model")
      .map(({ id }) => {
        const accuracy = 0.6 + 0.3 * chance(`${seed}/zero-shot/${id}`).uniform();
        return [id, modelVendor({ names: [1, 2, 3, 4].map((n) => `${id}-${n}`), accuracy, share: 1 })] as const;
      }),
  );
  return { experts: people.experts, annotators: (vendor) => models.get(vendor) ?? people.annotators(vendor) };
}
