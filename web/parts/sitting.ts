import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { AnswerValue } from "../../schemas/answer.ts";
import type { ImageView } from "../../schemas/portal.ts";
import { loadImage, RequestError } from "../api.ts";

/** One image to answer. */
export interface Work extends ImageView {
  key: string;
}
/** Where work comes from and answers go: an annotator's lot or the experts' table. */
export interface Desk {
  /** More work; may repeat what was handed out and not answered. */
  take(): Promise<Work[]>;
  /** Hands in one answer; tells why it was refused, or that it completed the lot. */
  send(
    key: string,
    value: AnswerValue,
    seconds: number,
    leaving: boolean,
  ): Promise<{ refused?: string; delivered?: boolean }>;
  /** Changes an answer that was handed in; absent where that is not possible. */
  revise?(key: string, value: AnswerValue, seconds: number): Promise<{ refused?: string }>;
}

export interface Given {
  work: Work;
  value: AnswerValue;
  seconds: number;
  /** The newest answer is held back until the next one is given, so that it can be undone. */
  sent: boolean;
}

export interface Sitting {
  phase: "loading" | "working" | "last" | "nothing" | "delivered" | "broken";
  /** What is answered now. */
  work: Work | undefined;
  picture: string | undefined;
  /** What was said of it before, while an answer is being changed. */
  before: AnswerValue | undefined;
  /** Answers of this sitting. */
  given: number;
  notice: string | undefined;
  error: RequestError | undefined;
  mayUndo: boolean;
  answer(value: AnswerValue): void;
  undo(): void;
  handIn(): void;
  again(): void;
}

/** Images fetched ahead. */
const AHEAD = 3;
/** Ask for more work when fewer are left. */
const LOW = 5;

