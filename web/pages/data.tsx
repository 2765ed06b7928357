import { useState } from "preact/hooks";
import type { Conflict, DataReportView } from "../../schemas/data-report.ts";
import { useLoad } from "../api.ts";
import { BinChart } from "../parts/bin-chart.tsx";
import { DataReview } from "../parts/data-review.tsx";
import { Gallery, useDecisions } from "../parts/gallery.tsx";
import { Shell, Waiting } from "../parts/shell.tsx";
import { Tile } from "../parts/tile.tsx";
import { count, dateTime, percent, plural } from "../words.ts";

/** The API shows no more of one flag (MOST_FLAGGED_SHOWN in schemas/data-report.ts). */
const MOST_FLAGGED_SHOWN = 1000;
/** Flagged photos that one click adds. */
const MORE = 48;
/** Exact duplicates and conflicting labels that the page names; the file names more. */
const NAMED = 40;

/** The data team's report on a campaign's photos: what they are like, what stands out, and what stays out. */
export function DataPage({ campaign }: { campaign: string | undefined }) {
  const [more, setMore] = useState<Record<string, number>>({});
  const asked = Object.entries(more).map(([code, most]) => `${code}:${most}`);
  const query = asked.length === 0 ? "" : `?more=${asked.join(",")}`;
  const view = useLoad<DataReportView>(`/api/data/${encodeURIComponent(campaign ?? "")}${query}`);
  const showMore = (code: string, most: number) => setMore((before) => ({ ...before, [code]: most }));
  return (
    <Shell title="Photos" campaign={campaign} wide>
      <Waiting load={view}>{(data) => <Report view={data} reload={view.reload} showMore={showMore} />}</Waiting>
    </Shell>
  );
}

