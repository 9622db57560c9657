/**
 * The proof that a node knows a secret of the cluster: HMAC-SHA-256 (RFC 2104) by WebCrypto, over which end it is and both
 * greetings, with their nonces, as they were sent. So a proof is of use on one socket only, and not to the end that it
 * was given to.
 *
 * Secrets are a list, for rotation: the first signs, all verify. `crypto.subtle.verify` compares in constant time, and all
 * secrets are tried whatever the result. Without a secret everybody can prove; a node listens on loopback only then.
 *
 * What it does not do: without TLS, who is between two nodes can read all that they send, and change it.
 */
import { encodeText } from "../core/bytes.ts";

const NAME = encodeText("shoal peer");
const HMAC = { name: "HMAC", hash: "SHA-256" };

/** Which end proves: the one that has dialled, or the one that has accepted. */
export type PeerEnd = "dialled" | "accepted";

/** The part of WebCrypto that is used. */
export type PeerCrypto = Pick<SubtleCrypto, "importKey" | "sign" | "verify">;

/** The greetings of both ends, as bytes. */
export interface Greetings {
  readonly dialled: Uint8Array;
  readonly accepted: Uint8Array;
}

/** What is proved. Lengths are in it, so that no two pairs of greetings give the same. */
function statement(end: PeerEnd, { dialled, accepted }: Greetings): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(NAME.length + 3 + dialled.length + accepted.length);
  bytes.set(NAME);
  bytes.set([end === "dialled" ? 0 : 1, dialled.length >>> 8, dialled.length], NAME.length);
  bytes.set(dialled, NAME.length + 3);
  bytes.set(accepted, NAME.length + 3 + dialled.length);
  return bytes;
}

function keyOf(subtle: PeerCrypto, secret: string | undefined): Promise<CryptoKey> {
  // No key is empty, and that of no secret is not one that a secret gives.
  const bytes = encodeText(secret === undefined ? "without" : `secret ${secret}`);
  return subtle.importKey("raw", bytes, HMAC, false, ["sign", "verify"]);
}

export async function signGreetings(
  secrets: readonly string[],
  end: PeerEnd,
  greetings: Greetings,
  subtle: PeerCrypto = crypto.subtle,
): Promise<Uint8Array> {
  return new Uint8Array(await subtle.sign("HMAC", await keyOf(subtle, secrets[0]), statement(end, greetings)));
}

/** True if `proof` is that of `end`, made with any of the secrets. */
export async function verifyGreetings(
  secrets: readonly string[],
  end: PeerEnd,
  greetings: Greetings,
  proof: Uint8Array,
  subtle: PeerCrypto = crypto.subtle,
): Promise<boolean> {
  const signature = new Uint8Array(proof);
  const stated = statement(end, greetings);
  const candidates = secrets.length === 0 ? [undefined] : secrets;
  const results = await Promise.all(
    candidates.map(async (secret) => subtle.verify("HMAC", await keyOf(subtle, secret), signature, stated)),
  );
  return results.includes(true);
}