/** One person's run through a pile of images: takes work, fetches images ahead, holds the newest answer, hands in. */
export function useSitting(desk: Desk): Sitting {
  const queue = useRef<Work[]>([]);
  const given = useRef<Given[]>([]);
  const pictures = useRef(new Map<string, Promise<string>>());
  /** Index into `given` while an earlier answer is being changed. */
  const changing = useRef<number | undefined>(undefined);
  const shownAt = useRef(0);
  const busy = useRef(false);
  const exhausted = useRef(false);
  const sending = useRef(Promise.resolve(true));
  const [phase, setPhase] = useState<Sitting["phase"]>("loading");
  const [picture, setPicture] = useState<{ key: string; url: string }>();
  const [notice, setNotice] = useState<string>();
  const [error, setError] = useState<RequestError>();
  const [, redraw] = useState(0);

  const current = (): Work | undefined =>
    changing.current === undefined ? queue.current[0] : given.current[changing.current]?.work;

  const fetchPicture = useCallback((work: Work): Promise<string> => {
    const kept = pictures.current.get(work.key);
    if (kept !== undefined) return kept;
    const coming = loadImage(work.url);
    pictures.current.set(work.key, coming);
    coming.catch(() => pictures.current.delete(work.key));
    return coming;
  }, []);

  const broke = useCallback((reason: unknown) => {
    if (!(reason instanceof RequestError)) throw reason;
    setError(reason);
    setPhase("broken");
  }, []);

  /** Adds new work to the queue; addresses of known work are renewed, for they expire. */
  const refill = useCallback(async () => {
    const answered = new Set(given.current.map(({ work }) => work.key));
    const more = (await desk.take()).filter(({ key }) => !answered.has(key));
    const known = new Map(more.map((work) => [work.key, work]));
    const kept = queue.current.map((work) => known.get(work.key) ?? work);
    const there = new Set(kept.map(({ key }) => key));
    const fresh = more.filter(({ key }) => !there.has(key));
    exhausted.current = fresh.length === 0;
    queue.current = [...kept, ...fresh];
  }, [desk]);

  const show = useCallback(async () => {
    try {
      if (changing.current === undefined && !exhausted.current && queue.current.length < LOW) await refill();
    } catch (reason) {
      if (queue.current.length === 0) return broke(reason);
    }
    const work = current();
    if (work === undefined) {
      const held = given.current.some(({ sent }) => !sent);
      setPhase((now) => (now === "delivered" ? now : held ? "last" : "nothing"));
      setPicture(undefined);
      redraw((n) => n + 1);
      return;
    }
    setPhase("working");
    redraw((n) => n + 1);
    try {
      const url = await fetchPicture(work);
      if (current()?.key === work.key) setPicture({ key: work.key, url });
    } catch (reason) {
      if (!(reason instanceof RequestError) || reason.code !== "expired-link") return broke(reason);
      // The address was issued more than 15 minutes ago: take the same work again, with a new one.
      exhausted.current = false;
      try {
        await refill();
        const renewed = current();
        if (renewed !== undefined) setPicture({ key: renewed.key, url: await fetchPicture(renewed) });
      } catch (again) {
        return broke(again);
      }
    }
    shownAt.current = performance.now();
    for (const next of queue.current.slice(1, 1 + AHEAD)) fetchPicture(next).catch(() => undefined);
    forget();
  }, [broke, fetchPicture, refill]);

  /** Gives memory back for images that are far behind. */
  const forget = () => {
    const near = new Set(
      [...queue.current.slice(0, AHEAD + 2), ...given.current.slice(-10).map(({ work }) => work)].map(({ key }) => key),
    );
    for (const [key, coming] of pictures.current) {
      if (near.has(key)) continue;
      pictures.current.delete(key);
      coming.then(URL.revokeObjectURL, () => undefined);
    }
  };

  /** Hands in what was given, in order; the newest stays for undo unless it is asked for too. False where something stays unsent. */
  const flush = useCallback(
    (newest: boolean, leaving = false): Promise<boolean> => {
      const run = async (): Promise<boolean> => {
        for (const entry of newest ? given.current : given.current.slice(0, -1)) {
          if (entry.sent) continue;
          try {
            const { refused, delivered } = await desk.send(entry.work.key, entry.value, entry.seconds, leaving);
            entry.sent = true;
            if (refused !== undefined) setNotice(`An answer was not taken: ${refused}.`);
            if (delivered) setPhase("delivered");
          } catch (reason) {
            if (!(reason instanceof RequestError)) throw reason;
            setNotice(`An answer could not be handed in yet: ${reason.message}. It is kept and goes with the next.`);
            return false;
          }
        }
        return true;
      };
      sending.current = sending.current.then(run);
      return sending.current;
    },
    [desk],
  );

  const answer = useCallback(
    async (value: AnswerValue) => {
      const work = current();
      if (work === undefined || busy.current) return;
      busy.current = true;
      setNotice(undefined);
      const seconds = Math.round(Math.max(0, performance.now() - shownAt.current)) / 1000;
      try {
        const entry = changing.current === undefined ? undefined : given.current[changing.current];
        changing.current = undefined;
        if (entry === undefined) {
          queue.current = queue.current.slice(1);
          given.current.push({ work, value, seconds, sent: false });
          void flush(false);
        } else if (entry.sent && desk.revise !== undefined) {
          const { refused } = await desk.revise(work.key, value, seconds);
          if (refused === undefined) entry.value = value;
          else setNotice(`The answer could not be changed: ${refused}.`);
        } else entry.value = value;
        await show();
      } catch (reason) {
        broke(reason);
      } finally {
        busy.current = false;
      }
    },
    [broke, desk, flush, show],
  );

  const undo = useCallback(() => {
    if (busy.current) return;
    const from = changing.current ?? given.current.length;
    const entry = given.current[from - 1];
    if (entry === undefined || (entry.sent && desk.revise === undefined)) return;
    changing.current = from - 1;
    setNotice(undefined);
    void show();
  }, [desk, show]);

  const handIn = useCallback(async () => {
    if (busy.current) return;
    busy.current = true;
    try {
      if (!(await flush(true))) return;
      exhausted.current = false;
      setPhase((now) => {
        if (now !== "delivered") void show();
        return now;
      });
    } finally {
      busy.current = false;
    }
  }, [flush, show]);

  const again = useCallback(() => {
    setError(undefined);
    setPhase("loading");
    exhausted.current = false;
    void show();
  }, [show]);

  useEffect(() => {
    queue.current = [];
    given.current = [];
    changing.current = undefined;
    again();
    const leave = () => {
      if (document.hidden && queue.current.length > 0) void flush(true, true);
    };
    document.addEventListener("visibilitychange", leave);
    return () => document.removeEventListener("visibilitychange", leave);
  }, [again, flush]);

  const work = current();
  const last = given.current[(changing.current ?? given.current.length) - 1];
  return {
    phase,
    work,
    picture: picture?.key === work?.key ? picture?.url : undefined,
    before: changing.current === undefined ? undefined : given.current[changing.current]?.value,
    given: given.current.length,
    notice,
    error,
    mayUndo: last !== undefined && (!last.sent || desk.revise !== undefined),
    answer: (value) => void answer(value),
    undo,
    handIn: () => void handIn(),
    again,
  };
}
