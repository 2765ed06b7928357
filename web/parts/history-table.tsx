import { useEffect, useState } from "preact/hooks";
import type { HistoryPage, HistoryRow } from "../../schemas/portal.ts";
import { call, RequestError } from "../api.ts";
import { count, dateTime } from "../words.ts";

/** Parts of event types that people look for, as the API matches them. */
const KINDS = [
  { type: "", words: "every event" },
  { type: "StateEntered", words: "states entered" },
  { type: "StateExited", words: "states left" },
  { type: "Scheduled", words: "work scheduled" },
  { type: "Failed", words: "failures" },
  { type: "TimedOut", words: "timeouts" },
];

/** The events of a cycle's execution as Step Functions keeps them; read only when opened, one page at a time. */
export function HistoryTable({ campaign, cycles, states }: { campaign: string; cycles: number; states: string[] }) {
  const [open, setOpen] = useState(false);
  if (cycles === 0) return null;
  return (
    <section>
      <h2>History</h2>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>Events of the workflow</summary>
        {open && <Events campaign={campaign} cycles={cycles} states={states} />}
      </details>
    </section>
  );
}

function Events({ campaign, cycles, states }: { campaign: string; cycles: number; states: string[] }) {
  const [cycle, setCycle] = useState(cycles);
  const [type, setType] = useState("");
  const [state, setState] = useState("");
  const [page, setPage] = useState<HistoryPage>();
  const [error, setError] = useState<string>();
  const load = async (before: HistoryRow[], after: number, isWanted: () => boolean = () => true) => {
    const query = new URLSearchParams({ cycle: String(cycle), after: String(after), type, state });
    try {
      const next = await call<HistoryPage>(`/api/campaigns/${encodeURIComponent(campaign)}/history?${query}`);
      if (!isWanted()) return;
      setPage({ ...next, events: [...before, ...next.events] });
      setError(undefined);
    } catch (refusal) {
      if (!(refusal instanceof RequestError)) throw refusal;
      if (isWanted()) setError(refusal.message);
    }
  };
  useEffect(() => {
    let wanted = true;
    void load([], 0, () => wanted);
    return () => {
      wanted = false;
    };
  }, [campaign, cycle, type, state]);
  return (
    <>
      <form class="inline" onSubmit={(event) => event.preventDefault()}>
        <label>
          Cycle
          <select value={cycle} onChange={(event) => setCycle(Number(event.currentTarget.value))}>
            {Array.from({ length: cycles }, (_, index) => (
              <option key={index} value={index + 1}>
                {index + 1}
              </option>
            ))}
          </select>
        </label>
        <label>
          Show
          <select value={type} onChange={(event) => setType(event.currentTarget.value)}>
            {KINDS.map((kind) => (
              <option key={kind.type} value={kind.type}>
                {kind.words}
              </option>
            ))}
          </select>
        </label>
        <label>
          State
          <select value={state} onChange={(event) => setState(event.currentTarget.value)}>
            <option value="">any</option>
            {states.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => void load([], 0)}>
          Read again
        </button>
      </form>
      {error !== undefined && (
        <p class="notice warn" role="alert">
          {error}
        </p>
      )}
      {page !== undefined && (
        <>
          <p class="soft">
            {page.execution}: {page.status.toLowerCase()}, {count(page.total)} events
            {page.events.length === 0 && "; none of them is of this kind"}
          </p>
          {page.events.length > 0 && <Rows events={page.events} />}
          {page.next !== undefined && (
            <button type="button" onClick={() => void load(page.events, page.next ?? 0)}>
              Show more
            </button>
          )}
        </>
      )}
    </>
  );
}

function Rows({ events }: { events: HistoryRow[] }) {
  return (
    <div class="scroll">
      <table class="events">
        <thead>
          <tr>
            <th scope="col" class="number">
              Event
            </th>
            <th scope="col" class="number">
              After
            </th>
            <th scope="col">Type</th>
            <th scope="col">State</th>
            <th scope="col">Time</th>
            <th scope="col">Details</th>
          </tr>
        </thead>
        <tbody>
          {events.map((event) => (
            <tr key={event.id}>
              <th scope="row" class="number">
                {event.id}
              </th>
              <td class="number">{event.previousEventId}</td>
              <td>{event.type}</td>
              <td>{event.state ?? ""}</td>
              <td>
                <time dateTime={event.timestamp}>{dateTime(event.timestamp)}</time>
              </td>
              <td>
                {event.details !== undefined && (
                  <details>
                    <summary>show</summary>
                    <pre>{JSON.stringify(event.details, undefined, 2)}</pre>
                  </details>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
