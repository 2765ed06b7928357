import { rank } from "../../domain/split/rank.ts";
import type { AnswerValue } from "../../schemas/answer.ts";
import type { Reviewed, ReviewImage } from "../../schemas/portal.ts";
import { type Person, type Seen, says } from "./pool.ts";
import { type Doors, PortalClient, PortalRefusal } from "./portal-client.ts";

/** As many as the portal shows at once. */
const LIMIT = 200;
const MINUTE = 60_000;
/** They come by an hour after something is put before them. */
const COMES_AFTER = 60 * MINUTE;

type ExpertsOptions = Doors & {
  clock: { now(): number };
  seed: number;
  classes: readonly string[];
  perceive: (imageBytes: Uint8Array) => Seen | undefined;
  people: readonly Person[];
};

/** The data team's experts. Which two answer an image follows from the image, so nobody's arrival matters. */
export class Experts {
  readonly #options: ExpertsOptions;
  readonly #clients: readonly { person: Person; client: PortalClient }[];
  #dueAt: number | undefined;

  constructor(options: ExpertsOptions) {
    this.#options = options;
    this.#clients = options.people.map((person) => ({
      person,
      client: new PortalClient(options, "expert", { subject: person.name }),
    }));
  }

  nextActionAt(): number | undefined {
    return this.#dueAt;
  }

  /**
   * Answers everything that is open, once the hour has come. Returns the answers given. Of the two who may answer an image
   * the one of the better rank goes first, whoever came first, so that it never depends on the hour who is asked second.
   */
  async act(): Promise<number> {
    const { clock } = this.#options;
    if (this.#dueAt === undefined) {
      if (await this.#anythingOpen()) this.#dueAt = clock.now() + COMES_AFTER;
      return 0;
    }
    if (clock.now() < this.#dueAt) return 0;
    this.#dueAt = undefined;
    let done = 0;
    for (;;) {
      const first = await this.#everybody(0);
      const second = await this.#everybody(1);
      done += first + second;
      if (first + second === 0) return done;
    }
  }

  /** All who are so many-th in rank for an image answer it, until nothing is left that they may answer. */
  async #everybody(rankOfPerson: number): Promise<number> {
    let done = 0;
    for (;;) {
      let round = 0;
      for (const { person, client } of this.#clients) round += await this.#answerSome(person, client, rankOfPerson);
      if (round === 0) return done;
      done += round;
    }
  }

  async #anythingOpen(): Promise<boolean> {
    for (const { client } of this.#clients) if ((await this.#tasks(client, 1)).length > 0) return true;
    return false;
  }

  async #tasks(client: PortalClient, limit: number): Promise<ReviewImage[]> {
    try {
      return await client.get<ReviewImage[]>(`/api/review/tasks?limit=${limit}`);
    } catch (error) {
      if (error instanceof PortalRefusal && error.status < 500) return [];
      throw error;
    }
  }

  async #answerSome(person: Person, client: PortalClient, wanted: number): Promise<number> {
    const { seed, classes, perceive } = this.#options;
    const tasks = await this.#tasks(client, LIMIT);
    const answers: { task: string; value: AnswerValue }[] = [];
    for (const { task, url } of tasks) {
      const seen = perceive(await client.bytes(url));
      if (this.#rankOf(person, seen?.id ?? task) !== wanted) continue;
      const value: AnswerValue =
        seen === undefined
          ? { task: "cannot-tell", reason: "unclear-image" }
          : says(person, { ...seen, seed, image: seen.id, revision: 1, classes });
      answers.push({ task, value });
    }
    if (answers.length === 0) return 0;
    return (await client.post<Reviewed>("/api/review/answers", { answers })).accepted;
  }

  /** 0 and 1 answer the image; for the others it is not. */
  #rankOf(person: Person, image: string): number {
    const rankOf = ({ name }: Person) => rank(this.#options.seed, `expert ${image}`, name);
    return this.#options.people.filter((other) => rankOf(other) < rankOf(person)).length;
  }
}
