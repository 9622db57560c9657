/** SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE, WAITAOF, SHUTDOWN, INFO persistence and CONFIG, with persistence and without. */
import { describe, expect, test } from "bun:test";
import { GATHER_MS, SYNC_MS } from "../../../../../src/journal/journal.ts";
import { attachProcess } from "../../../../../src/protocol/server-process.ts";
import { processFacts } from "../../busy-server.ts";
import { gate, HandStorage, round, StoredServer } from "../../stored-server.ts";
import { error } from "../conversation.ts";
import { OwnServer } from "./own-server.ts";

/** Storage whose snapshots wait for the test, or fail. */
class SlowSnapshots extends HandStorage {
  begin: Promise<void> = Promise.resolve();
  broken = false;

  override async beginSnapshot(after: number, startedMs: number): Promise<number> {
    await this.begin;
    if (this.broken) throw new Error("the disk is gone");
    return super.beginSnapshot(after, startedMs);
  }
}

/** Lets time pass until a condition holds. */
async function until(own: StoredServer, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !holds(); i++) {
    own.advance(20);
    await round();
  }
  expect(holds()).toBe(true);
}

const fieldOf = (info: unknown, name: string) => new RegExp(`\\r\\n${name}:(.*)\\r\\n`).exec(String(info))?.[1];

describe("snapshots", () => {
  test("SAVE replies when it is finished; its connection waits, others do not", async () => {
    const storage = new SlowSnapshots();
    const own = await StoredServer.start({ storage });
    const { opened, open } = gate();
    storage.begin = opened;
    const [saving, other] = [own.peer(), own.peer()];
    expect(saving.send(["SET", "k", "1"])).toEqual(["OK"]);
    saving.send(["SAVE"], ["PING"]);
    await round();
    expect(saving.received()).toEqual([]);
    expect(other.send(["GET", "k"], ["SAVE"], ["BGSAVE"])).toEqual([
      "1",
      error("ERR Background save already in progress"),
      error("ERR Background save already in progress"),
    ]);
    expect(fieldOf(other.call("INFO", "persistence"), "rdb_bgsave_in_progress")).toBe("1");
    open();
    const received: unknown[] = [];
    await until(own, () => received.push(...saving.received()) === 2);
    expect(received).toEqual(["OK", "PONG"]);
    const info = other.call("INFO", "persistence");
    expect(
      ["rdb_saves", "rdb_changes_since_last_save", "rdb_last_bgsave_status"].map((name) => fieldOf(info, name)),
    ).toEqual(["1", "0", "ok"]);
    expect(Number(fieldOf(info, "rdb_last_save_time"))).toBe(other.call("LASTSAVE") as number);
  });

  test("BGSAVE and BGREWRITEAOF begin one; what is scheduled begins afterwards, once", async () => {
    const own = await StoredServer.start();
    const peer = own.peer();
    const saves = () => own.host.persistence?.status().snapshots;
    expect(peer.send(["SET", "k", "1"], ["BGSAVE"], ["BGSAVE", "SCHEDULE"], ["BGREWRITEAOF"])).toEqual([
      "OK",
      "Background saving started",
      "Background saving scheduled",
      "Background append only file rewriting scheduled",
    ]);
    expect(fieldOf(peer.call("INFO", "persistence"), "aof_rewrite_scheduled")).toBe("1");
    await until(own, () => saves() === 2);
    expect(own.server.durability.snapshotScheduled).toBe(false);
    expect(peer.send(["BGREWRITEAOF"])).toEqual(["Background append only file rewriting started"]);
    await until(own, () => saves() === 3);
    expect(peer.send(["BGSAVE", "NOW"])).toEqual([error("ERR syntax error")]);
  });

  test("one that fails is told", async () => {
    const storage = new SlowSnapshots();
    const own = await StoredServer.start({ storage });
    storage.broken = true;
    const peer = own.peer();
    peer.send(["SAVE"]);
    const received: unknown[] = [];
    await until(own, () => received.push(...peer.received()) === 1);
    expect(received).toEqual([error("ERR the disk is gone")]);
    const info = peer.call("INFO", "persistence");
    expect([fieldOf(info, "rdb_last_bgsave_status"), fieldOf(info, "aof_last_write_status")]).toEqual(["err", "ok"]);
  });
});

