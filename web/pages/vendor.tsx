import type { BoardLot, BoardVerdict, VendorBoard } from "../../schemas/portal.ts";
import { portalNow, useLoad } from "../api.ts";
import { VendorDispute } from "../parts/dispute.tsx";
import { Empty, Shell, Waiting } from "../parts/shell.tsx";
import { Tile } from "../parts/tile.tsx";
import { count, dateTime, money, plural, price, relative } from "../words.ts";

const STATUS_WORDS: Record<BoardLot["status"], string> = {
  planned: "coming",
  offered: "open",
  delivered: "delivered",
  "in-review": "being inspected",
  accepted: "accepted",
  rejected: "rejected",
  expired: "expired",
  failed: "broken on our side",
  "given-away": "given to another vendor",
};

/** The vendor's page: what is open and due, what came back and why, what is owed. */
export function VendorPage() {
  const board = useLoad<VendorBoard>("/api/vendor/board", 15_000);
  return (
    <Shell title="Vendor" campaign={board.data?.campaign}>
      <Waiting load={board}>{(data) => <Board board={data} onChange={() => void board.reload()} />}</Waiting>
    </Shell>
  );
}

function Board({ board, onChange }: { board: VendorBoard; onChange: () => void }) {
  const { lots, currency, statement } = board;
  const rework = lots.filter(
    (lot) => lot.status === "offered" && lot.round > 1 && lastVerdict(lot)?.verdict === "rework",
  );
  const open = lots.filter((lot) => (lot.status === "offered" || lot.status === "planned") && !rework.includes(lot));
  const there = lots.filter((lot) => lot.status === "delivered" || lot.status === "in-review");
  const closed = lots.filter((lot) => !rework.includes(lot) && !open.includes(lot) && !there.includes(lot));
  const accepted = lots.filter(({ status }) => status === "accepted").length;
  return (
    <>
      <h1>{board.name}</h1>
      <dl class="tiles">
        <Tile
          name="Open"
          value={count(open.length)}
          note={
            plural(
              open.reduce((sum, lot) => sum + lot.items - lot.answered, 0),
              "image",
            ) + " to answer"
          }
        />
        <Tile name="To rework" value={count(rework.length)} note="free of charge, once" />
        <Tile name="Being inspected" value={count(there.length)} note="by two blind experts" />
        <Tile name="Accepted" value={count(accepted)} note={`of ${plural(lots.length, "lot")}`} />
        <Tile name="Owed to you" value={money(statement.totalMicros, currency)} note="for accepted answers" />
      </dl>
      {lots.length === 0 && (
        <Empty title="No lot yet">
          <p>Lots appear here as soon as the campaign buys from you.</p>
        </Empty>
      )}
      {rework.length > 0 && <Lots title="To rework" lots={rework} currency={currency} onDispute={onChange} />}
      {open.length > 0 && <Lots title="Open" lots={open} currency={currency} />}
      {there.length > 0 && <Lots title="Delivered" lots={there} currency={currency} />}
      {closed.length > 0 && <Lots title="Closed" lots={closed} currency={currency} onDispute={onChange} />}
      <Account board={board} />
    </>
  );
}

