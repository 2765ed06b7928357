import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import type { Sealer } from "../lambdas/ports.ts";

/** A sealed text that does not open: other key, other context, or a flipped byte. */
export class SealError extends Error {
  override name = "SealError";
}

export const KEY_BYTES = 64;

/** AES-256-GCM under the key's first half, the context authenticated; HMAC-SHA256 under the second. `key` has 64 bytes. */
export function keySealer(key: Buffer): Sealer {
  if (key.length !== KEY_BYTES) throw new RangeError(`a sealing key has ${KEY_BYTES} bytes, this one ${key.length}`);
  const [cipherKey, macKey] = [key.subarray(0, 32), key.subarray(32)];
  return {
    async seal(plain, context) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", cipherKey, nonce).setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
      return `v1.${Buffer.concat([nonce, body, cipher.getAuthTag()]).toString("base64url")}`;
    },
    async open(sealed, context) {
      const bytes = Buffer.from(sealed.replace(/^v1\./, ""), "base64url");
      if (!sealed.startsWith("v1.") || bytes.length < 28) throw new SealError("this is not a sealed text");
      try {
        const opener = createDecipheriv("aes-256-gcm", cipherKey, bytes.subarray(0, 12), { authTagLength: 16 })
          .setAAD(Buffer.from(context))
          .setAuthTag(bytes.subarray(-16));
        return Buffer.concat([opener.update(bytes.subarray(12, -16)), opener.final()]).toString("utf8");
      } catch {
        throw new SealError("the sealed text does not open: other key, other context, or altered");
      }
    },
    async sign(text) {
      return createHmac("sha256", macKey).update(text).digest("hex");
    },
  };
}
