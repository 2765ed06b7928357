/** One function's process, as Lambda starts it: its own environment, its package alone, one event at a time. */
import { parentPort, workerData } from "node:worker_threads";

const { index, time } = workerData as { index: string; time: SharedArrayBuffer };
const port = parentPort as NonNullable<typeof parentPort>;
// The account keeps its own time, which may jump.
const now = new Float64Array(time);
Date.now = () => now[0] as number;

const before = performance.now();
const { handler } = (await import(index)) as { handler(event: unknown, context: unknown): Promise<unknown> };
port.postMessage({ imported: performance.now() - before });

port.on("message", async ({ id, event, context }: { id: number; event: string; context: unknown }) => {
  const started = performance.now();
  try {
    const result = await handler(JSON.parse(event), context);
    port.postMessage({ id, milliseconds: performance.now() - started, result: JSON.stringify(result ?? null) });
  } catch (error) {
    const { name, message } = error as Error;
    port.postMessage({ id, milliseconds: performance.now() - started, error: { name, message } });
  }
});
