import type { Campaign } from "../../schemas/campaign.ts";
import { Claims } from "../../schemas/claims.ts";
import { IntakeItem } from "../../schemas/intake.ts";
import type { Ports } from "../ports.ts";
import { BadInputError } from "../stage.ts";
import { readCampaign } from "./campaigns.ts";
import { readDocument, readLines, writeAddressed } from "./documents.ts";
import { objectKeys } from "./keys.ts";

/** Throws BadInputError where labels are not classes of the campaign, saying which and how often. */
export async function mustBeClasses(
  ports: Pick<Ports, "records" | "objects">,
  campaign: string,
  labels: ReadonlyMap<string, string>,
): Promise<void> {
  mustBeOf((await readCampaign(ports, campaign)).agreement, labels);
}

/** Throws BadInputError where labels are not classes of the agreement, saying which and how often. */
export function mustBeOf(agreement: Pick<Campaign, "name" | "classes">, labels: ReadonlyMap<string, string>): void {
  const known = new Set(agreement.classes);
  const unknown = new Map<string, number>();
  for (const label of labels.values()) if (!known.has(label)) unknown.set(label, (unknown.get(label) ?? 0) + 1);
  if (unknown.size === 0) return;
  const named = [...unknown].slice(0, 5).map(([label, images]) => `"${label.slice(0, 80)}" (${images})`);
  throw new BadInputError(
    `${named.join(", ")}${unknown.size > 5 ? ` and ${unknown.size - 5} more` : ""} are no classes of "${agreement.name}": its classes are ${agreement.classes.join(", ")}. Rename them, or leave the labels out with --labels none`,
  );
}

/** Keeps what a source says of a sealed intake's files, once. A file whose name the source does not know is left out. */
export async function keepClaims(
  ports: Pick<Ports, "objects">,
  about: Omit<Claims, "labels">,
  labels: ReadonlyMap<string, string>,
): Promise<number> {
  const items = await readLines(ports.objects, objectKeys.manifest(about.campaign, about.intake), IntakeItem);
  const said = items.flatMap(({ name, sha256: image }) => {
    const label = labels.get(name);
    return label === undefined ? [] : [{ image, label }];
  });
  const claims: Claims = { ...about, labels: said };
  await writeAddressed(ports.objects, (digest) => objectKeys.claims(about.campaign, digest), claims);
  return said.length;
}

/** Everything that came with photos, by image: each class once, with where it came from. */
export async function claimsByImage(
  ports: Pick<Ports, "objects">,
  campaign: string,
): Promise<Map<string, { label: string; source: string }[]>> {
  const byImage = new Map<string, { label: string; source: string }[]>();
  for await (const { key } of ports.objects.list(objectKeys.claims(campaign, "").replace(/[^/]*$/, ""))) {
    const { source, labels } = await readDocument(ports.objects, key, Claims);
    for (const { image, label } of labels) {
      const said = byImage.get(image) ?? [];
      if (!said.some((one) => one.label === label && one.source === source)) said.push({ label, source });
      byImage.set(image, said);
    }
  }
  return byImage;
}
