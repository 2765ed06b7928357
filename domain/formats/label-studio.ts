import {
  byPath,
  type ExportedImage,
  FormatError,
  isObject,
  jsonOf,
  type LabelledList,
  type ListedImage,
  severalNote,
} from "./labelled-list.ts";

/**
 * A Label Studio JSON export read for classes: each task's image and the choices of its annotations that were not skipped.
 * Predictions are a model's word and stay behind; regions count by their label alone; the notes say so.
 * Source: labelstud.io, "Label Studio JSON format of annotated tasks".
 */
export function readLabelStudio(text: string): LabelledList {
  const tasks = jsonOf(text, "it");
  if (!Array.isArray(tasks) || !tasks.every(isObject)) throw new FormatError("it is no list of tasks");
  const left = { predictions: 0, regions: 0, other: 0 };
  const images = tasks.map((task, index): ListedImage => {
    const labels: string[] = [];
    for (const annotation of objects(task.annotations ?? task.completions)) {
      if (annotation.was_cancelled === true) continue;
      for (const { type, value } of objects(annotation.result)) {
        const said = isObject(value) ? (value.choices ?? value.rectanglelabels ?? value.polygonlabels) : undefined;
        if (!Array.isArray(said)) left.other += 1;
        else labels.push(...said.map(String));
        if (type !== "choices" && Array.isArray(said)) left.regions += 1;
      }
    }
    left.predictions += objects(task.predictions).length;
    return { path: pathOf(imageOf(task, index)), labels };
  });
  const merged = byPath(images);
  const notes = [
    ...(left.regions > 0 ? [`${left.regions} regions were read for their label only`] : []),
    ...(left.predictions > 0 ? [`${left.predictions} predictions of a model were left behind`] : []),
    ...(left.other > 0 ? [`${left.other} results that name no class were left behind`] : []),
  ];
  return { images: merged, notes: [...notes, ...severalNote(merged)] };
}

function objects(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The task's image: the field `image`, else the only field that holds a path or address of an image. */
function imageOf(task: Record<string, unknown>, index: number): string {
  const data = isObject(task.data) ? task.data : {};
  const fields = Object.entries(data).filter(
    (field): field is [string, string] => typeof field[1] === "string" && /\.(jpe?g|jfif|png|webp)$/i.test(field[1]),
  );
  const found = typeof data.image === "string" ? data.image : fields.length === 1 ? fields[0]?.[1] : undefined;
  if (found !== undefined && found !== "") return found;
  throw new FormatError(
    `task ${JSON.stringify(task.id ?? index + 1)}: data holds ${JSON.stringify(data).slice(0, 120)}; expected the image's path in data.image`,
  );
}

/** `/data/local-files/?d=a/b.jpg` is a/b.jpg; an upload's address is its path. */
function pathOf(address: string): string {
  const local = /[?&]d=([^&]+)/.exec(address)?.[1];
  if (local === undefined) return address;
  try {
    return decodeURIComponent(local);
  } catch {
    return local;
  }
}

/** Tasks with one choice each, for a labelling configuration `<Choices name="label" toName="image">`. */
export function writeLabelStudio(images: readonly ExportedImage[]): string {
  const tasks = images.map(({ file, label, split, sha256 }, index) => ({
    id: index + 1,
    data: { image: `/data/local-files/?d=${encodeURIComponent(file)}`, sha256, split },
    annotations: [
      {
        id: index + 1,
        was_cancelled: false,
        result: [{ from_name: "label", to_name: "image", type: "choices", value: { choices: [label] } }],
      },
    ],
    predictions: [],
  }));
  return JSON.stringify(tasks, undefined, 1);
}
