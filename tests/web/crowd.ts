/** People who work through the portal's API beside those in the browser, and know what the pictures show. */
import type { Lease, OpenLot, Reviewed, ReviewImage, Submitted } from "../../schemas/portal.ts";

/** What a picture shows, by its bytes as they are served: this crowd drew the pictures. */
export type Truth = (picture: Uint8Array) => Promise<string>;

export interface Worker {
  /** Does what waits; how many answers were taken. */
  work(): Promise<number>;
}

async function picture(origin: string, session: string, url: string): Promise<Uint8Array> {
  const response = await fetch(`${origin}${url}`, { headers: { authorization: `Bearer ${session}` } });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return new Uint8Array(await response.arrayBuffer());
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
          const answers = [];
          for (const { item, url } of items) {
            const label = await truth(await picture(origin, session, url));
            answers.push({ item, value: { task: "class", label }, seconds: 2 });
          }
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
      const answers = [];
      for (const { task, url } of tasks) {
        const label = await truth(await picture(origin, session, url));
        answers.push({ task, value: { task: "class", label } });
      }
      return (await ask<Reviewed>(origin, session, "/api/review/answers", { answers })).accepted;
    },
  };
}
