import { exifOrientation, type Header, isSrgbProfile, Quarantine } from "./header.ts";
import { checkScan, type HuffmanTable, readHuffmanTables, type Scan } from "./jpeg-entropy.ts";
import { LIMITS } from "./limits.ts";

interface Frame {
  width: number;
  height: number;
  progressive: boolean;
  components: { id: number; h: number; v: number; quantiser: number }[];
  /** Huffman-coded, each scan whole: its codes can be followed. */
  sequential: boolean;
}

/** Tables and interval in force when a scan begins. */
interface Coding {
  tables: Map<number, HuffmanTable>;
  quantisers: Map<number, Uint16Array>;
  restartInterval: number;
  /** Said nothing that a plain decoder must know or doubt. */
  plain: boolean;
}

/**
 * Walks a JPEG's markers to the end of the main image (ITU-T T.81 annex B); nothing is decoded.
 * Throws Quarantine: corrupt, not-an-image (a kind of JPEG that decoders don't take), too-large, too-complex.
 */
export function walkJpeg(file: Uint8Array): Header {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  let frame: Frame | undefined;
  let scans = 0;
  let orientation = 1;
  const profile: Uint8Array[] = [];
  const coding: Coding = { tables: new Map(), quantisers: new Map(), restartInterval: 0, plain: true };
  const followed: Scan[] = [];
  /** Stretches of the file that are no metadata. */
  const kept: [number, number][] = [[0, 2]];
  let at = 2;
  for (;;) {
    at = nextMarker(bytes, at);
    const marker = bytes[at + 1] as number;
    if (marker === 0xd9) {
      at += 2;
      kept.push([at - 2, at]);
      break;
    }
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      throw new Quarantine(
        "corrupt",
        `marker FF${marker.toString(16).toUpperCase()} stands at byte ${at}, outside of a scan`,
      );
    }
    const length = at + 4 <= bytes.length ? bytes.readUInt16BE(at + 2) : 0;
    const end = at + 2 + length;
    if (length < 2 || end > bytes.length) {
      throw new Quarantine("corrupt", `the file ends inside the segment at byte ${at}: it is cut off`);
    }
    const body = bytes.subarray(at + 4, end);
    if (isFrame(marker)) {
      if (frame !== undefined) throw new Quarantine("corrupt", `a second frame starts at byte ${at}`);
      frame = readFrame(marker, body);
    } else if (marker === 0xda) {
      if (frame === undefined) throw new Quarantine("corrupt", `a scan at byte ${at} comes before any frame`);
      scans += 1;
      if (scans > LIMITS.scans || (frame.progressive && scans * frame.width * frame.height > LIMITS.scannedPixels)) {
        throw new Quarantine(
          "too-complex",
          `${frame.width} x ${frame.height} pixels in ${scans} scans or more would take too long`,
        );
      }
      const after = endOfScan(bytes, end);
      const scan = frame.sequential ? readScan(end, after, frame, body, coding) : undefined;
      if (scan === undefined) coding.plain = false;
      else followed.push(scan);
      kept.push([at, after]);
      at = after;
      continue;
    } else if (marker === 0xc4) {
      readHuffmanTables(body, coding.tables);
    } else if (marker === 0xdb) {
      coding.plain &&= readQuantisers(body, coding.quantisers);
    } else if (marker === 0xdd && body.length === 2) {
      coding.restartInterval = body.readUInt16BE(0);
    } else if (marker === 0xe0 && startsWith(body, "JFIF\0")) {
      coding.plain &&= body.length >= 14 && body[5] === 1;
    } else if (marker === 0xee && startsWith(body, "Adobe")) {
      // Transform 1: luma and chroma.
      coding.plain &&= body[11] === 1;
    } else if (marker === 0xe1 && startsWith(body, "Exif\0\0")) {
      if (orientation === 1) orientation = exifOrientation(body.subarray(6));
    } else if (marker === 0xe2 && startsWith(body, "ICC_PROFILE\0")) {
      profile.push(body.subarray(14));
    } else if (marker < 0xe0 || (marker > 0xef && marker !== 0xfe)) {
      coding.plain = false;
    }
    const isMetadata = (marker >= 0xe1 && marker <= 0xef && marker !== 0xee) || marker === 0xfe;
    if (!isMetadata) kept.push([at, end]);
    at = end;
  }
  if (frame === undefined || scans === 0)
    throw new Quarantine("corrupt", "it has no picture: the end marker comes first");
  const plainScan = followed.length === 1 && coding.plain ? plainScanOf(frame, followed[0] as Scan) : undefined;
  const isQuartered = plainScan !== undefined && Math.max(frame.width, frame.height) > LIMITS.quarteredAbove;
  // A scan that is to be decoded here is followed then.
  if (!isQuartered) for (const scan of followed) checkScan(bytes, scan);
  const foreignProfile = profile.length > 0 && !isSrgbProfile(Buffer.concat(profile));
  return {
    type: "jpeg",
    width: frame.width,
    height: frame.height,
    orientation,
    foreignColour: foreignProfile || frame.components.length === 4,
    simple: frame.components.length === 1 || frame.components.length === 3,
    components: frame.components.length,
    length: at,
    animated: false,
    ...(isQuartered ? { quarteredScan: plainScan } : {}),
    keepable: !foreignProfile && frame.components.length !== 4,
    strip: () => Buffer.concat(kept.map(([from, to]) => bytes.subarray(from, to))),
  };
}

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** Position of the next marker's FF. Fill bytes (more FF) are skipped; anything else between segments is damage. */
function nextMarker(bytes: Buffer, from: number): number {
  let at = from;
  while (at + 1 < bytes.length && bytes[at] === 0xff && bytes[at + 1] === 0xff) at += 1;
  if (at + 1 >= bytes.length)
    throw new Quarantine("corrupt", "the file ends before the image's end marker: it is cut off");
  if (bytes[at] !== 0xff || bytes[at + 1] === 0) {
    throw new Quarantine("corrupt", `byte ${at} is no marker: bytes were lost, added or overwritten`);
  }
  return at;
}

