/** Replies wait for storage: which, in what order, and what becomes of them when storage fails. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { allCommands } from "../../../../src/protocol/resp/all-commands.ts";
import { TurnBatch } from "../../../../src/protocol/resp/turn-batch.ts";
import { encodeCommand } from "../../../conformance/resp-client.ts";
import { round, StoredServer } from "../stored-server.ts";
import { OwnServer } from "./commands/own-server.ts";
import { error, push } from "./conversation.ts";

const UNKNOWN = error("UNKNOWN writes may not be stored: no space left");

describe("always", () => {
  test("a reply leaves when its write is stored; other sessions are not delayed", async () => {
    const { server, storage, peer } = await byHand();
    const [writer, reader] = [peer(), peer()];
    expect(writer.send(["SET", "k", "1"])).toEqual([]);
    expect(reader.call("GET", "k")).toBe("1");
    await round();
    expect(writer.received()).toEqual([]);
    expect(writer.session.unsentBytes).toBeGreaterThan(0);
    await storage.store();
    expect(writer.received()).toEqual(["OK"]);
    expect(writer.session.unsentBytes).toBe(0);
    expect(server.sessions.size).toBe(2);
  });

  test("what the session asks afterwards keeps its place", async () => {
    const { storage, peer } = await byHand();
    const writer = peer();
    expect(writer.send(["SET", "k", "1"])).toEqual([]);
    expect(writer.send(["GET", "k"], ["PING"])).toEqual([]);
    expect(writer.send(["SET", "k", "2"], ["GET", "k"])).toEqual([]);
    await storage.store();
    expect(writer.received()).toEqual(["OK", "1", "PONG"]);
    await storage.store();
    expect(writer.received()).toEqual(["OK", "2"]);
    expect(writer.call("GET", "k")).toBe("2");
  });

  test("reads, and writes that change nothing, do not wait", async () => {
    const { storage, peer } = await byHand();
    const reader = peer();
    expect(reader.send(["GET", "k"], ["SET", "k", "v", "XX"], ["EXPIRE", "k", "5"], ["LASTSAVE", "x"])).toEqual([
      null,
      null,
      0,
      error("ERR wrong number of arguments for 'lastsave' command"),
    ]);
    expect(storage.appends).toBe(0);
  });

  test("messages do not overtake replies that wait", async () => {
    const { storage, peer } = await byHand();
    const [listener, other] = [peer(3), peer()];
    expect(listener.send(["SUBSCRIBE", "news"])).toEqual([push("subscribe", "news", 1)]);
    expect(listener.send(["SET", "k", "1"])).toEqual([]);
    expect(other.call("PUBLISH", "news", "hello")).toBe(1);
    expect(listener.received()).toEqual([]);
    await storage.store();
    expect(listener.received()).toEqual(["OK", push("message", "news", "hello")]);
    expect(other.call("PUBLISH", "news", "again")).toBe(1);
    expect(listener.received()).toEqual([push("message", "news", "again")]);
  });

  test("transactions wait as one, replies that are off not at all", async () => {
    const { storage, peer } = await byHand();
    const writer = peer();
    expect(writer.send(["MULTI"], ["SET", "a", "1"], ["INCR", "a"])).toEqual(["OK", "QUEUED", "QUEUED"]);
    expect(writer.send(["EXEC"])).toEqual([]);
    await storage.store();
    expect(writer.received()).toEqual([["OK", 2]]);
    writer.send(["CLIENT", "REPLY", "OFF"], ["SET", "b", "1"]);
    expect(writer.session.holdsReplies).toBe(false);
    expect(writer.send(["CLIENT", "REPLY", "ON"])).toEqual(["OK"]);
    expect(storage.appends).toBe(1);
  });

  test("a blocked command replies behind what waits", async () => {
    const own = await byHand();
    const writer = own.peer();
    expect(writer.send(["SET", "k", "1"], ["WAIT", "1", "100"], ["PING"])).toEqual([]);
    own.advance(100);
    expect(writer.received()).toEqual([]);
    await own.storage.store();
    expect(writer.received()).toEqual(["OK", 0, "PONG"]);
  });

  test("QUIT closes when everything has left", async () => {
    const { server, storage, peer } = await byHand();
    const writer = peer();
    expect(writer.send(["SET", "k", "1"], ["QUIT"], ["SET", "k", "2"])).toEqual([]);
    expect(writer.session.closed).toBe(false);
    await storage.store();
    expect(writer.received()).toEqual(["OK", "OK"]);
    expect([writer.session.closed, server.sessions.size]).toEqual([true, 0]);
  });

  test("the turns of a batch are stored by one append", async () => {
    const { server, storage, peer } = await byHand();
    const peers = [peer(), peer(), peer()];
    const batch = new TurnBatch(server);
    for (const [i, { session }] of peers.entries()) batch.add(session, encodeCommand(["SET", `k${i}`, "v"]));
    batch.run();
    expect(storage.appends).toBe(1);
    await storage.store();
    expect(peers.map((one) => one.received())).toEqual([["OK"], ["OK"], ["OK"]]);
    expect(storage.appends).toBe(0);
  });

  test("replies that wait count as unsent output: reading stops, and goes on", async () => {
    const { storage, peer } = await byHand({ outputSoftBytes: "64kb" });
    const writer = peer();
    const value = "x".repeat(40_000);
    writer.send(["SET", "k", value]);
    writer.send(["GET", "k"]);
    writer.send(["GET", "k"], ["ECHO", "stopped"]);
    expect(writer.session.unsentBytes).toBeGreaterThan(80_000);
    expect(writer.send(["SET", "k", "later"])).toEqual([]);
    const reader = peer();
    expect(reader.call("STRLEN", "k")).toBe(40_000);
    await storage.store();
    expect(writer.received()).toEqual(["OK", value, value, "stopped"]);
    expect(reader.call("GET", "k")).toBe("later");
    await storage.store();
    expect(writer.received()).toEqual(["OK"]);
  });

  test("messages behind them are cut at maxOutputBytes", async () => {
    const { server, peer } = await byHand({ outputSoftBytes: "64kb", maxOutputBytes: "64kb" });
    const [listener, other] = [peer(3), peer()];
    listener.send(["SUBSCRIBE", "news"], ["SET", "k", "v"]);
    for (let i = 0; i < 5; i++) other.send(["PUBLISH", "news", "x".repeat(16_000)]);
    expect(listener.session.closed).toBe(true);
    expect(server.statistics.outputLimitReached).toBe(1);
  });

  test("a session that is gone is forgotten", async () => {
    const { server, storage, peer } = await byHand();
    const writer = peer();
    writer.send(["SET", "k", "1"]);
    writer.session.disconnected();
    await storage.store();
    expect(writer.received()).toEqual([]);
    expect(server.held.total).toBe(0);
  });
});

describe("a failure in the mode always", () => {
  test("closes who waits, after one error, and refuses further writes", async () => {
    const { server, storage, peer } = await byHand();
    const [writer, also, reader] = [peer(), peer(), peer()];
    writer.send(["SET", "k", "1"]);
    writer.send(["GET", "k"], ["INCR", "k"]);
    also.send(["SET", "other", "1"]);
    await storage.fail();
    expect(writer.received()).toEqual([UNKNOWN]);
    expect(also.received()).toEqual([UNKNOWN]);
    expect([writer.session.closed, also.session.closed, reader.session.closed]).toEqual([true, true, false]);
    expect(server.statistics.unstoredClosed).toBe(2);
    const refused = error("MISCONF Shoal cannot write to its journal: no space left");
    expect(reader.send(["SET", "k", "3"], ["GET", "k"], ["PUBLISH", "c", "m"])).toEqual([refused, "2", 0]);
    expect(reader.send(["MULTI"], ["SET", "k", "3"], ["EXEC"])).toEqual([
      "OK",
      refused,
      error("EXECABORT Transaction discarded because of previous errors."),
    ]);
    expect(reader.send(["SHOAL.PURGE", "ALL"], ["FLUSHALL"])).toEqual([refused, refused]);
  });

  test("aborts a transaction that was queued before it", async () => {
    const { storage, peer } = await byHand();
    const [writer, other] = [peer(), peer()];
    writer.send(["MULTI"], ["SET", "k", "1"], ["GET", "k"]);
    other.send(["SET", "x", "1"]);
    await storage.fail();
    expect(writer.call("EXEC")).toEqual(
      error("EXECABORT Transaction discarded because of: MISCONF Shoal cannot write to its journal: no space left"),
    );
    expect(writer.call("EXISTS", "k")).toBe(0);
  });

  test("is over when a snapshot stands for what was lost", async () => {
    const own = await byHand();
    const { storage, peer } = own;
    const [writer, other] = [peer(), peer()];
    writer.send(["SET", "k", "1"]);
    await storage.fail();
    storage.byHand = false;
    own.advance(60_000);
    for (let i = 0; i < 50 && own.host.persistence?.state !== "ok"; i++) {
      own.advance(50);
      await round();
    }
    expect(own.host.persistence?.state).toBe("ok");
    expect(other.send(["SET", "k", "2"])).toEqual([]);
    await round();
    expect(other.received()).toEqual(["OK"]);
  });
});

describe("everysec", () => {
  test("only receipts wait", async () => {
    const own = await StoredServer.start();
    const { storage } = own;
    storage.byHand = true;
    const [writer, other] = [own.peer(), own.peer()];
    expect(writer.call("SET", "k", "1")).toBe("OK");
    expect(writer.send(["SHOAL.PURGE", "KEYS", "1", "k"])).toEqual([]);
    expect(other.call("GET", "k")).toBe(null);
    expect(writer.send(["PING"])).toEqual([]);
    await storage.store();
    const [receipt, pong] = writer.received();
    expect([(receipt as unknown[]).slice(2, 4), pong]).toEqual([["entries", 1], "PONG"]);
    expect(writer.send(["SHOAL.PURGE", "KEYS", "1", "k", "NOSUCH"])).toEqual([error("ERR syntax error")]);
  });

  test("a receipt that waits while storage fails is an error, and later ones say that nothing is stored", async () => {
    const own = await StoredServer.start();
    const { storage } = own;
    storage.byHand = true;
    const [waiting, other] = [own.peer(), own.peer()];
    waiting.send(["SHOAL.PURGE", "ALL"]);
    await storage.fail();
    expect(waiting.received()).toEqual([UNKNOWN]);
    expect(other.call("SET", "k", "1")).toBe("OK");
    expect(other.call("SHOAL.PURGE", "KEYS", "1", "k")).toEqual(
      error("UNKNOWN invalidated, but that may not be stored: no space left"),
    );
    expect(other.call("GET", "k")).toBe(null);
  });
});

describe("congestion", () => {
  const LARGE = "x".repeat(600_000);

  /** Two writes of 600 kB, of which storage takes none, above a limit of 1 MiB. */
  async function congested(onBacklog: "slow" | "refuse") {
    const own = await StoredServer.start({
      persistence: { onBacklog, maxJournalBacklog: 2 ** 20 },
    });
    own.storage.byHand = true;
    const writer = own.peer();
    for (const key of ["a", "b"]) expect(writer.call("SET", key, LARGE)).toBe("OK");
    expect(own.server.persistence?.congested).toBe(true);
    return own;
  }

  async function relieve(own: StoredServer): Promise<void> {
    own.advance(100);
    while (own.storage.appends > 0) await own.storage.store();
    expect(own.server.persistence?.congested).toBe(false);
    own.server.tick();
  }

  test("slow: writers are held until it is over, readers are not", async () => {
    const own = await congested("slow");
    const [writer, reader] = [own.peer(), own.peer()];
    expect(writer.send(["GET", "k"], ["SET", "k", "1"], ["GET", "k"])).toEqual([null]);
    expect(reader.send(["STRLEN", "a"], ["MULTI"], ["SET", "k", "2"], ["EXEC"], ["PING"])).toEqual([600_000, "OK"]);
    await relieve(own);
    expect(writer.received()).toEqual(["OK", "1"]);
    expect(reader.received()).toEqual(["QUEUED", ["OK"], "PONG"]);
  });

  test("refuse: writers get an error that names the limit", async () => {
    const own = await congested("refuse");
    const writer = own.peer();
    const [refused, pong] = writer.send(["SET", "k", "1"], ["PING"]);
    expect(JSON.stringify(refused)).toContain("TRYAGAIN");
    expect(JSON.stringify(refused)).toContain("maxJournalBacklog");
    expect(pong).toBe("PONG");
    expect(writer.call("STRLEN", "a")).toBe(600_000);
    await relieve(own);
    expect(writer.call("SET", "k", "1")).toBe("OK");
  });
});

