import { useEffect, useRef } from "preact/hooks";

/**
 * Calls `act` with each key pressed anywhere but in a field; `act` says whether the key meant something.
 * Always the newest `act`: a key pressed right after the page changed means what the page shows. A key held down counts
 * once, and Enter on a button or link is the button's own.
 */
export function useKeys(act: (key: string) => boolean): void {
  const newest = useRef(act);
  newest.current = act;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || takesText(event.target)) return;
      if ((event.key === "Enter" || event.key === " ") && takesEnter(event.target)) return;
      if (newest.current(event.key)) event.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

function takesText(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
  );
}

function takesEnter(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("button, a, summary") !== null;
}