describe("WAITAOF", () => {
  test("waits until what was written is synced, not only stored", async () => {
    const own = await StoredServer.start();
    own.storage.byHand = true;
    const peer = own.peer();
    expect(peer.send(["SET", "k", "1"], ["WAITAOF", "1", "0", "0"], ["PING"])).toEqual(["OK"]);
    own.advance(GATHER_MS);
    await own.storage.store();
    expect([own.host.persistence?.status().backlogBytes, peer.received()]).toEqual([0, []]);
    own.advance(SYNC_MS - GATHER_MS);
    await round();
    expect(peer.received()).toEqual([[1, 0], "PONG"]);
    expect(peer.send(["WAITAOF", "0", "0", "0"])).toEqual([[1, 0]]);
    expect(own.server.sessions.size).toBe(1);
  });

  test("tells what it has when its time is over", async () => {
    const own = await StoredServer.start();
    const [peer, other] = [own.peer(), own.peer()];
    expect(peer.send(["SET", "k", "1"], ["WAITAOF", "1", "0", "500"], ["WAITAOF", "0", "0", "0"])).toEqual(["OK"]);
    own.advance(500);
    await round();
    expect(peer.received()).toEqual([
      [0, 0],
      [0, 0],
    ]);
    own.advance(SYNC_MS);
    await round();
    other.send(["WAITAOF", "1", "1", "500"]);
    await round();
    expect(other.received()).toEqual([]);
    own.advance(500);
    expect(other.received()).toEqual([[1, 0]]);
  });

  test("does not wait in the mode always, and waits in vain in the mode no, until the mode is another", async () => {
    const always = await StoredServer.start({ persistence: { fsync: "always" } });
    const peer = always.peer();
    peer.send(["SET", "k", "1"], ["WAITAOF", "1", "0", "0"]);
    await round();
    expect(peer.received()).toEqual(["OK", [1, 0]]);
    const no = await StoredServer.start({ persistence: { fsync: "no" } });
    const waiting = no.peer();
    expect(waiting.send(["SET", "k", "1"], ["WAITAOF", "1", "0", "5000"], ["WAITAOF", "1", "0", "0"])).toEqual(["OK"]);
    no.advance(5_000);
    await round();
    expect(waiting.received()).toEqual([[0, 0]]);
    no.host.persistence?.configure({ fsync: "everysec" });
    no.advance(SYNC_MS);
    await round();
    expect(waiting.received()).toEqual([[1, 0]]);
  });

  test("is told when storage fails, and goes on", async () => {
    const own = await StoredServer.start();
    own.storage.byHand = true;
    const [peer, other] = [own.peer(), own.peer()];
    peer.send(["SET", "k", "1"], ["WAITAOF", "1", "0", "0"], ["PING"]);
    other.send(["WAITAOF", "0", "1", "2000"]);
    own.advance(GATHER_MS);
    await own.storage.fail();
    expect(peer.received()).toEqual([error("UNKNOWN writes may not be stored: no space left"), "PONG"]);
    expect(other.received()).toEqual([]);
  });

  test("does not wait in a transaction, and refuses what is malformed", async () => {
    const peer = (await StoredServer.start()).peer();
    expect(peer.send(["MULTI"], ["WAITAOF", "1", "1", "0"], ["EXEC"]).at(-1)).toEqual([[1, 0]]);
    expect(peer.send(["WAITAOF", "2", "0", "0"], ["WAITAOF", "1", "-1", "0"], ["WAITAOF", "1", "0", "-1"])).toEqual([
      error("ERR value is out of range, value must between 0 and 1"),
      error("ERR value is out of range, must be positive"),
      error("ERR timeout is negative"),
    ]);
    expect(peer.send(["WAITAOF", "x", "0", "0"], ["WAITAOF", "1", "x", "0"], ["WAITAOF", "1", "0", "x"])).toEqual([
      error("ERR value is not an integer or out of range"),
      error("ERR value is not an integer or out of range"),
      error("ERR timeout is not an integer or out of range"),
    ]);
  });
});

describe("SHUTDOWN", () => {
  async function stopping(storage = new SlowSnapshots()) {
    const own = await StoredServer.start({ storage });
    const stops: { now: boolean }[] = [];
    attachProcess(own.server, { ...processFacts, shutdown: (request) => void stops.push(request) });
    return { own, stops, peer: own.peer(), storage };
  }

  test("SAVE writes a snapshot first", async () => {
    const { own, stops, peer } = await stopping();
    expect(peer.send(["SHUTDOWN", "SAVE"])).toEqual([]);
    expect(stops).toEqual([]);
    await until(own, () => stops.length === 1);
    expect([own.host.persistence?.status().snapshots, peer.session.closed]).toEqual([1, true]);
  });

  test("SAVE that fails keeps the server going, unless FORCE is given", async () => {
    const { own, stops, peer, storage } = await stopping();
    storage.broken = true;
    peer.send(["SHUTDOWN", "SAVE"]);
    const received: unknown[] = [];
    await until(own, () => received.push(...peer.received()) === 1);
    expect([received, stops]).toEqual([[error("ERR Errors trying to SHUTDOWN. Check logs.")], []]);
    peer.send(["SHUTDOWN", "SAVE", "FORCE", "NOW"]);
    await until(own, () => stops.length === 1);
    expect(stops).toEqual([{ now: true }]);
  });

  test.each([["SHUTDOWN"], ["SHUTDOWN NOSAVE"]])("%s writes none", async (words) => {
    const { own, stops, peer } = await stopping();
    expect(peer.send(words.split(" "))).toEqual([]);
    expect([stops.length, own.host.persistence?.snapshotting]).toEqual([1, false]);
  });
});

