/** Commands while a node loads what it has stored: which run, which wait, and that every command that writes is decided on. */
import { describe, expect, test } from "bun:test";
import { allCommands } from "../../../../src/protocol/resp/all-commands.ts";
import { decidedNeeds } from "../../../../src/protocol/resp/command-recovery.ts";
import { CommandTable } from "../../../../src/protocol/resp/command-table.ts";
import { gate, HandStorage, round, StoredServer } from "../stored-server.ts";
import { error } from "./conversation.ts";

const LOADING = error("LOADING Shoal is loading the dataset from disk");

/** A server that was stopped with `stored` in its journal and another one that loads it when `open` is called. */
async function loading() {
  const storage = new HandStorage();
  const before = await StoredServer.start({ storage });
  const writer = before.peer();
  writer.send(["SET", "stored", "1"], ["SET", "counter", "41"], ["SELECT", "1"], ["SET", "other", "db1"]);
  await before.host.stop();
  const { opened, open } = gate();
  storage.journalGate = opened;
  const own = await StoredServer.start({ storage });
  expect(own.node.recovering).toBe(true);
  return {
    own,
    peer: own.peer(),
    finish: async () => {
      open();
      await own.host.recovered;
      await round();
    },
  };
}

describe("every command that writes", () => {
  const writes = [...new CommandTable(allCommands).all()].filter(({ command }) => command.flags.includes("write"));

  test("is decided on", () => {
    expect(writes.length).toBeGreaterThan(40);
    expect(
      writes.filter(({ command }) => decidedNeeds(command) === undefined).map(({ command }) => command.name),
    ).toEqual([]);
  });
});

/** Requests on keys that are not loaded. */
const WAITING = `
  SETNX k 1; GETSET k 1; GETDEL k; GETEX k; GETEX k EX 5; DELEX k; MSETNX a 1 b 2; APPEND k x; SETRANGE k 0 x; SETBIT k 1 1
  BITFIELD k SET u8 0 1; BITOP AND d a b; RENAME k n; RENAMENX k n; COPY k n; COPY k n REPLACE; MOVE k 1; DEL k; UNLINK k
  INCR k; DECR k; INCRBY k 1; DECRBY k 1; INCRBYFLOAT k 1; EXPIRE k 5; PEXPIRE k 5; EXPIREAT k 5; PEXPIREAT k 5; PERSIST k
  SET k v NX; SET k v XX; SET k v GET; SET k v KEEPTTL; SET k v IFEQ x; SHOAL.SET k v NX; SHOAL.SET k v XX
  MSETEX 1 k v NX; RESTORE k 0 x; SWAPDB 0 1; BITOP NOT d k`;
const RUNNING = `
  SET k v; SET k v EX 5; SET k v PX 5; SETEX k 5 v; PSETEX k 5 v; MSET a 1 b 2; MSETEX 1 k v EX 5; SHOAL.SET k v TAGS 1 t
  FLUSHDB; FLUSHALL; SHOAL.INVALIDATE KEYS 1 k; SHOAL.PURGE ALL; SHOAL.LEASE k; SHOAL.RELEASE x; SHOAL.FILL x k v
  GET k; MGET a b; EXISTS k; TTL k; STRLEN k; GETBIT k 1; SCAN 0; KEYS *; DBSIZE; RANDOMKEY; TYPE k; DUMP k; OBJECT FREQ k
  PUBLISH c m; PING; INFO; WATCH k; BITFIELD_RO k GET u8 0`;
const list = (text: string) => text.split(/[;\n]/).flatMap((one) => (one.trim() === "" ? [] : [one.trim()]));

describe("while everything is absent", () => {
  test.each(list(WAITING))("%s waits", async (words) => {
    const { peer, own } = await loading();
    expect(peer.say(words)).toEqual(LOADING);
    expect(own.node.counters.sets).toBe(0);
  });

  test("all others run", async () => {
    for (const words of list(RUNNING)) {
      const { peer } = await loading();
      expect([words, JSON.stringify(peer.send(words.split(" "))).includes("LOADING")]).toEqual([words, false]);
    }
  });
});

