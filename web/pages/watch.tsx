import type { WatchView } from "../../schemas/portal.ts";
import { useLoad } from "../api.ts";
import { Disputes } from "../parts/dispute.tsx";
import { HistoryTable } from "../parts/history-table.tsx";
import { ImageSearch } from "../parts/image-search.tsx";
import { IntervalBar, LineChart } from "../parts/plots.tsx";
import { Shell, Waiting } from "../parts/shell.tsx";
import { Controls, People, Questions } from "../parts/team.tsx";
import { Tile } from "../parts/tile.tsx";
import { WorkflowGraph } from "../parts/workflow-graph.tsx";
import { count, dateTime, money, OUTCOMES, percent, plural } from "../words.ts";

/** The data team's page: the campaign as its workflow, with lots, money and quality over time. */
export function WatchPage({ campaign }: { campaign: string | undefined }) {
  const view = useLoad<WatchView>(`/api/campaigns/${encodeURIComponent(campaign ?? "")}`, 4000);
  return (
    <Shell title="Watch" campaign={campaign} wide>
      <Waiting load={view}>{(data) => <Campaign view={data} onChange={() => void view.reload()} />}</Waiting>
    </Shell>
  );
}

function Campaign({ view, onChange }: { view: WatchView; onChange: () => void }) {
  const cycle = view.cycles.at(-1);
  const model = view.models.at(-1);
  const asksOwner = view.workflow.some(({ name, status }) => name === "AskOwner" && status === "running");
  return (
    <>
      <div class="heading">
        <h1>
          {view.campaign} <span class={`chip ${view.status}`}>{view.status}</span>
        </h1>
        {view.mayAct && <Controls view={view} onChange={onChange} />}
      </div>
      {asksOwner && (
        <p class="notice">
          A model waits for the owner's decision. <a href={`/approve/${view.campaign}`}>See the evidence</a>
        </p>
      )}
      <dl class="tiles">
        <Tile
          name="Cycle"
          value={cycle === undefined ? "-" : String(cycle.cycle)}
          note={cycle === undefined ? "none yet" : (OUTCOMES[cycle.outcome] ?? cycle.outcome)}
        />
        <Tile
          name="Images"
          value={count(cycle?.counts.admitted ?? 0)}
          note={`${count(cycle?.counts.quarantined ?? 0)} kept out, ${count(cycle?.counts.duplicates ?? 0)} duplicates`}
        />
        <Tile
          name="Lots"
          value={count(view.lots.length)}
          note={`${count(view.lots.filter(({ status }) => status === "accepted").length)} accepted`}
        />
        <Tile
          name="Spent"
          value={money(view.spent.micros, view.currency)}
          note={`of ${money(view.budgetMicros, view.currency)}`}
        />
        <Tile
          name="Model"
          value={model === undefined ? "-" : percent(model.accuracy.value)}
          note={
            model === undefined
              ? "none judged yet"
              : `${percent(model.accuracy.low)} to ${percent(model.accuracy.high)}`
          }
        />
      </dl>
      {cycle?.refs.catalogue !== undefined && (
        <p>
          <a href={`/data/${view.campaign}`}>See what the photos are like, and leave some out</a>
        </p>
      )}
      <div class="watch">
        <section>
          <h2>Workflow{view.execution !== undefined && <small class="soft"> {view.execution.name}</small>}</h2>
          <WorkflowGraph states={view.workflow} />
        </section>
        <div>
          <Failures view={view} />
          <Quality view={view} />
          <Money view={view} />
          <Lots view={view} />
          <Cycles view={view} />
          <InProduction view={view} />
          <HistoryTable
            campaign={view.campaign}
            cycles={view.cycles.length}
            states={view.workflow.map(({ name }) => name)}
          />
          <Disputes view={view} onChange={onChange} />
          <Questions view={view} onChange={onChange} />
          <ImageSearch campaign={view.campaign} />
          {view.mayAct && <People view={view} onChange={onChange} />}
        </div>
      </div>
    </>
  );
}

