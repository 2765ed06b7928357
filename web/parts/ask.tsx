import { useState } from "preact/hooks";
import type { Question } from "../../schemas/member.ts";
import { call, RequestError } from "../api.ts";
import { dateTime } from "../words.ts";

/** A question to the customer about the lot or the image in view, and the answers so far. */
export function AskCustomer(props: {
  lot: string;
  item: string | undefined;
  questions: Question[];
  onAsked: () => void;
}) {
  const [text, setText] = useState("");
  const [said, setSaid] = useState<string>();
  const ask = async (event: Event) => {
    event.preventDefault();
    try {
      await call("/api/annotate/questions", {
        lot: props.lot,
        ...(props.item === undefined ? {} : { item: props.item }),
        text,
      });
      setText("");
      setSaid("Sent. The answer will stand here.");
      props.onAsked();
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      setSaid(`Not sent: ${error.message}.`);
    }
  };
  return (
    <details class="ask">
      <summary>
        Questions to the customer {props.questions.length > 0 && <span class="soft">({props.questions.length})</span>}
      </summary>
      <form onSubmit={ask}>
        <label>
          What is unclear?
          <textarea
            rows={2}
            maxLength={2000}
            required
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={text.trim() === ""}>
          Ask
        </button>
        {said !== undefined && <p role="status">{said}</p>}
      </form>
      <ul class="plain">
        {props.questions.map((question) => (
          <li key={question.id}>
            <p class="prose">{question.text}</p>
            <p class="soft">
              {question.annotator}, {dateTime(question.at)}
            </p>
            {question.reply === undefined ? (
              <p class="soft">No answer yet.</p>
            ) : (
              <blockquote class="prose">{question.reply.text}</blockquote>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
