import type { Objects } from "../ports.ts";
import { DocumentError } from "./documents.ts";

/** A document is read in pieces of so many bytes. */
const PIECE_BYTES = 8 * 1024 * 1024;

/** A member of a document's object: its value's JSON, or, where that is an array, one item's. */
export interface DocumentItem {
  member: string;
  text: string;
}

/**
 * A JSON object's members, arrays item by item, in lists of what each piece of the object completes: a document of many items
 * is never held as a whole. Throws DocumentError where there is none, or where it ends early.
 */
export async function* documentItems(
  objects: Pick<Objects, "head" | "getRange">,
  key: string,
  pieceBytes = PIECE_BYTES,
): AsyncGenerator<DocumentItem[]> {
  const found = await objects.head(key);
  if (found === undefined) throw new DocumentError(`no document at ${key}`);
  const scanner = new ItemScanner();
  for (let offset = 0; offset < found.bytes; offset += pieceBytes) {
    const piece = await objects.getRange(key, offset, Math.min(pieceBytes, found.bytes - offset));
    if (piece === undefined) throw new DocumentError(`${key} was deleted while it was read`);
    const items = scanner.take(piece);
    if (items.length > 0) yield items;
  }
  if (!scanner.isAtEnd) throw new DocumentError(`${key} is not JSON: it ends early`);
}

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Finds where members and items begin and end; what lies between is JSON.parse's to judge. */
class ItemScanner {
  #held = Buffer.alloc(0);
  /** Where in what is held the scan stands, and where the present name, value or item began. */
  #at = 0;
  #from = 0;
  #depth = 0;
  #inText = false;
  #member: string | undefined;
  /** The member's value is an array: its items are at depth 2. */
  #inItems = false;

  get isAtEnd(): boolean {
    return this.#depth === 0 && this.#at > 0;
  }

  take(piece: Uint8Array): DocumentItem[] {
    const held = Buffer.concat([this.#held.subarray(this.#from), piece]);
    this.#at -= this.#from;
    this.#from = 0;
    const items: DocumentItem[] = [];
    const end = (at: number) => {
      const text = held.toString("utf8", this.#from, at).trim();
      if (this.#member !== undefined && text !== "") items.push({ member: this.#member, text });
      this.#from = at + 1;
    };
    let at = this.#at;
    for (; at < held.length; at += 1) {
      const byte = held[at];
      if (this.#inText) {
        if (byte === BACKSLASH) at += 1;
        else if (byte === QUOTE) this.#inText = false;
      } else if (byte === QUOTE) this.#inText = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        this.#depth += 1;
        if (this.#depth === 1) this.#from = at + 1;
        else if (this.#depth === 2 && byte === OPEN_ARRAY && this.#member !== undefined) {
          this.#inItems = true;
          this.#from = at + 1;
        }
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        if (this.#depth === 2 && this.#inItems) end(at);
        else if (this.#depth === 1 && this.#member !== undefined && !this.#inItems) end(at);
        this.#depth -= 1;
      } else if (byte === COLON && this.#depth === 1) {
        this.#member = JSON.parse(held.toString("utf8", this.#from, at)) as string;
        this.#inItems = false;
        this.#from = at + 1;
      } else if (byte === COMMA && this.#depth === 2 && this.#inItems) end(at);
      else if (byte === COMMA && this.#depth === 1) {
        if (this.#inItems) this.#from = at + 1;
        else end(at);
        this.#member = undefined;
        this.#inItems = false;
      }
    }
    this.#at = at;
    this.#held = held;
    return items;
  }
}
