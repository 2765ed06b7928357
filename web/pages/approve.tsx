import type { ApprovalView } from "../../schemas/portal.ts";
import { useLoad } from "../api.ts";
import { Conditions } from "../parts/conditions.tsx";
import { Decision } from "../parts/decision.tsx";
import { Gates, Look, PerClass, Worst } from "../parts/evidence.tsx";
import { ConfusionPlot, IntervalBar } from "../parts/plots.tsx";
import { Empty, Shell, Waiting } from "../parts/shell.tsx";
import { Tile } from "../parts/tile.tsx";
import { Recipe, Variants } from "../parts/variants.tsx";
import { count, money, percent, plural } from "../words.ts";

type Pending = NonNullable<ApprovalView["pending"]>;

/** The owner's page: what a decision needs, in two minutes, and the decision. */
export function ApprovePage({ campaign }: { campaign: string | undefined }) {
  const view = useLoad<ApprovalView>(`/api/approve/${encodeURIComponent(campaign ?? "")}`);
  return (
    <Shell title="Approve" campaign={campaign}>
      <Waiting load={view}>
        {(data) =>
          data.pending === undefined ? (
            <Empty title="Nothing waits for your decision">
              <p>When the next model has passed its gates, it is shown here with its evidence.</p>
              <a class="button" href={`/watch/${data.campaign}`}>
                Watch the campaign
              </a>
            </Empty>
          ) : (
            <Case
              campaign={data.campaign}
              currency={data.currency}
              pending={data.pending}
              onDecided={() => void view.reload()}
            />
          )
        }
      </Waiting>
    </Shell>
  );
}

function Case(props: { campaign: string; currency: string; pending: Pending; onDecided: () => void }) {
  const { pending, currency } = props;
  const { evidence } = pending;
  const { evaluation, labels } = evidence;
  const { accuracy } = evaluation;
  const wrong = (share: number) => Math.round((1 - share) * 1000);
  const floor = Math.max(0, Math.min(0.9, Math.floor((accuracy.low - 0.1) * 10) / 10));
  return (
    <>
      <p class="soft">
        Cycle {pending.cycle} · model <code>{pending.modelVersion}</code> · {evidence.backbone}
      </p>
      <h1 class="claim">
        The new model is right on {percent(accuracy.value)} of photos that it has never seen
        <small>
          between {percent(accuracy.low)} and {percent(accuracy.high)}, with 95 % confidence
        </small>
      </h1>
      <IntervalBar estimate={accuracy} from={floor} />
      <p class="lead">
        Of 1,000 new photos, expect about {wrong(accuracy.value)} wrong answers ({wrong(accuracy.high)} to{" "}
        {wrong(accuracy.low)}). Always saying “{evaluation.majorityClass.label}” would be right on{" "}
        {percent(evaluation.majorityClass.accuracy)}.
      </p>
      {evaluation.champion !== null && (
        <p class="lead">
          Against the model that is live now, on the same photos: {signed(evaluation.champion.difference.value)} points
          ({signed(evaluation.champion.difference.low)} to {signed(evaluation.champion.difference.high)}).
        </p>
      )}
      <dl class="tiles">
        <Tile name="Tested on" value={count(evaluation.n)} note="sealed photos" />
        <Tile
          name="Trained on"
          value={count(evidence.dataset.train)}
          note={`and ${count(evidence.dataset.validation)} to choose with`}
        />
        <Tile name="Labels bought" value={count(labels.bought)} note={`${labels.perImage.toFixed(2)} per image`} />
        <Tile
          name="Spent"
          value={money(labels.spentMicros, labels.currency)}
          note={`of ${money(labels.budgetMicros, labels.currency)}`}
        />
        <Tile
          name="Wrong test labels"
          value={`≤ ${percent(evidence.residualLabelError)}`}
          note="upper bound from the experts' audit"
        />
      </dl>
      <section>
        <h2>What it had to pass</h2>
        <Gates gates={evidence.judgement.gates} currency={labels.currency} />
        <Look look={evidence.judgement.look} />
      </section>
      <section>
        <h2>Where it goes wrong</h2>
        <PerClass evaluation={evaluation} currency={currency} expertPriceMicros={pending.expertPriceMicros} />
        <ConfusionPlot classes={evaluation.classes} confusion={evaluation.confusion} />
        <Conditions evaluation={evaluation} />
      </section>
      <section>
        <h2>Its worst mistakes</h2>
        <Worst mistakes={pending.mistakes} />
      </section>
      <section>
        <h2>How it was made</h2>
        <Recipe evaluation={evaluation} />
        <Variants evaluation={evaluation} />
      </section>
      <section>
        <h2>What happens when you approve</h2>
        <p>{consequence(pending, props.campaign)}</p>
        {pending.needed > 1 && <p>{plural(pending.needed, "person", "people")} must approve; each signs alone.</p>}
      </section>
      <Decision campaign={props.campaign} pending={pending} onDecided={props.onDecided} />
    </>
  );
}

function consequence({ release }: Pending, campaign: string): string {
  if (release.firstRelease) {
    return `There is no live model yet: this one answers every request to ${campaign} as soon as it has started and answered a first smoke request. It costs nothing while nobody asks.`;
  }
  return `The live model stays. The new one first gets ${percent(release.candidateShare, 0)} of the real requests; it replaces the live one after at least ${plural(release.minimumRequests, "request")} without more errors or slower answers, and is withdrawn by itself otherwise, or when that takes longer than ${plural(Math.round(release.watchHours), "hour")}.`;
}

function signed(share: number): string {
  return `${share >= 0 ? "+" : "−"}${Math.abs(share * 100).toFixed(1)}`;
}
