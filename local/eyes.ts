import type { Ports } from "../lambdas/ports.ts";
import { readCampaign } from "../lambdas/store/campaigns.ts";
import { catalogueEntries } from "../lambdas/store/catalogues.ts";
import { sha256Hex } from "../lambdas/store/documents.ts";
import { recordKeys } from "../lambdas/store/keys.ts";
import { CycleRecord } from "../schemas/state.ts";

/** The class that a file's folder names: `daisy/a.jpg` -> `daisy`; undefined for a file outside any class folder. */
export function folderTruth(name: string, classes: readonly string[]): string | undefined {
  return name
    .split("/")
    .slice(0, -1)
    .reverse()
    .find((part) => classes.includes(part));
}

/** Truth of an image by the folders of all its names; undefined where they contradict each other or name no class. */
export function imageTruth(names: readonly string[], classes: readonly string[]): string | undefined {
  const said = new Set(names.map((name) => folderTruth(name, classes)).filter((label) => label !== undefined));
  return said.size === 1 ? [...said][0] : undefined;
}

/**
 * What a simulated person sees in a served image. They get the same re-encoded bytes as real people; this stands for the
 * eye: bytes -> what the picture shows, learned from the folders that the photos came in. It is outside the product:
 * nothing in lambdas/ can ask it.
 */
export class Eyes {
  readonly #ports: Ports;
  readonly #campaign: string;
  readonly #seen = new Map<string, { label: string; id: string }>();
  #learned = "";

  constructor(ports: Ports, campaign: string) {
    this.#ports = ports;
    this.#campaign = campaign;
  }

  /** Looks at the newest catalogue, if there is one that was not looked at yet. */
  async learn(): Promise<void> {
    const { head, agreement } = await readCampaign(this.#ports, this.#campaign);
    const found =
      head.openCycle === null
        ? undefined
        : await this.#ports.records.get(recordKeys.cycle(this.#campaign, head.openCycle));
    const key = found === undefined ? undefined : CycleRecord.parse(found.body).refs.catalogue;
    if (key === undefined || key === this.#learned) return;
    for await (const entries of catalogueEntries(this.#ports.objects, key))
      for (const entry of entries) {
        const bytes = await this.#ports.objects.getRange(entry.web.key, entry.web.offset, entry.web.bytes);
        if (bytes === undefined) continue;
        // Contradicting folders: the picture still shows something; the first folder's class stands for it.
        const label =
          imageTruth(entry.names, agreement.classes) ?? folderTruth(entry.names[0] as string, agreement.classes);
        if (label !== undefined) this.#seen.set(sha256Hex(bytes), { label, id: entry.sha256 });
      }
    this.#learned = key;
  }

  perceive = (bytes: Uint8Array): { label: string; id: string } | undefined => this.#seen.get(sha256Hex(bytes));
}