/** First byte after a scan's data: the next marker that is neither a stuffed FF00 nor a restart. */
function endOfScan(bytes: Buffer, from: number): number {
  // A plain loop: a search by the runtime costs more than the few hundred bytes that lie between two of them.
  for (let at = from; at + 1 < bytes.length; at += 1) {
    if (bytes[at] !== 0xff) continue;
    const next = bytes[at + 1] as number;
    if (next === 0xff) continue;
    if (next !== 0 && (next < 0xd0 || next > 0xd7)) return at;
    at += 1;
  }
  throw new Quarantine("corrupt", "the file ends inside the picture: it is cut off");
}

/** What a scan's codes need. Undefined where it names unknown components or tables: left to the decoder's own judgement. */
function readScan(from: number, to: number, frame: Frame, header: Buffer, coding: Coding): Scan | undefined {
  const count = header[0] ?? 0;
  const components = Array.from({ length: count }, (_, i) => {
    const component = frame.components.find((c) => c.id === header[1 + 2 * i]);
    const tables = header[2 + 2 * i] ?? 0;
    const dc = coding.tables.get(tables >> 4);
    const ac = coding.tables.get(0x10 | (tables & 15));
    if (component === undefined || dc === undefined || ac === undefined) return undefined;
    return { h: component.h, v: component.v, dc, ac, quantisers: coding.quantisers.get(component.quantiser) };
  }).filter((component) => component !== undefined);
  const only = components[0];
  if (only === undefined || components.length < count) return undefined;
  // All coefficients at once, as sequential coding demands.
  coding.plain &&= header.length === 4 + 2 * count && header[1 + 2 * count] === 0 && header[2 + 2 * count] === 63;
  coding.plain &&= header[3 + 2 * count] === 0;
  const { restartInterval } = coding;
  const h = Math.max(...frame.components.map((c) => c.h));
  const v = Math.max(...frame.components.map((c) => c.v));
  if (components.length > 1) {
    const across = Math.ceil(frame.width / (8 * h));
    return { from, to, components, across, down: Math.ceil(frame.height / (8 * v)), restartInterval };
  }
  // A scan of one component has one block per MCU and only those that the picture covers.
  const across = Math.ceil(Math.ceil((frame.width * only.h) / h) / 8);
  const down = Math.ceil(Math.ceil((frame.height * only.v) / v) / 8);
  return { from, to, components: [{ ...only, h: 1, v: 1 }], across, down, restartInterval };
}

