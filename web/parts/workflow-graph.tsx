import type { StateNode } from "../../schemas/portal.ts";
import { dateTime, stateWords } from "../words.ts";

/** Height of a row and the width of the margin in which ways run beside the line; both stand in the style sheet too. */
const ROW = 46;
const MARGIN = 74;

interface Way {
  from: number;
  to: number;
  lane: number;
  taken: boolean;
}

/** The campaign workflow as it stands in its file, top to bottom: ways back and ways around run beside the line. */
export function WorkflowGraph({ states }: { states: StateNode[] }) {
  const at = new Map(states.map((state, index) => [state.name, index]));
  const ways = lanes(
    states.flatMap((state, from) =>
      state.next.flatMap((name) => {
        const to = at.get(name);
        if (to === undefined || to === from + 1) return [];
        return [{ from, to, taken: state.visits > 0 && (states[to]?.visits ?? 0) > 0 }];
      }),
    ),
  );
  return (
    <div class="graph">
      <svg class="ways" width={MARGIN} height={states.length * ROW} aria-hidden="true">
        {ways.map(({ from, to, lane, taken }) => {
          const x = MARGIN - 18 - lane * 9;
          const [a, b] = [middle(from), middle(to)];
          const turn = b > a ? 6 : -6;
          return (
            <g key={`${from} ${to}`} class={`way ${to < from ? "back" : "ahead"} ${taken ? "taken" : ""}`}>
              <path
                d={`M${MARGIN - 8} ${a} H${x + 6} Q${x} ${a} ${x} ${a + turn} V${b - turn} Q${x} ${b} ${x + 6} ${b} H${MARGIN - 10}`}
              />
              <path class="head" d={`M${MARGIN - 14} ${b - 4} L${MARGIN - 8} ${b} L${MARGIN - 14} ${b + 4}`} />
            </g>
          );
        })}
      </svg>
      <ol>
        {states.map((state) => (
          <li
            key={state.name}
            class={`state ${state.status} ${state.type === "Fail" || state.name === "RecordFailure" ? "trouble" : ""}`}
            title={state.comment}
          >
            <span class="dot" aria-hidden="true" />
            <span class="name">
              {stateWords(state.name)}
              {state.visits > 1 && <small> × {state.visits}</small>}
            </span>
            <span class="said">
              {state.status === "running"
                ? `now, since ${dateTime(state.enteredAt)}`
                : state.status === "failed"
                  ? "ended here"
                  : state.comment}
            </span>
            <span class="sr">{state.status}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

const middle = (index: number) => index * ROW + ROW / 2;

/** Gives every way the innermost lane in which it meets no other one; shorter ways first. */
function lanes(ways: Omit<Way, "lane">[]): Way[] {
  const placed: Way[] = [];
  const span = (way: { from: number; to: number }) => [Math.min(way.from, way.to), Math.max(way.from, way.to)] as const;
  for (const way of [...ways].sort((a, b) => Math.abs(a.to - a.from) - Math.abs(b.to - b.from))) {
    const [low, high] = span(way);
    let lane = 0;
    while (
      placed.some((other) => {
        const [otherLow, otherHigh] = span(other);
        return other.lane === lane && low <= otherHigh && otherLow <= high;
      })
    ) {
      lane += 1;
    }
    placed.push({ ...way, lane });
  }
  return placed;
}
