/**
 * What a file may cost, decided from its headers so that every machine decides alike. Measured on 2 cores of 2026:
 * baseline JPEG decodes about 180 MP/s, a progressive scan 60 MP/s, PNG 150 MB/s of pixels, lossless WebP 40 MP/s.
 */
export const LIMITS = {
  fileBytes: 64 * 1024 * 1024,
  /** Shortest side in pixels: below it no check says anything. */
  side: 1,
  jpegPixels: 100_000_000,
  /** A progressive file holds all coefficients in memory: 2 bytes each. */
  coefficientBytes: 100_000_000,
  progressivePixels: 25_000_000,
  scans: 100,
  /** Pixels times scans of a progressive file: about a second. */
  scannedPixels: 300_000_000,
  /** Other JPEG than plain ones is checked in gray above this and decoded at a fraction. */
  fullDecodePixels: 24_000_000,
  /** A plain JPEG whose long side is above this is decoded at a quarter: its web variant is 768 to 1024 pixels long. */
  quarteredAbove: 3071,
  pngBytes: 120_000_000,
  /** An interlaced PNG is held as a whole. */
  interlacedBytes: 64_000_000,
  /** Compressed metadata that may unfold: iCCP, zTXt, iTXt chunks. */
  pngTextBytes: 4_000_000,
  webpPixels: 25_000_000,
  profileBytes: 4_000_000,
} as const;

/** Long sides, in pixels. */
export const SIDES = { web: 1024, normalised: 512, thumbnail: 160 } as const;
