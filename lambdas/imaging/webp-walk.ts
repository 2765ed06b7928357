import { exifOrientation, type Header, isSrgbProfile, Quarantine } from "./header.ts";
import { LIMITS } from "./limits.ts";

/**
 * Walks a WebP's RIFF chunks (RFC 9649); nothing is decoded. Throws Quarantine: corrupt, too-large.
 * An animation's size is its canvas.
 */
export function walkWebp(file: Uint8Array): Header {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < 20) throw new Quarantine("corrupt", "the file ends inside its header: it is cut off");
  const end = 8 + bytes.readUInt32LE(4);
  if (end > bytes.length + 1) {
    throw new Quarantine("corrupt", `its header promises ${end} bytes, the file has ${bytes.length}: it is cut off`);
  }
  const state = { width: 0, height: 0, orientation: 1, foreignColour: false, animated: false, metadata: false };
  let pictures = 0;
  let at = 12;
  while (at + 8 <= Math.min(end, bytes.length)) {
    const kind = bytes.toString("latin1", at, at + 4);
    const length = bytes.readUInt32LE(at + 4);
    if (at + 8 + length > bytes.length)
      throw new Quarantine("corrupt", `the file ends inside chunk ${kind.trim()}: it is cut off`);
    if (readChunk(kind, bytes.subarray(at + 8, at + 8 + length), state)) pictures += 1;
    at += 8 + length + (length % 2);
  }
  if (pictures === 0) throw new Quarantine("corrupt", "it has no picture chunk");
  if (state.width === 0 || state.height === 0)
    throw new Quarantine("corrupt", `${state.width} x ${state.height} pixels`);
  if (state.width * state.height > LIMITS.webpPixels) {
    throw new Quarantine(
      "too-large",
      `a WebP of ${state.width} x ${state.height} pixels; at most ${LIMITS.webpPixels / 1e6} megapixels are taken`,
    );
  }
  const { width, height, orientation, foreignColour, animated, metadata } = state;
  return {
    type: "webp",
    width,
    height,
    orientation,
    foreignColour,
    simple: false,
    components: 0,
    length: Math.min(end, bytes.length),
    animated,
    keepable: !foreignColour && !metadata && !animated,
    strip: () => bytes.subarray(0, Math.min(end, bytes.length)),
  };
}

interface State {
  width: number;
  height: number;
  orientation: number;
  foreignColour: boolean;
  animated: boolean;
  metadata: boolean;
}

/** Takes what a chunk says; true when it is a picture. */
function readChunk(kind: string, body: Buffer, state: State): boolean {
  if (kind === "VP8X" && body.length >= 10) {
    state.animated = ((body[0] as number) & 2) !== 0;
    state.width = 1 + body.readUIntLE(4, 3);
    state.height = 1 + body.readUIntLE(7, 3);
    return false;
  }
  if (kind === "ICCP") {
    state.foreignColour = !isSrgbProfile(body.subarray(0, LIMITS.profileBytes));
    return false;
  }
  if (kind === "EXIF") {
    const tiff = body.toString("latin1", 0, 6) === "Exif\0\0" ? body.subarray(6) : body;
    state.orientation = exifOrientation(tiff);
    state.metadata = true;
    return false;
  }
  if (kind === "XMP ") state.metadata = true;
  if (kind === "VP8 ") {
    if (body.length < 10 || body.readUIntBE(3, 3) !== 0x9d012a)
      throw new Quarantine("corrupt", "its VP8 frame has no start code");
    grow(state, body.readUInt16LE(6) & 0x3fff, body.readUInt16LE(8) & 0x3fff);
    return true;
  }
  if (kind === "VP8L") {
    if (body.length < 5 || body[0] !== 0x2f) throw new Quarantine("corrupt", "its VP8L frame has no signature");
    const bits = body.readUInt32LE(1);
    grow(state, 1 + (bits & 0x3fff), 1 + ((bits >>> 14) & 0x3fff));
    return true;
  }
  return kind === "ANMF";
}

function grow(state: State, width: number, height: number): void {
  state.width = Math.max(state.width, width);
  state.height = Math.max(state.height, height);
}
