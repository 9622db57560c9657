import { describe, expect, test } from "bun:test";
import { Args } from "../../../../src/protocol/resp/args.ts";
import { Route } from "../../../../src/protocol/resp/command-table.ts";
import { transactionCommands } from "../../../../src/protocol/resp/commands/transactions.ts";
import { MAX_WATCHED_KEYS, Transaction } from "../../../../src/protocol/resp/transaction.ts";
import { Conversation, error, push } from "./conversation.ts";

const ABORTED = error("EXECABORT Transaction discarded because of previous errors.");

describe("Transaction", () => {
  test("queues copies, and refuses what exceeds the limit", () => {
    const transaction = new Transaction();
    const route = new Route(transactionCommands[0] as (typeof transactionCommands)[0]);
    const args = Args.of("set", "key", "value");
    expect(transaction.queue(route, args, 1_000)).toBeUndefined();
    args.bytes.fill(0);
    expect(transaction.requests[0]?.args.text(2)).toBe("value");
    expect(transaction.bytes).toBeGreaterThan(11);
    expect(transaction.failed).toBe(false);
    const large = Args.of("set", "key", "x".repeat(1_000));
    expect(transaction.queue(route, large, 1_000)).toMatch(
      /^ERR transaction is too large: \d+ bytes, the limit is 1000 \(maxRequestBytes\)$/,
    );
    expect(transaction.failed).toBe(true);
    expect(transaction.requests.length).toBe(1);
  });
});

describe("MULTI and EXEC", () => {
  test("replies too large for one end the transaction all the same", () => {
    const conversation = new Conversation();
    const { server } = conversation;
    const peer = conversation.peer();
    peer.call("SET", "k", "x".repeat(50_000));
    peer.say("MULTI");
    for (let i = 0; i < 20; i++) peer.say("GET k");
    // One of the size that the buffer has, so that not even an error fits behind what was written.
    for (let i = 0; i < 20_000; i++) peer.say("PING");
    server.reply.limitBytes = 2 ** 20;
    expect(peer.say("EXEC")).toEqual(error("ERR reply is too large: the limit is 1048576 bytes"));
    server.reply.limitBytes = 2 ** 28;
    expect(peer.say("PING")).toBe("PONG");
  });

  test("the queue is bounded, and EXEC aborts", () => {
    const peer = new Conversation({ maxRequestBytes: 16_384 }).peer();
    peer.say("MULTI");
    for (let i = 0; i < 40; i++) peer.say("PING");
    const last = Array.from({ length: 40 }, () => peer.say("PING")).at(-1);
    expect(last).toEqual({
      error: expect.stringMatching(/^ERR transaction is too large: \d+ bytes, the limit is 16384/),
    });
    expect(peer.say("EXEC")).toEqual(ABORTED);
    expect(peer.say("PING")).toBe("PONG");
  });

  test("in one chunk, as pipelining clients send it", () => {
    const peer = new Conversation().peer(2);
    expect(peer.send(["MULTI"], ["SET", "a", "1"], ["GET", "a"], ["EXEC"], ["PING"])).toEqual([
      "OK",
      "QUEUED",
      "QUEUED",
      ["OK", "1"],
      "PONG",
    ]);
  });

  test("messages that a transaction causes for its own session follow the whole reply", () => {
    const peer = new Conversation().peer();
    expect(peer.say("SUBSCRIBE a")).toEqual(push("subscribe", "a", 1));
    peer.say("MULTI");
    peer.say("PUBLISH a 1");
    peer.say("PING");
    expect(peer.send(["EXEC"])).toEqual([[1, "PONG"], push("message", "a", "1")]);
  });
});

