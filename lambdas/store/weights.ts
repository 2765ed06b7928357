import type { Objects } from "../ports.ts";
import { objectKeys } from "./keys.ts";

/** Backbone of a campaign without pretrained weights: hand-made features, for the drawn sample and for tests. */
export const WITHOUT_WEIGHTS = "descriptor";

/**
 * The backbone that embeds, and the prefix of its weights where the store holds them. `auto` takes the largest
 * `model.safetensors` below `weights/` (ties: the first name); `small-cnn`, and `auto` without any, the descriptor.
 */
export async function chooseBackbone(objects: Objects, wanted: string): Promise<{ backbone: string; prefix?: string }> {
  if (wanted === "small-cnn" || wanted === WITHOUT_WEIGHTS) return { backbone: WITHOUT_WEIGHTS };
  let best: { name: string; bytes: number } | undefined;
  for await (const { key, bytes } of objects.list(objectKeys.weights(""))) {
    const name = /^weights\/([^/]+)\/model\.safetensors$/.exec(key)?.[1];
    if (name === undefined || (wanted !== "auto" && name !== wanted)) continue;
    if (best === undefined || bytes > best.bytes) best = { name, bytes };
  }
  // The slash keeps `weights/vit` from matching `weights/vit_large` as well.
  if (best !== undefined) return { backbone: best.name, prefix: `${objectKeys.weights(best.name)}/` };
  return { backbone: wanted === "auto" ? WITHOUT_WEIGHTS : wanted };
}

/** Whether any pretrained weights were brought: what smaller models can start from. */
export async function hasWeights(objects: Objects): Promise<boolean> {
  for await (const { key } of objects.list(objectKeys.weights(""))) if (key.endsWith("/model.safetensors")) return true;
  return false;
}
