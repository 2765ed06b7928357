import type { CampaignSummary } from "../../schemas/portal.ts";
import { useLoad } from "../api.ts";
import { Empty, type Everybody, homeOf, Shell, Waiting } from "../parts/shell.tsx";
import { OUTCOMES, plural } from "../words.ts";

/** Where everybody starts: the data team's campaigns, or the pages that one's invitations open. */
export function StudioPage() {
  const me = useLoad<Everybody>("/api/me");
  const sees = me.data?.sessions.some(({ role }) => role === "data-team" || role === "owner") ?? false;
  return (
    <Shell title="Studio">
      <h1>{sees ? "Campaigns" : "Countersign"}</h1>
      {me.error?.code === "signed-out" ? (
        <Empty title="You are signed out">
          <p>
            Open the invitation link that you were sent. On your own laptop, the command line prints one when the studio
            starts.
          </p>
        </Empty>
      ) : (
        <Waiting load={me}>{(data) => (sees ? <Campaigns /> : <Places sessions={data.sessions} />)}</Waiting>
      )}
    </Shell>
  );
}

function Campaigns() {
  const campaigns = useLoad<CampaignSummary[]>("/api/campaigns", 5000);
  return (
    <Waiting load={campaigns}>
      {(list) =>
        list.length === 0 ? (
          <Empty title="No campaign yet">
            <p>
              Start one with <code>npm start -- run your-folder-of-photos</code>; it appears here.
            </p>
          </Empty>
        ) : (
          <ul class="cards">
            {list.map((one) => (
              <li key={one.campaign} class="card">
                <h2>
                  <a href={`/watch/${one.campaign}`}>{one.campaign}</a>
                </h2>
                <p>
                  <span class={`chip ${one.status}`}>{one.status}</span>{" "}
                  {one.openCycle === null ? `${plural(one.cycles, "cycle")} done` : `cycle ${one.openCycle} is running`}
                  {one.waiting > 0 && `, ${plural(one.waiting, "intake")} waiting`}
                </p>
                {one.lastOutcome !== undefined && one.lastOutcome !== "open" && (
                  <p class="soft">Last outcome: {OUTCOMES[one.lastOutcome] ?? one.lastOutcome}</p>
                )}
                {one.needsDecision && (
                  <p>
                    <a class="button" href={`/approve/${one.campaign}`}>
                      A model waits for a decision
                    </a>
                  </p>
                )}
              </li>
            ))}
          </ul>
        )
      }
    </Waiting>
  );
}

function Places({ sessions }: { sessions: Everybody["sessions"] }) {
  return (
    <ul class="cards">
      {sessions.map((one) => (
        <li key={one.role} class="card">
          <h2>
            <a href={homeOf(one)}>{one.campaign}</a>
          </h2>
          <p class="soft">
            You are {one.subject}, {one.role}
            {one.vendor === undefined ? "" : ` at ${one.vendor}`}
          </p>
        </li>
      ))}
    </ul>
  );
}
