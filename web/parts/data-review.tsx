import { useState } from "preact/hooks";
import { call, RequestError } from "../api.ts";

type Choice = "accept" | "refuse";
const DONE: Record<Choice, string> = {
  accept: "You accepted these photos. Labels are being bought.",
  refuse: "You refused these photos. Nothing was bought; the cycle ends.",
};

/** The question that a cycle waits with: are these photos fit to buy labels for? */
export function DataReview(props: {
  campaign: string;
  cycle: number | null;
  mayAct: boolean;
  reload: () => Promise<void>;
}) {
  const { cycle, mayAct } = props;
  const [reason, setReason] = useState("");
  const [done, setDone] = useState<string>();
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const say = async (decision: Choice) => {
    setBusy(true);
    setError(undefined);
    try {
      await call(`/api/data/${encodeURIComponent(props.campaign)}/review`, { decision, reason: reason.trim() });
      setDone(DONE[decision]);
      await props.reload();
    } catch (refusal) {
      setError(refusal instanceof RequestError ? refusal.message : String(refusal));
    } finally {
      setBusy(false);
    }
  };
  if (done !== undefined)
    return (
      <p class="notice" role="status">
        {done}
      </p>
    );
  if (cycle === null) return null;
  return (
    <section aria-labelledby="waits">
      <h2 id="waits">Cycle {cycle} waits for your word</h2>
      <p>
        {mayAct
          ? "No label is bought before somebody of the data team accepts these photos. What is left out below costs nothing; photos of the sealed test set stay."
          : "No label is bought before somebody of the data team accepts these photos."}
      </p>
      {mayAct && (
        <>
          <p>
            <label>
              Reason, where you refuse{" "}
              <input
                type="text"
                value={reason}
                maxLength={2000}
                onInput={(event) => setReason(event.currentTarget.value)}
              />
            </label>
          </p>
          <p class="actions">
            <button type="button" class="primary" disabled={busy} onClick={() => void say("accept")}>
              Accept, buy labels
            </button>{" "}
            <button type="button" disabled={busy || reason.trim() === ""} onClick={() => void say("refuse")}>
              Refuse, buy nothing
            </button>
          </p>
        </>
      )}
      {error !== undefined && (
        <p class="notice warn" role="alert">
          {error}
        </p>
      )}
    </section>
  );
}
