/**
 * Replays a trace through a policy of the product, with a limit of entries: the policy's own code over the store's own
 * entry table, and a map in place of keys and bytes.
 */
import { createPolicy } from "../src/store/create-policy.ts";
import { EntryTable } from "../src/store/entry-table.ts";
import type { PolicyName } from "../src/store/policy.ts";

/** Spreads key numbers over 32 bits, as the seeded hash of the store does with keys (Murmur3's finalizer). */
function hashOf(key: number): number {
  let hash = Math.imul((key + 1) ^ 0x9e3779b9, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16), 0x27d4eb2f);
  return hash ^ (hash >>> 15);
}

/**
 * Counts the requests whose key was present; a key that was not is inserted.
 *
 * @param keys Dense key numbers in [0, keyCount), in order of the requests.
 * @param capacity Entries at most, at least 1.
 */
export function replay(name: PolicyName, keys: Uint32Array, keyCount: number, capacity: number): number {
  const table = new EntryTable();
  const policy = createPolicy(name, { table, weightOf: () => 1 });
  policy.setCapacity(capacity, capacity);
  const ids = new Int32Array(keyCount);
  const keyOf = new Uint32Array(Math.min(capacity, keyCount) + 2);
  let hits = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as number;
    const found = ids[key] as number;
    if (found !== 0) {
      hits++;
      policy.access(found);
      continue;
    }
    const id = table.acquire();
    table.setHash(id, hashOf(key));
    ids[key] = id;
    keyOf[id] = key;
    policy.add(id);
    while (table.used > capacity) {
      const victim = policy.victim();
      policy.remove(victim);
      ids[keyOf[victim] as number] = 0;
      table.release(victim);
    }
  }
  return hits;
}
