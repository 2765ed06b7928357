import { useEffect, useRef, useState } from "preact/hooks";
import type { TileGrid } from "../../schemas/portal.ts";
import { TileLayer } from "./tile-layer.tsx";

/** Fitted, then steps of twice the size each, until a pixel of the image is four of the screen. */
const MOST_SCALE = 4;

/** Screen pixels per image pixel at a level: the level-th power of two that is larger than fitted. 0 fits. */
export function scaleAt(level: number, fitted: number): number {
  if (level === 0) return 0;
  return 2 ** (Math.ceil(Math.log2(fitted * 1.05)) + level - 1);
}

/** Levels beyond fitted that an image has: up to four times its full resolution, and three at least. */
export function levelsFor(fitted: number): number {
  return Math.max(3, Math.log2(MOST_SCALE) - Math.ceil(Math.log2(fitted * 1.05)) + 1);
}

/** Wheel turns that make one step, in pixels of scrolling. */
const WHEEL_STEP = 100;
/** Fingers that move apart by this factor make one step. */
const PINCH_STEP = 1.5;

/**
 * One image: fitted, or at its full resolution and beyond, moved by dragging or scrolling. `Z`, `+`, `-`, the wheel and two
 * fingers zoom; what is under the pointer stays there. Beyond the web variant's resolution tiles are laid over it.
 */
