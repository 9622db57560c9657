import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseSyntax } from "../../../../src/protocol/resp/commands/command-docs-arguments.ts";
import { shoalCommands } from "../../../../src/protocol/resp/commands/shoal.ts";
import { START_MS } from "../../store/test-store.ts";
import { Conversation, error, map, type Peer } from "./conversation.ts";

const SYNTAX = "ERR syntax error";
const NOT_AN_INTEGER = "ERR value is not an integer or out of range";

/** The fields of a SHOAL.GET's map, or null. */
function fields(peer: Peer, ...words: string[]): Record<string, unknown> | null {
  const reply = peer.call("SHOAL.GET", ...words) as { "%": [string, unknown][] } | null;
  return reply === null ? null : Object.fromEntries(reply["%"]);
}

describe("SHOAL.SET and SHOAL.GET", () => {
  test("all that an entry has", () => {
    const conversation = new Conversation();
    const peer = conversation.peer();
    expect(peer.say("SHOAL.SET k v PX 5000 STALE 1000 TAGS 2 red blue TYPE text/plain")).toBe("OK");
    conversation.advance(1_500);
    const { version, ...rest } = fields(peer, "k") ?? {};
    expect(rest).toEqual({
      value: "v",
      age: 1_500,
      ttl: 3_500,
      swr: 4_500,
      sie: 4_500,
      tags: ["red", "blue"],
      stale: false,
      type: "text/plain",
    });
    expect(version).toMatch(/^\d+-[0-9a-f]{8}$/);
    peer.say("SET k w");
    expect(fields(peer, "k")).toEqual({
      ...{ value: "w", age: 0, ttl: -1, swr: -1, sie: -1, tags: [], stale: false, type: null },
      version: expect.not.stringMatching(String(version)),
    });
  });

  test("RESP2: a flat array, 0 for false", () => {
    const peer = new Conversation().peer(2);
    peer.say("SHOAL.SET k v");
    const reply = peer.say("SHOAL.GET k") as unknown[];
    expect(reply.length).toBe(18);
    expect(reply.slice(0, 10)).toEqual(["value", "v", "age", 0, "ttl", -1, "swr", -1, "sie", -1]);
    expect(reply.slice(14)).toEqual(["stale", 0, "type", null]);
    expect(peer.say("SHOAL.GET nothing")).toBeNull();
  });

  test("after its expiry it is served where stale is allowed, and for as long", () => {
    const conversation = new Conversation();
    const peer = conversation.peer();
    peer.say("SHOAL.SET k v PX 1000 STALE 500");
    conversation.advance(1_000);
    expect(fields(peer, "k")).toBeNull();
    expect(fields(peer, "k", "STALE")).toMatchObject({ value: "v", ttl: 0, stale: true });
    conversation.advance(499);
    expect(fields(peer, "k", "STALE")).toMatchObject({ value: "v", stale: true });
    conversation.advance(1);
    expect(fields(peer, "k", "STALE")).toBeNull();
  });

  test("STALE is no condition: a fresh entry is fresh", () => {
    const peer = new Conversation().peer();
    peer.say("SHOAL.SET k v");
    expect(fields(peer, "k", "STALE")).toMatchObject({ value: "v", stale: false });
  });

  const expiries = [
    { option: "PX 1500", ttl: 1_500 },
    { option: "EX 2", ttl: 2_000 },
    { option: `PXAT ${START_MS + 700}`, ttl: 700 },
    { option: `EXAT ${START_MS / 1_000 + 3}`, ttl: 3_000 },
  ];
  for (const { option, ttl } of expiries) {
    test(`${option}: ${ttl} ms`, () => {
      const peer = new Conversation().peer();
      expect(peer.say(`SHOAL.SET k v ${option}`)).toBe("OK");
      expect(fields(peer, "k")).toMatchObject({ ttl });
    });
  }

  test("a time that is over is no error, and nothing is there", () => {
    const peer = new Conversation().peer();
    peer.say("SHOAL.SET k v");
    expect(peer.say("SHOAL.SET k w PXAT 1000")).toBe("OK");
    expect(fields(peer, "k")).toBeNull();
  });

  test("NX and XX", () => {
    const peer = new Conversation().peer();
    expect(peer.say("SHOAL.SET k 1 XX")).toBeNull();
    expect(peer.say("SHOAL.SET k 1 NX")).toBe("OK");
    expect(peer.say("SHOAL.SET k 2 NX")).toBeNull();
    expect(peer.say("SHOAL.SET k 3 XX PX 10")).toBe("OK");
    expect(fields(peer, "k")).toMatchObject({ value: "3", ttl: 10 });
  });

  test("a tag named twice counts once", () => {
    const peer = new Conversation().peer();
    peer.say("SHOAL.SET k v TAGS 4 a b a b");
    expect(fields(peer, "k")).toMatchObject({ tags: ["a", "b"] });
  });

  const mistakes: { words: string[]; text: string }[] = [
    { words: ["FOO"], text: SYNTAX },
    { words: ["PX"], text: SYNTAX },
    { words: ["PX", "1", "EX", "1"], text: SYNTAX },
    { words: ["NX", "XX"], text: SYNTAX },
    { words: ["TAGS"], text: SYNTAX },
    { words: ["TYPE", "a", "TYPE", "b"], text: SYNTAX },
    { words: ["PX", "soon"], text: NOT_AN_INTEGER },
    { words: ["PX", "0"], text: "ERR invalid expire time in 'shoal.set' command: PX must be at least 1" },
    { words: ["EX", "-5"], text: "ERR invalid expire time in 'shoal.set' command: EX must be at least 1" },
    {
      words: ["PXAT", "281474976710656"],
      text: "ERR invalid expire time in 'shoal.set' command: the latest is 281474976710655 ms since 1970",
    },
    { words: ["TAGS", "x", "a"], text: NOT_AN_INTEGER },
    { words: ["TAGS", "0"], text: "ERR TAGS needs at least one tag" },
    { words: ["TAGS", "3", "a", "b"], text: "ERR TAGS announces 3 tags, but 2 arguments follow" },
    {
      words: ["TAGS", "65", ...Array.from({ length: 65 }, (_, i) => `t${i}`)],
      text: "ERR too many tags: 65, the limit is 64",
    },
    { words: ["TAGS", "1", ""], text: "ERR tag is empty" },
    { words: ["TAGS", "1", "x".repeat(300)], text: "ERR tag is too long: 300 bytes, the limit is 256" },
    { words: ["TAGS", "1", "\0x"], text: "ERR tag begins with a zero byte" },
    { words: ["TYPE", ""], text: "ERR content type is empty" },
    { words: ["TYPE", "x".repeat(256)], text: "ERR content type is too long: 256 bytes, the limit is 255" },
    { words: ["TYPE", "a\r\nb"], text: "ERR content type has bytes that are not printable ASCII" },
  ];
  for (const { words, text } of mistakes) {
    test(`${JSON.stringify(words.join(" ").slice(0, 40))}: ${text}`, () => {
      const peer = new Conversation().peer();
      peer.say("SET k old");
      expect(peer.call("SHOAL.SET", "k", "v", ...words)).toEqual(error(text));
      expect(peer.say("GET k")).toBe("old");
    });
  }

  test("keys and values beyond their limits are refused, the old value stays", () => {
    const peer = new Conversation({ maxKeyBytes: 10, maxValueBytes: 100 }).peer();
    peer.say("SHOAL.SET k old");
    expect(peer.call("SHOAL.SET", "x".repeat(11), "v")).toEqual(
      error("ERR key is too long: 11 bytes, the limit is 10 (maxKeyBytes)"),
    );
    expect(peer.call("SHOAL.SET", "k", "x".repeat(101))).toMatchObject({
      error: expect.stringMatching(/^ERR value is too large.*100 bytes \(maxValueBytes\)/),
    });
    expect(peer.say("GET k")).toBe("old");
  });

  test("whatever options come, the answer is OK, null or an error, and the server goes on", () => {
    const peer = new Conversation().peer();
    const word = fc.constantFrom(
      ..."PX EX PXAT EXAT STALE SWR SIE TAGS TYPE NX XX 0 1 2 -1 a".split(" "),
      "",
      "\xff\0",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (words) => {
        const reply = peer.call("SHOAL.SET", "k", "v", ...words);
        expect(reply === "OK" || reply === null || typeof reply === "object").toBe(true);
        expect(peer.say("PING")).toBe("PONG");
      }),
      { numRuns: 300 },
    );
  });
});

