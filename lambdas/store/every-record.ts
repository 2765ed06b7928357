import type { Ports } from "../ports.ts";

/** All records below a prefix of a partition, page by page. */
export async function* everyRecord<T>(
  records: Ports["records"],
  pk: string,
  prefix?: string,
): AsyncGenerator<{ sk: string; version: number; body: T }> {
  let after: string | undefined;
  do {
    const page = await records.query<T>(pk, {
      ...(prefix === undefined ? {} : { prefix }),
      ...(after === undefined ? {} : { after }),
    });
    yield* page.items;
    after = page.next;
  } while (after !== undefined);
}