function Failures({ view }: { view: WatchView }) {
  const failed = view.cycles.flatMap(({ cycle, failure }) => (failure === undefined ? [] : [{ cycle, ...failure }]));
  if (failed.length === 0) return null;
  return (
    <section>
      <h2>Failures</h2>
      {failed.map(({ cycle, error, cause }) => (
        <div key={cycle} class="notice warn" role="alert">
          <strong>
            Cycle {cycle}: {error}
          </strong>
          <p class="prose">{cause}</p>
        </div>
      ))}
    </section>
  );
}

function Quality({ view }: { view: WatchView }) {
  const { quality, models } = view;
  return (
    <section>
      <h2>Quality over time</h2>
      {quality.length === 0 && models.length === 0 && <p class="soft">No wave is settled yet.</p>}
      <div class="charts">
        {quality.length > 0 && (
          <LineChart
            labels={quality.map(({ cycle, wave }) => `${cycle}.${wave}`)}
            lines={[
              {
                name: "images settled",
                values: quality.map(({ images, settled }) => (images === 0 ? undefined : settled / images)),
              },
              {
                name: "gold answered right",
                values: quality.map(({ gold }) => (gold === undefined ? undefined : gold.right / gold.n)),
              },
            ]}
          />
        )}
        {models.length > 0 && (
          <LineChart
            from={models.every(({ accuracy }) => accuracy.low > 0.5) ? 0.5 : 0}
            labels={models.map(({ cycle }) => `cycle ${cycle}`)}
            lines={[
              {
                name: "model's accuracy on sealed photos",
                values: models.map(({ accuracy }) => accuracy.value),
                intervals: models.map(({ accuracy }) => accuracy),
              },
            ]}
          />
        )}
      </div>
      {quality.length > 0 && (
        <p class="soft">
          Waves as cycle.wave; {quality.at(-1)?.answersPerImage.toFixed(2)} answers per image after the last.
        </p>
      )}
    </section>
  );
}

const KINDS: Record<string, string> = {
  "answer-accepted": "answers",
  "gold-answered": "gold answers",
  "expert-answer": "experts",
  credit: "credit notes",
};

function Money({ view }: { view: WatchView }) {
  const { spent, currency, budgetMicros } = view;
  const share = (micros: number) => (budgetMicros === 0 ? 0 : Math.min(1, Math.max(0, micros / budgetMicros)));
  return (
    <section>
      <h2>Money</h2>
      <div
        class="budget"
        role="img"
        aria-label={`${money(spent.micros, currency)} of ${money(budgetMicros, currency)} spent`}
      >
        {spent.byKind.map(({ kind, amountMicros }) => (
          <span key={kind} class={kind} style={{ width: `${share(amountMicros) * 100}%` }} />
        ))}
      </div>
      <dl class="pairs">
        {spent.byKind.map(({ kind, units, amountMicros }) => (
          <div key={kind}>
            <dt>
              <i class={`swatch ${kind}`} /> {KINDS[kind] ?? kind} <small class="soft">{count(units)}</small>
            </dt>
            <dd>{money(amountMicros, currency)}</dd>
          </div>
        ))}
        {spent.byVendor.map(({ vendor, amountMicros }) => (
          <div key={vendor}>
            <dt class="soft">owed to {vendor}</dt>
            <dd class="soft">{money(amountMicros, currency)}</dd>
          </div>
        ))}
        <div>
          <dt>Left of the budget</dt>
          <dd>{money(budgetMicros - spent.micros, currency)}</dd>
        </div>
      </dl>
    </section>
  );
}

/** Lots shown before the rest is folded away. */
const SHOWN_LOTS = 12;

function Lots({ view }: { view: WatchView }) {
  if (view.lots.length === 0) return null;
  const rest = view.lots.length - SHOWN_LOTS;
  return (
    <section>
      <h2>Lots</h2>
      <LotTable lots={view.lots.slice(0, SHOWN_LOTS)} />
      {rest > 0 && (
        <details>
          <summary>{plural(rest, "more lot")}</summary>
          <LotTable lots={view.lots.slice(SHOWN_LOTS)} />
        </details>
      )}
    </section>
  );
}

/** Lots of real requests bear their day's number, from here on, in place of a wave's. */
const FIRST_AUDIT_WAVE = 10_000;

