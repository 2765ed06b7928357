import { decimalOf } from "./money.ts";

/**
 * A document for other programs: beside every `<name>Micros` (an integer of a millionth) stands `<name>`, and beside
 * `microsPer<Thing>` stands `per<Thing>`: the same amount as an exact decimal string, with `currency` in the same object. What has
 * no amount, and members that stand there already, stay as they are. null (no amount known) stays null.
 * Example: { amountMicros: 30000 } becomes { amountMicros: 30000, amount: "0.03", currency: "USD" }.
 */
export function withAmounts(document: object, currency: string): Record<string, unknown> {
  const entries = Object.entries(document);
  const told = entries.map(([key, value]) => [key, inside(value, currency)] as const);
  const amounts = entries.flatMap(([key, value]) => {
    const name = nameOf(key);
    if (name === undefined || name in document || (value !== null && !Number.isSafeInteger(value))) return [];
    return [[name, value === null ? null : decimalOf(value as number)] as const];
  });
  const beside = amounts.length === 0 || "currency" in document ? [] : [["currency", currency] as const];
  return Object.fromEntries([...told, ...amounts, ...beside]);
}

function inside(value: unknown, currency: string): unknown {
  if (Array.isArray(value)) return value.map((one) => inside(one, currency));
  return typeof value === "object" && value !== null ? withAmounts(value, currency) : value;
}

function nameOf(key: string): string | undefined {
  if (key.endsWith("Micros")) return key.slice(0, -"Micros".length);
  return key.startsWith("microsPer") ? `per${key.slice("microsPer".length)}` : undefined;
}
