import type { Catalogue, CatalogueEntry } from "../../schemas/catalogue.ts";
import type { Bin, DataReport } from "../../schemas/data-report.ts";
import type { Objects } from "../ports.ts";

/** Duplicate groups shown as images; the others are counted. */
const GROUPS_SHOWN = 40;
const IMAGES_PER_GROUP = 8;
/** Exact duplicates and conflicting labels that are named; the others are counted. */
const COPIES_SHOWN = 200;

/** The data report as one HTML file that needs nothing else: thumbnails are inside it, scripts are none. */
export async function dataReportHtml(objects: Objects, catalogue: Catalogue, report: DataReport): Promise<string> {
  const entries = new Map(catalogue.entries.map((e) => [e.sha256, e]));
  const shown = new Set([
    ...report.flagged.flatMap((f) => f.examples),
    ...report.groups.slice(0, GROUPS_SHOWN).flatMap((g) => g.images.slice(0, IMAGES_PER_GROUP)),
    ...report.excluded.slice(0, GROUPS_SHOWN).map(({ image }) => image),
  ]);
  const pictures = new Map<string, string>();
  for (const sha256 of shown) {
    const entry = entries.get(sha256);
    if (entry !== undefined) pictures.set(sha256, await figure(objects, entry));
  }
  const gallery = (images: readonly string[]) =>
    `<div class="gallery">${images.map((i) => pictures.get(i) ?? "").join("")}</div>`;
  const { counts } = report;
  return page(`Images of ${report.campaign}, cycle ${report.cycle}`, [
    `<p class="counts">${counts.files} files: ${counts.admitted} admitted, ${counts.quarantined} kept out, ${counts.duplicates} exact ${counts.duplicates === 1 ? "duplicate" : "duplicates"}. The campaign has ${report.images} images.</p>`,
    section("What to do next", `<ul>${report.advice.map((a) => `<li>${text(a)}</li>`).join("")}</ul>`),
    section("Kept out", report.refused.map(refusedTable).join("") || "<p>No file was kept out.</p>"),
    section(
      "Flagged, but admitted",
      report.flagged
        .map(
          (f) => `<h3>${text(f.code)}: ${f.images} images, ${(100 * f.share).toFixed(1)} %</h3>${gallery(f.examples)}`,
        )
        .join("") || "<p>No image was flagged.</p>",
    ),
    section("Sizes and shapes", bars("Long side", report.longSides) + bars("Width / height", report.shapes)),
    section("Conditions covered", conditions(report)),
    section("Classes", classes(report)),
    section(
      `Left out by the data team: ${report.excluded.length}`,
      report.excluded
        .slice(0, GROUPS_SHOWN)
        .map((e) => `<p>${text(e.by)}, ${text(e.at)}: ${text(e.reason)}</p>${gallery([e.image])}`)
        .join("") || "<p>No image was left out.</p>",
    ),
    section(`Exact duplicates: ${counts.duplicates}`, copies(report)),
    section(
      `Near-duplicates: ${report.groups.length} groups`,
      report.groups
        .slice(0, GROUPS_SHOWN)
        .map((g) => `<h3>${g.images.length} images</h3>${gallery(g.images.slice(0, IMAGES_PER_GROUP))}`)
        .join("") +
        (report.groups.length > GROUPS_SHOWN ? `<p>and ${report.groups.length - GROUPS_SHOWN} more groups</p>` : "") ||
        "<p>None was found.</p>",
    ),
  ]);
}

async function figure(
  objects: Objects,
  { sha256, thumbnail, names, findings, facts }: CatalogueEntry,
): Promise<string> {
  const bytes = await objects.getRange(thumbnail.key, thumbnail.offset, thumbnail.bytes);
  const source = bytes === undefined ? "" : `data:image/jpeg;base64,${Buffer.from(bytes).toString("base64")}`;
  const about = [`${facts.width} x ${facts.height}`, ...findings.map((f) => f.message), sha256].join("\n");
  return `<figure title="${text(about)}"><img src="${source}" alt="${text(names[0] ?? sha256)}"><figcaption>${text(names.join(", "))}</figcaption></figure>`;
}

function refusedTable({ code, files, examples }: DataReport["refused"][number]): string {
  const rows = examples.map((e) => `<tr><td>${text(e.name)}</td><td>${text(e.message)}</td></tr>`).join("");
  return `<h3>${text(code)}: ${files} files</h3><table class="kept-out"><tbody>${rows}</tbody></table>`;
}

