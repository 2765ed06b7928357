import { useMemo, useState } from "preact/hooks";
import type { Guide, Lease, OpenLot, QualificationView, Submitted } from "../../schemas/portal.ts";
import { call, portalNow, useLoad } from "../api.ts";
import { AskCustomer } from "../parts/ask.tsx";
import { Guideline } from "../parts/guide.tsx";
import { Practice } from "../parts/practice.tsx";
import { Qualify } from "../parts/qualification.tsx";
import { Empty, Shell, Waiting } from "../parts/shell.tsx";
import { type Desk, useSitting } from "../parts/sitting.ts";
import { WorkTable } from "../parts/work-table.tsx";
import { count, dateTime, plural, relative } from "../words.ts";

/** Images taken at a time: few enough that a closed tab holds little up. */
const LEASED = 20;

/** Why an answer was not taken, in words. */
const REFUSALS: Record<string, string> = {
  "not-leased": "the image went to a colleague meanwhile",
  duplicate: "it was answered before",
  late: "the lot is past its due date",
  closed: "the lot is closed",
  paused: "the campaign is paused",
  cancelled: "the campaign was cancelled",
  "wrong-round": "the lot came back in a new round; open it again",
  "seen-before": "you answered this image before, in another lot",
  "unknown-class": "the class is not one of the campaign's",
  barred: "the data team has paused your work",
  unqualified: "there is a test before your first lot",
};
const refusal = (reason: string) => REFUSALS[reason] ?? reason;

/** The annotator's page: choose a lot, or go on with the one in the address. */
export function AnnotatePage() {
  const guide = useLoad<Guide>("/api/annotate/guide", 30_000);
  const lots = useLoad<OpenLot[]>("/api/annotate/lots", 15_000);
  const test = useLoad<QualificationView>("/api/annotate/qualification", 60_000);
  const [chosen, setChosen] = useState(() => new URLSearchParams(location.search).get("lot") ?? undefined);
  const [practising, setPractising] = useState(false);
  const choose = (lot: string | undefined) => {
    history.replaceState(null, "", lot === undefined ? "/annotate" : `/annotate?lot=${encodeURIComponent(lot)}`);
    setChosen(lot);
    void lots.reload();
  };
  return (
    <Shell title="Annotate" campaign={guide.data?.campaign} wide>
      <Waiting load={guide}>
        {(know) => {
          if (practising) return <Practice classes={know.classes} onDone={() => setPractising(false)} />;
          const { data: tested } = test;
          if (tested !== undefined && ["waiting", "open", "not-qualified"].includes(tested.state))
            return <Qualify view={tested} guide={know} onDone={() => void test.reload()} />;
          const lot = lots.data?.find((one) => one.lot === chosen);
          if (lot !== undefined)
            return (
              <LotTable
                key={`${lot.lot} ${lot.round}`}
                lot={lot}
                guide={know}
                onGuide={guide.reload}
                onLeave={() => choose(undefined)}
              />
            );
          return (
            <Waiting load={lots}>
              {(list) => <LotList lots={list} guide={know} onChoose={choose} onPractise={() => setPractising(true)} />}
            </Waiting>
          );
        }}
      </Waiting>
    </Shell>
  );
}

function LotList(props: { lots: OpenLot[]; guide: Guide; onChoose: (lot: string) => void; onPractise: () => void }) {
  return (
    <>
      <div class="heading">
        <h1>Your lots</h1>
        <button type="button" onClick={props.onPractise}>
          Practise the keys
        </button>
      </div>
      {props.lots.length === 0 ? (
        <Empty title="No lot is waiting">
          <p>New lots appear here by themselves. You can leave this page open.</p>
        </Empty>
      ) : (
        <ul class="cards">
          {props.lots.map((lot) => (
            <li key={lot.lot} class="card">
              <h2>{lot.lot}</h2>
              {lot.round > 1 && <p class="chip warn">Rework, round {lot.round}</p>}
              <p>
                {count(lot.answered)} of {plural(lot.items, "image")} answered
              </p>
              <progress value={lot.answered} max={lot.items} aria-label={`Progress of lot ${lot.lot}`} />
              <p class="soft">
                Due {dateTime(lot.dueAt)}
                {lot.dueAt !== "" && ` (${relative(lot.dueAt, portalNow())})`}
              </p>
              <button type="button" class="primary" onClick={() => props.onChoose(lot.lot)}>
                {lot.answered === 0 ? "Start" : "Go on"}
              </button>
            </li>
          ))}
        </ul>
      )}
      <Guideline guide={props.guide} />
    </>
  );
}

function LotTable(props: { lot: OpenLot; guide: Guide; onGuide: () => Promise<void>; onLeave: () => void }) {
  const { guide } = props;
  // The lot as it was when it was opened: its own refresh must not restart the sitting.
  const [lot] = useState(props.lot);
  const desk = useMemo(() => deskOf(lot.lot), [lot.lot]);
  const sitting = useSitting(desk);
  const done = Math.min(lot.items, lot.answered + sitting.given);
  const back = (
    <button type="button" class="primary" onClick={props.onLeave}>
      To your lots
    </button>
  );
  return (
    <WorkTable
      title={`Lot ${lot.lot}`}
      sitting={sitting}
      classes={guide.classes}
      progress={{ done, of: lot.items, words: `${count(done)} of ${count(lot.items)}` }}
      lastWords="Hand in your last answer. When everybody's answers are in, the lot is delivered and can't be changed any more."
      delivered={
        <Empty title="The lot is delivered">
          <p>Thank you. Experts now look at a sample of it.</p>
          {back}
        </Empty>
      }
      nothing={
        <Empty title="Nothing is left for you in this lot">
          <p>Either all of it is answered, or your colleagues hold the rest.</p>
          {back}
        </Empty>
      }
      aside={
        <>
          <Guideline guide={guide} />
          <AskCustomer
            lot={lot.lot}
            item={sitting.work?.key}
            questions={guide.questions}
            onAsked={() => void props.onGuide()}
          />
          <button type="button" class="quiet" onClick={props.onLeave}>
            Leave the lot for now
          </button>
        </>
      }
    />
  );
}

/** A lot of the API as a desk: leases in, answers out. */
function deskOf(lot: string): Desk {
  const at = `/api/annotate/lots/${encodeURIComponent(lot)}`;
  let round = 1;
  return {
    async take() {
      const lease = await call<Lease>(`${at}/lease`, { count: LEASED });
      round = lease.round;
      return lease.items.map(({ item, ...view }) => ({ key: item, ...view }));
    },
    async send(item, value, seconds, leaving) {
      const { refused, delivered } = await call<Submitted>(
        `${at}/answers`,
        { round, answers: [{ item, value, seconds }] },
        leaving,
      );
      const [first] = refused;
      // A repeated request finds its own answer: it was taken the first time.
      return {
        ...(first === undefined || first.reason === "duplicate" ? {} : { refused: refusal(first.reason) }),
        delivered,
      };
    },
    async revise(item, value, seconds) {
      const { revised, reason } = await call<{ revised: boolean; reason?: string }>(`${at}/revise`, {
        round,
        item,
        value,
        seconds,
      });
      return revised ? {} : { refused: refusal(reason ?? "closed") };
    },
  };
}
