import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { AnswerValue } from "../../schemas/answer.ts";
import { REASONS } from "../words.ts";
import { AnswerPad, keyOf, type PadMode } from "./answer-pad.tsx";
import { ImageStage, nextZoom, stepZoom } from "./image-stage.tsx";
import { useKeys } from "./keys.ts";
import { Broken, Empty } from "./shell.tsx";
import type { Sitting } from "./sitting.ts";

/** Image, answers and keys: what annotators and experts work at. Everything can be done from the keyboard. */
export function WorkTable(props: {
  title: string;
  sitting: Sitting;
  classes: string[];
  aside: ComponentChildren;
  progress: { done: number; of: number; words: string };
  nothing: ComponentChildren;
  delivered: ComponentChildren;
  lastWords: string;
}) {
  const { sitting, classes } = props;
  const [mode, setMode] = useState<PadMode>("classes");
  const [zoom, setZoom] = useState(0);
  const ready = sitting.phase === "working" && sitting.picture !== undefined;
  const answer = (value: AnswerValue) => {
    if (!ready) return;
    setMode("classes");
    setZoom(0);
    sitting.answer(value);
  };

  useKeys((key) => {
    if (key === "u" || key === "U" || key === "Backspace") sitting.undo();
    else if (sitting.phase === "last") {
      if (key !== "Enter") return false;
      sitting.handIn();
    } else if (key === "z" || key === "Z") setZoom(nextZoom);
    else if (key === "+" || key === "=") setZoom((now) => stepZoom(now, 1));
    else if (key === "-") setZoom((now) => stepZoom(now, -1));
    else if (key === "Escape") setMode("classes");
    else if (mode === "reasons") {
      const chosen = REASONS[Number(key) - 1];
      if (chosen === undefined) return false;
      answer({ task: "cannot-tell", reason: chosen.reason });
    } else if (key === "c" || key === "C") setMode("reasons");
    else if (key === "/") document.getElementById("seek")?.focus();
    else {
      const index = classes.findIndex((_, at) => keyOf(at) === key);
      const label = classes[index];
      if (label === undefined) return false;
      answer({ task: "class", label });
    }
    return true;
  });

  if (sitting.phase === "broken" && sitting.error !== undefined)
    return <Broken error={sitting.error} retry={sitting.again} />;
  if (sitting.phase === "delivered") return <>{props.delivered}</>;
  if (sitting.phase === "nothing") return <>{props.nothing}</>;
  const { done, of, words } = props.progress;
  return (
    <div class="work">
      <h1 class="sr">{props.title}</h1>
      <div class="look">
        <div class="progress">
          <progress value={done} max={Math.max(1, of)} aria-label="Progress" />
          <span aria-live="polite">{words}</span>
        </div>
        {sitting.notice !== undefined && (
          <p class="notice warn" role="alert">
            {sitting.notice}
          </p>
        )}
        {sitting.phase === "last" ? (
          <Empty title="That was the last image">
            <p>{props.lastWords}</p>
            <p class="row">
              <button type="button" class="primary" onClick={sitting.handIn}>
                <kbd>Enter</kbd> Hand in
              </button>
              <button type="button" onClick={sitting.undo}>
                <kbd>U</kbd> Go back
              </button>
            </p>
          </Empty>
        ) : (
          <ImageStage picture={sitting.picture} tiles={sitting.work?.tiles} zoom={zoom} onZoom={setZoom} />
        )}
      </div>
      {sitting.phase !== "last" && (
        <div class="say">
          {sitting.before !== undefined && (
            <p class="notice" role="status">
              You said {sitting.before.task === "class" ? sitting.before.label : "that you can't tell"}. Answer again to
              change it.
            </p>
          )}
          <AnswerPad
            classes={classes}
            mode={mode}
            onMode={setMode}
            before={sitting.before}
            disabled={!ready}
            onAnswer={answer}
          />
          <div class="row">
            <button type="button" class="quiet" disabled={!sitting.mayUndo} onClick={sitting.undo}>
              <kbd>U</kbd> Undo
            </button>
            <button type="button" class="quiet" onClick={() => setZoom(nextZoom)}>
              <kbd>Z</kbd> Zoom
            </button>
          </div>
        </div>
      )}
      <aside class="beside">{props.aside}</aside>
    </div>
  );
}
