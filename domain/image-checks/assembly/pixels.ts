// The loops over every pixel, in AssemblyScript: compiled into ../pixel-kernels.ts by `npm run kernels`.
// Addresses are bytes in the module's memory; the caller says where everything lies and keeps the areas apart.

/** Shares of brightness (.241, .691, .068) as parts of 4096: squares fall into 4096 bins of 16 x 4096. */
const RED: i32 = 987;
const GREEN: i32 = 2830;
const BLUE: i32 = 279;

/**
 * Luma of BT.601 of `count` RGB pixels, rounded to nearest, as Pillow's convert("L"). Four at a time: reads up to 16
 * bytes and writes up to 3 behind the last. 38470, green's share, is too large for 16 bits and added in two halves.
 * `room`: 96 bytes for the constants: loaded once, they stay in registers; written into the loop, they are made anew each
 * time round.
 */
export function luma(rgb: usize, gray: usize, count: i32, room: usize): void {
  v128.store(room, i32x4.splat(19595 | (19235 << 16)));
  v128.store(room, i32x4.splat(19235 | (7471 << 16)), 16);
  // Two bytes to a lane of 16 bits; an index of -1 gives 0.
  v128.store(room, v128(0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1), 32);
  v128.store(room, v128(1, -1, 2, -1, 4, -1, 5, -1, 7, -1, 8, -1, 10, -1, 11, -1), 48);
  // The third byte of each sum is its value without the fraction.
  v128.store(room, v128(2, 6, 10, 14, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1), 64);
  v128.store(room, i32x4.splat(0x8000), 80);
  const redGreen = v128.load(room);
  const greenBlue = v128.load(room, 16);
  const rgOf = v128.load(room, 32);
  const gbOf = v128.load(room, 48);
  const thirdOf = v128.load(room, 64);
  const half = v128.load(room, 80);
  const end = gray + <usize>count;
  while (gray < end) {
    const bytes = v128.load(rgb);
    const rg = i32x4.dot_i16x8_s(i8x16.swizzle(bytes, rgOf), redGreen);
    const gb = i32x4.dot_i16x8_s(i8x16.swizzle(bytes, gbOf), greenBlue);
    const sum = i32x4.add(i32x4.add(rg, gb), half);
    store<u32>(gray, i32x4.extract_lane(i8x16.swizzle(sum, thirdOf), 0));
    rgb += 12;
    gray += 4;
  }
}

/**
 * Counts `count` bytes in a histogram of 256 u32, the first of four, one behind the other and all 0 before: neighbours
 * are often alike, and one bin can't be counted up twice at once.
 */
export function histogram(bytes: usize, count: i32, bins: usize): void {
  const end = bytes + <usize>count;
  for (const whole = end - 3; bytes < whole; bytes += 4) {
    const a = bins + ((<usize>load<u8>(bytes)) << 2);
    const b = bins + ((<usize>load<u8>(bytes, 1)) << 2);
    const c = bins + ((<usize>load<u8>(bytes, 2)) << 2);
    const d = bins + ((<usize>load<u8>(bytes, 3)) << 2);
    store<u32>(a, load<u32>(a) + 1);
    store<u32>(b, load<u32>(b, 1024) + 1, 1024);
    store<u32>(c, load<u32>(c, 2048) + 1, 2048);
    store<u32>(d, load<u32>(d, 3072) + 1, 3072);
  }
  for (; bytes < end; bytes += 1) {
    const bin = bins + ((<usize>load<u8>(bytes)) << 2);
    store<u32>(bin, load<u32>(bin) + 1);
  }
  for (const last = bins + 1024; bins < last; bins += 16) {
    const low = i32x4.add(v128.load(bins), v128.load(bins, 1024));
    const high = i32x4.add(v128.load(bins, 2048), v128.load(bins, 3072));
    v128.store(bins, i32x4.add(low, high));
  }
}

/**
 * Adds every `step`-th pixel of every `step`-th of `height` rows of `width` RGB pixels to five histograms of u32, one
 * behind the other: 256 bins each of red, green and blue, then 4096 of squared brightness, then 256 of luma. Returns 0
 * when all pixels have R = G = B.
 */
export function countColours(rgb: usize, width: i32, height: i32, step: i32, bins: usize): i32 {
  let unequal: i32 = 0;
  for (let y = 0; y < height; y += step) {
    const row = rgb + <usize>(y * width * 3);
    const end = row + <usize>(width * 3);
    for (let at = row; at < end; at += 3 * step) {
      const r = <i32>load<u8>(at);
      const g = <i32>load<u8>(at, 1);
      const b = <i32>load<u8>(at, 2);
      const red = bins + ((<usize>r) << 2);
      const green = bins + ((<usize>g) << 2);
      const blue = bins + ((<usize>b) << 2);
      const square = bins + ((<usize>((RED * r * r + GREEN * g * g + BLUE * b * b) >>> 16)) << 2);
      const gray = bins + ((<usize>((19595 * r + 38470 * g + 7471 * b + 32768) >>> 16)) << 2);
      store<u32>(red, load<u32>(red) + 1);
      store<u32>(green, load<u32>(green, 1024) + 1, 1024);
      store<u32>(blue, load<u32>(blue, 2048) + 1, 2048);
      store<u32>(square, load<u32>(square, 3072) + 1, 3072);
      store<u32>(gray, load<u32>(gray, 19456) + 1, 19456);
      unequal |= (r ^ g) | (g ^ b);
    }
  }
  return unequal;
}

