import { TestLooks } from "../../schemas/state.ts";
import { ConflictError, type Ports } from "../ports.ts";
import { recordKeys } from "./keys.ts";

/** Records a look at the sealed test, once per evaluation, and says which one it is, from 1. May be repeated. */
export async function lookNumber(
  ports: Pick<Ports, "records" | "clock">,
  campaign: string,
  look: { evaluationKey: string; cycle: number; testSha256: string },
): Promise<number> {
  const key = recordKeys.looks(campaign);
  for (let attempt = 0; ; attempt += 1) {
    const found = await ports.records.get(key);
    const { looks } = found === undefined ? { looks: [] } : TestLooks.parse(found.body);
    const known = looks.findIndex(({ evaluationKey }) => evaluationKey === look.evaluationKey);
    if (known >= 0) return known + 1;
    const next: TestLooks = { looks: [...looks, { ...look, at: new Date(ports.clock.now()).toISOString() }] };
    try {
      await ports.records.put(key, next, found === undefined ? "absent" : { version: found.version });
      return next.looks.length;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt >= 20) throw error;
    }
  }
}
