import { chance } from "../../domain/chance.ts";
import type { AnswerValue } from "../../schemas/answer.ts";
import type { Lease, OpenLot, QualificationView, Submitted } from "../../schemas/portal.ts";
import { type Person, type Seen, says } from "./pool.ts";
import { type Doors, PortalClient, PortalRefusal } from "./portal-client.ts";

/** How a vendor works, in virtual time. */
export interface Tempo {
  /** Never answers anything. */
  dead?: boolean;
  /** Multiplies every duration. */
  slowness?: number;
  /** Items that one person takes at a time; 40 unless told otherwise. */
  sitting?: number;
  /** Hours in which nobody of the vendor works after each sitting. */
  restHours?: number;
}

/** Items that one person takes at a time. */
const BATCH = 40;
/** People of a vendor who work at the same time. */
const AT_ONCE = 6;
const MINUTE = 60_000;

type TeamOptions = Doors & {
  clock: { now(): number };
  seed: number;
  vendor: string;
  classes: readonly string[];
  perceive: (imageBytes: Uint8Array) => Seen | undefined;
  people: readonly Person[];
  tempo: Tempo;
  /** Grows whenever a workflow moved, for then lots may have come or gone; without it the portal is asked at every turn. */
  moves?: () => number;
};

/** One vendor's people: they take the vendor's lots one after the other, a batch of items per person. */
export class Team {
  readonly #options: TeamOptions;
  readonly #clients = new Map<string, PortalClient>();
  /** When a lot is looked at (again), by lot and round; what is not here was never seen. */
  readonly #due = new Map<string, number>();
  #busyUntil = 0;
  #asked = { at: Number.NEGATIVE_INFINITY, moves: -1 };

  constructor(options: TeamOptions) {
    this.#options = options;
  }

