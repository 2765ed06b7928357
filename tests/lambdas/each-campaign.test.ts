import { expect, test } from "vitest";
import { memoryPorts } from "../../adapters/memory/index.ts";
import { eachCampaign } from "../../lambdas/sweep.ts";

test("a campaign that fails keeps none of the others from its turn, and is named at the end", async () => {
  const ports = memoryPorts();
  for (const sk of ["a", "b", "c"]) await ports.records.put({ pk: "campaigns", sk }, {}, "absent");
  const visited: string[] = [];
  const all = eachCampaign(ports, async (campaign) => {
    visited.push(campaign);
    if (campaign !== "c") throw new Error("its agreement is gone");
  });
  await expect(all).rejects.toThrow('campaign "a": its agreement is gone; campaign "b": its agreement is gone');
  expect(visited).toEqual(["a", "b", "c"]);
});
