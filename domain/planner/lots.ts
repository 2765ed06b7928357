import { chance, hash32 } from "../chance.ts";

export type Purpose = "label" | "gold" | "test" | "overlap" | "audit";

export interface ItemToLabel {
  image: string;
  purpose: Purpose;
  /** Answers wanted in this wave. */
  copies: number;
  /** 0 (sure) .. 1: every lot of a vendor gets the same mix. */
  uncertainty: number;
  /** Vendors that must not get it (its own earlier label is being checked, conflict of interest). */
  excludedVendors: readonly string[];
}

export interface LotRequest {
  items: readonly ItemToLabel[];
  vendors: readonly { id: string; pricePerAnswer: number; capacity: number }[];
  lotSize: number;
  seed: string | number;
  /**
   * Fewest items that a lot is worth inspecting with. A wave too small for one such lot for each vendor goes to as few vendors as
   * may take it, in a random order among equal prices. Left out: every vendor gets its share.
   */
  leastLot?: number;
  /** Who has answered an image before: others come first, and a test image needs two vendors over all waves. */
  labelVendors?: Readonly<Record<string, readonly string[]>>;
}

export interface CutLot {
  vendor: string;
  items: { image: string; purpose: Purpose }[];
}

export interface LotCut {
  lots: CutLot[];
  /** Items that got fewer copies than wanted, and why. */
  short: { image: string; wanted: number; given: number; reason: "too-few-vendors" | "capacity" }[];
}

/** Share of a wave that is spread evenly, so that every vendor stays exercised and measured. */
const EXPLORATION = 0.1;

/**
 * Cuts a wave into lots.
 *
 * - An image goes to one vendor at most once in a wave; where it wants more copies than vendors may take it, it gets fewer
 *   and stands in `short`.
 * - The cheapest vendors come first, within capacity, except for a tenth that is spread evenly (but see `leastLot`). Vendors who have not
 *   answered the image before come before those who have; a test image goes to two vendors at least where there are two.
 * - A vendor's lots differ in size by one item at most, and each has the same mix of purposes and of sure and unsure images.
 *
 * Deterministic: the same request gives the same lots, whatever the order of items or vendors. Throws RangeError for a lot
 * size below 1, a vendor or an image that stands twice, and negative copies. No items: no lots.
 */
export function cutLots(request: LotRequest): LotCut {
  check(request);
  const { items, vendors, lotSize, seed } = request;
  const random = chance(`${seed}/lots`);
  const copies = items.reduce((sum, item) => sum + item.copies, 0);
  const isSmall = copies < (request.leastLot ?? 0) * vendors.length;
  const tie = ({ id }: { id: string }) => (isSmall ? hash32(`${seed}/vendors/${id}`) : 0);
  const cheapest = vendors.toSorted(
    (a, b) => a.pricePerAnswer - b.pricePerAnswer || tie(a) - tie(b) || (a.id < b.id ? -1 : 1),
  );
  const share = wantedShares(items, cheapest);
  const left = new Map(cheapest.map(({ id }) => [id, share.get(id)!]));
  const rankOf = new Map(cheapest.map(({ id }, at) => [id, at]));
  const fullest = (a: string, b: string) => (isSmall ? rankOf.get(a)! - rankOf.get(b)! : left.get(b)! - left.get(a)!);
  const room = new Map(cheapest.map(({ id, capacity }) => [id, capacity]));
  const byVendor = new Map<string, ItemToLabel[]>(cheapest.map(({ id }) => [id, []]));
  const short: LotCut["short"] = [];

  // Those with the least choice first, else in random order.
  const ordered = random.shuffle(items.toSorted((a, b) => (a.image < b.image ? -1 : 1)));
  const freedom = (item: ItemToLabel) =>
    cheapest.length - item.excludedVendors.length - item.copies - (item.purpose === "test" ? 1 : 0);
  ordered.sort((a, b) => freedom(a) - freedom(b));
  for (const item of ordered) {
    const before = request.labelVendors?.[item.image] ?? [];
    const allowed = cheapest.filter(({ id }) => !item.excludedVendors.includes(id));
    const open = allowed.filter(({ id }) => room.get(id)! > 0);
    open.sort((a, b) => Number(before.includes(a.id)) - Number(before.includes(b.id)) || fullest(a.id, b.id));
    const chosen = open.slice(0, item.copies);
    for (const { id } of chosen) {
      byVendor.get(id)!.push(item);
      left.set(id, left.get(id)! - 1);
      room.set(id, room.get(id)! - 1);
    }
    if (chosen.length < item.copies) {
      const reason = allowed.length < item.copies ? "too-few-vendors" : "capacity";
      short.push({ image: item.image, wanted: item.copies, given: chosen.length, reason });
    }
  }
  short.sort((a, b) => (a.image < b.image ? -1 : 1));
  const lots = vendors
    .map(({ id }) => id)
    .toSorted()
    .flatMap((vendor) => dealEvenly(byVendor.get(vendor)!, lotSize, seed).map((dealt) => ({ vendor, items: dealt })));
  return { lots, short };
}

