import {
  byPath,
  type ExportedImage,
  FormatError,
  isObject,
  jsonOf,
  type LabelledList,
  listAt,
  severalNote,
  textAt,
} from "./labelled-list.ts";

/**
 * A COCO annotation file (images, categories, annotations) read for classes: an image's class is the category of its
 * annotations. Boxes and contours are not taken over, which the notes say; a box of the whole image says nothing more than
 * its category. Source: the COCO data format, cocodataset.org.
 */
export function readCoco(text: string): LabelledList {
  const file = jsonOf(text, "it");
  if (!isObject(file)) throw new FormatError("it is no object with images, annotations and categories");
  const categories = new Map<unknown, string>();
  for (const one of listAt(file, "categories", "the file")) {
    categories.set(one.id, textAt(one, "name", `category ${JSON.stringify(one.id)}`));
  }
  const images = new Map<unknown, { path: string; labels: string[]; width: unknown; height: unknown }>();
  for (const one of listAt(file, "images", "the file")) {
    const path = textAt(one, "file_name", `image ${JSON.stringify(one.id)}`);
    if (images.has(one.id)) throw new FormatError(`two images have the id ${JSON.stringify(one.id)}`);
    images.set(one.id, { path, labels: [], width: one.width, height: one.height });
  }
  const drawn = { boxes: 0, contours: 0 };
  for (const annotation of listAt(file, "annotations", "the file")) {
    const image = images.get(annotation.image_id);
    const category = categories.get(annotation.category_id);
    const where = `annotation ${JSON.stringify(annotation.id)}`;
    if (image === undefined)
      throw new FormatError(`${where}: there is no image ${JSON.stringify(annotation.image_id)}`);
    if (category === undefined)
      throw new FormatError(`${where}: there is no category ${JSON.stringify(annotation.category_id)}`);
    image.labels.push(category);
    if (hasContour(annotation.segmentation)) drawn.contours += 1;
    else if (isPart(annotation.bbox, image)) drawn.boxes += 1;
  }
  const merged = byPath([...images.values()].map(({ path, labels }) => ({ path, labels })));
  const left = [
    ...(drawn.boxes > 0 ? [`${drawn.boxes} boxes`] : []),
    ...(drawn.contours > 0 ? [`${drawn.contours} contours`] : []),
  ];
  const notes = left.length === 0 ? [] : [`${left.join(" and ")} were read for their category only`];
  return { images: merged, notes: [...notes, ...severalNote(merged)] };
}

function hasContour(segmentation: unknown): boolean {
  return Array.isArray(segmentation) ? segmentation.length > 0 : isObject(segmentation);
}

function isPart(box: unknown, image: { width: unknown; height: unknown }): boolean {
  if (!Array.isArray(box) || box.length !== 4) return false;
  return !(box[0] === 0 && box[1] === 0 && box[2] === image.width && box[3] === image.height);
}

/** One annotation an image, its box the whole image: readers of boxes then load it, and nothing is said that nobody drew. */
export function writeCoco(images: readonly ExportedImage[], classes: readonly string[], description: string): string {
  const idOf = new Map(classes.map((name, index) => [name, index + 1]));
  return JSON.stringify(
    {
      info: { description },
      categories: classes.map((name, index) => ({ id: index + 1, name, supercategory: "" })),
      images: images.map(({ file, width, height, sha256, split }, index) => ({
        id: index + 1,
        file_name: file,
        width,
        height,
        sha256,
        split,
      })),
      annotations: images.map(({ label, width, height }, index) => ({
        id: index + 1,
        image_id: index + 1,
        category_id: idOf.get(label),
        bbox: [0, 0, width, height],
        area: width * height,
        segmentation: [],
        iscrowd: 0,
      })),
    },
    undefined,
    1,
  );
}
