import { useMemo } from "preact/hooks";
import type { Guide, Reviewed, ReviewImage } from "../../schemas/portal.ts";
import { call, useLoad } from "../api.ts";
import { Guideline } from "../parts/guide.tsx";
import { Empty, Shell, Waiting } from "../parts/shell.tsx";
import { type Desk, useSitting } from "../parts/sitting.ts";
import { WorkTable } from "../parts/work-table.tsx";
import { count, plural } from "../words.ts";

const TAKEN = 50;

const REFUSALS: Record<string, string> = {
  duplicate: "you answered this image before",
  closed: "two other experts were faster",
  "unknown-class": "the class is not one of the campaign's",
  paused: "the campaign is paused",
  cancelled: "the campaign was cancelled",
};

/** The experts' page: blind to who asks and why, so that gold, inspection and hard cases are answered alike. */
export function ReviewPage() {
  const guide = useLoad<Guide>("/api/review/guide");
  return (
    <Shell title="Review" campaign={guide.data?.campaign} wide>
      <Waiting load={guide}>{(know) => <ReviewTable guide={know} />}</Waiting>
    </Shell>
  );
}

function ReviewTable({ guide }: { guide: Guide }) {
  const desk = useMemo(() => reviewDesk(), []);
  const sitting = useSitting(desk);
  const more = desk.waiting();
  const again = (
    <button type="button" class="primary" onClick={sitting.again}>
      Look again
    </button>
  );
  return (
    <WorkTable
      title="Review"
      sitting={sitting}
      classes={guide.classes}
      progress={{
        done: sitting.given,
        of: sitting.given + more,
        words: `${count(sitting.given)} answered, ${count(more)} waiting`,
      }}
      lastWords="Hand in your last answer. It can't be changed afterwards: a second expert answers the same image without seeing yours."
      delivered={<Empty title="Handed in">{again}</Empty>}
      nothing={
        <Empty title="No image waits for an expert">
          <p>
            {sitting.given > 0 && `You answered ${plural(sitting.given, "image")}. Thank you. `}
            New ones come when lots are delivered.
          </p>
          {again}
        </Empty>
      }
      aside={<Guideline guide={guide} />}
    />
  );
}

function reviewDesk(): Desk & { waiting(): number } {
  const open = new Set<string>();
  return {
    waiting: () => open.size,
    async take() {
      const tasks = await call<ReviewImage[]>(`/api/review/tasks?limit=${TAKEN}`);
      for (const { task } of tasks) open.add(task);
      return tasks.map(({ task, ...view }) => ({ key: task, ...view }));
    },
    async send(task, value, _seconds, leaving) {
      const { refused } = await call<Reviewed>("/api/review/answers", { answers: [{ task, value }] }, leaving);
      open.delete(task);
      const [first] = refused;
      return first === undefined ? {} : { refused: REFUSALS[first.reason] ?? first.reason };
    },
  };
}
