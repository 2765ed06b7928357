import type { Catalogue } from "../../schemas/catalogue.ts";
import type { DataReport } from "../../schemas/data-report.ts";

/** A class with fewer images than this share of the mean class is rare. */
const RARE = 0.4;
/** Least images per class before anybody speaks of balance. */
const FEW = 20;

/** Plain sentences: what the numbers suggest to do before buying, and what to collect next. */
export function adviceOf({ counts }: Catalogue, report: Omit<DataReport, "advice">): string[] {
  const { images, flagged, groups } = report;
  if (images === 0) return ["No image was admitted: look at why files were kept out, and bring others."];
  const advice: string[] = [];
  if (counts.quarantined > 0.02 * counts.files) {
    advice.push(
      `${counts.quarantined} of ${counts.files} files were kept out: see whether the export or the copying damages files before bringing more.`,
    );
  }
  const conflicts = report.claims?.conflicts ?? [];
  const [first] = conflicts;
  if (first !== undefined) {
    const labels = [...new Set(first.said.map(({ label }) => label))].join(" and ");
    advice.push(
      conflicts.length === 1
        ? `One photo came with conflicting labels, ${labels} (${first.names.join(", ")}): see which is right.`
        : `${conflicts.length} photos came with conflicting labels, such as ${labels} (${first.names.join(", ")}): see which are right.`,
    );
  }
  const grouped = groups.reduce((sum, g) => sum + g.images.length - 1, 0);
  if (grouped > 0.05 * images) {
    advice.push(
      `${grouped} images are near-duplicates of others: labels for them teach little; pictures taken further apart would teach more.`,
    );
  }
  for (const { code, images: flags, share } of flagged) {
    if (share < 0.05 || !["dark", "light", "blurry", "low-information"].includes(code)) continue;
    const [they, them] = flags === 1 ? ["image", "it"] : ["images", "them"];
    advice.push(
      `${flags} ${they} (${Math.round(share * 100)} %) ${flags === 1 ? "is" : "are"} ${code}: keep ${them} if production sees such, else retake ${them}.${code === "blurry" ? " Small or softly lit photos score low, too; flagged ones stay in unless you exclude them." : ""}`,
    );
  }
  advice.push(...onConditions(report), ...onClasses(report));
  if (advice.length === 0) advice.push("Nothing stands out: the images can be labelled as they are.");
  return advice;
}

function onConditions({ images, conditions }: Omit<DataReport, "advice">): string[] {
  if (images < 50) return [];
  const advice: string[] = [];
  const { measures, cameras, hours, days, clusters } = conditions;
  const brightness = measures.find((one) => one.measure === "brightness")?.bins ?? [];
  const most = brightness.reduce((best, bin) => (bin.images > best.images ? bin : best), { label: "", images: 0 });
  if (most.images > 0.8 * images) {
    advice.push(
      `${Math.round((100 * most.images) / images)} % of the images have a brightness of ${most.label}: collect other lighting if production has it.`,
    );
  }
  const named = cameras.filter(({ label }) => label !== "the file does not say");
  const [first] = named;
  if (first !== undefined && first.images > 0.9 * images) {
    advice.push(
      `${Math.round((100 * first.images) / images)} % of the images are of one camera (${first.label}): collect some of every camera that production has.`,
    );
  }
  const timed = hours.reduce((sum, bin) => sum + bin.images, 0);
  const hour = hours.reduce((best, bin) => (bin.images > best.images ? bin : best), { label: "", images: 0 });
  if (timed > 0.5 * images && hour.images > 0.9 * timed)
    advice.push(
      `Nearly all pictures were taken from ${hour.label}: collect other hours if light or wear differ by then.`,
    );
  if (days !== undefined && days.images > 0.5 * images && days.days === 1)
    advice.push(`All dated pictures are of one day, ${days.from}: a second day would show what changes overnight.`);
  if (clusters.images > 0.5 * images) {
    advice.push(
      `${clusters.images} images stand in ${clusters.clusters} series that were taken together: fewer pictures of each and more series would teach more.`,
    );
  }
  return advice;
}

function onClasses({ labels }: Omit<DataReport, "advice">): string[] {
  if (labels === undefined) return [];
  const total = labels.classes.reduce((sum, { images }) => sum + images, 0);
  if (total < FEW * labels.classes.length) return [];
  const mean = total / labels.classes.length;
  return labels.classes
    .filter(({ images }) => images < RARE * mean)
    .sort((a, b) => a.images - b.images)
    .map(({ label, images }) =>
      images === 0
        ? `No labelled image shows ${label}: the model can't learn what it never sees. Collect some, or drop the class.`
        : `${label} is rare: ${images} of ${total} labelled images. About ${Math.ceil(RARE * mean) - images} more would bring it near the others.`,
    );
}