/** The scan of a file of the usual kind: gray, or luma before chroma with at most 2 x 2 blocks; undefined for others. */
function plainScanOf(frame: Frame, scan: Scan): Scan | undefined {
  const [first, ...chroma] = scan.components;
  if (first === undefined || scan.components.length !== frame.components.length) return undefined;
  if (scan.components.some((c) => c.quantisers === undefined)) return undefined;
  const ids = frame.components.map((c) => c.id);
  if (new Set(ids).size < ids.length || String.fromCharCode(...ids) === "RGB") return undefined;
  const isUsual = first.h <= 2 && first.v <= 2 && chroma.every((c) => c.h === 1 && c.v === 1);
  return isUsual && (chroma.length === 0 || chroma.length === 2) ? scan : undefined;
}

/** Tables of a DQT segment by id, in zigzag order (T.81 B.2.4.1); false where it is no set of tables. */
function readQuantisers(body: Buffer, into: Map<number, Uint16Array>): boolean {
  for (let at = 0; at < body.length; ) {
    const bytes = (body[at] as number) >> 4 === 0 ? 1 : 2;
    const id = (body[at] as number) & 15;
    if ((body[at] as number) > 0x1f || id > 3 || at + 1 + 64 * bytes > body.length) return false;
    const values = body.subarray(at + 1, at + 1 + 64 * bytes);
    into.set(
      id,
      Uint16Array.from({ length: 64 }, (_, k) => (bytes === 1 ? (values[k] as number) : values.readUInt16BE(2 * k))),
    );
    at += 1 + 64 * bytes;
  }
  return true;
}

function readFrame(marker: number, body: Buffer): Frame {
  const kinds: Record<number, string> = {
    192: "baseline",
    193: "extended",
    194: "progressive",
    201: "arithmetic",
    202: "arithmetic",
  };
  if (kinds[marker] === undefined) {
    throw new Quarantine(
      "not-an-image",
      `its coding (SOF${marker - 0xc0}) is read by hardly any program; save it as a usual JPEG`,
    );
  }
  const count = body[5] ?? 0;
  if (body.length < 6 + 3 * count || count === 0) throw new Quarantine("corrupt", "its frame header is cut off");
  const height = body.readUInt16BE(1);
  const width = body.readUInt16BE(3);
  if (body[0] !== 8) throw new Quarantine("not-an-image", `${body[0]} bits per sample; 8 are taken`);
  if (count !== 1 && count !== 3 && count !== 4)
    throw new Quarantine("corrupt", `${count} colour components; 1, 3 or 4 are possible`);
  if (width === 0 || height === 0) throw new Quarantine("corrupt", `${width} x ${height} pixels`);
  const pixels = width * height;
  if (pixels > LIMITS.jpegPixels) {
    throw new Quarantine(
      "too-large",
      `${width} x ${height} pixels; at most ${LIMITS.jpegPixels / 1e6} megapixels are taken`,
    );
  }
  const components = Array.from({ length: count }, (_, i) => {
    const sampling = body[7 + 3 * i] as number;
    const quantiser = body[8 + 3 * i] as number;
    return { id: body[6 + 3 * i] as number, h: sampling >> 4, v: sampling & 15, quantiser };
  });
  if (components.some(({ h, v }) => h < 1 || h > 4 || v < 1 || v > 4))
    throw new Quarantine("corrupt", "impossible sampling factors");
  const progressive = marker === 0xc2 || marker === 0xca;
  if (progressive) limitProgressive(width, height, components);
  return { width, height, progressive, components, sequential: marker === 0xc0 || marker === 0xc1 };
}

function limitProgressive(width: number, height: number, components: { h: number; v: number }[]): void {
  const h = Math.max(...components.map((c) => c.h));
  const v = Math.max(...components.map((c) => c.v));
  const samples = components.reduce((sum, c) => sum + (c.h * c.v) / (h * v), 0) * width * height;
  if (width * height > LIMITS.progressivePixels || 2 * samples > LIMITS.coefficientBytes) {
    throw new Quarantine(
      "too-complex",
      `a progressive JPEG of ${width} x ${height} pixels; at most ${LIMITS.progressivePixels / 1e6} megapixels are taken, save it as baseline`,
    );
  }
}

function startsWith(body: Buffer, text: string): boolean {
  return body.length >= text.length && body.toString("latin1", 0, text.length) === text;
}