export function ImageStage(props: {
  picture: string | undefined;
  tiles?: TileGrid | undefined;
  zoom: number;
  onZoom: (zoom: number) => void;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const [natural, setNatural] = useState<{ width: number; height: number }>();
  const [box, setBox] = useState({ width: 1, height: 1 });
  const [moved, setMoved] = useState(0);
  const size = props.tiles ?? natural;
  const fitted = size === undefined ? 1 : Math.min(box.width / size.width, box.height / size.height);
  const levels = levelsFor(fitted);
  const zoom = Math.min(props.zoom, levels);
  const scale = scaleAt(zoom, fitted);
  /** What stays where it is when the scale changes: a place of the frame, and the share of the image under it. */
  const anchor = useRef<{ x: number; y: number; across: number; down: number } | undefined>(undefined);

  useEffect(() => {
    const there = frame.current;
    if (there === null || scale === 0 || size === undefined) return;
    const { x, y, across, down } = anchor.current ?? {
      x: there.clientWidth / 2,
      y: there.clientHeight / 2,
      across: 0.5,
      down: 0.5,
    };
    there.scrollLeft = across * size.width * scale - x;
    there.scrollTop = down * size.height * scale - y;
    anchor.current = undefined;
    setMoved((n) => n + 1);
  }, [scale]);

  useEffect(() => {
    if (size !== undefined && props.zoom > levels) props.onZoom(levels);
  }, [size, props.zoom, levels, props.onZoom]);

  const step = (by: 1 | -1, at?: { clientX: number; clientY: number }) => {
    const there = frame.current;
    const next = Math.max(0, Math.min(levels, zoom + by));
    const image = there?.querySelector("img");
    if (there === null || next === zoom || image === null || image === undefined) return;
    const shown = image.getBoundingClientRect();
    const outer = there.getBoundingClientRect();
    if (at !== undefined && size !== undefined) {
      // Fitted, the picture does not fill its element.
      const [width, height] = scale === 0 ? [size.width * fitted, size.height * fitted] : [shown.width, shown.height];
      const [left, top] = [shown.left + (shown.width - width) / 2, shown.top + (shown.height - height) / 2];
      const share = (value: number) => Math.max(0, Math.min(1, value));
      anchor.current = {
        x: at.clientX - outer.left,
        y: at.clientY - outer.top,
        across: share((at.clientX - left) / width),
        down: share((at.clientY - top) / height),
      };
    }
    props.onZoom(next);
  };
  const latest = useRef(step);
  latest.current = step;

  useEffect(() => {
    const there = frame.current;
    if (there === null) return;
    const measure = () => setBox({ width: there.clientWidth, height: there.clientHeight });
    measure();
    const sized = new ResizeObserver(measure);
    sized.observe(there);
    let turned = 0;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      turned += event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * 40;
      // A pinch on a touchpad comes as a wheel with Ctrl, in small turns.
      const wanted = event.ctrlKey ? WHEEL_STEP / 4 : WHEEL_STEP;
      if (Math.abs(turned) < wanted) return;
      latest.current(turned < 0 ? 1 : -1, event);
      turned = 0;
    };
    there.addEventListener("wheel", wheel, { passive: false });
    return () => {
      sized.disconnect();
      there.removeEventListener("wheel", wheel);
    };
  }, []);

  const drag = useRef<{ x: number; y: number; left: number; top: number } | undefined>(undefined);
  const fingers = useRef(new Map<number, PointerEvent>());
  const apart = useRef(0);
  const down = (event: PointerEvent) => {
    const there = frame.current;
    if (there === null) return;
    if (event.pointerType === "touch") {
      fingers.current.set(event.pointerId, event);
      apart.current = distance(fingers.current);
    } else if (scale !== 0) {
      drag.current = { x: event.clientX, y: event.clientY, left: there.scrollLeft, top: there.scrollTop };
      there.setPointerCapture(event.pointerId);
    }
  };
  const move = (event: PointerEvent) => {
    const there = frame.current;
    if (there === null) return;
    if (fingers.current.has(event.pointerId)) {
      fingers.current.set(event.pointerId, event);
      if (fingers.current.size !== 2) return;
      const now = distance(fingers.current);
      if (now > apart.current / PINCH_STEP && now < apart.current * PINCH_STEP) return;
      step(now > apart.current ? 1 : -1, middle(fingers.current));
      apart.current = now;
    } else if (drag.current !== undefined) {
      there.scrollLeft = drag.current.left - (event.clientX - drag.current.x);
      there.scrollTop = drag.current.top - (event.clientY - drag.current.y);
    }
  };
  const up = (event: PointerEvent) => {
    fingers.current.delete(event.pointerId);
    drag.current = undefined;
  };

  const style =
    scale === 0 || size === undefined ? {} : { width: `${size.width * scale}px`, height: `${size.height * scale}px` };
  const classes = ["stage", scale === 0 ? "fit" : "zoomed", scale >= 2 ? "pixels" : ""].join(" ");
  const sharper =
    props.tiles !== undefined && natural !== undefined && scale * props.tiles.width > natural.width * 1.05;
  return (
    <div class={classes}>
      <div
        class="frame"
        ref={frame}
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={up}
        onScroll={() => setMoved((n) => n + 1)}
      >
        {props.picture === undefined ? (
          <p class="loading" role="status">
            Fetching the image …
          </p>
        ) : (
          <div class="layers" style={style}>
            <img
              src={props.picture}
              alt="What you are asked about"
              style={style}
              draggable={false}
              onLoad={(event) => {
                const { naturalWidth: width, naturalHeight: height } = event.currentTarget;
                setNatural({ width, height });
              }}
            />
            {sharper && props.tiles !== undefined && (
              <TileLayer tiles={props.tiles} scale={scale} frame={frame.current} moved={moved} />
            )}
          </div>
        )}
      </div>
      <fieldset class="zoom" aria-label="Zoom">
        <button type="button" aria-label="Zoom out" disabled={zoom === 0} onClick={() => step(-1)}>
          −
        </button>
        <output>{scale === 0 ? "Fit" : `${scale * 100} %`}</output>
        <button type="button" aria-label="Zoom in" disabled={zoom === levels} onClick={() => step(1)}>
          +
        </button>
      </fieldset>
    </div>
  );
}

function distance(fingers: ReadonlyMap<number, PointerEvent>): number {
  const [a, b] = [...fingers.values()];
  return a === undefined || b === undefined ? 0 : Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
}

function middle(fingers: ReadonlyMap<number, PointerEvent>): { clientX: number; clientY: number } | undefined {
  const [a, b] = [...fingers.values()];
  if (a === undefined || b === undefined) return undefined;
  return { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
}

/** Levels that the keys go through; the stage stops at the image's own last one. */
const KEYED_LEVELS = 3;

/** The next zoom for the `Z` key: in and further in, then back to fitted. */
export function nextZoom(zoom: number): number {
  return zoom >= KEYED_LEVELS ? 0 : zoom + 1;
}
export function stepZoom(zoom: number, by: 1 | -1): number {
  return Math.max(0, Math.min(MOST_LEVELS, zoom + by));
}
/** A picture of 40 million pixels in a phone's frame has fewer. */
const MOST_LEVELS = 9;
