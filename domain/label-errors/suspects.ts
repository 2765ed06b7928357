/** Labelled images with a model's cross-validated probabilities: no image's row may come from a model that saw its label. */
export interface LabelledPredictions {
  classes: number;
  /** Class index per image. */
  labels: Int32Array;
  /** images x classes. */
  probabilities: Float64Array;
}

export interface Suspect {
  /** Index of the image. */
  index: number;
  label: number;
  /** Class that the model would say. */
  suggested: number;
  /** Probability that the model gives the label: the smaller, the more suspect. */
  selfConfidence: number;
  /** Whether confident learning counts it among the errors. */
  confident: boolean;
}

/**
 * All images, the most suspect label first: by the probability that the model gives the label (self-confidence), the lower
 * index first among equals. `confident` follows confident learning (Northcutt, Jiang and Chuang 2021): some other class's
 * probability reaches that class's threshold, the mean probability of it among the images that bear its label.
 * A class without images has no threshold and is never suggested by it.
 */
export function rankSuspects({ classes, labels, probabilities }: LabelledPredictions): Suspect[] {
  const count = labels.length;
  if (probabilities.length !== count * classes)
    throw new RangeError(`${probabilities.length} probabilities for ${count} images of ${classes} classes`);
  const threshold = thresholds({ classes, labels, probabilities });
  const suspects = Array.from(labels, (label, index): Suspect => {
    const row = probabilities.subarray(index * classes, (index + 1) * classes);
    let suggested = 0;
    let likely = -1;
    for (let k = 0; k < classes; k++) {
      if (row[k]! > row[suggested]!) suggested = k;
      if (row[k]! >= threshold[k]! && (likely < 0 || row[k]! > row[likely]!)) likely = k;
    }
    return { index, label, suggested, selfConfidence: row[label]!, confident: likely >= 0 && likely !== label };
  });
  return suspects.sort((a, b) => a.selfConfidence - b.selfConfidence || a.index - b.index);
}

/** Mean probability of each class among the images that bear it; Infinity for a class without any. */
function thresholds({ classes, labels, probabilities }: LabelledPredictions): Float64Array {
  const sum = new Float64Array(classes);
  const n = new Float64Array(classes);
  labels.forEach((label, i) => {
    if (label < 0 || label >= classes)
      throw new RangeError(`image ${i} has label ${label}, expected 0..${classes - 1}`);
    sum[label] = sum[label]! + probabilities[i * classes + label]!;
    n[label] = n[label]! + 1;
  });
  return sum.map((total, k) => (n[k]! > 0 ? total / n[k]! : Number.POSITIVE_INFINITY));
}