  nextActionAt(): number | undefined {
    const soonest = Math.min(...this.#due.values());
    return Number.isFinite(soonest) ? Math.max(soonest, this.#busyUntil) : undefined;
  }

  /** One batch of one lot, if one is due. Returns the answers given. */
  async act(): Promise<number> {
    const { clock, tempo, people } = this.#options;
    if (tempo.dead === true || people.length === 0 || clock.now() < this.#busyUntil || !this.#mayBeNews()) return 0;
    const lots = await this.#lots();
    const open = new Set(lots.map(keyOf));
    for (const key of this.#due.keys()) if (!open.has(key)) this.#due.delete(key);
    for (const lot of lots) {
      const key = keyOf(lot);
      if (!this.#due.has(key)) this.#due.set(key, clock.now() + this.#startsAfter(lot));
    }
    const ready = lots.filter((lot) => (this.#due.get(keyOf(lot)) ?? Number.POSITIVE_INFINITY) <= clock.now());
    const lot = ready.sort((a, b) => (a.lot < b.lot ? -1 : 1))[0];
    if (lot === undefined) return 0;
    const done = await this.#workOn(lot);
    // Nobody of the vendor may answer what is left: look again later, and meanwhile take the next lot.
    if (done.answers === 0) this.#due.set(keyOf(lot), clock.now() + 60 * MINUTE);
    const rest = done.answers === 0 ? 0 : (tempo.restHours ?? 0) * 60 * MINUTE;
    this.#busyUntil = clock.now() + Math.ceil((1000 * done.seconds * (tempo.slowness ?? 1)) / AT_ONCE) + rest;
    return done.answers;
  }

  /** Whether the portal may say something else than last time: a workflow moved, a lot is due, or an hour has passed. */
  #mayBeNews(): boolean {
    const { clock, moves } = this.#options;
    const now = { at: clock.now(), moves: moves?.() ?? -1 };
    const { at } = this.#asked;
    const isNew =
      moves === undefined ||
      now.moves !== this.#asked.moves ||
      now.at >= at + 60 * MINUTE ||
      (this.nextActionAt() ?? Number.POSITIVE_INFINITY) <= now.at;
    if (isNew) this.#asked = now;
    return isNew;
  }

  async #lots(): Promise<OpenLot[]> {
    try {
      return await this.#client(this.#options.people[0] as Person).get<OpenLot[]>("/api/annotate/lots");
    } catch (error) {
      if (error instanceof PortalRefusal && error.status < 500) return [];
      throw error;
    }
  }

  /** Hours pass before a vendor starts: between a half and three, by lot and round. */
  #startsAfter({ lot, round }: OpenLot): number {
    const { seed, vendor, tempo } = this.#options;
    return Math.round(
      (30 + chance(`${seed}/start/${vendor}/${lot}/${round}`).uniform() * 150) * MINUTE * (tempo.slowness ?? 1),
    );
  }

  /** The person whose turn it is in this lot, by how much of it is answered; the next ones where that person may not. */
  async #workOn(lot: OpenLot): Promise<{ answers: number; seconds: number }> {
    const { seed, people } = this.#options;
    const order = chance(`${seed}/order/${lot.lot}/${lot.round}`).shuffle(people);
    const turn = Math.floor(lot.answered / (this.#options.tempo.sitting ?? BATCH));
    for (let i = 0; i < order.length; i += 1) {
      const person = order[(turn + i) % order.length] as Person;
      try {
        const answered = await this.#batch(lot, person);
        if (answered.answers > 0) return answered;
      } catch (error) {
        // Takes the test, and looks at the lots again when the next turn comes; who may not work is passed over.
        if (error instanceof PortalRefusal && error.code === "unqualified") {
          const done = await this.#qualify(person);
          if (done.answers > 0) return done;
          continue;
        }
        // The lot was closed, or the campaign paused, in between: there will be other work.
        if (error instanceof PortalRefusal && error.status < 500) return { answers: 0, seconds: 0 };
        throw error;
      }
    }
    return { answers: 0, seconds: 0 };
  }

  async #qualify(person: Person): Promise<{ answers: number; seconds: number }> {
    const { seed, classes, perceive } = this.#options;
    const client = this.#client(person);
    const { work } = await client.get<QualificationView>("/api/annotate/qualification");
    if (work.length === 0) return { answers: 0, seconds: 0 };
    const answers = await Promise.all(
      work.map(async ({ item, url }) => {
        const seen = perceive(await client.bytes(url));
        const value: AnswerValue =
          seen === undefined
            ? { task: "cannot-tell", reason: "unclear-image" }
            : says(person, { ...seen, seed, image: seen.id, revision: 1, classes });
        return { item, value };
      }),
    );
    await client.post<QualificationView>("/api/annotate/qualification", { answers });
    return { answers: answers.length, seconds: answers.length * person.seconds };
  }

  async #batch(lot: OpenLot, person: Person): Promise<{ answers: number; seconds: number }> {
    const { seed, classes, perceive, tempo } = this.#options;
    const client = this.#client(person);
    const count = tempo.sitting ?? BATCH;
    const { round, items } = await client.post<Lease>(`/api/annotate/lots/${lot.lot}/lease`, { count });
    if (items.length === 0) return { answers: 0, seconds: 0 };
    const answers = await Promise.all(
      items.map(async ({ item, url }, place) => {
        const seen = perceive(await client.bytes(url));
        const value: AnswerValue =
          seen === undefined
            ? { task: "cannot-tell", reason: "unclear-image" }
            : says(person, { ...seen, seed, image: seen.id, revision: round, classes, tired: place / items.length });
        const pace = 0.5 + chance(`${seed}/pace/${seen?.id ?? item}/${person.name}`).uniform();
        return { item, value, seconds: Math.round(person.seconds * pace * 10) / 10 };
      }),
    );
    const { accepted } = await client.post<Submitted>(`/api/annotate/lots/${lot.lot}/answers`, { round, answers });
    return { answers: accepted, seconds: answers.reduce((sum, { seconds }) => sum + seconds, 0) };
  }

  #client(person: Person): PortalClient {
    let client = this.#clients.get(person.name);
    if (client === undefined) {
      client = new PortalClient(this.#options, "annotator", { subject: person.name, vendor: this.#options.vendor });
      this.#clients.set(person.name, client);
    }
    return client;
  }
}

const keyOf = ({ lot, round }: OpenLot) => `${lot}#${round}`;
