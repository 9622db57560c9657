/**
 * CLIENT TRACKING and its relatives. Redirection names a connection by its id, which a table cannot know: it is tested
 * in test/unit/protocol/resp/tracking.test.ts.
 */
import type { Case, Step } from "../case.ts";

const keys = (...names: string[]) => ["invalidate", names];
const EVERYTHING = ["invalidate", null];
const TRACK = (...options: string[]): Step => ({ send: ["CLIENT", "TRACKING", "ON", ...options], expect: "OK" });
/** A command of another connection. */
const other = (...send: string[]): Step => ({ send, connection: 1 });
const pushed = (push: unknown): Step => ({ send: [], push });
/** CLIENT TRACKINGINFO. */
const info = (flags: string[], redirect: number, prefixes: string[] = []): Step => ({
  send: ["CLIENT", "TRACKINGINFO"],
  expect: ["flags", flags, "redirect", redirect, "prefixes", prefixes],
  expect3: {
    "%": [
      ["flags", { "~": flags }],
      ["redirect", redirect],
      ["prefixes", prefixes],
    ],
  },
});

const MODE_SWITCH = (what: string) =>
  `ERR You can't switch ${what} before disabling tracking for this client, and then re-enabling it with a different mode.`;

const optionCases: readonly Case[] = [
  {
    name: "CLIENT TRACKING: options that do not go together",
    steps: [
      ...[
        { words: ["ON", "x"], error: "ERR syntax error" },
        { words: ["maybe"], error: "ERR syntax error" },
        { words: ["ON", "REDIRECT"], error: "ERR syntax error" },
        { words: ["ON", "PREFIX"], error: "ERR syntax error" },
        { words: ["OFF", "x"], error: "ERR syntax error" },
        { words: ["ON", "REDIRECT", "abc"], error: "ERR value is not an integer or out of range" },
        { words: ["ON", "REDIRECT", "987654321"], error: "ERR The client ID you want redirect to does not exist" },
        { words: ["ON", "REDIRECT", "0"], error: "ERR The client ID you want redirect to does not exist" },
        { words: ["ON", "PREFIX", "a"], error: "ERR PREFIX option requires BCAST mode to be enabled" },
        { words: ["ON", "BCAST", "OPTIN"], error: "ERR OPTIN and OPTOUT are not compatible with BCAST" },
        { words: ["ON", "OPTIN", "OPTOUT"], error: "ERR You can't specify both OPTIN mode and OPTOUT mode" },
        {
          words: ["ON", "BCAST", "PREFIX", "ab", "PREFIX", "a"],
          error:
            "ERR Prefix 'ab' overlaps with another provided prefix 'a'. Prefixes for a single client must not overlap.",
        },
      ].map(({ words, error }): Step => ({ send: ["CLIENT", "TRACKING", ...words], error })),
      info(["off"], -1),
      { send: ["CLIENT", "TRACKING"], error: "ERR wrong number of arguments for 'client|tracking' command" },
    ],
  },
  {
    name: "CLIENT TRACKING: the mode cannot be switched while it is on",
    steps: [
      TRACK("BCAST", "PREFIX", "ab", "PREFIX", "cd"),
      {
        send: ["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a"],
        error: "ERR Prefix 'a' overlaps with an existing prefix 'ab'. Prefixes for a single client must not overlap.",
      },
      { send: ["CLIENT", "TRACKING", "ON"], error: MODE_SWITCH("BCAST mode on/off") },
      { send: ["CLIENT", "TRACKING", "OFF"], expect: "OK" },
      TRACK("OPTIN"),
      { send: ["CLIENT", "TRACKING", "ON", "OPTOUT"], error: MODE_SWITCH("OPTIN/OPTOUT mode") },
      { send: ["CLIENT", "TRACKING", "ON", "BCAST"], error: MODE_SWITCH("BCAST mode on/off") },
      TRACK("NOLOOP"),
      info(["on", "noloop"], 0),
    ],
  },
  {
    name: "CLIENT TRACKINGINFO and GETREDIR",
    steps: [
      info(["off"], -1),
      { send: ["CLIENT", "GETREDIR"], expect: -1 },
      TRACK(),
      info(["on"], 0),
      { send: ["CLIENT", "GETREDIR"], expect: 0 },
      { send: ["CLIENT", "TRACKING", "OFF"], expect: "OK" },
      TRACK("BCAST", "NOLOOP", "PREFIX", "a", "PREFIX", "b"),
      info(["on", "bcast", "noloop"], 0, ["a", "b"]),
      TRACK("BCAST", "PREFIX", "c"),
      info(["on", "bcast"], 0, ["a", "b", "c"]),
      { send: ["CLIENT", "TRACKING", "OFF"], expect: "OK" },
      TRACK("BCAST"),
      info(["on", "bcast"], 0, [""]),
      { send: ["CLIENT", "TRACKING", "OFF"], expect: "OK" },
      { send: ["CLIENT", "TRACKING", "OFF"], expect: "OK" },
      info(["off"], -1),
    ],
  },
  {
    name: "CLIENT CACHING: when it may be said",
    steps: [
      {
        send: ["CLIENT", "CACHING", "YES"],
        error:
          "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
      },
      { send: ["CLIENT", "CACHING"], error: "ERR wrong number of arguments for 'client|caching' command" },
      TRACK("OPTIN"),
      { send: ["CLIENT", "CACHING", "maybe"], error: "ERR syntax error" },
      {
        send: ["CLIENT", "CACHING", "NO"],
        error: "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
      },
      { send: ["CLIENT", "CACHING", "YES"], expect: "OK" },
      info(["on", "optin", "caching-yes"], 0),
      { send: ["PING"], expect: "PONG" },
      info(["on", "optin"], 0),
      { send: ["CLIENT", "TRACKING", "OFF"], expect: "OK" },
      TRACK("OPTOUT"),
      {
        send: ["CLIENT", "CACHING", "YES"],
        error: "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
      },
      { send: ["CLIENT", "CACHING", "NO"], expect: "OK" },
      info(["on", "optout", "caching-no"], 0),
      { send: ["GET", "k"], expect: null },
      info(["on", "optout"], 0),
    ],
  },
  {
    name: "RESET ends tracking",
    protocols: [2],
    steps: [TRACK("BCAST"), { send: ["RESET"], expect: "RESET" }, info(["off"], -1)],
  },
  {
    name: "RESP2 without redirection: nothing is sent",
    protocols: [2],
    steps: [
      TRACK(),
      { send: ["GET", "k"], expect: null },
      other("SET", "k", "v"),
      { send: ["SET", "k", "w"], expect: "OK" },
      other("FLUSHALL"),
      { send: ["PING"], expect: "PONG" },
    ],
  },
];

