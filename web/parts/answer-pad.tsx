import { useState } from "preact/hooks";
import type { AnswerValue } from "../../schemas/answer.ts";
import { REASONS } from "../words.ts";

/** The key that answers a class by its place: 1 ... 9, then 0; later ones are found by typing. */
export function keyOf(index: number): string | undefined {
  return index < 9 ? String(index + 1) : index === 9 ? "0" : undefined;
}

export type PadMode = "classes" | "reasons";

/** The classes as buttons with their keys, and "cannot tell" with its reason. */
export function AnswerPad(props: {
  classes: string[];
  mode: PadMode;
  onMode: (mode: PadMode) => void;
  before: AnswerValue | undefined;
  disabled: boolean;
  onAnswer: (value: AnswerValue) => void;
}) {
  const [sought, setSought] = useState("");
  const [note, setNote] = useState("");
  if (props.mode === "reasons") {
    return (
      <section class="pad" aria-label="Why can't you tell?">
        <h2>Why can't you tell?</h2>
        <div class="answers">
          {REASONS.map(({ reason, words }, index) => (
            <button
              key={reason}
              type="button"
              onClick={() => {
                const text = note.trim();
                setNote("");
                props.onAnswer({ task: "cannot-tell", reason, ...(text === "" ? {} : { note: text.slice(0, 500) }) });
              }}
            >
              <kbd>{index + 1}</kbd> {words}
            </button>
          ))}
        </div>
        <label>
          Note (if you like)
          <input type="text" maxLength={500} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
        </label>
        <button type="button" class="quiet" onClick={() => props.onMode("classes")}>
          <kbd>Esc</kbd> Back to the classes
        </button>
      </section>
    );
  }
  const folded = sought.trim().toLowerCase();
  const shown = props.classes
    .map((name, index) => ({ name, index }))
    .filter(({ name }) => name.toLowerCase().includes(folded));
  return (
    <section class="pad" aria-label="Your answer">
      {props.classes.length > 10 && (
        <label class="seek">
          Find a class <kbd>/</kbd>
          <input
            id="seek"
            type="search"
            value={sought}
            onInput={(event) => setSought(event.currentTarget.value)}
            onKeyDown={(event) => {
              const first = shown[0];
              if (event.key !== "Enter" || first === undefined) return;
              setSought("");
              event.currentTarget.blur();
              props.onAnswer({ task: "class", label: first.name });
            }}
          />
        </label>
      )}
      <div class="answers">
        {shown.map(({ name, index }) => (
          <button
            key={name}
            type="button"
            disabled={props.disabled}
            aria-pressed={
              props.before === undefined ? undefined : props.before.task === "class" && props.before.label === name
            }
            onClick={() => props.onAnswer({ task: "class", label: name })}
          >
            {keyOf(index) !== undefined && <kbd>{keyOf(index)}</kbd>} {name}
          </button>
        ))}
        {shown.length === 0 && <p class="soft">No class has that in its name.</p>}
      </div>
      <button
        type="button"
        class="quiet"
        disabled={props.disabled}
        aria-pressed={props.before?.task === "cannot-tell" ? true : undefined}
        onClick={() => props.onMode("reasons")}
      >
        <kbd>C</kbd> I can't tell
      </button>
    </section>
  );
}