function Report(props: {
  view: DataReportView;
  reload: () => Promise<void>;
  showMore: (code: string, most: number) => void;
}) {
  const { view, reload, showMore } = props;
  const { report, images, mayAct } = view;
  const { counts, flagged, groups, excluded, conditions } = report;
  const [allGroups, setAllGroups] = useState(false);
  const decisions = useDecisions(report.campaign, images, mayAct, reload);
  const flags = flagged.reduce((sum, one) => sum + one.images, 0);
  const shownGroups = groups.filter((group) => group.images.some((image) => images[image] !== undefined));
  return (
    <>
      <div class="heading">
        <h1>Photos of {report.campaign}</h1>
        <p>
          <a href={`/watch/${report.campaign}`}>Watch the campaign</a>
          {" · "}
          <a href={`/api/data/${encodeURIComponent(report.campaign)}/report.html`} download>
            Keep this report as a file
          </a>
        </p>
      </div>
      <dl class="tiles">
        <Tile
          name="Photos"
          value={count(report.images)}
          note={`${count(counts.files)} files in cycle ${report.cycle}`}
        />
        <Tile name="Kept out" value={count(counts.quarantined)} note="broken, or no image" />
        <Tile name="Flags" value={count(flags)} note={`${count(report.accepted)} photos looked at and kept`} />
        <Tile name="Exact duplicates" value={count(counts.duplicates)} note="files whose bytes came before" />
        <Tile name="Near-duplicates" value={count(groups.length)} note="groups of photos that look alike" />
        <Tile name="Left out" value={count(excluded.length)} note="by the data team" />
      </dl>
      <DataReview campaign={report.campaign} cycle={view.waits} mayAct={mayAct} reload={reload} />
      {decisions.notice !== undefined && (
        <p class={`notice ${decisions.notice.kind}`} role="status">
          {decisions.notice.text}
        </p>
      )}
      <section>
        <h2>What to do next</h2>
        <ul>
          {report.advice.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      </section>

      <section aria-labelledby="flagged">
        <h2 id="flagged">Flagged, but admitted</h2>
        <p class="soft lead">
          Nothing is left out by itself: if production will see such photos, they belong to the set. Photos of the
          sealed test set always stay.
        </p>
        {flagged.length === 0 && <p>No photo was flagged.</p>}
        {flagged.map(({ code, images: n, share, examples }) => (
          <div key={code}>
            <h3>
              {code} <small class="soft">{`${plural(n, "photo")}, ${percent(share)}`}</small>
            </h3>
            <Gallery label={`${code} photos`} images={examples} decisions={decisions} />
            {n > examples.length && (
              <p class="soft">
                The {count(examples.length)} most extreme of {count(n)}.
                {examples.length >= MOST_FLAGGED_SHOWN && " The others can be decided by command: data exclude."}
              </p>
            )}
            {n > examples.length && examples.length < MOST_FLAGGED_SHOWN && (
              <button type="button" onClick={() => showMore(code, examples.length + MORE)}>
                Show {count(Math.min(MORE, n - examples.length))} more {code} photos
              </button>
            )}
          </div>
        ))}
      </section>

      <section aria-labelledby="copies">
        <h2 id="copies">Exact duplicates</h2>
        {report.copies.length === 0 ? (
          <p>No photo came under two names.</p>
        ) : (
          <p class="soft lead">Files of the same bytes are one photo: it is labelled and paid once.</p>
        )}
        {report.copies.length > 0 && (
          <details>
            <summary>{plural(report.copies.length, "photo")} under several names</summary>
            <ul>
              {report.copies.slice(0, NAMED).map(({ image, names }) => (
                <li key={image}>{names.join(" = ")}</li>
              ))}
            </ul>
          </details>
        )}
        {report.copies.length > NAMED && <p class="soft">and {count(report.copies.length - NAMED)} more</p>}
      </section>

      <section aria-labelledby="groups">
        <h2 id="groups">Near-duplicates</h2>
        {groups.length === 0 ? (
          <p>No two photos look alike.</p>
        ) : (
          <p class="soft lead">A group stands on one side of the split as a whole: a copy never leaks into the test.</p>
        )}
        {(allGroups ? shownGroups : shownGroups.slice(0, 6)).map((group) => (
          <div key={group.group}>
            <h3>{plural(group.images.length, "photo")}</h3>
            <Gallery
              label={`${group.images.length} photos that look alike`}
              images={group.images.filter((image) => images[image] !== undefined)}
              decisions={decisions}
            />
          </div>
        ))}
        {!allGroups && shownGroups.length > 6 && (
          <button type="button" onClick={() => setAllGroups(true)}>
            Show {count(shownGroups.length - 6)} more groups
          </button>
        )}
        {groups.length > shownGroups.length && (
          <p class="soft">and {plural(groups.length - shownGroups.length, "smaller group")}, not shown</p>
        )}
      </section>

      <section aria-labelledby="out">
        <h2 id="out">Left out by the data team</h2>
        {excluded.length === 0 ? (
          <p>No photo was left out.</p>
        ) : (
          <Gallery label="Photos left out" images={excluded.map(({ image }) => image)} decisions={decisions} />
        )}
      </section>

      <section>
        <h2>Classes</h2>
        {report.labels === undefined ? (
          <p>No label was bought yet: the balance of classes shows when a dataset is frozen.</p>
        ) : (
          <BinChart title="Labelled photos" bins={report.labels.classes} />
        )}
        {report.claims !== undefined && (
          <>
            <BinChart title="Labels that came with the photos" bins={report.claims.classes} />
            <p class="soft">
              They count as nobody's answers.{" "}
              {report.claims.compared > 0 &&
                `Of ${count(report.claims.compared)} that could be compared, ${count(report.claims.agreeing)} say what the bought labels say (${percent(report.claims.agreeing / report.claims.compared)}).`}
            </p>
            {report.claims.conflicts.length > 0 && <Conflicts conflicts={report.claims.conflicts} />}
          </>
        )}
      </section>

      <section>
        <h2>Sizes and shapes</h2>
        <div class="bin-charts">
          <BinChart title="Long side" bins={report.longSides} />
          <BinChart title="Width / height" bins={report.shapes} />
        </div>
      </section>
      <section>
        <h2>Conditions covered</h2>
        <div class="bin-charts">
          {conditions.measures.map(({ measure, bins }) => (
            <BinChart key={measure} title={measure} bins={bins} />
          ))}
          <BinChart title="mean colour" bins={conditions.colours} />
          <BinChart title="camera" bins={conditions.cameras} />
          {conditions.hours.length > 0 && <BinChart title="hour of the day" bins={conditions.hours} />}
        </div>
        <p class="soft">
          {conditions.days === undefined
            ? "No file says when it was taken. "
            : `${plural(conditions.days.images, "file")} say when: ${plural(conditions.days.days, "day")} from ${conditions.days.from} to ${conditions.days.to}. `}
          {conditions.clusters.clusters === 0
            ? "No photos seem to have been captured together."
            : `${plural(conditions.clusters.images, "photo")} stand in ${plural(conditions.clusters.clusters, "cluster")} that were captured together; each is drawn for the test set as a whole.`}
        </p>
      </section>

      <section>
        <h2>Kept out</h2>
        {report.refused.length === 0 && <p>No file was kept out.</p>}
        {report.refused.map(({ code, files, examples }) => (
          <details key={code}>
            <summary>
              {code}: {plural(files, "file")}
            </summary>
            <table>
              <tbody>
                {examples.map(({ name, message }) => (
                  <tr key={name}>
                    <th scope="row">{name}</th>
                    <td>{message}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </details>
        ))}
      </section>
      <p class="soft">
        {excluded[0] !== undefined && `Last decision: ${dateTime(excluded[0].at)} by ${excluded[0].by}.`}
      </p>
    </>
  );
}

/** Photos of which two things came: what, and by which file or list. */
function Conflicts({ conflicts }: { conflicts: readonly Conflict[] }) {
  return (
    <>
      <h3>{plural(conflicts.length, "photo")} with conflicting labels</h3>
      <table>
        <tbody>
          {conflicts.slice(0, NAMED).map(({ image, names, said }) => (
            <tr key={image}>
              <th scope="row">{names.join(" = ")}</th>
              <td>{said.map(({ label, source }) => `${label} (${source})`).join(", ")}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {conflicts.length > NAMED && <p class="soft">and {count(conflicts.length - NAMED)} more</p>}
    </>
  );
}
