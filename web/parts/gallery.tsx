import { useState } from "preact/hooks";
import type { DataImage, DecisionsAnswer } from "../../schemas/data-report.ts";
import type { DecisionKind } from "../../schemas/decision.ts";
import { call, RequestError } from "../api.ts";
import { dateTime, plural } from "../words.ts";

export interface Decisions {
  images: Record<string, DataImage>;
  mayAct: boolean;
  busy: boolean;
  notice: { kind: "good" | "warn"; text: string } | undefined;
  decide(images: readonly string[], decision: DecisionKind, reason: string): Promise<boolean>;
}

const DONE: Record<DecisionKind, string> = { accept: "kept", exclude: "left out", restore: "taken back in" };

/** What the data team decides about the images of a report, and what came of the last decision. */
export function useDecisions(
  campaign: string,
  images: Record<string, DataImage>,
  mayAct: boolean,
  reload: () => Promise<void>,
): Decisions {
  const [busy, setBusy] = useState(false);
  const [notice, setNotice] = useState<Decisions["notice"]>();
  const decide = async (chosen: readonly string[], decision: DecisionKind, reason: string): Promise<boolean> => {
    setBusy(true);
    try {
      const body = { images: chosen, decision, reason };
      const { decided, kept } = await call<DecisionsAnswer>(
        `/api/data/${encodeURIComponent(campaign)}/decisions`,
        body,
      );
      await reload();
      const sealed = kept.length === 0 ? "" : ` ${plural(kept.length, "photo")} of the sealed test set stay.`;
      setNotice({
        kind: kept.length > 0 ? "warn" : "good",
        text: `${plural(decided.length, "photo")} ${DONE[decision]}.${sealed}`,
      });
      return true;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      setNotice({ kind: "warn", text: `Nothing was changed: ${error.message}.` });
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { images, mayAct, busy, notice, decide };
}

/** Photos as small pictures with what is to be said of them. Names come from outside: they are text. */
export function Gallery(props: { label: string; images: readonly string[]; decisions: Decisions }) {
  const shown = props.images.flatMap((image) => props.decisions.images[image] ?? []);
  return (
    <ul class="gallery" aria-label={props.label}>
      {shown.map((one) => (
        <Photo key={one.image} photo={one} decisions={props.decisions} />
      ))}
    </ul>
  );
}

function Photo({ photo, decisions }: { photo: DataImage; decisions: Decisions }) {
  const [asking, setAsking] = useState<"exclude" | "restore">();
  const [reason, setReason] = useState("");
  const { decision } = photo;
  const isOut = decision?.decision === "exclude";
  const name = photo.names[0] ?? photo.image;
  const send = async (event: Event) => {
    event.preventDefault();
    if (asking !== undefined && (await decisions.decide([photo.image], asking, reason))) {
      setAsking(undefined);
      setReason("");
    }
  };
  return (
    <li class={isOut ? "photo out" : "photo"}>
      <img src={photo.url} alt={name} loading="lazy" title={`${photo.width} x ${photo.height}`} />
      <p class="name" title={photo.names.join(", ")}>
        {name}
      </p>
      {photo.findings.map((finding) => (
        <p key={finding} class="soft">
          {finding}
        </p>
      ))}
      {decision !== undefined && decision.decision !== "restore" && (
        <p class={isOut ? "chip warn" : "chip good"} title={dateTime(decision.at)}>
          {isOut ? "Left out" : "Kept"} by {decision.by}: {decision.reason}
        </p>
      )}
      {decisions.mayAct && asking === undefined && (
        <div class="buttons">
          {!isOut && decision?.decision !== "accept" && (
            <button
              type="button"
              disabled={decisions.busy}
              aria-label={`Keep ${name}`}
              onClick={() => void decisions.decide([photo.image], "accept", "")}
            >
              Keep
            </button>
          )}
          <button
            type="button"
            disabled={decisions.busy}
            aria-label={`${isOut ? "Take back in" : "Leave out"} ${name}`}
            onClick={() => setAsking(isOut ? "restore" : "exclude")}
          >
            {isOut ? "Take back in" : "Leave out"}
          </button>
        </div>
      )}
      {asking !== undefined && (
        <form class="reason" onSubmit={send}>
          <label>
            {asking === "exclude" ? "Why does it stay out?" : "Why is it taken back in?"}
            <input
              type="text"
              required
              maxLength={500}
              value={reason}
              ref={(input) => input?.focus()}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
          </label>
          <div class="buttons">
            <button type="submit" class="primary" disabled={decisions.busy || reason.trim() === ""}>
              {asking === "exclude" ? "Leave out" : "Take back in"}
            </button>
            <button type="button" onClick={() => setAsking(undefined)}>
              Not now
            </button>
          </div>
        </form>
      )}
    </li>
  );
}
