import type { TileGrid } from "../../schemas/portal.ts";

/** Shares of a tile that are looked beyond the frame. */
const AHEAD = 0.25;

/** The tiles that are in sight, and those that a small move would show, laid over the image at its scale. */
export function TileLayer(props: {
  tiles: TileGrid;
  /** Screen pixels per pixel of the tiled picture. */
  scale: number;
  frame: HTMLDivElement | null;
  /** Grows when the frame was scrolled: what is in sight is read anew. */
  moved: number;
}) {
  const { tiles, scale, frame } = props;
  if (frame === null) return null;
  const side = tiles.size * scale;
  const between = (from: number, length: number, most: number): [number, number] => [
    Math.max(0, Math.floor(from / side - AHEAD)),
    Math.min(most - 1, Math.floor((from + length) / side + AHEAD)),
  ];
  const [left, right] = between(frame.scrollLeft, frame.clientWidth, tiles.columns);
  const [top, bottom] = between(frame.scrollTop, frame.clientHeight, tiles.rows);
  const shown: { column: number; row: number }[] = [];
  for (let row = top; row <= bottom; row += 1)
    for (let column = left; column <= right; column += 1) shown.push({ column, row });
  const extent = (at: number, whole: number) => Math.min(tiles.size, whole - at * tiles.size) * scale;
  return (
    <>
      {shown.map(({ column, row }) => (
        <img
          key={`${tiles.url} ${column}-${row}`}
          class="tile"
          src={`${tiles.url}/${column}-${row}`}
          alt=""
          draggable={false}
          style={{
            left: `${column * side}px`,
            top: `${row * side}px`,
            width: `${extent(column, tiles.width)}px`,
            height: `${extent(row, tiles.height)}px`,
          }}
          onError={(event) => {
            // The web variant below still shows the place, less sharply.
            event.currentTarget.hidden = true;
          }}
        />
      ))}
    </>
  );
}