describe("WATCH", () => {
  const run = (change: (conversation: Conversation) => void, words = "WATCH k", ...before: string[]): unknown => {
    const conversation = new Conversation();
    const peer = conversation.peer();
    for (const one of [...before, words, "MULTI", "PING"]) {
      peer.say(one);
      if (one === words) change(conversation);
    }
    return peer.say("EXEC");
  };
  const other = (words: string) => (conversation: Conversation) => void conversation.peer().say(words);

  const cases: { name: string; before: string[]; change: (conversation: Conversation) => void; changed: boolean }[] = [
    { name: "nothing", before: ["SET k v"], change: () => {}, changed: false },
    { name: "another key", before: ["SET k v"], change: other("SET j v"), changed: false },
    { name: "an overwrite", before: ["SET k v"], change: other("SET k v"), changed: true },
    { name: "a delete", before: ["SET k v"], change: other("DEL k"), changed: true },
    { name: "expiry", before: ["SET k v PX 10"], change: (conversation) => conversation.advance(11), changed: true },
    {
      name: "no expiry yet",
      before: ["SET k v PX 10"],
      change: (conversation) => conversation.advance(9),
      changed: false,
    },
    { name: "a flush", before: ["SET k v"], change: other("FLUSHALL"), changed: true },
    { name: "a flush of nothing", before: [], change: other("FLUSHALL"), changed: false },
    { name: "appearance", before: [], change: other("SET k v"), changed: true },
    { name: "a soft invalidation", before: ["SET k v"], change: other("SHOAL.INVALIDATE KEYS 1 k"), changed: true },
    {
      name: "an invalidation by tag",
      before: ["SHOAL.SET k v TAGS 1 t"],
      change: other("SHOAL.PURGE TAGS 1 t"),
      changed: true,
    },
    { name: "SWAPDB, the key present", before: ["SET k v"], change: other("SWAPDB 0 1"), changed: true },
    { name: "SWAPDB, the key in neither", before: ["SET j v"], change: other("SWAPDB 0 1"), changed: false },
    {
      name: "SWAPDB twice",
      before: ["SET k v"],
      change: (conversation) => void conversation.peer().send(["SWAPDB", "0", "1"], ["SWAPDB", "0", "1"]),
      changed: false,
    },
    {
      name: "a write to the database that is now the watched one",
      before: [],
      change: (conversation) => void conversation.peer().send(["SELECT", "1"], ["SET", "k", "v"], ["SWAPDB", "0", "1"]),
      changed: true,
    },
  ];
  for (const { name, before, change, changed } of cases) {
    test(`${changed ? "sees" : "does not mind"} ${name}`, () => {
      expect(run(change, "WATCH k", ...before)).toEqual(changed ? null : ["PONG"]);
    });
  }

  test("keys with the prefix's own byte, in any database", () => {
    const conversation = new Conversation();
    const [peer, writer] = [conversation.peer(), conversation.peer()];
    for (const database of ["0", "7"]) {
      peer.call("SELECT", database);
      writer.call("SELECT", database);
      peer.call("WATCH", "\xff\x01k");
      writer.call("SET", "k", "v");
      expect(peer.send(["MULTI"], ["EXEC"])).toEqual(["OK", []]);
      peer.call("WATCH", "\xff\x01k");
      writer.call("SET", "\xff\x01k", "v");
      expect(peer.send(["MULTI"], ["EXEC"])).toEqual(["OK", null]);
    }
  });

  test("the number of watched keys is bounded", () => {
    const peer = new Conversation().peer();
    const keys = Array.from({ length: MAX_WATCHED_KEYS }, (_, i) => `k${i}`);
    expect(peer.call("WATCH", ...keys)).toBe("OK");
    expect(peer.call("WATCH", ...keys)).toBe("OK");
    expect(peer.call("WATCH", "another")).toEqual(
      error(`ERR too many watched keys, the limit of a connection is ${MAX_WATCHED_KEYS}`),
    );
  });

  test("a key that no entry can have is not remembered", () => {
    const peer = new Conversation().peer();
    expect(peer.call("WATCH", "x".repeat(1_000_000), "k")).toBe("OK");
    expect(peer.session.watches?.size).toBe(1);
    expect(peer.session.watches?.bytes).toBeLessThan(1_000);
  });

  test("is over with the connection's end", () => {
    const conversation = new Conversation();
    const peer = conversation.peer();
    peer.say("WATCH k");
    peer.say("MULTI");
    peer.session.disconnected();
    expect(peer.session.transaction).toBeUndefined();
    expect(peer.session.watches).toBeUndefined();
  });
});
