import type { Finding } from "../../schemas/catalogue.ts";
import type { Measurements } from "./measurements.ts";

/**
 * Thresholds of cleanvision, in its own scores, and one of our own: luma that deviates by less than one of 256 levels shows
 * nothing, however many values a decoder's rounding makes of it. The flattest of 450 real photos deviates by 7.9, photos
 * flattened to a hundredth of their contrast by at most .7.
 */
export const THRESHOLDS = {
  dark: 0.32,
  light: 0.05,
  aspect: 0.35,
  information: 0.3,
  contrast: 1 / 255,
  blur: 0.29,
  sizeIqrs: 3,
} as const;

/**
 * Flags of one decodable image: each admits it and tells. Grayscale and odd size need the other images: see
 * `flagsAmong`. Width and height are those of the full image.
 */
export function flagsOf(m: Measurements, width: number, height: number): Finding[] {
  const flags: Finding[] = [];
  const flag = (code: Finding["code"], value: number, message: string) =>
    flags.push({ code, severity: "flag", value: rounded(value), message });
  if (m.brightness99 < THRESHOLDS.dark) {
    flag("dark", m.brightness99, `99 % of the pixels are darker than ${percent(m.brightness99)} of full brightness`);
  }
  if (1 - m.brightness5 < THRESHOLDS.light) {
    flag("light", 1 - m.brightness5, `95 % of the pixels are brighter than ${percent(m.brightness5)}`);
  }
  const aspect = Math.min(width / height, height / width);
  if (aspect < THRESHOLDS.aspect) flag("odd-aspect", aspect, `${width} x ${height} pixels: one side is much longer`);
  if (m.entropy * 0.1 < THRESHOLDS.information || m.contrast < THRESHOLDS.contrast) {
    flag("low-information", m.entropy, `its values carry ${m.entropy.toFixed(2)} bits: hardly anything to see`);
  }
  if (m.blur < THRESHOLDS.blur) flag("blurry", m.blur, `sharpness score ${m.blur.toFixed(2)}: few edges`);
  return flags;
}

/**
 * Flags that only show among others, by position: odd size (the root of the area more than 3 interquartile ranges
 * outside the quartiles) and grayscale where most images have colour. No images, no flags.
 */
export function flagsAmong(
  images: readonly { width: number; height: number; grayscale: boolean }[],
): { index: number; finding: Finding }[] {
  const flags: { index: number; finding: Finding }[] = [];
  const sizes = images.map((i) => Math.sqrt(i.width * i.height));
  const sorted = [...sizes].sort((a, b) => a - b);
  const q1 = quantile(sorted, 0.25);
  const q3 = quantile(sorted, 0.75);
  const low = Math.max(0, q1 - THRESHOLDS.sizeIqrs * (q3 - q1));
  const high = q3 + THRESHOLDS.sizeIqrs * (q3 - q1);
  const gray = images.filter((i) => i.grayscale).length;
  images.forEach((image, index) => {
    const size = sizes[index] as number;
    if (size < low || size > high) {
      const message = `${image.width} x ${image.height} pixels; most images are about ${Math.round(quantile(sorted, 0.5))} pixels a side`;
      flags.push({ index, finding: { code: "odd-size", severity: "flag", value: rounded(size), message } });
    }
    if (image.grayscale && gray * 2 < images.length) {
      const message = `without colour; ${images.length - gray} of ${images.length} images have colour`;
      flags.push({ index, finding: { code: "grayscale", severity: "flag", message } });
    }
  });
  return flags;
}

/** Linear interpolation between ranks; NaN for none. */
function quantile(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