function LotTable({ lots }: { lots: WatchView["lots"] }) {
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Lot</th>
            <th scope="col">Vendor</th>
            <th scope="col">Wave</th>
            <th scope="col">State</th>
            <th scope="col" class="number">
              Answered
            </th>
          </tr>
        </thead>
        <tbody>
          {lots.map((lot) => (
            <tr key={`${lot.vendor} ${lot.lot}`}>
              <th scope="row">{lot.lot}</th>
              <td>{lot.vendor}</td>
              <td>{lot.wave >= FIRST_AUDIT_WAVE ? "real requests" : `${lot.cycle}.${lot.wave}`}</td>
              <td>
                <span class={`chip ${lot.status}`}>{lot.status.replace("-", " ")}</span>
                {lot.round > 1 && <small> round {lot.round}</small>}
              </td>
              <td class="number">
                {count(lot.answered)} / {count(lot.items)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cycles({ view }: { view: WatchView }) {
  if (view.cycles.length === 0 && view.queue === 0) return null;
  return (
    <section>
      <h2>Cycles</h2>
      <ul class="plain">
        {view.cycles.map((cycle) => (
          <li key={cycle.cycle}>
            <strong>Cycle {cycle.cycle}</strong>{" "}
            <span class={`chip ${cycle.outcome}`}>{OUTCOMES[cycle.outcome] ?? cycle.outcome}</span>{" "}
            <span class="soft">
              opened {dateTime(cycle.openedAt)}
              {cycle.closedAt !== undefined && `, closed ${dateTime(cycle.closedAt)}`}
            </span>
          </li>
        ))}
        {view.queue > 0 && <li class="soft">{plural(view.queue, "intake")} waiting for the next cycle</li>}
      </ul>
      {view.release.champion !== undefined && (
        <p>
          Live: model <code>{view.release.champion.version.slice(0, 12)}</code> of cycle {view.release.champion.cycle},
          since {dateTime(view.release.champion.since)}. Ask it with <code>POST /predict/{view.campaign}</code>.
        </p>
      )}
      {view.release.candidate !== undefined && (
        <p>
          Being tried: model <code>{view.release.candidate.version.slice(0, 12)}</code> with{" "}
          {percent(view.release.candidate.share, 0)} of the requests.
        </p>
      )}
    </section>
  );
}

const AUDITED = { "below-floor": "below the floor", unsure: "not sure yet", "above-floor": "holds" } as const;

function InProduction({ view }: { view: WatchView }) {
  const { audits } = view.release;
  if (audits.length === 0) return null;
  return (
    <section>
      <h2>In production</h2>
      <p class="soft">
        Samples of real requests, labelled as the sealed test was: how often the model answered rightly, with its 95 %
        interval, and the least that is asked (the line).
      </p>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Day</th>
              <th scope="col">Model</th>
              <th scope="col" class="number">
                Labelled
              </th>
              <th scope="col" class="number">
                Right
              </th>
              <th scope="col">Interval</th>
              <th scope="col">At least</th>
            </tr>
          </thead>
          <tbody>
            {audits.flatMap(({ day, results }) =>
              results === undefined || results.length === 0 ? (
                <tr key={day}>
                  <th scope="row">{day}</th>
                  <td colSpan={5} class="soft">
                    {results === undefined ? "people are answering" : "not bought: beyond the budget"}
                  </td>
                </tr>
              ) : (
                results.map(({ version, audited, accuracy, floor, outcome }) => (
                  <tr key={`${day} ${version}`}>
                    <th scope="row">{day}</th>
                    <td>
                      <code>{version.slice(0, 12)}</code> <span class={`chip ${outcome}`}>{AUDITED[outcome]}</span>
                    </td>
                    <td class="number">{count(audited)}</td>
                    <td class="number">{percent(accuracy.value)}</td>
                    <td>
                      <IntervalBar estimate={accuracy} required={floor} from={floor > 0.5 ? 0.4 : 0} />
                      <small class="soft">
                        {percent(accuracy.low)} to {percent(accuracy.high)}
                      </small>
                    </td>
                    <td>{percent(floor)}</td>
                  </tr>
                ))
              ),
            )}
          </tbody>
        </table>
      </div>
    </section>
  );
}
