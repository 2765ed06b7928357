import { useState } from "preact/hooks";
import { keyOf } from "./answer-pad.tsx";
import { useKeys } from "./keys.ts";

/** Cards in one go. */
const CARDS = 8;

/** Learning the keys on cards that name their own class: nothing of the campaign's images, gold or truth is in it. */
export function Practice(props: { classes: string[]; onDone: () => void }) {
  const { classes } = props;
  const [card, setCard] = useState(0);
  const [right, setRight] = useState(0);
  const [told, setTold] = useState<string>();
  // Every class in turn, then one card that nobody can tell.
  const wanted = card % (Math.min(classes.length, 9) + 1);
  const blurred = wanted === Math.min(classes.length, 9);
  const name = classes[wanted] ?? "";

  const press = (key: string) => {
    if (card >= CARDS) return;
    const expected = blurred ? "c" : keyOf(wanted);
    if (key.toLowerCase() === expected) {
      setRight(right + 1);
      setTold("Right.");
    } else {
      setTold(blurred ? "This one can't be told: C, then the reason." : `That card was ${name}: key ${expected}.`);
    }
    setCard(card + 1);
  };
  useKeys((key) => {
    if (/^[0-9c]$/i.test(key)) press(key);
    else if (key === "Escape") props.onDone();
    else return false;
    return true;
  });
  return (
    <section class="practice">
      <h1>Practise the keys</h1>
      <p class="soft">The cards say what they show. Nothing here is counted.</p>
      {card >= CARDS ? (
        <p class="big" role="status">
          {right} of {CARDS} at once. {right >= CARDS - 1 ? "You are ready." : "Once more, perhaps?"}
        </p>
      ) : (
        <p class={blurred ? "flash blurred" : "flash"}>
          <span aria-hidden={blurred}>{blurred ? "▒▒▒▒▒" : name}</span>
          {blurred && <span class="sr">A card that can't be read</span>}
        </p>
      )}
      <p role="status">{told ?? "Press the key of the class."}</p>
      <div class="answers">
        {classes.slice(0, 10).map((one, index) => (
          <button key={one} type="button" onClick={() => press(keyOf(index) ?? "")}>
            <kbd>{keyOf(index)}</kbd> {one}
          </button>
        ))}
        <button type="button" onClick={() => press("c")}>
          <kbd>C</kbd> I can't tell
        </button>
      </div>
      <p class="row">
        {card >= CARDS && (
          <button
            type="button"
            onClick={() => {
              setCard(0);
              setRight(0);
              setTold(undefined);
            }}
          >
            Once more
          </button>
        )}
        <button type="button" class="primary" onClick={props.onDone}>
          <kbd>Esc</kbd> To your lots
        </button>
      </p>
    </section>
  );
}