describe("INFO and CONFIG", () => {
  test("with persistence", async () => {
    const own = await StoredServer.start({ config: { fsync: "everysec", snapshotIntervalMs: 90_000 } });
    own.storage.byHand = true;
    const peer = own.peer();
    peer.send(["SET", "k", "1"]);
    const info = peer.call("INFO", "persistence");
    const expected = {
      loading: "0",
      rdb_changes_since_last_save: "1",
      rdb_bgsave_in_progress: "0",
      rdb_last_bgsave_status: "ok",
      rdb_last_bgsave_time_sec: "-1",
      rdb_current_bgsave_time_sec: "-1",
      rdb_saves: "0",
      aof_enabled: "1",
      aof_rewrite_in_progress: "0",
      aof_last_write_status: "ok",
      shoal_persistence: "ok",
      shoal_fsync: "everysec",
      shoal_journal_records: "1",
      shoal_recovery_damage: "0",
    };
    expect(Object.fromEntries(Object.keys(expected).map((name) => [name, fieldOf(info, name)]))).toEqual(expected);
    const waiting = Number(fieldOf(info, "aof_buffer_length"));
    expect(waiting).toBeGreaterThan(0);
    expect(Number(fieldOf(peer.call("INFO", "memory"), "mem_aof_buffer"))).toBe(waiting);
    expect(peer.call("CONFIG", "GET", "append*", "save")).toEqual([
      "save",
      "90 1",
      "appendonly",
      "yes",
      "appendfsync",
      "everysec",
    ]);
    const failed = (name: string, why: string) =>
      error(`ERR CONFIG SET failed (possibly related to argument '${name}') - ${why}`);
    const set = (name: string, value: string) => peer.call("CONFIG", "SET", name, value);
    expect(set("appendonly", "yes")).toBe("OK");
    expect(set("appendonly", "no")).toEqual(failed("appendonly", "it is 'yes', which only a restart can change"));
    expect(set("appendfsync", "often")).toEqual(
      failed("appendfsync", "argument(s) must be one of the following: always, everysec, no"),
    );
    expect(set("save", "900 1 300 10")).toEqual(
      failed("save", "Shoal supports one interval and one change, such as '3600 1'"),
    );
    expect([set("save", "120 1"), set("shoal-on-backlog", "refuse"), set("shoal-max-journal-backlog", "2mb")]).toEqual([
      "OK",
      "OK",
      "OK",
    ]);
    expect(peer.call("CONFIG", "GET", "save", "shoal-on-backlog")).toEqual([
      "save",
      "120 1",
      "shoal-on-backlog",
      "refuse",
    ]);
    expect(own.host.persistence?.onBacklog).toBe("refuse");
    own.advance(50);
    await own.storage.fail("no space left\non device");
    const after = peer.call("INFO", "persistence");
    expect([fieldOf(after, "aof_last_write_status"), fieldOf(after, "shoal_failure")]).toEqual([
      "err",
      "full no space left on device",
    ]);
  });

  test("the mode can be changed while running", async () => {
    const own = await StoredServer.start();
    own.storage.byHand = true;
    const peer = own.peer();
    expect(peer.call("CONFIG", "SET", "appendfsync", "always")).toBe("OK");
    expect(peer.send(["SET", "k", "1"])).toEqual([]);
    await own.storage.store();
    expect(peer.received()).toEqual(["OK"]);
    expect(peer.call("CONFIG", "SET", "appendfsync", "no")).toBe("OK");
    expect(peer.call("SET", "k", "2")).toBe("OK");
  });

  test("without", () => {
    const own = new OwnServer();
    const peer = own.peer();
    const off = (name: string) =>
      error(`ERR '${name}' needs persistence, which is off: start the node with a data directory`);
    expect(peer.send(["SAVE"], ["BGSAVE"], ["BGREWRITEAOF"])).toEqual([
      off("save"),
      off("bgsave"),
      off("bgrewriteaof"),
    ]);
    expect(peer.call("LASTSAVE")).toBe(Math.floor(own.nowMs / 1_000));
    expect(peer.send(["WAITAOF", "1", "0", "0"], ["WAITAOF", "0", "0", "0"], ["WAITAOF", "0", "1", "10"])).toEqual([
      error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."),
      [0, 0],
    ]);
    own.advance(10);
    expect(peer.received()).toEqual([[0, 0]]);
    const info = peer.call("INFO", "persistence");
    expect(["loading", "aof_enabled", "rdb_saves", "shoal_persistence"].map((name) => fieldOf(info, name))).toEqual([
      "0",
      "0",
      "0",
      "off",
    ]);
    expect(String(info)).not.toContain("aof_current_size");
    expect(peer.call("CONFIG", "GET", "appendonly", "appendfsync")).toEqual([
      "appendonly",
      "no",
      "appendfsync",
      "everysec",
    ]);
  });

  test("DEBUG RELOAD is refused with the reason", () => {
    const peer = new OwnServer({ enableDebugCommand: true }).peer();
    expect(peer.call("DEBUG", "RELOAD")).toEqual(
      error("ERR a node loads what it has stored when it starts, and at no other time: restart it"),
    );
  });
});