describe("SHOAL.INVALIDATE and SHOAL.PURGE", () => {
  const filled = () => {
    const conversation = new Conversation();
    const peer = conversation.peer();
    peer.send(
      ["SHOAL.SET", "user:1", "v", "TAGS", "1", "users"],
      ["SHOAL.SET", "user:2", "v", "TAGS", "2", "users", "new"],
      ["SHOAL.SET", "page:1", "v"],
    );
    return { conversation, peer };
  };
  const present = (peer: Peer, ...stale: string[]) =>
    ["user:1", "user:2", "page:1"].filter((key) => fields(peer, key, ...stale) !== null);

  const cases = [
    { words: "KEYS 2 user:1 nothing", left: ["user:2", "page:1"], entries: 1 },
    { words: "KEYS 1 user:1 KEYS 1 page:1", left: ["user:2"], entries: 2 },
    { words: "TAGS 1 users", left: ["page:1"], entries: -1 },
    { words: "TAGS 2 new unknown", left: ["user:1", "page:1"], entries: -1 },
    { words: "MATCH user:*", left: ["page:1"], entries: -1 },
    { words: "MATCH *:1", left: ["user:2"], entries: -1 },
    { words: "KEYS 1 page:1 TAGS 1 new", left: ["user:1"], entries: -1 },
    { words: "ALL", left: [], entries: -1 },
  ];
  for (const { words, left, entries } of cases) {
    for (const command of ["SHOAL.PURGE", "SHOAL.INVALIDATE"]) {
      test(`${command} ${words}`, () => {
        const { peer } = filled();
        const receipt = Object.fromEntries((peer.say(`${command} ${words}`) as { "%": [string, unknown][] })["%"]);
        expect(receipt).toEqual({
          version: expect.any(Number),
          entries,
          regions: [map({ region: "local", status: "acknowledged", delay: 0 })],
        });
        expect(present(peer)).toEqual(left);
        expect(present(peer, "STALE").length).toBe(command === "SHOAL.PURGE" ? left.length : 3);
      });
    }
  }

  test("what is set afterwards is fresh", () => {
    const { peer } = filled();
    peer.say("SHOAL.INVALIDATE TAGS 1 users");
    peer.say("SHOAL.SET user:1 w TAGS 1 users");
    expect(fields(peer, "user:1")).toMatchObject({ value: "w", stale: false });
  });

  test("keys, patterns and ALL mean the selected database", () => {
    const { peer } = filled();
    for (const words of ["KEYS 1 user:1", "MATCH user:*", "ALL"]) {
      peer.say("SELECT 3");
      peer.say("SHOAL.SET user:1 three");
      peer.say(`SHOAL.PURGE ${words}`);
      expect(fields(peer, "user:1")).toBeNull();
      peer.say("SELECT 0");
      expect(present(peer).length).toBe(3);
    }
  });

  const mistakes: { words: string[]; text: string }[] = [
    { words: ["KEYS"], text: SYNTAX },
    { words: ["MATCH"], text: SYNTAX },
    { words: ["users"], text: SYNTAX },
    { words: ["ALL", "KEYS"], text: SYNTAX },
    { words: ["KEYS", "x", "a"], text: NOT_AN_INTEGER },
    { words: ["KEYS", "0"], text: "ERR KEYS needs at least one key" },
    { words: ["KEYS", "2", "user:1"], text: "ERR KEYS announces 2 keys, but 1 arguments follow" },
    { words: ["KEYS", "1", "user:1", "TAGS", "1", ""], text: "ERR tag is empty" },
    { words: ["KEYS", "1", "user:1", "MATCH", ""], text: "ERR pattern is empty" },
    {
      words: ["KEYS", "1", "user:1", "MATCH", "x".repeat(1_025)],
      text: "ERR pattern is too long: 1025 bytes, the limit is 1024",
    },
    {
      words: ["KEYS", "2", "user:1", "x".repeat(1_025)],
      text: "ERR key is too long: 1025 bytes, the limit is 1024 (maxKeyBytes)",
    },
  ];
  for (const { words, text } of mistakes) {
    test(`${JSON.stringify(words.join(" ").slice(0, 40))}: ${text}, and nothing is invalidated`, () => {
      const { peer } = filled();
      expect(peer.call("SHOAL.PURGE", ...words)).toEqual(error(text));
      expect(present(peer).length).toBe(3);
    });
  }
});

