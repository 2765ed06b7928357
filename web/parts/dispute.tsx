import { useState } from "preact/hooks";
import type { BoardLot, BoardVerdict, DisputeView, WatchView } from "../../schemas/portal.ts";
import { call, portalNow, RequestError } from "../api.ts";
import { dateTime, plural } from "../words.ts";

const STATUS_WORDS = {
  open: "being looked at",
  upheld: "the verdict stands",
  overturned: "you were right: the answers are owed",
} as const;

/** A vendor's objection to a verdict that went against it: what became of it, or the form to make one. */
export function VendorDispute(props: { lot: BoardLot; verdict: BoardVerdict; onChange: () => void }) {
  const { lot, verdict } = props;
  const [reason, setReason] = useState("");
  const [refusal, setRefusal] = useState<string>();
  if (verdict.verdict === "accept") return null;
  const { dispute } = verdict;
  if (dispute !== undefined)
    return (
      <p class="dispute">
        <span class={`chip ${dispute.status}`}>{STATUS_WORDS[dispute.status]}</span> You disputed this on{" "}
        {dateTime(dispute.at)}: <q class="prose">{dispute.reason}</q>
        {dispute.note !== undefined && (
          <>
            {" "}
            The data team: <q class="prose">{dispute.note}</q>
          </>
        )}
      </p>
    );
  const { disputableUntil } = lot;
  if (disputableUntil !== undefined && Date.parse(disputableUntil) < portalNow())
    return <p class="soft">This verdict could be disputed until {dateTime(disputableUntil)}.</p>;
  const send = async (event: Event) => {
    event.preventDefault();
    setRefusal(undefined);
    try {
      await call("/api/vendor/disputes", { lot: lot.lot, round: verdict.round, reason });
      props.onChange();
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      setRefusal(error.message);
    }
  };
  return (
    <details class="dispute">
      <summary>Dispute this verdict</summary>
      <form onSubmit={(event) => void send(event)}>
        <label>
          Why were the answers right? A third expert looks at each of the {plural(verdict.defects, "answer")} called
          wrong, without seeing yours; then a person decides.
          <textarea
            rows={3}
            maxLength={2000}
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        <p class="soft">
          {disputableUntil === undefined
            ? "Possible as long as the lot is open, and for some days after."
            : `Possible until ${dateTime(disputableUntil)}.`}
        </p>
        <button type="submit" disabled={reason.trim() === ""}>
          Dispute round {verdict.round}
        </button>
        {refusal !== undefined && (
          <p class="notice warn" role="alert">
            {refusal}
          </p>
        )}
      </form>
    </details>
  );
}

/** Disputes before the data team, each with what a third expert made of it. */
export function Disputes({ view, onChange }: { view: WatchView; onChange: () => void }) {
  if (view.disputes.length === 0) return null;
  return (
    <section>
      <h2>Disputes</h2>
      <ul class="plain">
        {view.disputes.map((dispute) => (
          <li key={`${dispute.lot} ${dispute.round}`}>
            <p>
              <strong>
                Lot {dispute.lot}, round {dispute.round}
              </strong>{" "}
              <span class={`chip ${dispute.status}`}>{dispute.status}</span>{" "}
              <span class="soft">
                {dispute.vendor}, {dateTime(dispute.at)}
              </span>
            </p>
            <blockquote class="prose">{dispute.reason}</blockquote>
            <p>{thirdOpinion(dispute)}</p>
            {dispute.note !== undefined && (
              <p class="soft">
                {dispute.by}: <span class="prose">{dispute.note}</span>
              </p>
            )}
            {view.mayAct && dispute.status === "open" && (
              <Decision campaign={view.campaign} dispute={dispute} onChange={onChange} />
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function thirdOpinion({ defects, seenByThird, confirmed, wouldBe }: DisputeView): string {
  const rest = defects - seenByThird;
  const waiting = rest === 0 ? "" : `; ${plural(rest, "answer")} still wait for one`;
  return `A third expert confirms ${confirmed} of ${plural(seenByThird, "defect")}${waiting}. With that the lot would be ${wouldBe}.`;
}

function Decision(props: { campaign: string; dispute: DisputeView; onChange: () => void }) {
  const { campaign, dispute } = props;
  const [note, setNote] = useState("");
  const [refusal, setRefusal] = useState<string>();
  const decide = async (decision: "upheld" | "overturned") => {
    setRefusal(undefined);
    try {
      const { lot, round } = dispute;
      await call(`/api/campaigns/${campaign}/adjudications`, { lot, round, decision, note });
      props.onChange();
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      setRefusal(error.message);
    }
  };
  return (
    <form class="inline" onSubmit={(event) => event.preventDefault()}>
      <label>
        Reason, for the vendor
        <input type="text" maxLength={2000} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
      </label>
      <button type="button" disabled={note.trim() === ""} onClick={() => void decide("upheld")}>
        The verdict stands
      </button>
      <button type="button" disabled={note.trim() === ""} onClick={() => void decide("overturned")}>
        The vendor is right, pay
      </button>
      {refusal !== undefined && (
        <p class="notice warn" role="alert">
          {refusal}
        </p>
      )}
    </form>
  );
}
