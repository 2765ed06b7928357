import { useMemo, useState } from "preact/hooks";
import type { Guide, QualificationView } from "../../schemas/portal.ts";
import { call } from "../api.ts";
import { count, plural } from "../words.ts";
import { Guideline } from "./guide.tsx";
import { Empty } from "./shell.tsx";
import { type Desk, useSitting } from "./sitting.ts";
import { WorkTable } from "./work-table.tsx";

/** What stands between an annotator and the first lot: a test that waits, is open, or was not passed. */
export function Qualify(props: { view: QualificationView; guide: Guide; onDone: () => void }) {
  const { view, guide } = props;
  const [started, setStarted] = useState(false);
  if (started && view.state === "open") return <Test view={view} guide={guide} onDone={props.onDone} />;
  if (view.state === "waiting")
    return (
      <Empty title="The test is being prepared">
        <p>
          Before your first lot there is a test of {plural(view.questions, "image")}. Experts are choosing them now; it
          appears here by itself, and lots after it.
        </p>
      </Empty>
    );
  if (view.state === "not-qualified")
    return (
      <Empty title="The test was not passed">
        <p>
          {count(view.right ?? 0)} of {plural(view.questions, "answer")} were as the experts gave them;{" "}
          {count(view.toPass)} are needed. A person of the data team decides what happens next; you need not do
          anything, and your vendor is told.
        </p>
      </Empty>
    );
  return (
    <>
      <section class="empty">
        <h2>{view.answered === 0 ? "A test before your first lot" : "Your test is not finished"}</h2>
        <p>
          {plural(view.questions, "image")}, {count(view.toPass)} right answers to pass. Two experts have decided each
          of them. There is one attempt, it is not paid, and you may stop and go on later. Read the guideline first.
        </p>
        <button type="button" class="primary" onClick={() => setStarted(true)}>
          {view.answered === 0 ? "Start the test" : "Go on with the test"}
        </button>
      </section>
      <Guideline guide={guide} />
    </>
  );
}

function Test({ view, guide, onDone }: { view: QualificationView; guide: Guide; onDone: () => void }) {
  const desk = useMemo(testDesk, []);
  const sitting = useSitting(desk);
  // As it was when the test was opened: what is given here is counted here.
  const [before] = useState(view.answered);
  const done = Math.min(view.questions, before + sitting.given);
  const over = (
    <Empty title="All questions are answered">
      <button type="button" class="primary" onClick={onDone}>
        See the result
      </button>
    </Empty>
  );
  return (
    <WorkTable
      title="Test"
      sitting={sitting}
      classes={guide.classes}
      progress={{ done, of: view.questions, words: `${count(done)} of ${count(view.questions)}` }}
      lastWords="Hand in your last answer. With it the test is over."
      delivered={over}
      nothing={over}
      aside={<Guideline guide={guide} />}
    />
  );
}

function testDesk(): Desk {
  const at = "/api/annotate/qualification";
  return {
    async take() {
      const { work } = await call<QualificationView>(at);
      return work.map(({ item, url }) => ({ key: item, url }));
    },
    async send(item, value, _seconds, leaving) {
      const { state } = await call<QualificationView>(at, { answers: [{ item, value }] }, leaving);
      return { delivered: state !== "open" };
    },
  };
}
