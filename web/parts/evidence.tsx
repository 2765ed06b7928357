import { useState } from "preact/hooks";
import type { Evaluation } from "../../schemas/evaluation.ts";
import type { Evidence } from "../../schemas/evidence.ts";
import type { ApprovalView } from "../../schemas/portal.ts";
import { count, money, percent } from "../words.ts";
import { IntervalBar } from "./plots.tsx";

type Gate = Evidence["judgement"]["gates"][number];
const GATE_WORDS = { pass: "passed", fail: "failed", "not-enough-data": "can't tell yet" } as const;

/** Which look at the sealed test it was: every one spends of the error that the gates may make together. */
export function Look({ look }: { look: Evidence["judgement"]["look"] }) {
  if (look === undefined) return null;
  const { number, planned, alpha } = look;
  return (
    <p class="soft">
      Look {count(number)} at the sealed photos, {count(planned)} planned; a gate may pass by chance in at most{" "}
      {percent(alpha, alpha < 0.01 ? 2 : 1)} of such looks
      {number > planned && ". Looks beyond the plan are judged ever more strictly"}.
    </p>
  );
}

/** Each gate with what was asked, what was measured, and the reason in the judge's words. */
export function Gates({ gates, currency }: { gates: Gate[]; currency: string }) {
  if (gates.length === 0) return <p class="soft">No gate was asked.</p>;
  return (
    <ul class="gates">
      {gates.map((gate) => (
        <li key={gate.name} class={gate.outcome}>
          <span class={`chip ${gate.outcome}`}>{GATE_WORDS[gate.outcome]}</span>
          <div>
            <strong>{gate.name}</strong>
            <p>{gate.reason}</p>
            {gate.moreTestLabels !== undefined && (
              <p class="soft">
                {count(gate.moreTestLabels)} more test labels would tell
                {gate.priceMicros !== undefined && `, for ${money(gate.priceMicros, currency)}`}.
              </p>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}

/** Misses per 1,000 photos of each class, what they are taken for, and what they cost. */
export function PerClass(props: { evaluation: Evaluation; currency: string; expertPriceMicros: number }) {
  const { perClass, confusion, classes, n } = props.evaluation;
  const [cost, setCost] = useState(String(props.expertPriceMicros / 1e6));
  const each = Number(cost);
  const valid = cost.trim() !== "" && Number.isFinite(each) && each >= 0;
  return (
    <>
      <p>
        <label class="inline">
          If one wrong answer costs{" "}
          <input
            type="text"
            inputMode="decimal"
            size={6}
            value={cost}
            aria-invalid={!valid}
            onInput={(event) => setCost(event.currentTarget.value)}
          />{" "}
          {props.currency}
        </label>{" "}
        <span class="soft">
          ({money(props.expertPriceMicros, props.currency)} is what an expert takes to put one right)
        </span>
      </p>
      <div class="scroll">
        <table class="stack">
          <thead>
            <tr>
              <th scope="col">Class</th>
              <th scope="col">Found, of those there are</th>
              <th scope="col" class="number">
                Missed per 1,000 of them
              </th>
              <th scope="col">Mostly taken for</th>
              <th scope="col" class="number">
                Cost per 1,000 photos of all kinds
              </th>
            </tr>
          </thead>
          <tbody>
            {perClass.map((one) => {
              const row = classes.indexOf(one.label);
              const errors = (confusion[row] ?? []).reduce((sum, times, said) => (said === row ? sum : sum + times), 0);
              return (
                <tr key={one.label}>
                  <th scope="row" data-label="Class">
                    {one.label}
                  </th>
                  <td data-label="Found">
                    <IntervalBar estimate={one.recall} />
                    <small>
                      {percent(one.recall.value)} ({percent(one.recall.low, 0)} to {percent(one.recall.high, 0)}) of{" "}
                      {count(one.n)}
                    </small>
                  </td>
                  <td data-label="Missed per 1,000" class="number">
                    {Math.round((1 - one.recall.value) * 1000)}
                    <small>
                      {" "}
                      ({Math.round((1 - one.recall.high) * 1000)} to {Math.round((1 - one.recall.low) * 1000)})
                    </small>
                  </td>
                  <td data-label="Taken for">{takenFor(confusion[row] ?? [], row, classes)}</td>
                  <td data-label="Cost" class="number">
                    {valid && n > 0 ? money((errors / n) * 1000 * each * 1e6, props.currency) : "-"}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}

function takenFor(row: number[], own: number, classes: string[]): string {
  const others = row.map((times, said) => ({ times, said })).filter(({ times, said }) => times > 0 && said !== own);
  others.sort((a, b) => b.times - a.times);
  return others.length === 0
    ? "nothing in the test"
    : others
        .slice(0, 2)
        .map(({ times, said }) => `${classes[said]} (${times})`)
        .join(", ");
}

/** The mistakes that the model was surest of. */
export function Worst({ mistakes }: { mistakes: NonNullable<ApprovalView["pending"]>["mistakes"] }) {
  if (mistakes.length === 0) return <p class="soft">It made no mistake on the test photos.</p>;
  return (
    <ul class="mistakes">
      {mistakes.map((one) => (
        <li key={one.url}>
          <figure>
            <img src={one.url} alt={`Shows ${one.truth}, taken for ${one.predicted}`} />
            <figcaption>
              <span>
                Said <strong>{one.predicted}</strong>
              </span>
              <span>
                is <strong>{one.truth}</strong>
              </span>
              <small>{percent(one.confidence, 0)} sure</small>
            </figcaption>
          </figure>
        </li>
      ))}
    </ul>
  );
}