/**
 * Shrinks by area: `height` output rows of `width` pixels, each `scale` times the weighted sum of the source under it.
 * `columns` and `rows` hold 16 bytes per output position: first and last source position (i32), share of the first, share
 * of the last (f32), 0 where it is the first; rows count from `source`. `sums`: 4 bytes per byte of a source row, and 64
 * more. Reads up to 15 bytes behind a source row and writes up to 1 behind the output.
 */
export function shrink(
  source: usize,
  rowBytes: i32,
  columns: usize,
  rows: usize,
  sums: usize,
  output: usize,
  width: i32,
  height: i32,
  channels: i32,
  scale: f32,
): void {
  for (let y = 0; y < height; y += 1) {
    const first = load<i32>(rows);
    const last = load<i32>(rows, 4);
    const top = source + <usize>(first * rowBytes);
    const bottom = source + <usize>(last * rowBytes);
    sumRows(top, bottom, <usize>rowBytes, sums, load<f32>(rows, 8), load<f32>(rows, 12));
    if (channels === 1) reduceGray(sums, columns, output, width, scale);
    else reduceColour(sums, columns, output, width, scale);
    output += <usize>(width * channels);
    rows += 16;
  }
}

/** Rows whose bytes can be added up in 16 bits. */
const ROWS_AT_ONCE: usize = 256;
/** Bits behind the point in a row's share. */
const SHARE_BITS: i32 = 14;

/**
 * sums[i] = head x the top row + the rows between + tail x the bottom row, for each byte i of a row. Shares are rounded to
 * 1 / 2^14, which moves no sum by more than .02.
 */
function sumRows(top: usize, bottom: usize, rowBytes: usize, sums: usize, head: f32, tail: f32): void {
  const scale = <f32>(1 << SHARE_BITS);
  const shares = i32x4.splat(<i32>(head * scale + 0.5) | ((<i32>(tail * scale + 0.5)) << 16));
  const unit = f32x4.splat(<f32>1 / scale);
  for (let i: usize = 0; i < rowBytes; i += 16) {
    const first = v128.load(top + i);
    const last = v128.load(bottom + i);
    // A byte of the first row beside that of the last: one instruction weighs and adds them.
    const low = v128.shuffle<u8>(first, last, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const high = v128.shuffle<u8>(first, last, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    const a = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(low), shares);
    const b = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(low), shares);
    const c = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(high), shares);
    const d = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(high), shares);
    let whole = f32x4.mul(f32x4.convert_i32x4_s(a), unit);
    let next = f32x4.mul(f32x4.convert_i32x4_s(b), unit);
    let third = f32x4.mul(f32x4.convert_i32x4_s(c), unit);
    let fourth = f32x4.mul(f32x4.convert_i32x4_s(d), unit);
    for (let row = top + rowBytes; row < bottom; ) {
      const end = min<usize>(bottom, row + ROWS_AT_ONCE * rowBytes);
      let lows = i32x4.splat(0);
      let highs = i32x4.splat(0);
      for (; row < end; row += rowBytes) {
        const values = v128.load(row + i);
        lows = i16x8.add(lows, i16x8.extend_low_i8x16_u(values));
        highs = i16x8.add(highs, i16x8.extend_high_i8x16_u(values));
      }
      whole = f32x4.add(whole, lower(lows));
      next = f32x4.add(next, upper(lows));
      third = f32x4.add(third, lower(highs));
      fourth = f32x4.add(fourth, upper(highs));
    }
    const to = sums + (i << 2);
    v128.store(to, whole);
    v128.store(to, next, 16);
    v128.store(to, third, 32);
    v128.store(to, fourth, 48);
  }
}

function lower(values: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(values));
}

function upper(values: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(values));
}

function reduceGray(sums: usize, columns: usize, output: usize, width: i32, scale: f32): void {
  for (let x = 0; x < width; x += 1) {
    let at = sums + ((<usize>load<i32>(columns)) << 2);
    const end = sums + ((<usize>load<i32>(columns, 4)) << 2);
    let sum = load<f32>(at) * load<f32>(columns, 8) + load<f32>(end) * load<f32>(columns, 12);
    for (at += 4; at < end; at += 4) sum += load<f32>(at);
    store<u8>(output, <i32>(sum * scale + 0.5));
    output += 1;
    columns += 16;
  }
}

/** A pixel's three sums at once; the fourth lane holds its neighbour's and is dropped. */
function reduceColour(sums: usize, columns: usize, output: usize, width: i32, scale: f32): void {
  const scales = f32x4.splat(scale);
  // Adding 1.5 x 2^23 leaves the nearest whole number in the lowest byte; a little more first, so that halves go up.
  const half = f32x4.splat(<f32>0.001);
  const whole = f32x4.splat(<f32>12582912);
  for (let x = 0; x < width; x += 1) {
    let at = sums + <usize>(load<i32>(columns) * 12);
    const end = sums + <usize>(load<i32>(columns, 4) * 12);
    const head = f32x4.mul(v128.load(at), v128.load32_splat(columns, 8));
    let sum = f32x4.add(head, f32x4.mul(v128.load(end), v128.load32_splat(columns, 12)));
    for (at += 12; at < end; at += 12) sum = f32x4.add(sum, v128.load(at));
    const values = f32x4.add(f32x4.add(f32x4.mul(sum, scales), half), whole);
    const bytes = v128.shuffle<u8>(values, values, 0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    store<u32>(output, i32x4.extract_lane(bytes, 0));
    output += 3;
    columns += 16;
  }
}
