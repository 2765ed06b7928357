import { useState } from "preact/hooks";
import type { ApprovalView } from "../../schemas/portal.ts";
import { call, RequestError } from "../api.ts";
import { dateTime } from "../words.ts";
import { capital } from "./shell.tsx";

type Choice = "approve" | "reject" | "ask-for-more";
const CHOICES: { choice: Choice; words: string; note: string }[] = [
  { choice: "approve", words: "Approve", note: "Release this model as described above." },
  { choice: "reject", words: "Reject", note: "Nothing is released; the cycle ends. Say why." },
  {
    choice: "ask-for-more",
    words: "Ask for more",
    note: "Buy more labels and train again within the budget. Say what is missing.",
  },
];
const DONE: Record<Choice, string> = {
  approve: "You approved. The release goes its way.",
  reject: "You rejected this model. Nothing was released.",
  "ask-for-more": "You asked for more. The next wave is being planned.",
};

/** The signed decision: a choice, a reason where one is due, and the model's version typed by hand. */
export function Decision(props: {
  campaign: string;
  pending: NonNullable<ApprovalView["pending"]>;
  onDecided: () => void;
}) {
  const { pending } = props;
  const [choice, setChoice] = useState<Choice>();
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const [done, setDone] = useState<string>();
  const [error, setError] = useState<RequestError>();
  const [busy, setBusy] = useState(false);
  const version = typed.trim().toLowerCase();
  const missing =
    choice === undefined
      ? "Choose one."
      : choice !== "approve" && reason.trim() === ""
        ? "Give a reason."
        : version !== pending.modelVersion
          ? "Type the model's version."
          : undefined;

  const sign = async (event: Event) => {
    event.preventDefault();
    if (missing !== undefined || choice === undefined) return;
    setBusy(true);
    setError(undefined);
    try {
      await call(`/api/approve/${encodeURIComponent(props.campaign)}`, {
        cycle: pending.cycle,
        evidenceDigest: pending.evidence.digest,
        modelVersion: version,
        decision: choice,
        reason: reason.trim(),
      });
      setDone(DONE[choice]);
    } catch (refusal) {
      if (!(refusal instanceof RequestError)) throw refusal;
      setError(refusal);
    } finally {
      setBusy(false);
    }
  };

  if (done !== undefined) {
    return (
      <section class="decision done" role="status">
        <h2>{done}</h2>
        <p class="row">
          <a class="button primary" href={`/watch/${props.campaign}`}>
            Watch what happens
          </a>
          <button type="button" onClick={props.onDecided}>
            Close
          </button>
        </p>
      </section>
    );
  }
  return (
    <section class="decision" aria-labelledby="decide">
      <h2 id="decide">Your decision</h2>
      {pending.decisions.map((one) => (
        <p key={one.by} class="soft">
          {one.by}: {one.decision}, {dateTime(one.at)} {one.reason}
        </p>
      ))}
      {!pending.mayDecide ? (
        <p>
          You can read this, but the decision is not yours: only owners decide, each once, and never on their own
          request where the agreement forbids it.
        </p>
      ) : (
        <form onSubmit={sign}>
          <fieldset class="choices">
            <legend class="sr">Decision</legend>
            {CHOICES.map(({ choice: one, words, note }) => (
              <label key={one} class={choice === one ? "chosen" : ""}>
                <input
                  type="radio"
                  name="decision"
                  value={one}
                  checked={choice === one}
                  onChange={() => setChoice(one)}
                />
                <strong>{words}</strong>
                <small>{note}</small>
              </label>
            ))}
          </fieldset>
          <label>
            Reason {choice === "approve" || choice === undefined ? "(if you like)" : ""}
            <textarea
              rows={2}
              maxLength={2000}
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
          </label>
          <label>
            <span>
              Type the model's version, <code>{pending.modelVersion}</code>, to sign
            </span>
            <input
              type="text"
              class="version"
              autoComplete="off"
              autoCapitalize="off"
              spellcheck={false}
              maxLength={64}
              value={typed}
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
          </label>
          {error !== undefined && (
            <p class="notice warn" role="alert">
              {capital(error.message)}.
            </p>
          )}
          <p class="row">
            <button type="submit" class="primary" disabled={missing !== undefined || busy}>
              Sign the decision
            </button>
            <span class="soft">{missing}</span>
          </p>
        </form>
      )}
    </section>
  );
}
