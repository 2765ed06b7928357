import { timingSafeEqual } from "node:crypto";
import { Catalogue } from "../../schemas/catalogue.ts";
import type { Ports } from "../ports.ts";
import { readCampaign, readCycle } from "../store/campaigns.ts";
import { signFor } from "../store/derived-key.ts";
import { readDocument } from "../store/documents.ts";
import type { Session } from "../store/members.ts";

/** Longest life of a signed image address, by the security rules. */
export const LINK_SECONDS = 15 * 60;

const DAY_SECONDS = 86_400;

export type Variant = "web" | "thumbnail";
interface Place {
  key: string;
  offset: number;
  bytes: number;
}
export interface CatalogueIndex {
  key: string;
  /** Image -> where its re-encoded variants lie. Originals are not in it. */
  places: Map<string, Record<Variant, Place>>;
}

/** Catalogues by campaign, the newest only; a catalogue's key names its content, so it never goes stale. */
export class ImageLinks {
  readonly #ports: Ports;
  readonly #kept = new Map<string, CatalogueIndex>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** The newest catalogue of a campaign, or undefined before anything was admitted. */
  async catalogue(campaign: string): Promise<CatalogueIndex | undefined> {
    const { head } = await readCampaign(this.#ports, campaign);
    for (let cycle = head.cycles; cycle >= 1; cycle -= 1) {
      const { refs } = await readCycle(this.#ports, campaign, cycle);
      if (refs.catalogue !== undefined) return this.#read(campaign, refs.catalogue);
    }
    return undefined;
  }

  /** An address of one image that only this member can use, for at most 15 minutes. */
  async link(session: Session, campaign: string, image: string, variant: Variant = "web"): Promise<string> {
    const until = Math.floor(this.#ports.clock.now() / 1000) + LINK_SECONDS;
    return `/api/media/${campaign}/${variant}/${image}/${until}/${await this.#mac(session, campaign, image, variant, until)}`;
  }

  /**
   * The bytes behind an address. `undefined` where the address was not issued to this member or there is no such image;
   * "expired" where its time is over.
   */
  async open(
    session: Session,
    asked: { campaign: string; variant: Variant; image: string; until: number; mac: string },
  ): Promise<Uint8Array | "expired" | undefined> {
    const expected = Buffer.from(await this.#mac(session, asked.campaign, asked.image, asked.variant, asked.until));
    const given = Buffer.from(asked.mac);
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) return undefined;
    if (this.#ports.clock.now() / 1000 > asked.until) return "expired";
    const place = (await this.catalogue(asked.campaign))?.places.get(asked.image)?.[asked.variant];
    return place === undefined ? undefined : this.#ports.objects.getRange(place.key, place.offset, place.bytes);
  }

  async #read(campaign: string, key: string): Promise<CatalogueIndex> {
    const kept = this.#kept.get(campaign);
    if (kept?.key === key) return kept;
    const { entries } = await readDocument(this.#ports.objects, key, Catalogue);
    const index: CatalogueIndex = {
      key,
      places: new Map(entries.map((e) => [e.sha256, { web: e.web, thumbnail: e.thumbnail }])),
    };
    this.#kept.set(campaign, index);
    return index;
  }

  #mac(session: Session, campaign: string, image: string, variant: Variant, until: number): Promise<string> {
    const { id, epoch } = session.member;
    return signFor(
      this.#ports.sealer,
      `image links of day ${Math.floor(until / DAY_SECONDS)}`,
      `${id}\n${epoch}\n${campaign}\n${variant}\n${image}\n${until}`,
    );
  }
}

/** What a browser needs to know of re-encoded bytes: admission writes these three types only. */
export function imageType(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return "image/jpeg";
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return "image/png";
  return "image/webp";
}
