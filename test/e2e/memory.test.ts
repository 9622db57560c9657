/**
 * Memory figures of a real process: what its parts grow by is what its resident memory grows by.
 *
 * 64 MiB of values go in. What is resident may grow by more than the parts do, as input buffers, the runtime's heap and
 * compiled code grow with the work, and by less, as nothing says when pages are really taken; the tolerance is 20 MiB,
 * about a third of what was written (measured: -8 to 12).
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { RespClient } from "../conformance/resp-client.ts";
import { type Runtime, startShoal } from "./server-process.ts";

setDefaultTimeout(60_000);

const MIB = 2 ** 20;
const WRITTEN_BYTES = 64 * MIB;
const VALUE_BYTES = 16 * 1_024;
const TOLERANCE_BYTES = 20 * MIB;
const AT_ONCE = 4;
/** Node keeps buffers that it received until its young generation is full: a small one, so that they do not stand out. */
const ENVIRONMENT = { SHOAL_MAX_MEMORY: "256mb", NODE_OPTIONS: "--max-semi-space-size=1" };

interface Figures {
  readonly resident: number;
  readonly sum: number;
  readonly rest: number;
  readonly live: number;
}

async function figures(client: RespClient): Promise<Figures> {
  const info = String(await client.call("INFO", "memory", "shoal"));
  const field = (name: string) => {
    const found = new RegExp(`^${name}:(-?\\d+)\\r$`, "m").exec(info)?.[1];
    if (found === undefined) throw new Error(`INFO has no ${name}`);
    return Number(found);
  };
  return {
    resident: field("used_memory_rss"),
    sum: field("shoal_memory_parts_sum"),
    rest: field("shoal_memory_rest"),
    live: field("shoal_memory_live"),
  };
}

describe.each(["bun", "deno", "node"] as Runtime[])("on %s", (runtime) => {
  test("64 MiB of values explain what the process grows by", async () => {
    await using server = await startShoal(runtime, ENVIRONMENT);
    const client = await RespClient.connect(server.port);
    const value = "v".repeat(VALUE_BYTES);
    const count = WRITTEN_BYTES / VALUE_BYTES;
    const write = async (key: (n: number) => string) => {
      for (let n = 0; n < count; n += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => client.call("SET", key(n + i), value)));
      }
    };
    // What a process grows by with its first requests, whatever they keep, is not what is measured.
    await write(() => "warm");
    const before = await figures(client);
    await write((n) => `page:${n}`);
    const after = await figures(client);
    client.close();
    expect(after.live - before.live).toBeGreaterThanOrEqual(WRITTEN_BYTES);
    expect(after.sum - before.sum).toBeLessThan(WRITTEN_BYTES * 1.1);
    const unexplained = after.resident - before.resident - (after.sum - before.sum);
    if (process.env.SHOAL_SHOW_FIGURES) console.log(runtime, { before, after, unexplainedMiB: unexplained / MIB });
    expect(Math.abs(unexplained)).toBeLessThan(TOLERANCE_BYTES);
    // INFO looks twice at what is resident.
    expect(Math.abs(after.rest - (after.resident - after.sum))).toBeLessThan(2 * MIB);
    // The rest is a runtime, and not what was written.
    expect(after.rest).toBeLessThan(before.rest + TOLERANCE_BYTES);
    expect(after.rest).toBeGreaterThan(0);
  });
});
