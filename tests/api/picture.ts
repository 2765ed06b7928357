import sharp from "sharp";

/** A drawn turned part with one of four marks (crack, hole, none, stain): JPEG, the same bytes for the same numbers. */
export async function drawPicture(index: number, mark: number, side: number): Promise<Uint8Array> {
  const turn = (index * 47) % 360;
  const marks = [
    `<path d="M62 18 l4 9 l-3 7 l5 8" stroke="#2b2624" stroke-width="2.2" fill="none"/>`,
    `<circle cx="66" cy="30" r="6" fill="#141414"/>`,
    "",
    `<ellipse cx="64" cy="32" rx="11" ry="8" fill="#96602f" opacity=".75"/>`,
  ];
  const tone = 150 + ((index * 13) % 40);
  const bench = 84 + ((index * 29) % 40);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}" viewBox="0 0 100 100">
    <defs><radialGradient id="g" cx="38%" cy="32%"><stop offset="0" stop-color="rgb(${tone + 40},${tone + 42},${tone + 46})"/><stop offset="1" stop-color="rgb(${tone - 50},${tone - 48},${tone - 42})"/></radialGradient></defs>
    <rect width="100" height="100" fill="rgb(${bench},${bench - 8},${bench - 16})"/>
    <g transform="rotate(${turn} 50 50)"><circle cx="50" cy="50" r="38" fill="url(#g)"/>
    ${[33, 28, 23, 18].map((r) => `<circle cx="50" cy="50" r="${r}" fill="none" stroke="#000" stroke-opacity=".1"/>`).join("")}
    <circle cx="50" cy="50" r="10" fill="rgb(${bench - 30},${bench - 34},${bench - 38})"/>${marks[mark] ?? ""}</g></svg>`;
  return sharp(Buffer.from(svg)).jpeg({ quality: 86 }).toBuffer();
}