function bars(title: string, bins: readonly Bin[]): string {
  const most = Math.max(1, ...bins.map((b) => b.images));
  const rows = bins.map(
    (b) =>
      `<tr><td>${text(b.label)}</td><td><div class="bar" style="width:${((100 * b.images) / most).toFixed(1)}%"></div></td><td>${b.images}</td></tr>`,
  );
  return `<h3>${text(title)}</h3><table class="bars"><tbody>${rows.join("")}</tbody></table>`;
}

function conditions({ conditions: c }: DataReport): string {
  const days =
    c.days === undefined
      ? "<p>No file says when it was taken.</p>"
      : `<p>${c.days.images} files say when they were taken: ${c.days.days} days from ${text(c.days.from)} to ${text(c.days.to)}.</p>`;
  return [
    ...c.measures.map(({ measure, bins }) => bars(measure, bins)),
    bars("mean colour", c.colours),
    bars("camera", c.cameras),
    days,
    ...(c.hours.length === 0 ? [] : [bars("hour of the day", c.hours)]),
    c.clusters.clusters === 0
      ? "<p>No images seem to have been captured together.</p>"
      : `<p>${c.clusters.images} images stand in ${c.clusters.clusters} clusters that were captured together, the largest of ${c.clusters.largest}; a cluster is drawn for the test set as a whole.</p>`,
  ].join("");
}

/** Names under which the same bytes came: they are one image. */
function copies({ copies: all, counts }: DataReport): string {
  if (all.length === 0)
    return counts.duplicates === 0
      ? "<p>None was found.</p>"
      : "<p>All are files that came again under their name.</p>";
  const rows = all.slice(0, COPIES_SHOWN).map(({ names }) => `<li>${names.map(text).join("<br>")}</li>`);
  const more = all.length > COPIES_SHOWN ? `<p>and ${all.length - COPIES_SHOWN} more images</p>` : "";
  return `<p>Files of the same bytes are one image.</p><ul>${rows.join("")}</ul>${more}`;
}

/** Images of which two things are said: what, and by which file or list. */
function conflicts(claims: NonNullable<DataReport["claims"]>): string {
  if (claims.conflicts.length === 0) return "";
  const rows = claims.conflicts.slice(0, COPIES_SHOWN).map(({ names, said }) => {
    const each = said.map(({ label, source }) => `${text(label)} (${text(source)})`).join("<br>");
    return `<tr><td>${names.map(text).join("<br>")}</td><td>${each}</td></tr>`;
  });
  const more =
    claims.conflicts.length > COPIES_SHOWN ? `<p>and ${claims.conflicts.length - COPIES_SHOWN} more images</p>` : "";
  return `<h3>Conflicting labels: ${claims.conflicts.length}</h3><p>The same bytes under different labels: they count for no class.</p><table class="kept-out"><tbody>${rows.join("")}</tbody></table>${more}`;
}

function classes({ labels, claims }: DataReport): string {
  const bought = labels === undefined ? "<p>No label was bought yet.</p>" : bars("labelled images", labels.classes);
  if (claims === undefined) return bought;
  const agree =
    claims.compared === 0
      ? "None of them could be compared with a bought label yet."
      : `Of ${claims.compared} that could be compared, ${claims.agreeing} say what the bought labels say.`;
  return `${bought}${bars("labels that came with the photos (nobody's answers)", claims.classes)}<p>${agree}</p>${conflicts(claims)}`;
}

function section(title: string, body: string): string {
  return `<section><h2>${text(title)}</h2>${body}</section>`;
}

function page(title: string, parts: readonly string[]): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${text(title)}</title><meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"><style>${STYLE}</style></head><body><h1>${text(title)}</h1>${parts.join("")}</body></html>\n`;
}

const STYLE =
  "body{font:15px/1.5 system-ui,sans-serif;margin:1.5rem auto;max-width:70rem;padding:0 1rem;color:#1a1a1a;background:#fff;overflow-wrap:anywhere}" +
  "h1{font-size:1.6rem;line-height:1.2}h2{border-top:1px solid #ccc;padding-top:1rem}.counts{font-size:1.2em}" +
  "table{border-collapse:collapse;width:100%;max-width:44rem}td{padding:.1rem .8rem .1rem 0;vertical-align:top}" +
  ".bars td:first-child{width:34%}.bars td:last-child{width:4rem;text-align:right;overflow-wrap:normal}" +
  ".bar{background:#36c;height:1em;margin-top:.25em}.kept-out td:first-child{width:40%}" +
  ".gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(130px,1fr));gap:.6rem}figure{margin:0;min-width:0}" +
  "img{max-width:100%;max-height:160px;display:block;border:1px solid #bbb;background:#eee}" +
  "figcaption{font-size:12px;line-height:1.3;display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:3;overflow:hidden}";

/** File names come from outside: nothing of them may become markup. */
function text(value: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return value.replaceAll(/[&<>"']/g, (c) => entities[c] as string);
}