describe("SHOAL.LEASE, SHOAL.FILL, SHOAL.RELEASE", () => {
  const leased = (words = "SHOAL.LEASE k PX 1000") => {
    const conversation = new Conversation();
    const [peer, other] = [conversation.peer(), conversation.peer()];
    const { token, expires } = Object.fromEntries((peer.say(words) as { "%": [string, string | number][] })["%"]);
    return { conversation, peer, other, token: String(token), expires };
  };
  const STORED = map({ stored: true, reason: null });
  const refused = (reason: string) => map({ stored: false, reason });

  test("one holder at a time, the others are told how long to wait", () => {
    const { conversation, peer, other, token, expires } = leased();
    expect(expires).toBe(START_MS + 1_000);
    expect(other.say("SHOAL.LEASE k")).toEqual(map({ busy: 1_000 }));
    conversation.advance(400);
    expect(peer.say("SHOAL.LEASE k")).toEqual(map({ busy: 600 }));
    expect(peer.say(`SHOAL.FILL ${token} k v PX 5000 TAGS 1 t TYPE text/css`)).toEqual(STORED);
    expect(fields(other, "k")).toMatchObject({ value: "v", age: 400, ttl: 5_000, tags: ["t"], type: "text/css" });
    expect(other.say("SHOAL.LEASE k")).toMatchObject({
      "%": [
        ["token", expect.any(String)],
        ["expires", expect.any(Number)],
      ],
    });
  });

  test("a lease that is released or over can be had again", () => {
    const { conversation, peer, other, token } = leased();
    expect(peer.say(`SHOAL.RELEASE ${token}`)).toBe(1);
    expect(peer.say(`SHOAL.RELEASE ${token}`)).toBe(0);
    expect(other.say("SHOAL.LEASE k PX 10")).toMatchObject({ "%": [["token", expect.any(String)], expect.anything()] });
    conversation.advance(10);
    expect(peer.say("SHOAL.LEASE k PX 10")).toMatchObject({ "%": [["token", expect.any(String)], expect.anything()] });
  });

  const outcomes: { name: string; between: (other: Peer, conversation: Conversation) => void; reason?: string }[] = [
    { name: "nothing between", between: () => {} },
    { name: "a read", between: (other) => other.say("GET k") },
    { name: "another key", between: (other) => other.say("SHOAL.PURGE KEYS 1 j TAGS 1 other MATCH j*") },
    { name: "the key invalidated", between: (other) => other.say("SHOAL.INVALIDATE KEYS 1 k"), reason: "invalidated" },
    { name: "the key purged", between: (other) => other.say("SHOAL.PURGE KEYS 1 k"), reason: "invalidated" },
    { name: "its tag invalidated", between: (other) => other.say("SHOAL.INVALIDATE TAGS 1 t"), reason: "invalidated" },
    { name: "a pattern purged", between: (other) => other.say("SHOAL.PURGE MATCH k*"), reason: "invalidated" },
    { name: "something newer", between: (other) => other.say("SET k newer"), reason: "superseded" },
    { name: "the end of the lease", between: (_, conversation) => conversation.advance(1_000), reason: "unknown" },
    { name: "everything purged", between: (other) => other.say("SHOAL.PURGE ALL"), reason: "unknown" },
    { name: "a flush", between: (other) => other.say("FLUSHALL"), reason: "unknown" },
  ];
  for (const { name, between, reason } of outcomes) {
    test(`a fill after ${name}: ${reason ?? "stored"}`, () => {
      const { conversation, peer, other, token } = leased();
      between(other, conversation);
      const before = fields(peer, "k")?.value ?? null;
      expect(peer.say(`SHOAL.FILL ${token} k loaded TAGS 1 t`)).toEqual(
        reason === undefined ? STORED : refused(reason),
      );
      expect(fields(peer, "k")?.value ?? null).toBe(reason === undefined ? "loaded" : before);
      expect(peer.say(`SHOAL.FILL ${token} k again`)).toEqual(refused("unknown"));
    });
  }

  test("a token is good for its own key and database only, and survives the mistake", () => {
    const { peer, token } = leased();
    expect(peer.say(`SHOAL.FILL ${token} j v`)).toEqual(refused("unknown"));
    expect(peer.say("SHOAL.FILL 0123456789abcdef k v")).toEqual(refused("unknown"));
    peer.say("SELECT 2");
    expect(peer.say(`SHOAL.FILL ${token} k v`)).toEqual(refused("unknown"));
    peer.say("SELECT 0");
    expect(peer.say(`SHOAL.FILL ${token} k v`)).toEqual(STORED);
  });

  const mistakes: { words: string[]; text: string }[] = [
    { words: ["SHOAL.LEASE", "k", "PX"], text: SYNTAX },
    { words: ["SHOAL.LEASE", "k", "EX", "1"], text: SYNTAX },
    { words: ["SHOAL.LEASE", "k", "PX", "x"], text: NOT_AN_INTEGER },
    {
      words: ["SHOAL.LEASE", "k", "PX", "0"],
      text: "ERR invalid expire time in 'shoal.lease' command: PX must be at least 1",
    },
    {
      words: ["SHOAL.LEASE", "k", "PX", "30001"],
      text: "ERR lease is too long: 30001 ms, the limit is 30000 (maxLeaseMs)",
    },
    {
      words: ["SHOAL.LEASE", "x".repeat(1_025)],
      text: "ERR key is too long: 1025 bytes, the limit is 1024 (maxKeyBytes)",
    },
    { words: ["SHOAL.FILL", "t", "k", "v", "NX"], text: SYNTAX },
    { words: ["SHOAL.FILL", "t", "k", "v", "PX", "1", "STALE", "1", "SIE", "1"], text: SYNTAX },
    {
      words: ["SHOAL.FILL", "t", "k", "v", "PX", "0"],
      text: "ERR invalid expire time in 'shoal.fill' command: PX must be at least 1",
    },
    { words: ["SHOAL.FILL", "t", "k", "v", "TAGS", "1", ""], text: "ERR tag is empty" },
  ];
  for (const { words, text } of mistakes) {
    test(`${JSON.stringify(words.join(" ").slice(0, 40))}: ${text}`, () => {
      expect(new Conversation().peer().call(...words)).toEqual(error(text));
    });
  }

  test("a value that is too large is refused, and the lease is over", () => {
    const conversation = new Conversation({ maxValueBytes: 100 });
    const peer = conversation.peer();
    const { token } = Object.fromEntries((peer.say("SHOAL.LEASE k") as { "%": [string, string][] })["%"]);
    expect(peer.call("SHOAL.FILL", String(token), "k", "x".repeat(101))).toMatchObject({
      error: expect.stringMatching(/^ERR value is too large/),
    });
    expect(fields(peer, "k")).toBeNull();
  });
});

describe("what COMMAND DOCS tells", () => {
  for (const { name, syntax, summary, complexity, since, group } of shoalCommands) {
    test(name, () => {
      expect(parseSyntax(syntax).length).toBeGreaterThan(0);
      expect(summary).toMatch(/^[A-Z].*\.$/);
      expect(complexity).toBeDefined();
      expect(since).toBe("0.1.0");
      expect(group).toBe("shoal");
    });
  }
});
