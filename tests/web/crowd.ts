/** People who work through the portal's API beside those in the browser, and know what the pictures show. */
import type { Lease, OpenLot, Reviewed, ReviewImage, Submitted } from "../../schemas/portal.ts";

export type Truth = (image: string) => string;

/** The image that a signed address is for: this crowd drew the pictures and knows them by their bytes. */
export function imageOf(url: string): string {
  return url.split("/")[5] ?? "";
}

export interface Worker {
  /** Does what waits; how many answers were taken. */
  work(): Promise<number>;
}

async function ask<T>(origin: string, session: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${origin}${path}`, {
    headers: {
      authorization: `Bearer ${session}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** An annotator who answers all lots of the vendor, save those that somebody else was asked to do. */
export function annotator(
  origin: string,
  session: string,
  truth: Truth,
  spare: () => string | undefined = () => undefined,
): Worker {
  return {
    async work() {
      let taken = 0;
      for (const { lot } of await ask<OpenLot[]>(origin, session, "/api/annotate/lots")) {
        if (lot === spare()) continue;
        const at = `/api/annotate/lots/${encodeURIComponent(lot)}`;
        for (;;) {
          const { round, items } = await ask<Lease>(origin, session, `${at}/lease`, { count: 50 });
          if (items.length === 0) break;
          const answers = items.map(({ item, url }) => ({
            item,
            value: { task: "class", label: truth(imageOf(url)) },
            seconds: 2,
          }));
          const { accepted, delivered } = await ask<Submitted>(origin, session, `${at}/answers`, { round, answers });
          taken += accepted;
          if (delivered || accepted === 0) break;
        }
      }
      return taken;
    },
  };
}

export function expert(origin: string, session: string, truth: Truth): Worker {
  return {
    async work() {
      const tasks = await ask<ReviewImage[]>(origin, session, "/api/review/tasks?limit=100");
      if (tasks.length === 0) return 0;
      const answers = tasks.map(({ task, url }) => ({ task, value: { task: "class", label: truth(imageOf(url)) } }));
      return (await ask<Reviewed>(origin, session, "/api/review/answers", { answers })).accepted;
    },
  };
}