/** How many answers each vendor should get: a tenth evenly, the rest from the cheapest up, never more than it can take. */
function wantedShares(items: readonly ItemToLabel[], cheapest: LotRequest["vendors"]): Map<string, number> {
  let total = items.reduce((sum, { copies }) => sum + copies, 0);
  const most = new Map(
    cheapest.map(({ id, capacity }) => [
      id,
      Math.min(capacity, items.filter((item) => item.copies > 0 && !item.excludedVendors.includes(id)).length),
    ]),
  );
  const even = Math.ceil((EXPLORATION * total) / Math.max(1, cheapest.length));
  const share = new Map<string, number>();
  for (const { id } of cheapest) {
    const first = Math.min(even, most.get(id)!, total);
    share.set(id, first);
    total -= first;
  }
  for (const { id } of cheapest) {
    const more = Math.min(total, most.get(id)! - share.get(id)!);
    share.set(id, share.get(id)! + more);
    total -= more;
  }
  return share;
}

/** Sorts by purpose and uncertainty and deals like cards, so that all lots get the same mix; then hides the order. */
function dealEvenly(items: readonly ItemToLabel[], lotSize: number, seed: string | number): CutLot["items"][] {
  if (items.length === 0) return [];
  const lots: CutLot["items"][] = Array.from({ length: Math.ceil(items.length / lotSize) }, () => []);
  const sorted = items.toSorted(
    (a, b) =>
      (a.purpose < b.purpose ? -1 : a.purpose > b.purpose ? 1 : 0) ||
      b.uncertainty - a.uncertainty ||
      hash32(`${seed}/${a.image}`) - hash32(`${seed}/${b.image}`) ||
      (a.image < b.image ? -1 : 1),
  );
  sorted.forEach(({ image, purpose }, i) => {
    lots[i % lots.length]!.push({ image, purpose });
  });
  return lots.map((lot, i) => chance(`${seed}/order/${i}`).shuffle(lot));
}

function check({ items, vendors, lotSize }: LotRequest): void {
  if (!Number.isInteger(lotSize) || lotSize < 1)
    throw new RangeError(`lotSize ${lotSize}: expected a whole number from 1`);
  const ids = new Set<string>();
  for (const { id, pricePerAnswer, capacity } of vendors) {
    if (ids.has(id)) throw new RangeError(`vendor ${id} stands twice`);
    ids.add(id);
    if (!(pricePerAnswer >= 0) || !(capacity >= 0))
      throw new RangeError(`vendor ${id}: price ${pricePerAnswer}, capacity ${capacity}; expected numbers >= 0`);
  }
  const images = new Set<string>();
  for (const { image, copies } of items) {
    if (images.has(image)) throw new RangeError(`image ${image} stands twice in one wave; give it more copies instead`);
    images.add(image);
    if (!Number.isInteger(copies) || copies < 0)
      throw new RangeError(`image ${image}: ${copies} copies; expected a whole number from 0`);
  }
}
