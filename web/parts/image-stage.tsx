import { useEffect, useRef, useState } from "preact/hooks";

/** Fitted, then three steps of twice the size each. */
const LEVELS = 4;

/** Screen pixels per image pixel at a level: full resolution or the first power of two that is larger than fitted. 0 fits. */
export function scaleAt(level: number, fitted: number): number {
  if (level === 0) return 0;
  const first = Math.max(1, 2 ** Math.ceil(Math.log2(fitted * 1.05)));
  return first * 2 ** (level - 1);
}

/** One image: fitted, or at its full resolution and beyond, moved by dragging or scrolling. `Z`, `+` and `-` zoom. */
export function ImageStage(props: { picture: string | undefined; zoom: number; onZoom: (zoom: number) => void }) {
  const frame = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<{ width: number; height: number }>();
  const [fitted, setFitted] = useState(1);
  const scale = scaleAt(props.zoom, fitted);

  useEffect(() => {
    const box = frame.current;
    if (box === null || scale === 0) return;
    box.scrollLeft = (box.scrollWidth - box.clientWidth) / 2;
    box.scrollTop = (box.scrollHeight - box.clientHeight) / 2;
  }, [scale]);

  const drag = useRef<{ x: number; y: number; left: number; top: number } | undefined>(undefined);
  const down = (event: PointerEvent) => {
    const box = frame.current;
    if (box === null || scale === 0 || event.pointerType !== "mouse") return;
    drag.current = { x: event.clientX, y: event.clientY, left: box.scrollLeft, top: box.scrollTop };
    box.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    const box = frame.current;
    if (box === null || drag.current === undefined) return;
    box.scrollLeft = drag.current.left - (event.clientX - drag.current.x);
    box.scrollTop = drag.current.top - (event.clientY - drag.current.y);
  };
  const up = () => {
    drag.current = undefined;
  };

  const style =
    scale === 0 || size === undefined ? {} : { width: `${size.width * scale}px`, height: `${size.height * scale}px` };
  const classes = ["stage", scale === 0 ? "fit" : "zoomed", scale >= 2 ? "pixels" : ""].join(" ");
  return (
    <div class={classes}>
      <div class="frame" ref={frame} onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={up}>
        {props.picture === undefined ? (
          <p class="loading" role="status">
            Fetching the image …
          </p>
        ) : (
          <img
            src={props.picture}
            alt="What you are asked about"
            style={style}
            draggable={false}
            onLoad={(event) => {
              const { naturalWidth: width, naturalHeight: height } = event.currentTarget;
              const box = frame.current;
              setSize({ width, height });
              if (box !== null && width > 0) setFitted(Math.min(box.clientWidth / width, box.clientHeight / height));
            }}
          />
        )}
      </div>
      <fieldset class="zoom" aria-label="Zoom">
        <button
          type="button"
          aria-label="Zoom out"
          disabled={props.zoom === 0}
          onClick={() => props.onZoom(props.zoom - 1)}
        >
          −
        </button>
        <output>{scale === 0 ? "Fit" : `${scale * 100} %`}</output>
        <button
          type="button"
          aria-label="Zoom in"
          disabled={props.zoom === LEVELS - 1}
          onClick={() => props.onZoom(props.zoom + 1)}
        >
          +
        </button>
      </fieldset>
    </div>
  );
}

/** The next zoom for the `Z` key: in to full resolution and further, then back to fitted. */
export function nextZoom(zoom: number): number {
  return (zoom + 1) % LEVELS;
}
export function stepZoom(zoom: number, by: 1 | -1): number {
  return Math.max(0, Math.min(LEVELS - 1, zoom + by));
}
