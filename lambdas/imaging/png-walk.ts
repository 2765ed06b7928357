import { crc32, inflateSync } from "node:zlib";
import { exifOrientation, type Header, isSrgbProfile, Quarantine } from "./header.ts";
import { LIMITS } from "./limits.ts";

const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};
/** Chunks that say nothing of the pixels. */
const METADATA = new Set(["tEXt", "zTXt", "iTXt", "eXIf", "tIME", "acTL", "fcTL", "fdAT", "caBX"]);

/**
 * Walks a PNG's chunks to IEND and checks every checksum (PNG, third edition, clause 5); nothing is decoded.
 * Throws Quarantine: corrupt, too-large, too-complex.
 */
export function walkPng(file: Uint8Array): Header {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const state = {
    width: 0,
    height: 0,
    deep: false,
    orientation: 1,
    foreignColour: false,
    animated: false,
    data: false,
  };
  const kept: Uint8Array[] = [bytes.subarray(0, 8)];
  let at = 8;
  for (let first = true; ; first = false) {
    if (at + 12 > bytes.length) throw new Quarantine("corrupt", "the file ends before IEND: it is cut off");
    const length = bytes.readUInt32BE(at);
    const kind = bytes.toString("latin1", at + 4, at + 8);
    const end = at + 12 + length;
    if (end > bytes.length)
      throw new Quarantine("corrupt", `the file ends inside chunk ${printable(kind)}: it is cut off`);
    if (crc32(bytes.subarray(at + 4, end - 4)) !== bytes.readUInt32BE(end - 4)) {
      throw new Quarantine(
        "corrupt",
        `chunk ${printable(kind)} at byte ${at} has a wrong checksum: bytes were changed`,
      );
    }
    if (first !== (kind === "IHDR")) throw new Quarantine("corrupt", "it has not exactly one IHDR as its first chunk");
    readChunk(kind, bytes.subarray(at + 8, end - 4), state);
    if (!METADATA.has(kind)) kept.push(bytes.subarray(at, end));
    at = end;
    if (kind === "IEND") break;
  }
  if (!state.data) throw new Quarantine("corrupt", "it has no picture: there is no IDAT chunk");
  const { width, height, orientation, foreignColour, animated, deep } = state;
  return {
    type: "png",
    width,
    height,
    orientation,
    foreignColour,
    simple: false,
    components: 0,
    length: at,
    animated,
    keepable: !foreignColour && !deep,
    strip: () => Buffer.concat(kept),
  };
}

interface State {
  width: number;
  height: number;
  deep: boolean;
  orientation: number;
  foreignColour: boolean;
  animated: boolean;
  data: boolean;
}

function readChunk(kind: string, body: Buffer, state: State): void {
  if (kind === "IHDR") readSize(body, state);
  else if (kind === "IDAT") state.data = true;
  else if (kind === "acTL") state.animated = true;
  else if (kind === "eXIf") state.orientation = exifOrientation(body);
  else if (kind === "iCCP") state.foreignColour = !isSrgbProfile(profileOf(body));
  else if (kind === "zTXt" || kind === "iTXt") {
    if (body.length > LIMITS.pngTextBytes) throw new Quarantine("too-complex", `a text chunk of ${body.length} bytes`);
  } else if (isCritical(kind) && kind !== "PLTE" && kind !== "IEND") {
    throw new Quarantine("corrupt", `unknown critical chunk ${printable(kind)}`);
  }
}

function readSize(body: Buffer, state: State): void {
  if (body.length !== 13) throw new Quarantine("corrupt", `IHDR has ${body.length} bytes; 13 are needed`);
  const width = body.readUInt32BE(0);
  const height = body.readUInt32BE(4);
  const depth = body[8] as number;
  const colour = body[9] as number;
  if (DEPTHS[colour]?.includes(depth) !== true || body[10] !== 0 || body[11] !== 0 || (body[12] as number) > 1) {
    throw new Quarantine(
      "corrupt",
      `colour type ${colour} with ${depth} bits, methods ${body[10]} ${body[11]} ${body[12]} are not PNG`,
    );
  }
  if (width === 0 || height === 0 || width > 0x7fffffff || height > 0x7fffffff) {
    throw new Quarantine("corrupt", `${width} x ${height} pixels`);
  }
  // Palettes unfold to RGB, and the decoder widens low depths to bytes.
  const channels = colour === 3 ? 3 : (CHANNELS[colour] as number);
  const unfolded = width * height * channels * (depth === 16 ? 2 : 1);
  const most = body[12] === 1 ? LIMITS.interlacedBytes : LIMITS.pngBytes;
  if (unfolded > most) {
    throw new Quarantine(
      "too-large",
      `${width} x ${height} pixels unfold to ${Math.round(unfolded / 1e6)} MB; at most ${most / 1e6} MB are taken${body[12] === 1 ? " of an interlaced PNG" : ""}`,
    );
  }
  state.width = width;
  state.height = height;
  state.deep = depth === 16;
}

/** The profile inside iCCP; one that does not unfold counts as absent, as in browsers. */
function profileOf(body: Buffer): Uint8Array {
  const name = body.indexOf(0);
  if (name < 0) return Buffer.from("sRGB");
  try {
    return inflateSync(body.subarray(name + 2), { maxOutputLength: LIMITS.profileBytes });
  } catch {
    return Buffer.from("sRGB");
  }
}

function isCritical(kind: string): boolean {
  return (kind.charCodeAt(0) & 0x20) === 0;
}

function printable(kind: string): string {
  return kind.replaceAll(/[^\x20-\x7e]/g, "?");
}
