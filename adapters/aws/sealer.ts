import { createHash } from "node:crypto";
import { DecryptCommand, EncryptCommand, GenerateMacCommand, type KMSClient } from "@aws-sdk/client-kms";
import type { Sealer } from "../../lambdas/ports.ts";
import { SealError } from "../key-sealer.ts";
import { asPortError, nameOf } from "./errors.ts";

/** Most bytes that KMS encrypts in one call; a task token has about a thousand. */
const MOST_PLAIN_BYTES = 4096;

/** Sealing by a symmetric KMS key (the context is its encryption context), signing by an HMAC_256 key. */
export function kmsSealer(client: KMSClient, keys: { sealKeyId: string; signKeyId: string }): Sealer {
  return {
    async seal(plain, context) {
      const bytes = Buffer.from(plain);
      if (bytes.length > MOST_PLAIN_BYTES)
        throw new RangeError(`${bytes.length} bytes can't be sealed; at most ${MOST_PLAIN_BYTES} are allowed`);
      try {
        const request = new EncryptCommand({ KeyId: keys.sealKeyId, Plaintext: bytes, EncryptionContext: { context } });
        return `kms1.${Buffer.from((await client.send(request)).CiphertextBlob as Uint8Array).toString("base64url")}`;
      } catch (error) {
        throw asPortError(error, "sealing");
      }
    },
    async open(sealed, context) {
      if (!sealed.startsWith("kms1.")) throw new SealError("this is not a sealed text");
      const blob = Buffer.from(sealed.slice("kms1.".length), "base64url");
      try {
        const request = new DecryptCommand({
          KeyId: keys.sealKeyId,
          CiphertextBlob: blob,
          EncryptionContext: { context },
        });
        return Buffer.from((await client.send(request)).Plaintext as Uint8Array).toString("utf8");
      } catch (error) {
        if (["InvalidCiphertextException", "IncorrectKeyException", "ValidationException"].includes(nameOf(error))) {
          throw new SealError("the sealed text does not open: other key, other context, or altered");
        }
        throw asPortError(error, "opening");
      }
    },
    /** KMS takes at most 4,096 bytes, so the MAC is over the text's sha256. */
    async sign(text) {
      const digest = createHash("sha256").update(text).digest();
      try {
        const request = new GenerateMacCommand({
          KeyId: keys.signKeyId,
          MacAlgorithm: "HMAC_SHA_256",
          Message: digest,
        });
        return Buffer.from((await client.send(request)).Mac as Uint8Array).toString("hex");
      } catch (error) {
        throw asPortError(error, "signing");
      }
    },
  };
}
