/** Entries that are written once and never again: they make snapshots and recovery last long enough to be interrupted. */
import { encodeCommand, type RespClient } from "../../conformance/resp-client.ts";
import { makeValue } from "./crash-value.ts";

const VALUE_LENGTH = 100;
const BATCH = 1_000;

function entry(n: number): [string, string] {
  const key = `ballast:${n}`;
  return [key, makeValue(key, n, VALUE_LENGTH)];
}

function batches(count: number): [string, string][][] {
  const all: [string, string][][] = [];
  for (let at = 0; at < count; at += BATCH) {
    all.push(Array.from({ length: Math.min(BATCH, count - at) }, (_, i) => entry(at + i)));
  }
  return all;
}

/** Writes them. */
export async function writeBallast(client: RespClient, count: number): Promise<void> {
  for (const batch of batches(count)) {
    client.sendBytes(encodeCommand(["MSET", ...batch.flat().map((text) => Buffer.from(text, "latin1"))]));
    const reply = await client.reply();
    if (reply !== "OK") throw new Error(`MSET got ${JSON.stringify(reply)}`);
  }
}

/** Names the first that is not what was written; undefined if all are. */
export async function findMissingBallast(client: RespClient, count: number): Promise<string | undefined> {
  for (const batch of batches(count)) {
    const values = (await client.call("MGET", ...batch.map(([key]) => key))) as (string | null)[];
    const wrong = batch.findIndex(([, value], i) => values[i] !== value);
    if (wrong >= 0) return `${batch[wrong]?.[0]} is ${JSON.stringify(values[wrong])}`;
  }
  return undefined;
}
