import type { Bin } from "../../schemas/data-report.ts";
import { count } from "../words.ts";

/** Counts as bars, one row a bin; the numbers stand beside, so that nothing hangs on the drawing. */
export function BinChart({ title, bins }: { title: string; bins: readonly Bin[] }) {
  const most = Math.max(1, ...bins.map(({ images }) => images));
  return (
    <table class="bins">
      <caption>{title}</caption>
      <tbody>
        {bins.map(({ label, images }) => (
          <tr key={label}>
            <th scope="row">{label}</th>
            <td class="bar" aria-hidden="true">
              <span style={{ width: `${(100 * images) / most}%` }} />
            </td>
            <td class="number">{count(images)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
