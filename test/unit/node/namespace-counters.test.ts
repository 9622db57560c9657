import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeLatin1, encodeLatin1 } from "../../../src/core/bytes.ts";
import { storedKey } from "../../../src/core/keyspace.ts";
import {
  MAX_NAMESPACE_BYTES,
  NamespaceCounters,
  OTHER_NAMESPACES,
  Read,
} from "../../../src/node/namespace-counters.ts";

function countsOf(counters: NamespaceCounters): Record<string, number[]> {
  const all = counters
    .all()
    .map(({ name, hits, misses, staleHits }) => [decodeLatin1(name), [hits, misses, staleHits]]);
  return Object.fromEntries(all) as Record<string, number[]>;
}

function read(counters: NamespaceCounters, key: string, database = 0, kind: Read = Read.HIT): void {
  // In a longer buffer, as in a request: what stands behind the key does not belong to it.
  const stored = storedKey(database, encodeLatin1(key));
  const bytes = encodeLatin1(`$5\r\n${decodeLatin1(stored)}:x:y`);
  counters.count(bytes, 4, 4 + stored.length, kind);
}

describe("namespaces", () => {
  const long = "n".repeat(MAX_NAMESPACE_BYTES);
  const cases: readonly { name: string; key: string; namespace: string }[] = [
    { name: "what stands before a colon", key: "user:42", namespace: "user" },
    { name: "only the first colon counts", key: "user:42:name", namespace: "user" },
    { name: "no colon", key: "user", namespace: "" },
    { name: "the empty key", key: "", namespace: "" },
    { name: "nothing before the colon", key: ":a", namespace: "" },
    { name: "nothing behind it", key: "user:", namespace: "user" },
    { name: "the longest", key: `${long}:1`, namespace: long },
    { name: "longer than that", key: `${long}n:1`, namespace: "" },
    { name: "bytes", key: "\x00\xff\xfe:1", namespace: "\x00\xff\xfe" },
    { name: "one that begins with the mark of a database", key: "\xff\x03:1", namespace: "\xff\x03" },
    { name: "one called as all others", key: `${OTHER_NAMESPACES}:1`, namespace: OTHER_NAMESPACES },
  ];
  for (const database of [0, 3]) {
    test.each(cases)(`database ${database}: $name`, ({ key, namespace }) => {
      const counters = new NamespaceCounters(8, 1);
      // Twice, because the last namespace is found in another way; and with another one between.
      for (const one of [key, key, "else:where", key]) read(counters, one, database);
      expect(countsOf(counters)).toEqual({ [namespace]: [3, 0, 0], else: [1, 0, 0] });
    });
  }

  test("a key that ends within the last namespace is not in it", () => {
    const counters = new NamespaceCounters(8, 1);
    for (const key of ["user:1", "user", "use", "users:1", "user:2"]) read(counters, key);
    expect(countsOf(counters)).toEqual({ user: [2, 0, 0], users: [1, 0, 0], "": [2, 0, 0] });
  });

  test("beyond the limit they count together, and those that are known go on", () => {
    const counters = new NamespaceCounters(2, 1);
    for (const key of ["a:1", "b:1", "c:1", "d:1", "a:2", "c:2", "plain"]) read(counters, key);
    expect(countsOf(counters)).toEqual({ a: [2, 0, 0], b: [1, 0, 0], [OTHER_NAMESPACES]: [3, 0, 0], "": [1, 0, 0] });
    counters.reset();
    expect(countsOf(counters)).toEqual({});
    for (const key of ["c:1", "d:1", "e:1"]) read(counters, key);
    expect(countsOf(counters)).toEqual({ c: [1, 0, 0], d: [1, 0, 0], [OTHER_NAMESPACES]: [1, 0, 0] });
  });

  test("agree with a map, whatever is read", () => {
    const name = fc.string({ unit: fc.constantFrom("a", "b", ":", "\xff", "\x00"), maxLength: 5 });
    const kind = fc.constantFrom(Read.HIT, Read.MISS, Read.STALE_HIT);
    const reads = fc.array(fc.tuple(name, fc.constantFrom(0, 1, 15), kind), { maxLength: 300 });
    fc.assert(
      fc.property(reads, fc.integer({ min: 1, max: 20 }), fc.integer(), (all, limit, seed) => {
        const counters = new NamespaceCounters(limit, seed);
        const expected = new Map<string, number[]>();
        const known = new Set<string>();
        for (const [key, database, one] of all) {
          read(counters, key, database, one);
          const colon = key.indexOf(":");
          const named = colon <= 0 ? undefined : key.slice(0, colon);
          if (named !== undefined && known.size < limit) known.add(named);
          const namespace = named === undefined ? "" : known.has(named) ? named : OTHER_NAMESPACES;
          const counts = expected.get(namespace) ?? [0, 0, 0];
          counts[one] = (counts[one] as number) + 1;
          expected.set(namespace, counts);
        }
        expect(countsOf(counters)).toEqual(Object.fromEntries(expected));
      }),
      { numRuns: 300 },
    );
  });
});