const defaultModeCases: readonly Case[] = [
  {
    name: "a key that was read: its first change is told, once",
    protocols: [3],
    steps: [
      TRACK(),
      { send: ["GET", "k"], expect: null },
      other("SET", "k", "1"),
      pushed(keys("k")),
      other("SET", "k", "2"),
      { send: ["MGET", "k", "j"], expect: ["2", null] },
      other("MSET", "i", "1", "j", "1"),
      pushed(keys("j")),
      other("DEL", "k"),
      pushed(keys("k")),
      { send: ["PING"], expect: "PONG" },
    ],
  },
  ...["EXISTS k", "TTL k", "STRLEN k", "GETRANGE k 0 1", "TYPE k", "TOUCH k", "DUMP k", "BITCOUNT k", "LCS k j"].map(
    (read): Case => ({
      name: `${read} is a read`,
      protocols: [3],
      steps: [
        { send: ["SET", "k", "v"], expect: "OK" },
        TRACK(),
        { send: read.split(" ") },
        other("SET", "k", "w"),
        pushed(keys("k")),
      ],
    }),
  ),
  {
    name: "GETSET, GETDEL, GETEX and SET GET are writes",
    protocols: [3],
    steps: [
      TRACK(),
      { send: ["GETSET", "a", "1"], expect: null },
      { send: ["GETDEL", "b"], expect: null },
      { send: ["GETEX", "c"], expect: null },
      { send: ["SET", "d", "1", "GET"], expect: null },
      other("MSET", "a", "1", "b", "1", "c", "1", "d", "1"),
      { send: ["PING"], expect: "PONG" },
    ],
  },
  ...[
    ...["DEL k", "UNLINK k", "GETDEL k", "APPEND k x", "INCR k", "INCRBYFLOAT k 1", "SETRANGE k 0 x", "SETBIT k 7 0"],
    ...["EXPIRE k 100", "EXPIRE k -1", "GETEX k EX 100", "RENAME k other", "RENAME source k", "COPY source k REPLACE"],
    ...["MOVE k 1", "BITOP NOT k source"],
  ].map(
    (change): Case => ({
      name: `${change} is a change`,
      protocols: [3],
      steps: [
        { send: ["MSET", "k", "1", "source", "2"], expect: "OK" },
        TRACK(),
        { send: ["GET", "k"], expect: "1" },
        other(...change.split(" ")),
        pushed(keys("k")),
      ],
    }),
  ),
  {
    name: "a change that does not happen is none",
    protocols: [3],
    steps: [
      TRACK(),
      { send: ["GET", "k"], expect: null },
      other("SET", "k", "v", "XX"),
      other("DEL", "k"),
      other("EXPIRE", "k", "100"),
      other("PERSIST", "k"),
      other("SELECT", "1"),
      { send: ["PING"], expect: "PONG" },
    ],
  },
  {
    name: "own changes, after the reply",
    protocols: [3],
    steps: [
      TRACK(),
      { send: ["GET", "k"], expect: null },
      { send: ["SET", "k", "v"], expect: "OK", push: keys("k") },
      { send: ["MULTI"], expect: "OK" },
      { send: ["GET", "k"], expect: "QUEUED" },
      { send: ["SET", "k", "w"], expect: "QUEUED" },
      { send: ["EXEC"], expect: ["v", "OK"], push: keys("k") },
    ],
  },
  {
    name: "NOLOOP: own changes are not told, those of others and flushes are",
    protocols: [3],
    steps: [
      TRACK("NOLOOP"),
      { send: ["GET", "k"], expect: null },
      { send: ["SET", "k", "v"], expect: "OK" },
      { send: ["GET", "k"], expect: "v" },
      other("SET", "k", "w"),
      pushed(keys("k")),
      { send: ["FLUSHALL"], expect: "OK", push: EVERYTHING },
    ],
  },
  {
    name: "a flush is told to everybody who tracks",
    protocols: [3],
    steps: [
      TRACK(),
      { send: ["CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "x"], connection: 2, expect: "OK" },
      other("FLUSHALL"),
      pushed(EVERYTHING),
      { send: [], connection: 2, push: EVERYTHING },
      other("FLUSHDB"),
      pushed(EVERYTHING),
      { send: [], connection: 2, push: EVERYTHING },
    ],
  },
  {
    name: "expiry is told",
    protocols: [3],
    steps: [
      TRACK(),
      other("SET", "k", "v", "PX", "50"),
      { send: ["GET", "k"], expect: "v" },
      pushed(keys("k")),
      { send: ["GET", "k"], expect: null },
    ],
  },
  {
    name: "OPTIN: only what follows CLIENT CACHING YES, a whole transaction if it is one",
    protocols: [3],
    steps: [
      TRACK("OPTIN"),
      { send: ["GET", "a"], expect: null },
      { send: ["CLIENT", "CACHING", "YES"], expect: "OK" },
      { send: ["GET", "b"], expect: null },
      { send: ["GET", "c"], expect: null },
      other("MSET", "a", "1", "b", "1", "c", "1"),
      pushed(keys("b")),
      { send: ["CLIENT", "CACHING", "YES"], expect: "OK" },
      { send: ["MULTI"], expect: "OK" },
      { send: ["GET", "a"], expect: "QUEUED" },
      { send: ["GET", "b"], expect: "QUEUED" },
      { send: ["EXEC"], expect: ["1", "1"] },
      { send: ["GET", "c"], expect: "1" },
      other("MSET", "a", "2", "b", "2", "c", "2"),
      pushed(keys("a")),
      pushed(keys("b")),
      { send: ["MULTI"], expect: "OK" },
      { send: ["CLIENT", "CACHING", "YES"], expect: "QUEUED" },
      { send: ["GET", "a"], expect: "QUEUED" },
      { send: ["EXEC"], expect: ["OK", "2"] },
      other("MSET", "a", "3", "b", "3"),
      pushed(keys("a")),
    ],
  },
  {
    name: "OPTOUT: all but what follows CLIENT CACHING NO",
    protocols: [3],
    steps: [
      TRACK("OPTOUT"),
      { send: ["GET", "a"], expect: null },
      { send: ["CLIENT", "CACHING", "NO"], expect: "OK" },
      { send: ["GET", "b"], expect: null },
      { send: ["GET", "c"], expect: null },
      other("MSET", "a", "1", "b", "1", "c", "1"),
      pushed(keys("a")),
      pushed(keys("c")),
    ],
  },
  {
    name: "databases are not told apart",
    protocols: [3],
    steps: [
      TRACK(),
      { send: ["GET", "\xffk"], expect: null },
      other("SELECT", "5"),
      other("SET", "\xffk", "v"),
      pushed(keys("\xffk")),
    ],
  },
  {
    name: "switching off ends it",
    protocols: [3],
    steps: [
      TRACK(),
      { send: ["GET", "k"], expect: null },
      { send: ["CLIENT", "TRACKING", "OFF"], expect: "OK" },
      other("SET", "k", "v"),
      { send: ["PING"], expect: "PONG" },
    ],
  },
  {
    name: "a tag or a pattern has no list of keys: one push empties all",
    protocols: [3],
    shoalOnly: true,
    steps: [
      TRACK(),
      other("SHOAL.SET", "k", "v", "TAGS", "1", "t"),
      { send: ["GET", "k"], expect: "v" },
      other("SHOAL.INVALIDATE", "TAGS", "1", "t"),
      pushed(EVERYTHING),
      other("SHOAL.PURGE", "MATCH", "x*"),
      pushed(EVERYTHING),
      { send: ["GET", "k"], expect: null },
      other("SHOAL.PURGE", "KEYS", "1", "k"),
      pushed(keys("k")),
      { send: ["SHOAL.GET", "k"], expect: null },
      other("SHOAL.SET", "k", "w"),
      pushed(keys("k")),
    ],
  },
];

const broadcastCases: readonly Case[] = [
  {
    name: "BCAST: every change below a prefix, those of one command together",
    protocols: [3],
    steps: [
      TRACK("BCAST", "PREFIX", "a", "PREFIX", "b"),
      { send: ["SET", "c", "1"], expect: "OK" },
      other("MSET", "a1", "1", "a2", "2", "b1", "3", "c", "4"),
      pushed(keys("a1", "a2")),
      pushed(keys("b1")),
      other("DEL", "a1"),
      pushed(keys("a1")),
      other("SET", "a1", "1"),
      pushed(keys("a1")),
      { send: ["SET", "b", "1"], expect: "OK", push: keys("b") },
    ],
  },
  {
    name: "BCAST without a prefix: everything; NOLOOP: not what was changed by oneself",
    protocols: [3],
    steps: [
      TRACK("BCAST", "NOLOOP"),
      { send: ["SET", "k", "v"], expect: "OK" },
      other("SET", "k", "v"),
      pushed(keys("k")),
    ],
  },
];

export const trackingCases: readonly Case[] = [...optionCases, ...defaultModeCases, ...broadcastCases];