function Lots(props: { title: string; lots: BoardLot[]; currency: string; onDispute?: () => void }) {
  return (
    <section>
      <h2>{props.title}</h2>
      <div class="scroll">
        <table class="stack">
          <thead>
            <tr>
              <th scope="col">Lot</th>
              <th scope="col">State</th>
              <th scope="col" class="number">
                Answered
              </th>
              <th scope="col">Due</th>
              <th scope="col">Delivered</th>
              <th scope="col" class="number">
                Per answer
              </th>
            </tr>
          </thead>
          <tbody>
            {props.lots.map((lot) => (
              <tr key={lot.lot}>
                <th scope="row" data-label="Lot">
                  {lot.lot}
                  {props.onDispute !== undefined && <Verdicts lot={lot} onChange={props.onDispute} />}
                </th>
                <td data-label="State">
                  <span class={`chip ${lot.status}`}>{STATUS_WORDS[lot.status]}</span>
                  {lot.round > 1 && <small> round {lot.round}</small>}
                </td>
                <td data-label="Answered" class="number">
                  {count(lot.answered)} / {count(lot.items)}
                </td>
                <td data-label="Due">
                  {dateTime(lot.dueAt)}
                  {lot.status === "offered" && <small> {relative(lot.dueAt, portalNow())}</small>}
                </td>
                <td data-label="Delivered">{dateTime(lot.deliveredAt)}</td>
                <td data-label="Per answer" class="number">
                  {price(lot.pricePerAnswerMicros, props.currency)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function lastVerdict(lot: BoardLot): BoardVerdict | undefined {
  return lot.verdicts.at(-1);
}

const VERDICT_WORDS: Record<BoardVerdict["verdict"], string> = {
  accept: "How it was inspected",
  rework: "Why it came back",
  reassign: "Why it went to another vendor",
  reject: "Why it was rejected",
};

/** The last verdict, and earlier ones that went against the vendor: each may be disputed. */
function Verdicts({ lot, onChange }: { lot: BoardLot; onChange: () => void }) {
  const last = lastVerdict(lot);
  const shown = lot.verdicts.filter((verdict) => verdict === last || verdict.verdict !== "accept");
  return shown.map((verdict) => <Evidence key={verdict.round} lot={lot} verdict={verdict} onChange={onChange} />);
}

/** What the inspection saw, in counts and mix-ups: which images were looked at stays hidden, they may be gold. */
function Evidence({ lot, verdict, onChange }: { lot: BoardLot; verdict: BoardVerdict; onChange: () => void }) {
  const { sampleSize, defects, acceptanceNumber, confused, undecided, reasons } = verdict;
  return (
    <details class="evidence">
      <summary>
        {VERDICT_WORDS[verdict.verdict]}
        {lot.verdicts.length > 1 && ` (round ${verdict.round})`}
        {verdict.dispute !== undefined && (
          <>
            {" "}
            <span class={`chip ${verdict.dispute.status}`}>disputed</span>
          </>
        )}
      </summary>
      <p>
        Two experts answered {plural(sampleSize, "image")} of the lot without seeing yours: {plural(defects, "answer")}{" "}
        wrong, at most {count(acceptanceNumber)} allowed
        {undecided > 0 && `; on ${count(undecided)} the experts disagreed, which counts for you`}.
      </p>
      {confused.length > 0 && (
        <ul>
          {confused.map(({ said, truth, count: times }) => (
            <li key={`${said} ${truth}`}>
              {count(times)} × said {said}, was {truth}
            </li>
          ))}
        </ul>
      )}
      {reasons.map((reason) => (
        <p key={reason} class="soft">
          {reason}
        </p>
      ))}
      <VendorDispute lot={lot} verdict={verdict} onChange={onChange} />
    </details>
  );
}

const KIND_WORDS: Record<string, string> = {
  "answer-accepted": "accepted answers",
  "expert-answer": "expert answers",
  credit: "credit note",
};

function Account({ board }: { board: VendorBoard }) {
  const { lines, totalMicros, currency } = board.statement;
  return (
    <section>
      <div class="heading">
        <h2>Statement</h2>
        <a class="button" href="/api/vendor/statement?format=csv" download>
          Download as CSV
        </a>
      </div>
      {lines.length === 0 ? (
        <p class="soft">Nothing is owed yet. Answers are owed when their lot is accepted.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Lot</th>
              <th scope="col">For</th>
              <th scope="col" class="number">
                Units
              </th>
              <th scope="col" class="number">
                Amount
              </th>
            </tr>
          </thead>
          <tbody>
            {lines.map((line) => (
              <tr key={`${line.lot} ${line.kind}`}>
                <th scope="row">{line.lot}</th>
                <td>{KIND_WORDS[line.kind] ?? line.kind}</td>
                <td class="number">{count(line.units)}</td>
                <td class="number">{money(line.amountMicros, currency)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row" colSpan={3}>
                Total
              </th>
              <td class="number">{money(totalMicros, currency)}</td>
            </tr>
          </tfoot>
        </table>
      )}
    </section>
  );
}
