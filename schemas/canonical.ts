/**
 * JSON with object keys in code-unit order and no spaces: equal values give equal text, so a digest of it names the value.
 * Throws on numbers that JSON can't carry and on cycles. Same result as RFC 8785 for the values that our schemas allow.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`${value} can't be written as JSON`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value).filter(([, v]) => v !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(",")}}`;
  }
  throw new TypeError(`a ${typeof value} can't be written as JSON`);
}

/**
 * The same text in pieces, none longer than one item of an array that is a member of the value, or the value itself: a
 * document of many items is hashed and written without its whole text.
 */
export function* canonicalPieces(value: unknown): Generator<string> {
  if (value === null || typeof value !== "object") {
    yield canonicalJson(value);
  } else if (Array.isArray(value)) {
    yield* itemPieces(value);
  } else {
    const entries = Object.entries(value).filter(([, v]) => v !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    let before = "{";
    for (const [k, v] of entries) {
      yield `${before}${JSON.stringify(k)}:`;
      if (Array.isArray(v)) yield* itemPieces(v);
      else yield canonicalJson(v);
      before = ",";
    }
    yield entries.length === 0 ? "{}" : "}";
  }
}

function* itemPieces(items: readonly unknown[]): Generator<string> {
  let before = "[";
  for (const item of items) {
    yield before + canonicalJson(item ?? null);
    before = ",";
  }
  yield items.length === 0 ? "[]" : "]";
}
