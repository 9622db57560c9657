import { describe, expect, test } from "bun:test";
import type { Peer } from "../conversation.ts";
import { OwnServer } from "./own-server.ts";

/** All keys that a whole SCAN returns, in its order. */
function scanAll(peer: Peer, ...options: string[]): string[] {
  const keys: string[] = [];
  let cursor = "0";
  do {
    const [next, found] = peer.call("SCAN", cursor, ...options) as [string, string[]];
    keys.push(...found);
    cursor = next;
  } while (cursor !== "0");
  return keys;
}

describe("walks over several databases", () => {
  const own = new OwnServer();
  const peer = own.peer();
  const expected: string[][] = [[], [], []];
  for (let i = 0; i < 900; i++) {
    const database = i % 3;
    peer.send(["SELECT", String(database)], ["SET", `key:${i}`, "x"]);
    expected[database]?.push(`key:${i}`);
  }

  test.each([0, 1, 2])("database %d", (database) => {
    peer.call("SELECT", String(database));
    const all = (expected[database] ?? []).toSorted();
    expect(scanAll(peer, "COUNT", "7").toSorted()).toEqual(all);
    expect(scanAll(peer, "COUNT", "9223372036854775807").toSorted()).toEqual(all);
    expect(scanAll(peer, "MATCH", "key:1?", "COUNT", "50").toSorted()).toEqual(
      all.filter((key) => /^key:1.$/.test(key)),
    );
    expect((peer.call("KEYS", "*") as string[]).toSorted()).toEqual(all);
    expect(peer.call("DBSIZE")).toBe(all.length);
    expect(all).toContain(peer.call("RANDOMKEY") as string);
  });

  test("what stays is returned while other keys come and go", () => {
    peer.call("SELECT", "0");
    const seen = new Set<string>();
    let cursor = "0";
    let round = 0;
    do {
      const [next, found] = peer.call("SCAN", cursor, "COUNT", "20") as [string, string[]];
      for (const key of found) seen.add(key);
      cursor = next;
      for (let i = 0; i < 5; i++) peer.call("SET", `new:${round}:${i}`, "x");
      peer.call("DEL", `new:${round - 1}:0`);
      round++;
    } while (cursor !== "0" && round < 1_000);
    expect(round).toBeLessThan(1_000);
    for (const key of expected[0] ?? []) expect(seen).toContain(key);
  });

  test("a cursor that no walk gave ends at once", () => {
    expect(peer.call("SCAN", "18446744073709551615")).toEqual(["0", []]);
    expect(peer.call("SCAN", "9007199254740991")).toEqual(["0", []]);
    expect(peer.call("SCAN", "18446744073709551616")).toEqual({ error: "ERR invalid cursor" });
  });

  test("patterns have a limit", () => {
    const error = "ERR pattern is too long: 1025 bytes, the limit is 1024";
    expect(peer.call("KEYS", "x".repeat(1_025))).toEqual({ error });
    expect(peer.call("SCAN", "0", "MATCH", "x".repeat(1_025))).toEqual({ error });
  });
});

describe("times", () => {
  test("keys that are over are not walked", () => {
    const own = new OwnServer();
    const peer = own.peer();
    peer.send(["SET", "a", "1"], ["SET", "b", "1", "PX", "1000"]);
    own.advance(999);
    expect(scanAll(peer).toSorted()).toEqual(["a", "b"]);
    own.advance(1);
    expect(scanAll(peer)).toEqual(["a"]);
    expect(peer.call("KEYS", "*")).toEqual(["a"]);
    expect(peer.call("EXISTS", "b")).toBe(0);
    expect(peer.call("EXPIRE", "b", "10")).toBe(0);
  });

  test("TTL rounds to the nearest second, as Redis does", () => {
    const own = new OwnServer();
    const peer = own.peer();
    peer.call("SET", "a", "1", "PX", "10000");
    const seen = [0, 499, 1, 500, 8_500, 499].map((ms) => {
      own.advance(ms);
      return [peer.call("TTL", "a"), peer.call("PTTL", "a")];
    });
    expect(seen).toEqual([
      [10, 10_000],
      [10, 9_501],
      [10, 9_500],
      [9, 9_000],
      [1, 500],
      [0, 1],
    ]);
  });

  test("OBJECT IDLETIME counts from the last use, and looking is none", () => {
    const own = new OwnServer();
    const peer = own.peer();
    peer.call("SET", "a", "1");
    own.advance(5_000);
    expect(peer.call("OBJECT", "IDLETIME", "a")).toBe(5);
    peer.send(["TTL", "a"], ["EXISTS", "a"], ["TYPE", "a"], ["MEMORY", "USAGE", "a"]);
    expect(peer.call("OBJECT", "IDLETIME", "a")).toBe(5);
    peer.send(["CLIENT", "NO-TOUCH", "ON"], ["GET", "a"]);
    expect(peer.call("OBJECT", "IDLETIME", "a")).toBe(5);
    peer.send(["CLIENT", "NO-TOUCH", "OFF"], ["TOUCH", "a"]);
    expect(peer.call("OBJECT", "IDLETIME", "a")).toBe(0);
  });
});
