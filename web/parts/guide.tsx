import type { Guide } from "../../schemas/portal.ts";

/** The guideline as text, never as markup: it is written by people whom we don't know. */
export function Guideline({ guide }: { guide: Guide }) {
  return (
    <details class="guideline" open={matchMedia("(min-width: 60rem)").matches}>
      <summary>
        Guideline <span class="soft">version {guide.guideline.version}</span>
      </summary>
      {guide.guideline.text.trim() === "" ? (
        <p class="soft">
          The customer has written no guideline. Choose the class that fits best; when none does, say that you can't
          tell.
        </p>
      ) : (
        <p class="prose">{guide.guideline.text}</p>
      )}
    </details>
  );
}
