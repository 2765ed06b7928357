import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { imagingPool } from "../../lambdas/imaging/pool.ts";

export interface Parity {
  files: number;
  /** Refused by `djpeg -strict`, and of those admitted by us. */
  refused?: number;
  missed?: number;
  /** Refused by us only: cut off behind the picture, bytes that are no marker between segments, limits. */
  onlyOurs?: number;
  notRun?: string;
}

/** Shows the same JPEGs to libjpeg-turbo's `djpeg -strict` (warnings are errors) and to admission. */
export async function strictParity(files: readonly Buffer[]): Promise<Parity> {
  if (spawnSync("djpeg", ["-version"]).error !== undefined) {
    return { files: 0, notRun: "djpeg is not installed (package libjpeg-turbo-progs)" };
  }
  const pool = imagingPool();
  const parity = { files: files.length, refused: 0, missed: 0, onlyOurs: 0 };
  await Promise.all(
    files.map(async (bytes, i) => {
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const { verdict } = await pool.inspect({ name: `${i}`, sha256, bytes });
      const { status } = spawnSync("djpeg", ["-strict", "-maxmemory", "500m", "-outfile", "/dev/null"], {
        input: bytes,
      });
      if (status !== 0) parity.refused += 1;
      if (status !== 0 && verdict === "admitted") {
        parity.missed += 1;
        console.error(`djpeg -strict refuses what we admit: JPEG ${i} of this run, sha256 ${sha256}`);
      }
      if (status === 0 && verdict === "quarantined") parity.onlyOurs += 1;
    }),
  );
  pool.close();
  return parity;
}
