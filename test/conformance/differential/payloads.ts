/** Payloads of DUMP that each server takes from the other, and some that neither may take. */
import type { RespClient } from "../resp-client.ts";

const VALUES = [
  "",
  "0",
  "127",
  "128",
  "-32768",
  "32768",
  "2147483648",
  "abc",
  "x".repeat(63),
  "x".repeat(64),
  "\xff\0",
];
const COMPRESSED = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "abc".repeat(400), "\0".repeat(900)];

async function dump(client: RespClient, values: readonly string[]): Promise<string[]> {
  const payloads: string[] = [];
  for (const value of values) {
    await client.call("SET", "dumped", value);
    payloads.push(String(await client.call("DUMP", "dumped")));
  }
  await client.call("DEL", "dumped");
  return payloads;
}

/** Leaves Redis with compression off: then both write the same bytes. */
export async function makePayloads(ours: RespClient, redis: RespClient): Promise<string[]> {
  await redis.call("CONFIG", "SET", "rdbcompression", "yes");
  const packed = await dump(redis, COMPRESSED);
  await redis.call("CONFIG", "SET", "rdbcompression", "no");
  const good = [...packed, ...(await dump(redis, VALUES)), ...(await dump(ours, [...VALUES, ...COMPRESSED]))];
  const [first = ""] = good;
  const bad = ["", "\0", first.slice(0, -1), `${first}\0`, `\x01${first.slice(1)}`, first.replace(/.$/s, "\x55")];
  return [...good, ...bad];
}
