import type { CorruptionRow, Evaluation } from "../../schemas/evaluation.ts";
import { count, percent, plural } from "../words.ts";

/** Kinds of photos on which the model is worse than on the rest, and how it holds up as photos get worse. */
export function Conditions({ evaluation }: { evaluation: Evaluation }) {
  const { slices = [], corruptions = [] } = evaluation;
  const worse = slices.filter(({ warns }) => warns);
  return (
    <>
      <p>
        {slices.length === 0
          ? "Too few photos to compare kinds of them."
          : `${plural(slices.length, "kind")} of photos (size, brightness, camera, vendor) compared with the rest: ${worse.length === 0 ? "none is worse beyond chance" : `${count(worse.length)} worse`}.`}
      </p>
      {worse.length > 0 && (
        <ul>
          {worse.map(({ slice, n, accuracy }) => (
            <li key={slice}>
              <strong>{slice}</strong>: right on {percent(accuracy.value)} of {plural(n, "photo")}
            </li>
          ))}
        </ul>
      )}
      {corruptions.length > 0 && <Robustness rows={corruptions} />}
    </>
  );
}

/** Accuracy by family of corruption, from slight to severe. */
function Robustness({ rows }: { rows: readonly CorruptionRow[] }) {
  const families = [...new Set(rows.map(({ family }) => family))];
  const severities = [...new Set(rows.map(({ severity }) => severity))].sort();
  const at = (family: string, severity: number) =>
    rows.find((row) => row.family === family && row.severity === severity);
  return (
    <>
      <h3>As photos get worse</h3>
      <p class="soft">
        Share of {count(rows[0]?.n ?? 0)} of the sealed photos that it has right, from slight to severe.
      </p>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Worse by</th>
              {severities.map((severity) => (
                <th scope="col" class="number" key={severity}>
                  {severity}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {families.map((family) => (
              <tr key={family}>
                <th scope="row">{family}</th>
                {severities.map((severity) => (
                  <td class="number" key={severity}>
                    {percent(at(family, severity)?.value ?? 0, 0)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
