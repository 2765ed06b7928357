import { useState } from "preact/hooks";
import type { Role } from "../../schemas/member.ts";
import type { WatchView } from "../../schemas/portal.ts";
import { call, RequestError } from "../api.ts";
import { dateTime, plural } from "../words.ts";

type Props = { view: WatchView; onChange: () => void };

/** Runs a change and keeps what was refused for the person to read. */
function useChange(onChange: () => void): {
  refusal: string | undefined;
  change: (run: () => Promise<unknown>) => Promise<void>;
} {
  const [refusal, setRefusal] = useState<string>();
  const change = async (run: () => Promise<unknown>) => {
    setRefusal(undefined);
    try {
      await run();
      onChange();
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      setRefusal(error.message);
    }
  };
  return { refusal, change };
}

const Refusal = ({ text }: { text: string | undefined }) =>
  text === undefined ? null : (
    <p class="notice warn" role="alert">
      {text}
    </p>
  );

/** Pause, resume, cancel. Cancelling asks for the campaign's name, for it can't be undone. */
export function Controls({ view, onChange }: Props) {
  const { refusal, change } = useChange(onChange);
  const [cancelling, setCancelling] = useState(false);
  const [typed, setTyped] = useState("");
  const set = (status: WatchView["status"]) => change(() => call(`/api/campaigns/${view.campaign}/status`, { status }));
  if (view.status === "cancelled") return null;
  return (
    <div class="controls">
      <div class="row">
        {view.status === "active" ? (
          <button type="button" onClick={() => void set("paused")}>
            Pause
          </button>
        ) : (
          <button type="button" class="primary" onClick={() => void set("active")}>
            Resume
          </button>
        )}
        <button
          type="button"
          class="quiet danger"
          aria-expanded={cancelling}
          onClick={() => setCancelling(!cancelling)}
        >
          Cancel the campaign
        </button>
      </div>
      {cancelling && (
        <form
          class="inline"
          onSubmit={(event) => {
            event.preventDefault();
            void set("cancelled");
          }}
        >
          <label>
            This can't be undone; accepted answers stay owed. Type {view.campaign} to cancel
            <input type="text" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
          </label>
          <button type="submit" class="danger" disabled={typed !== view.campaign}>
            Cancel for good
          </button>
        </form>
      )}
      <Refusal text={refusal} />
    </div>
  );
}

/** What annotators ask, and the answers that their vendor's people see. */
export function Questions({ view, onChange }: Props) {
  if (view.questions.length === 0) return null;
  return (
    <section>
      <h2>Questions from annotators</h2>
      <ul class="plain">
        {view.questions.map((question) => (
          <li key={question.id}>
            <p class="prose">{question.text}</p>
            <p class="soft">
              {question.annotator} of {question.vendor}, lot {question.lot}, {dateTime(question.at)}
            </p>
            {question.reply !== undefined && <blockquote class="prose">{question.reply.text}</blockquote>}
            {view.mayAct && question.reply === undefined && (
              <Reply campaign={view.campaign} question={question.id} onChange={onChange} />
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Reply(props: { campaign: string; question: string; onChange: () => void }) {
  const [text, setText] = useState("");
  const { refusal, change } = useChange(props.onChange);
  return (
    <form
      class="inline"
      onSubmit={(event) => {
        event.preventDefault();
        void change(() => call(`/api/campaigns/${props.campaign}/replies`, { question: props.question, text }));
      }}
    >
      <label>
        Answer
        <input type="text" maxLength={4000} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <button type="submit" disabled={text.trim() === ""}>
        Send
      </button>
      <Refusal text={refusal} />
    </form>
  );
}

const ROLES: { role: Role; words: string; ofVendor: boolean }[] = [
  { role: "annotator", words: "annotator", ofVendor: true },
  { role: "vendor", words: "vendor's manager", ofVendor: true },
  { role: "expert", words: "expert", ofVendor: false },
  { role: "owner", words: "owner", ofVendor: false },
  { role: "data-team", words: "data team", ofVendor: false },
];

/** Members shown before they are folded away. */
const SHOWN_PEOPLE = 8;

/** Who may come in; new invitations, and withdrawing them at once. */
export function People({ view, onChange }: Props) {
  const { refusal, change } = useChange(onChange);
  return (
    <section>
      <h2>People</h2>
      <InviteForm view={view} onChange={onChange} />
      <Refusal text={refusal} />
      {view.members.length > 0 && (
        <details open={view.members.length <= SHOWN_PEOPLE}>
          <summary>{plural(view.members.length, "member")}</summary>
          <div class="scroll">
            <table class="stack">
              <thead>
                <tr>
                  <th scope="col">Who</th>
                  <th scope="col">Role</th>
                  <th scope="col">Invited</th>
                  <th scope="col">
                    <span class="sr">Access</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {view.members.map((member) => (
                  <tr key={member.id}>
                    <th scope="row">{member.subject}</th>
                    <td data-label="Role">
                      {member.role}
                      {member.vendor !== undefined && <small class="soft"> {member.vendor}</small>}
                    </td>
                    <td data-label="Invited">{dateTime(member.invitedAt)}</td>
                    <td data-label="Access">
                      {member.revokedAt === undefined ? (
                        <button
                          type="button"
                          class="quiet danger"
                          onClick={() =>
                            void change(() =>
                              call(`/api/campaigns/${view.campaign}/revocations`, { member: member.id }),
                            )
                          }
                        >
                          Revoke<span class="sr"> {member.subject}</span>
                        </button>
                      ) : (
                        <span class="soft">revoked</span>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </details>
      )}
    </section>
  );
}

function InviteForm({ view, onChange }: Props) {
  const { refusal, change } = useChange(onChange);
  const [role, setRole] = useState<Role>("annotator");
  const [vendor, setVendor] = useState(view.vendors[0] ?? "");
  const [subject, setSubject] = useState("");
  const [link, setLink] = useState<string>();
  const ofVendor = ROLES.find((one) => one.role === role)?.ofVendor ?? false;
  const submit = (event: Event) => {
    event.preventDefault();
    setLink(undefined);
    void change(async () => {
      const made = await call<{ link: string }>(`/api/campaigns/${view.campaign}/invitations`, {
        role,
        subject,
        ...(ofVendor ? { vendor } : {}),
      });
      setLink(made.link);
    });
  };
  return (
    <form class="inline" onSubmit={submit}>
      <label>
        Invite
        <input
          type="text"
          placeholder="short name"
          maxLength={80}
          value={subject}
          onInput={(event) => setSubject(event.currentTarget.value)}
        />
      </label>
      <label>
        as
        <select value={role} onChange={(event) => setRole(event.currentTarget.value as Role)}>
          {ROLES.map((one) => (
            <option key={one.role} value={one.role}>
              {one.words}
            </option>
          ))}
        </select>
      </label>
      {ofVendor && (
        <label>
          of
          <select value={vendor} onChange={(event) => setVendor(event.currentTarget.value)}>
            {view.vendors.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
      )}
      <button type="submit" disabled={subject.trim() === ""}>
        Make a link
      </button>
      <Refusal text={refusal} />
      {link !== undefined && (
        <label class="link">
          Send this link to {subject}; it works for seven days, for whoever holds it
          <input type="text" readOnly value={link} onFocus={(event) => event.currentTarget.select()} />
        </label>
      )}
    </form>
  );
}
