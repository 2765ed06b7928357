import {
  byPath,
  type ExportedImage,
  isObject,
  jsonLines,
  type LabelledList,
  type ListedImage,
  severalNote,
  textAt,
} from "./labelled-list.ts";

/**
 * A SageMaker Ground Truth augmented manifest read for classes: `source-ref`, and for each label attribute its
 * `<attribute>-metadata` with `class-name`, or with `class-map` for boxes and several labels. Boxes are read for their class
 * only. Source: Amazon SageMaker AI Developer Guide, "Labeling job output data".
 */
export function readGroundTruth(text: string): LabelledList {
  const left = { boxes: 0, failed: 0 };
  const images = jsonLines(text).map((line, index): ListedImage => {
    const labels: string[] = [];
    for (const [field, metadata] of Object.entries(line)) {
      if (!field.endsWith("-metadata") || !isObject(metadata)) continue;
      const said = line[field.slice(0, -"-metadata".length)];
      const map = isObject(metadata["class-map"]) ? metadata["class-map"] : {};
      if (metadata["failure-reason"] !== undefined) left.failed += 1;
      else if (typeof metadata["class-name"] === "string") labels.push(metadata["class-name"]);
      else if (Array.isArray(said)) labels.push(...said.flatMap((id) => nameIn(map, id)));
      else if (isObject(said) && Array.isArray(said.annotations)) {
        left.boxes += said.annotations.length;
        labels.push(...said.annotations.flatMap((box) => nameIn(map, isObject(box) ? box.class_id : undefined)));
      }
    }
    return { path: textAt(line, "source-ref", `line ${index + 1}`), labels };
  });
  const merged = byPath(images);
  const notes = [
    ...(left.boxes > 0 ? [`${left.boxes} boxes were read for their class only`] : []),
    ...(left.failed > 0 ? [`${left.failed} lines tell a failure and come without a class`] : []),
  ];
  return { images: merged, notes: [...notes, ...severalNote(merged)] };
}

function nameIn(map: Record<string, unknown>, id: unknown): string[] {
  const name = map[String(id)];
  return typeof name === "string" ? [name] : [];
}

/** One line an image under the attribute `label`; `prefix` stands before each path, such as `s3://bucket/folder/`. */
export function writeGroundTruth(
  images: readonly ExportedImage[],
  about: { classes: readonly string[]; job: string; createdAt: string; prefix: string },
): string {
  const lines = images.map(({ file, label, confidence }) => ({
    "source-ref": `${about.prefix}${file}`,
    label: about.classes.indexOf(label),
    "label-metadata": {
      "class-name": label,
      confidence: Math.round(confidence * 1e4) / 1e4,
      type: "groundtruth/image-classification",
      "human-annotated": "yes",
      "job-name": about.job,
      "creation-date": about.createdAt,
    },
  }));
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}
