import type { Estimate } from "../../schemas/evaluation.ts";
import { count, percent } from "../words.ts";

/** An estimate with its interval on a scale from `from` to 1, and the floor it had to beat. */
export function IntervalBar(props: { estimate: Estimate; required?: number; from?: number }) {
  const from = props.from ?? 0;
  const at = (share: number) => Math.max(0, Math.min(100, ((share - from) / (1 - from)) * 100));
  const { value, low, high } = props.estimate;
  return (
    <svg
      class="interval"
      viewBox="0 0 100 10"
      preserveAspectRatio="none"
      role="img"
      aria-label={`${percent(value)}, between ${percent(low)} and ${percent(high)}`}
    >
      <rect class="track" x="0" y="4" width="100" height="2" />
      <rect class="range" x={at(low)} y="2" width={Math.max(0.5, at(high) - at(low))} height="6" />
      <rect class="value" x={at(value) - 0.4} y="0.5" width="0.8" height="9" />
      {props.required !== undefined && (
        <rect class="required" x={at(props.required) - 0.3} y="0" width="0.6" height="10" />
      )}
    </svg>
  );
}

/** Rows are what it is, columns what the model says; a cell is as dark as its share of the row. */
export function ConfusionPlot({ classes, confusion }: { classes: string[]; confusion: number[][] }) {
  return (
    <div class="plot">
      <p class="soft">Rows: what the photo shows. Columns: what the model says. The diagonal is right.</p>
      <div class="scroll">
        <table class="confusion" aria-label="Confusion of classes">
          <thead>
            <tr>
              <td />
              {classes.map((name) => (
                <th key={name} scope="col">
                  <span>{name}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {confusion.map((row, truth) => {
              const total = row.reduce((sum, n) => sum + n, 0);
              return (
                <tr key={classes[truth]}>
                  <th scope="row">{classes[truth]}</th>
                  {row.map((n, said) => {
                    const share = total === 0 ? 0 : n / total;
                    const kind = n === 0 ? "none" : said === truth ? "right" : "wrong";
                    return (
                      <td
                        key={classes[said]}
                        class={`${kind} ${share > 0.55 ? "deep" : ""}`}
                        style={{ "--share": String(n === 0 ? 0 : 0.12 + 0.88 * share) }}
                        title={`${classes[truth]} taken for ${classes[said]}: ${n} of ${total}`}
                      >
                        {n === 0 ? "" : count(n)}
                      </td>
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </div>
  );
}

export interface Line {
  name: string;
  /** undefined: no value at that place. */
  values: (number | undefined)[];
  /** 95 % intervals of the values, where they have one. */
  intervals?: { low: number; high: number }[];
}

const WIDTH = 320;
const HEIGHT = 130;
const LEFT = 40;
const BOTTOM = 22;

/** Shares over time: one line per name, dots at the values, the last value written beside. */
export function LineChart(props: { lines: Line[]; labels: string[]; from?: number }) {
  const from = props.from ?? 0;
  const n = props.labels.length;
  const x = (index: number) => (n <= 1 ? (LEFT + WIDTH - 50) / 2 : LEFT + (index * (WIDTH - LEFT - 50)) / (n - 1));
  const y = (share: number) => 8 + (1 - (share - from) / (1 - from)) * (HEIGHT - 8 - BOTTOM);
  const ticks = [from, (from + 1) / 2, 1];
  const words = props.lines
    .map(({ name, values }) => `${name}: ${values.map((v) => (v === undefined ? "none" : percent(v))).join(", ")}`)
    .join(". ");
  const every = Math.ceil(n / 6);
  return (
    <figure class="chart">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={words}>
        {ticks.map((tick) => (
          <g key={tick}>
            <line class="grid" x1={LEFT} x2={WIDTH - 46} y1={y(tick)} y2={y(tick)} />
            <text x={LEFT - 6} y={y(tick) + 3} text-anchor="end">
              {percent(tick, 0)}
            </text>
          </g>
        ))}
        {props.labels.map((label, index) =>
          index % every === 0 ? (
            <text key={label} x={x(index)} y={HEIGHT - 6} text-anchor="middle">
              {label}
            </text>
          ) : null,
        )}
        {props.lines.map(({ name, values, intervals }, line) => {
          const points = values.flatMap((value, index) =>
            value === undefined ? [] : [{ x: x(index), y: y(value), value }],
          );
          const last = points.at(-1);
          return (
            <g key={name} class={`line line-${line}`}>
              {intervals?.map(({ low, high }, index) => (
                <line
                  key={`${index} ${low}`}
                  class="whisker"
                  x1={x(index)}
                  x2={x(index)}
                  y1={y(Math.max(from, low))}
                  y2={y(high)}
                />
              ))}
              <polyline points={points.map((point) => `${point.x},${point.y}`).join(" ")} />
              {points.map((point) => (
                <circle key={point.x} cx={point.x} cy={point.y} r="3" />
              ))}
              {last !== undefined && (
                <text x={last.x + 8} y={last.y + 3}>
                  {percent(last.value)}
                </text>
              )}
            </g>
          );
        })}
      </svg>
      <figcaption>
        {props.lines.map(({ name }, line) => (
          <span key={name} class={`key line-${line}`}>
            {name}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
