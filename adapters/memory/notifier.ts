import type { Notice, Notifier } from "../../lambdas/ports.ts";

export interface MemoryNotifier extends Notifier {
  notices(): Notice[];
}

export function memoryNotifier(): MemoryNotifier {
  const told: Notice[] = [];
  return {
    notices: () => told.map((notice) => ({ ...notice })),
    async notify(notice) {
      told.push({ ...notice });
    },
  };
}