describe("while the node is loading", () => {
  test("plain reads miss what is hidden, and get it afterwards", async () => {
    const { peer, finish } = await loading();
    expect(peer.send(["GET", "stored"], ["INCR", "counter"], ["DEL", "stored"])).toEqual([null, LOADING, LOADING]);
    await finish();
    expect(peer.send(["GET", "stored"], ["INCR", "counter"], ["DEL", "stored"])).toEqual(["1", 42, 1]);
  });

  test("keys that are present are as always, in every database", async () => {
    const { peer, finish } = await loading();
    expect(peer.send(["SET", "n", "5"], ["INCR", "n"], ["APPEND", "n", "0"], ["DEL", "n"])).toEqual(["OK", 6, 2, 1]);
    expect(peer.send(["SELECT", "1"], ["SET", "n", "7"], ["INCR", "n"], ["SELECT", "0"], ["INCR", "n"])).toEqual([
      "OK",
      "OK",
      8,
      "OK",
      LOADING,
    ]);
    expect(
      peer.send(["MSET", "a", "1", "b", "2"], ["COPY", "a", "b"], ["COPY", "a", "c"], ["RENAME", "a", "c"]),
    ).toEqual(["OK", 0, LOADING, "OK"]);
    await finish();
    expect(peer.send(["SELECT", "1"], ["MGET", "other", "n"])).toEqual(["OK", ["db1", "8"]]);
  });

  test("what was written or flushed meanwhile is newer than what is loaded", async () => {
    const { peer, finish } = await loading();
    expect(peer.send(["SET", "stored", "2"])).toEqual(["OK"]);
    await finish();
    expect(peer.send(["MGET", "stored", "counter"])).toEqual([["2", "41"]]);
    const second = await loading();
    expect(second.peer.send(["FLUSHALL"])).toEqual(["OK"]);
    await second.finish();
    expect(second.peer.send(["DBSIZE"], ["GET", "stored"])).toEqual([0, null]);
  });

  test("a transaction is what its requests are: all of it runs, or nothing", async () => {
    const { peer, finish, own } = await loading();
    const aborted = error("EXECABORT Transaction discarded because of: LOADING Shoal is loading the dataset from disk");
    expect(peer.send(["MULTI"], ["SET", "x", "1"], ["INCR", "counter"], ["EXEC"], ["GET", "x"])).toEqual([
      "OK",
      "QUEUED",
      "QUEUED",
      aborted,
      null,
    ]);
    expect(peer.send(["MULTI"], ["SET", "x", "1"], ["GET", "counter"], ["EXEC"])).toEqual([
      "OK",
      "QUEUED",
      "QUEUED",
      ["OK", null],
    ]);
    // In the database that is selected when the request runs.
    expect(peer.send(["MULTI"], ["SELECT", "1"], ["INCR", "x"], ["EXEC"]).at(-1)).toEqual(aborted);
    expect(own.peer().send(["MULTI"], ["INCR", "x"], ["EXEC"]).at(-1)).toEqual([2]);
    // Queued while loading, executed afterwards.
    peer.send(["MULTI"], ["INCR", "counter"]);
    await finish();
    expect(peer.call("EXEC")).toEqual([42]);
  });

  test("a transaction that watches what was absent waits", async () => {
    const { peer } = await loading();
    expect(
      peer.send(["WATCH", "stored"], ["GET", "stored"], ["MULTI"], ["SET", "stored", "2"], ["EXEC"]).at(-1),
    ).toEqual(error("EXECABORT Transaction discarded because of: LOADING Shoal is loading the dataset from disk"));
    expect(peer.send(["SET", "n", "1"], ["WATCH", "n"], ["MULTI"], ["SET", "n", "2"], ["EXEC"]).at(-1)).toEqual(["OK"]);
  });

  test("INFO tells how far it is, and saving waits", async () => {
    const { peer, finish } = await loading();
    const info = String(peer.call("INFO", "persistence"));
    expect(info).toMatch(/\r\nloading:1\r\n/);
    expect(info).toMatch(/\r\nloading_total_bytes:[1-9]\d*\r\n/);
    expect(info).toMatch(/\r\nloading_loaded_perc:0\.00\r\n/);
    expect(info).toMatch(/\r\nloading_eta_seconds:1\r\n/);
    expect(peer.send(["SAVE"], ["BGSAVE"], ["BGREWRITEAOF"])).toEqual([LOADING, LOADING, LOADING]);
    await finish();
    const after = String(peer.call("INFO", "persistence"));
    expect(after).toMatch(/\r\nloading:0\r\n/);
    expect(after).not.toContain("loading_eta_seconds");
    expect(after).toMatch(/\r\nrdb_last_load_keys_loaded:3\r\n/);
  });
});