const word = fc.constantFrom("a", "b", "c");
const request = fc.oneof(
  fc.tuple(fc.constant("SET"), word, fc.string({ maxLength: 20, unit: "grapheme-ascii" })),
  fc.tuple(fc.constant("GET"), word),
  fc.tuple(fc.constant("APPEND"), word, fc.constant("x")),
  fc.tuple(fc.constant("DEL"), word),
  fc.tuple(fc.constantFrom("PING", "MULTI", "EXEC", "DISCARD", "NOSUCH")),
  fc.tuple(fc.constant("SHOAL.PURGE"), fc.constant("TAGS"), fc.constant("1"), word),
  fc.tuple(fc.constant("PUBLISH"), fc.constant("news"), word),
  fc.tuple(fc.constant("SUBSCRIBE"), fc.constant("news")),
);
const script = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.tuple(fc.nat({ max: 2 }), fc.array(request, { minLength: 1, maxLength: 6 })) },
    { weight: 1, arbitrary: fc.constant("store" as const) },
  ),
  { maxLength: 30 },
);

test("every session is answered as without persistence, whenever storage answers", async () => {
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      const stored = await StoredServer.startByHand();
      const plain = new OwnServer({}, allCommands);
      const [theirs, ours] = [stored, plain].map((own) => [own.peer(3), own.peer(3), own.peer(3)]);
      const replies: [unknown[][], unknown[][]] = [
        [[], [], []],
        [[], [], []],
      ];
      const collect = () => {
        for (const [i, peers] of [theirs, ours].entries()) {
          for (const [p, peer] of (peers ?? []).entries()) replies[i]?.[p]?.push(...peer.received());
        }
      };
      for (const one of steps) {
        if (one === "store") await stored.storage.store();
        else for (const peers of [theirs, ours]) void peers?.[one[0]]?.session.receive(encodeAll(one[1]));
        collect();
      }
      while (stored.storage.appends > 0) await stored.storage.store();
      collect();
      expect(withoutVersions(replies[0])).toEqual(withoutVersions(replies[1]));
    }),
    { seed: 5, numRuns: 60 },
  );
});

const encodeAll = (requests: readonly (readonly string[])[]) =>
  Uint8Array.from(requests.flatMap((one) => [...encodeCommand(one)]));
/** Receipts tell the stamp of the invalidation, of which each server has its own. */
const withoutVersions = (replies: unknown) => JSON.stringify(replies).replace(/\["version",\d+\]/g, "version");

/** In the mode `always`, over storage that waits for the test. */
async function byHand(config = {}) {
  const own = await StoredServer.startByHand({ config });
  return Object.assign(own, { peer: own.peer.bind(own) });
}
