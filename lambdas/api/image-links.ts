import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import type { CatalogueEntry } from "../../schemas/catalogue.ts";
import type { ImageView } from "../../schemas/portal.ts";
import type { Ports } from "../ports.ts";
import { readCampaign, readCycle } from "../store/campaigns.ts";
import { catalogueEntries } from "../store/catalogues.ts";
import { recordKeys } from "../store/keys.ts";
import type { Session } from "../store/members.ts";

/** Longest life of an image's address, by the security rules. */
export const LINK_SECONDS = 15 * 60;

export type Variant = "web" | "thumbnail" | "tiles";
type Places = Pick<CatalogueEntry, "web" | "thumbnail" | "tiles">;
export interface CatalogueIndex {
  key: string;
  /** Image -> where its re-encoded variants lie. Originals are not in it. */
  places: Map<string, Places>;
}

/** sha256 and the last second of an address: what its sealed part says. */
const PLAIN_BYTES = 36;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Addresses of images, and the bytes behind them. An address says nothing of the image: its digest, the last second and the
 * member are sealed in it (AES-256-GCM; the nonce is a MAC of what is sealed, so that no two contents share one) under a key
 * that follows from the campaign and the host's signing key. Catalogues are kept by campaign, the newest only; a catalogue's
 * key names its content, so it never goes stale.
 */
export class ImageLinks {
  readonly #ports: Ports;
  readonly #kept = new Map<string, CatalogueIndex>();
  readonly #keys = new Map<string, Promise<Buffer>>();

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
    const plain = Buffer.alloc(PLAIN_BYTES);
    plain.write(image, "hex");
    plain.writeUInt32BE(until, 32);
    const key = await this.#key(campaign);
    const about = bound(session, campaign, variant);
    const nonce = createHmac("sha256", key).update(about).update(plain).digest().subarray(0, NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", half(key, "seal"), nonce).setAAD(about);
    const body = Buffer.concat([cipher.update(plain), cipher.final()]);
    return `/api/media/${campaign}/${variant}/${Buffer.concat([nonce, body, cipher.getAuthTag()]).toString("base64url")}`;
  }

  /** Addresses of images to work on, each with its tiles where the web variant shows less than there is. */
  async views(session: Session, campaign: string, images: readonly string[]): Promise<ImageView[]> {
    const catalogue = await this.catalogue(campaign);
    const view = async (image: string): Promise<ImageView> => {
      const url = await this.link(session, campaign, image);
      const tiles = (catalogue?.places.get(image) ?? (await this.#captured(campaign, image)))?.tiles;
      if (tiles === undefined) return { url };
      const { width, height, size, columns, rows } = tiles;
      const address = await this.link(session, campaign, image, "tiles");
      return { url, tiles: { width, height, size, columns, rows, url: address } };
    };
    return Promise.all(images.map(view));
  }

  /**
   * The bytes behind an address. `undefined` where the address was not issued to this member or there is no such image;
   * "expired" where its time is over.
   */
  async open(
    session: Session,
    asked: { campaign: string; variant: Variant; address: string; tile?: { column: number; row: number } | undefined },
  ): Promise<Uint8Array | "expired" | undefined> {
    const sealed = Buffer.from(asked.address, "base64url");
    if (sealed.length !== NONCE_BYTES + PLAIN_BYTES + TAG_BYTES) return undefined;
    const plain = await this.#unseal(session, asked, sealed);
    if (plain === undefined) return undefined;
    if (this.#ports.clock.now() / 1000 > plain.readUInt32BE(32)) return "expired";
    const image = plain.toString("hex", 0, 32);
    const admitted = (await this.catalogue(asked.campaign))?.places.get(image);
    const places = admitted ?? (await this.#captured(asked.campaign, image));
    if (asked.variant === "tiles") return places?.tiles && asked.tile && this.#tile(places.tiles, asked.tile);
    const place = places?.[asked.variant];
    return place === undefined ? undefined : this.#ports.objects.getRange(place.key, place.offset, place.bytes);
  }

  /** Copies of a real request that people label. */
  async #captured(campaign: string, image: string): Promise<Places | undefined> {
    return (await this.#ports.records.get<Places>(recordKeys.captureCopy(campaign, image)))?.body;
  }

  /** One tile: the block begins with the tiles' ends, row by row, 4 bytes each, counted from the block's first byte. */
  async #tile(tiles: NonNullable<Places["tiles"]>, { column, row }: { column: number; row: number }) {
    if (column >= tiles.columns || row >= tiles.rows) return undefined;
    const at = row * tiles.columns + column;
    const head = 4 * tiles.columns * tiles.rows;
    const ends = await this.#ports.objects.getRange(tiles.key, tiles.offset, head);
    if (ends === undefined || ends.length !== head) return undefined;
    const view = new DataView(ends.buffer, ends.byteOffset, ends.byteLength);
    const from = at === 0 ? head : view.getUint32(4 * (at - 1));
    return this.#ports.objects.getRange(tiles.key, tiles.offset + from, view.getUint32(4 * at) - from);
  }

  async #unseal(session: Session, { campaign, variant }: { campaign: string; variant: Variant }, sealed: Buffer) {
    const opener = createDecipheriv(
      "aes-256-gcm",
      half(await this.#key(campaign), "seal"),
      sealed.subarray(0, NONCE_BYTES),
      {
        authTagLength: TAG_BYTES,
      },
    )
      .setAAD(bound(session, campaign, variant))
      .setAuthTag(sealed.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([opener.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), opener.final()]);
    } catch {
      return undefined;
    }
  }

  #key(campaign: string): Promise<Buffer> {
    const kept = this.#keys.get(campaign);
    if (kept !== undefined) return kept;
    const coming = this.#ports.sealer.sign(`image-addresses\n${campaign}`).then((hex) => Buffer.from(hex, "hex"));
    this.#keys.set(campaign, coming);
    coming.catch(() => this.#keys.delete(campaign));
    return coming;
  }

  async #read(campaign: string, key: string): Promise<CatalogueIndex> {
    const kept = this.#kept.get(campaign);
    if (kept?.key === key) return kept;
    const places: CatalogueIndex["places"] = new Map();
    for await (const entries of catalogueEntries(this.#ports.objects, key))
      for (const { sha256, web, thumbnail, tiles } of entries)
        places.set(sha256, { web, thumbnail, ...(tiles === undefined ? {} : { tiles }) });
    const index: CatalogueIndex = { key, places };
    this.#kept.set(campaign, index);
    return index;
  }
}

/** Whom and what an address is for: it opens for nothing else. */
function bound(session: Session, campaign: string, variant: Variant): Buffer {
  return Buffer.from(`image-link\n${session.member.id}\n${session.member.epoch}\n${campaign}\n${variant}`);
}

function half(key: Buffer, purpose: string): Buffer {
  return createHmac("sha256", key).update(purpose).digest();
}

/** What a browser needs to know of re-encoded bytes: admission writes these three types only. */
export function imageType(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return "image/jpeg";
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return "image/png";
  return "image/webp";
}
