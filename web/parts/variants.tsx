import type { Evaluation, ModelVariant } from "../../schemas/evaluation.ts";
import { count, percent } from "../words.ts";

const OUTCOME_WORDS = { reference: "as trained", allowed: "as good", refused: "refused" } as const;

/** The recipe that shipped, and what fine-tuning gained over the probe on the same held-out photos. */
export function Recipe({ evaluation }: { evaluation: Evaluation }) {
  const { training } = evaluation;
  if (training === undefined) return null;
  const { backbone, recipe, fineTuning } = training;
  const gain = fineTuning?.difference;
  return (
    <p>
      Backbone {backbone}, recipe {recipe}.{" "}
      {gain !== undefined &&
        `Fine-tuning changed accuracy by ${points(gain.value)} (${points(gain.low)} to ${points(gain.high)}) on ${count(fineTuning?.n ?? 0)} held-out photos: ${fineTuning?.shipped === true ? "it ships" : "no proven gain, so the probe ships"}. `}
      {fineTuning?.leftOut !== undefined && `Not fine-tuned: ${fineTuning.leftOut}.`}
    </p>
  );
}

/** Smaller and faster variants of the model as they did on the validation photos, the refused ones with their numbers. */
export function Variants({ evaluation }: { evaluation: Evaluation }) {
  const { optimisation, notOptimised } = evaluation;
  if (optimisation === undefined)
    return <p class="soft">No smaller variant competed{notOptimised === undefined ? "" : `: ${notOptimised}`}.</p>;
  const { variants, chosen, margin, meetsWishes, leftOut } = optimisation;
  return (
    <>
      <p>
        The model is the variant <strong>{chosen}</strong>: it was chosen on {count(variants[0]?.n ?? 0)} validation
        photos, before anybody looked at the sealed ones. A variant is refused unless a loss above {percent(margin)} can
        be ruled out.
      </p>
      {!meetsWishes && <p class="notice warn">None of them keeps all of your wishes: {wishes(optimisation.wishes)}.</p>}
      <div class="scroll">
        <table class="stack">
          <thead>
            <tr>
              <th scope="col">Variant</th>
              <th scope="col">Right</th>
              <th scope="col">Loses, at most</th>
              <th scope="col" class="number">
                Milliseconds a photo
              </th>
              <th scope="col" class="number">
                Megabytes
              </th>
              <th scope="col" class="number">
                in memory
              </th>
              <th scope="col">Outcome</th>
            </tr>
          </thead>
          <tbody>
            {variants.map((variant) => (
              <Row key={variant.name} variant={variant} isChosen={variant.name === chosen} />
            ))}
          </tbody>
        </table>
      </div>
      {leftOut.map((left) => (
        <p class="soft" key={left}>
          {left}.
        </p>
      ))}
    </>
  );
}

function Row({ variant, isChosen }: { variant: ModelVariant; isChosen: boolean }) {
  const { name, outcome, accuracy, accuracyDrop, ms, bytes, memoryMb, pareto, reason } = variant;
  return (
    <tr>
      <th scope="row">{isChosen ? <strong>{name}</strong> : name}</th>
      <td data-label="Right">{accuracy === undefined ? "-" : percent(accuracy.value)}</td>
      <td data-label="Loses, at most">
        {accuracyDrop === undefined || outcome === "reference" ? "-" : points(accuracyDrop.high)}
      </td>
      <td class="number" data-label="Milliseconds a photo">
        {ms === undefined ? "-" : ms.toFixed(1)}
      </td>
      <td class="number" data-label="Megabytes">
        {bytes === undefined ? "-" : (bytes / 1e6).toFixed(2)}
      </td>
      <td class="number" data-label="in memory">
        {memoryMb === undefined || memoryMb === null ? "-" : memoryMb.toFixed(0)}
      </td>
      <td data-label="Outcome">
        {isChosen ? "chosen" : OUTCOME_WORDS[outcome]}
        {reason !== undefined && <small class="soft"> {reason}</small>}
        {pareto && !isChosen && outcome === "allowed" && <small class="soft"> none is better in everything</small>}
      </td>
    </tr>
  );
}

function points(share: number): string {
  return `${(100 * share).toFixed(1)} points`;
}

function wishes({
  accuracyFloor,
  latencyMs,
  megabytes,
}: {
  accuracyFloor: number;
  latencyMs: number | null;
  megabytes: number | null;
}): string {
  return [
    ...(accuracyFloor > 0 ? [`right on ${percent(accuracyFloor)} at least`] : []),
    ...(latencyMs === null ? [] : [`at most ${latencyMs} ms`]),
    ...(megabytes === null ? [] : [`at most ${megabytes} MB`]),
  ].join(", ");
}
