/** SUBSCRIBE and its relatives, PUBLISH, PUBSUB, keyspace notifications. */
import type { Case, Step } from "../case.ts";

/** Steps that take further messages of a connection. */
const messages = (connection: number, ...pushes: unknown[][]): Step[] =>
  pushes.map((push) => ({ send: [], connection, push }));

const LISTENING = (name: string) =>
  `ERR Can't execute '${name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`;

const messageCases: readonly Case[] = [
  {
    name: "SUBSCRIBE confirms each channel, and UNSUBSCRIBE too",
    steps: [
      { send: ["SUBSCRIBE", "a", "b", "a"], push: ["subscribe", "a", 1] },
      ...messages(0, ["subscribe", "b", 2], ["subscribe", "a", 2]),
      { send: ["UNSUBSCRIBE", "b", "nothing", "a"], push: ["unsubscribe", "b", 1] },
      ...messages(0, ["unsubscribe", "nothing", 1], ["unsubscribe", "a", 0]),
      { send: ["UNSUBSCRIBE"], push: ["unsubscribe", null, 0] },
      { send: ["PUNSUBSCRIBE"], push: ["punsubscribe", null, 0] },
      { send: ["SUNSUBSCRIBE"], push: ["sunsubscribe", null, 0] },
      { send: ["PUNSUBSCRIBE", "x*"], push: ["punsubscribe", "x*", 0] },
      { send: ["PING"], expect: "PONG" },
    ],
  },
  {
    name: "channels and patterns are counted together, shard channels alone",
    steps: [
      { send: ["SUBSCRIBE", "a"], push: ["subscribe", "a", 1] },
      { send: ["PSUBSCRIBE", "p*"], push: ["psubscribe", "p*", 2] },
      { send: ["SSUBSCRIBE", "s"], push: ["ssubscribe", "s", 1] },
      { send: ["UNSUBSCRIBE"], push: ["unsubscribe", "a", 1] },
      { send: ["SUNSUBSCRIBE"], push: ["sunsubscribe", "s", 0] },
      { send: ["PUNSUBSCRIBE"], push: ["punsubscribe", "p*", 0] },
    ],
  },
  {
    name: "PUBLISH reaches channels, then patterns, and counts both",
    steps: [
      { send: ["PUBLISH", "news", "nobody"], expect: 0 },
      { send: ["SUBSCRIBE", "news"], connection: 1, push: ["subscribe", "news", 1] },
      { send: ["PSUBSCRIBE", "n?ws"], connection: 1, push: ["psubscribe", "n?ws", 2] },
      { send: ["SUBSCRIBE", "news"], connection: 2, push: ["subscribe", "news", 1] },
      { send: ["PUBLISH", "news", "hello"], expect: 3 },
      ...messages(1, ["message", "news", "hello"], ["pmessage", "n?ws", "news", "hello"]),
      ...messages(2, ["message", "news", "hello"]),
      { send: ["PUBLISH", "nows", "x"], expect: 1 },
      ...messages(1, ["pmessage", "n?ws", "nows", "x"]),
      { send: ["PUBLISH", "other", "x"], expect: 0 },
    ],
  },
  {
    name: "names and messages are bytes, and may be empty",
    steps: [
      { send: ["SUBSCRIBE", "\0\r\n\xff", ""], connection: 1, push: ["subscribe", "\0\r\n\xff", 1] },
      ...messages(1, ["subscribe", "", 2]),
      { send: ["PUBLISH", "\0\r\n\xff", "\0\xfe\r\n"], expect: 1 },
      ...messages(1, ["message", "\0\r\n\xff", "\0\xfe\r\n"]),
      { send: ["PUBLISH", "", ""], expect: 1 },
      ...messages(1, ["message", "", ""]),
    ],
  },
  {
    name: "a large message arrives whole",
    steps: [
      { send: ["SUBSCRIBE", "a"], connection: 1, push: ["subscribe", "a", 1] },
      { send: ["PUBLISH", "a", "x".repeat(300_000)], expect: 1 },
      ...messages(1, ["message", "a", "x".repeat(300_000)]),
    ],
  },
  {
    name: "shard channels are a world of their own",
    steps: [
      { send: ["SSUBSCRIBE", "a", "b"], connection: 1, push: ["ssubscribe", "a", 1] },
      ...messages(1, ["ssubscribe", "b", 2]),
      { send: ["PSUBSCRIBE", "*"], connection: 2, push: ["psubscribe", "*", 1] },
      { send: ["PUBLISH", "a", "x"], expect: 1 },
      ...messages(2, ["pmessage", "*", "a", "x"]),
      { send: ["SPUBLISH", "a", "y"], expect: 1 },
      ...messages(1, ["smessage", "a", "y"]),
      { send: ["SPUBLISH", "c", "z"], expect: 0 },
      { send: ["SUNSUBSCRIBE", "a"], connection: 1, push: ["sunsubscribe", "a", 1] },
      { send: ["SPUBLISH", "a", "y"], expect: 0 },
    ],
  },
  {
    name: "messages arrive in the order of publishing",
    steps: [
      { send: ["SUBSCRIBE", "a", "b"], connection: 1, push: ["subscribe", "a", 1] },
      ...messages(1, ["subscribe", "b", 2]),
      { send: ["PUBLISH", "a", "1"], expect: 1 },
      { send: ["PUBLISH", "b", "2"], expect: 1 },
      { send: ["PUBLISH", "a", "3"], expect: 1 },
      ...messages(1, ["message", "a", "1"], ["message", "b", "2"], ["message", "a", "3"]),
    ],
  },
  {
    name: "publishing inside a transaction",
    steps: [
      { send: ["SUBSCRIBE", "a"], connection: 1, push: ["subscribe", "a", 1] },
      { send: ["MULTI"], expect: "OK" },
      { send: ["PUBLISH", "a", "1"], expect: "QUEUED" },
      { send: ["PUBLISH", "b", "2"], expect: "QUEUED" },
      { send: ["EXEC"], expect: [1, 0] },
      ...messages(1, ["message", "a", "1"]),
    ],
  },
  {
    name: "a connection that ends unsubscribes",
    steps: [
      { send: ["SUBSCRIBE", "gone"], connection: 1, push: ["subscribe", "gone", 1] },
      { send: ["PUBSUB", "NUMSUB", "gone"], expect: ["gone", 1] },
      { send: ["QUIT"], connection: 1, expect: "OK" },
      { send: ["PUBSUB", "NUMSUB", "gone"], expect: ["gone", 0] },
      { send: ["PUBLISH", "gone", "x"], expect: 0 },
    ],
  },
  {
    name: "RESET ends all listening",
    steps: [
      { send: ["SUBSCRIBE", "a"], connection: 1, push: ["subscribe", "a", 1] },
      { send: ["PSUBSCRIBE", "a*"], connection: 1, push: ["psubscribe", "a*", 2] },
      { send: ["SSUBSCRIBE", "a"], connection: 1, push: ["ssubscribe", "a", 1] },
      { send: ["RESET"], connection: 1, expect: "RESET" },
      { send: ["PUBLISH", "a", "x"], expect: 0 },
      { send: ["SPUBLISH", "a", "x"], expect: 0 },
      { send: ["GET", "a"], connection: 1, expect: null },
    ],
  },
];

const modeCases: readonly Case[] = [
  {
    name: "RESP2: who listens may only change topics, PING, RESET and QUIT",
    protocols: [2],
    steps: [
      { send: ["SUBSCRIBE", "a"], push: ["subscribe", "a", 1] },
      ...["get x", "publish x y", "multi", "hello 2", "pubsub numpat"].map((words) => ({
        send: words.split(" "),
        match: /only \(P\|S\)SUBSCRIBE/,
      })),
      { send: ["GET", "x"], error: LISTENING("get") },
      { send: ["GET"], error: "ERR wrong number of arguments for 'get' command" },
      { send: ["NOSUCH"], error: "ERR unknown command 'NOSUCH', with args beginning with: " },
      { send: ["PING"], expect: ["pong", ""] },
      { send: ["PING", "hi"], expect: ["pong", "hi"] },
      { send: ["UNSUBSCRIBE"], push: ["unsubscribe", "a", 0] },
      { send: ["PING"], expect: "PONG" },
      { send: ["GET", "x"], expect: null },
    ],
  },
  {
    name: "RESP2: a shard channel alone restricts as well",
    protocols: [2],
    steps: [
      { send: ["SSUBSCRIBE", "a"], push: ["ssubscribe", "a", 1] },
      { send: ["GET", "x"], error: LISTENING("get") },
      { send: ["SUNSUBSCRIBE"], push: ["sunsubscribe", "a", 0] },
      { send: ["GET", "x"], expect: null },
    ],
  },
  {
    name: "RESP2: SUBSCRIBE inside a transaction is confirmed in the reply of EXEC",
    protocols: [2],
    steps: [
      { send: ["MULTI"], expect: "OK" },
      { send: ["SUBSCRIBE", "a"], expect: "QUEUED" },
      { send: ["PING"], expect: "QUEUED" },
      {
        send: ["EXEC"],
        expect: [
          ["subscribe", "a", 1],
          ["pong", ""],
        ],
      },
    ],
  },
  {
    name: "RESP3: who listens may do everything",
    protocols: [3],
    steps: [
      { send: ["SUBSCRIBE", "a"], push: ["subscribe", "a", 1] },
      { send: ["PSUBSCRIBE", "a*"], push: ["psubscribe", "a*", 2] },
      { send: ["PING"], expect: "PONG" },
      { send: ["SET", "x", "1"], expect: "OK" },
      { send: ["PUBLISH", "a", "self"], expect: 2, push: ["message", "a", "self"] },
      ...messages(0, ["pmessage", "a*", "a", "self"]),
    ],
  },
  {
    name: "sessions of both protocols get the same message, each in its own",
    protocols: [2],
    steps: [
      { send: ["SUBSCRIBE", "a"], connection: 1, push: ["subscribe", "a", 1] },
      { send: ["HELLO", "3"], connection: 2 },
      { send: ["SUBSCRIBE", "a"], connection: 2, push: { ">": ["subscribe", "a", 1] } },
      { send: ["PSUBSCRIBE", "*"], connection: 2, push: { ">": ["psubscribe", "*", 2] } },
      { send: ["PUBLISH", "a", "x"], expect: 3 },
      ...messages(1, ["message", "a", "x"]),
      { send: [], connection: 2, push: { ">": ["message", "a", "x"] } },
      { send: [], connection: 2, push: { ">": ["pmessage", "*", "a", "x"] } },
    ],
  },
];

const askingCases: readonly Case[] = [
  {
    name: "PUBSUB tells who listens to what",
    steps: [
      { send: ["PUBSUB", "CHANNELS"], expect: [] },
      { send: ["PUBSUB", "NUMPAT"], expect: 0 },
      { send: ["PUBSUB", "NUMSUB"], expect: [] },
      { send: ["PUBSUB", "SHARDNUMSUB"], expect: [] },
      { send: ["SUBSCRIBE", "a"], connection: 1, push: ["subscribe", "a", 1] },
      { send: ["PSUBSCRIBE", "a*", "b*"], connection: 1, push: ["psubscribe", "a*", 2] },
      ...messages(1, ["psubscribe", "b*", 3]),
      { send: ["SSUBSCRIBE", "s"], connection: 1, push: ["ssubscribe", "s", 1] },
      { send: ["SUBSCRIBE", "a"], connection: 2, push: ["subscribe", "a", 1] },
      { send: ["PSUBSCRIBE", "a*"], connection: 2, push: ["psubscribe", "a*", 2] },
      { send: ["PUBSUB", "CHANNELS"], expect: ["a"] },
      { send: ["PUBSUB", "CHANNELS", "b*"], expect: [] },
      { send: ["PUBSUB", "CHANNELS", "?"], expect: ["a"] },
      { send: ["PUBSUB", "NUMSUB", "a", "b", "a*"], expect: ["a", 2, "b", 0, "a*", 0] },
      { send: ["PUBSUB", "NUMPAT"], expect: 2 },
      { send: ["PUBSUB", "SHARDCHANNELS"], expect: ["s"] },
      { send: ["PUBSUB", "SHARDCHANNELS", "t*"], expect: [] },
      { send: ["PUBSUB", "SHARDNUMSUB", "s", "a"], expect: ["s", 1, "a", 0] },
    ],
  },
  {
    name: "PUBSUB: mistakes and help",
    steps: [
      { send: ["PUBSUB"], error: "ERR wrong number of arguments for 'pubsub' command" },
      { send: ["PUBSUB", "NOSUCH"], error: "ERR unknown subcommand 'NOSUCH'. Try PUBSUB HELP." },
      {
        send: ["PUBSUB", "CHANNELS", "a", "b"],
        error: "ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.",
      },
      { send: ["PUBSUB", "NUMPAT", "x"], error: "ERR wrong number of arguments for 'pubsub|numpat' command" },
      {
        send: ["PUBSUB", "HELP"],
        match: /^\["PUBSUB <subcommand> \[<arg> \[value\] \[opt\] \.\.\.\]\. Subcommands are:"/,
      },
      { send: ["SUBSCRIBE"], error: "ERR wrong number of arguments for 'subscribe' command" },
      { send: ["PUBLISH", "a"], error: "ERR wrong number of arguments for 'publish' command" },
    ],
  },
  {
    name: "limits are named, and a refused request changes nothing",
    shoalOnly: true,
    steps: [
      {
        send: ["SUBSCRIBE", "good", "x".repeat(4_097)],
        error: "ERR channel is too long: 4097 bytes, the limit is 4096",
      },
      { send: ["PSUBSCRIBE", "x".repeat(1_025)], error: "ERR pattern is too long: 1025 bytes, the limit is 1024" },
      {
        send: ["SSUBSCRIBE", "x".repeat(4_097)],
        error: "ERR shard channel is too long: 4097 bytes, the limit is 4096",
      },
      {
        send: ["PSUBSCRIBE", ...Array.from({ length: 1_025 }, (_, i) => `p${i}`)],
        error: "ERR too many patterns: 1025, the limit of a connection is 1024",
      },
      { send: ["PUBSUB", "NUMSUB", "good"], expect: ["good", 0] },
      { send: ["GET", "a"], expect: null },
    ],
  },
];

const EVENTS = "notify-keyspace-events";
const observe = (classes: string, pattern: string): Step[] => [
  { send: ["CONFIG", "SET", EVENTS, classes], expect: "OK" },
  { send: ["PSUBSCRIBE", pattern], connection: 1, push: ["psubscribe", pattern, 1] },
];
const STOP: Step = { send: ["CONFIG", "SET", EVENTS, ""], expect: "OK" };
/** The message of an event's channel. */
const keyEvent = (event: string, key: string, database = 0): Step => ({
  send: [],
  connection: 1,
  push: ["pmessage", "__keyevent*", `__keyevent@${database}__:${event}`, key],
});

const notificationCases: readonly Case[] = [
  {
    name: "classes of events are read and written as Redis does",
    steps: [
      ...[
        ["KEA", "AKE"],
        ["g$lshzxetd", "A"],
        ["Kxg", "gxK"],
        ["", ""],
      ].flatMap(([given, shown]): Step[] => [
        { send: ["CONFIG", "SET", EVENTS, given as string], expect: "OK" },
        { send: ["CONFIG", "GET", EVENTS], expect: [EVENTS, shown], expect3: { "%": [[EVENTS, shown]] } },
      ]),
      { send: ["CONFIG", "SET", EVENTS, "Kq"], match: /^ERR CONFIG SET failed/ },
    ],
  },
  {
    name: "events of strings",
    steps: [
      ...observe("E$", "__keyevent*"),
      { send: ["SET", "k", "v"], expect: "OK" },
      keyEvent("set", "k"),
      { send: ["APPEND", "k", "v"], expect: 2 },
      keyEvent("append", "k"),
      { send: ["SETRANGE", "k", "0", "x"], expect: 2 },
      keyEvent("setrange", "k"),
      { send: ["GETSET", "k", "1"], expect: "xv" },
      keyEvent("set", "k"),
      { send: ["INCR", "k"], expect: 2 },
      keyEvent("incrby", "k"),
      { send: ["INCRBYFLOAT", "k", "0.5"], expect: "2.5" },
      keyEvent("incrbyfloat", "k"),
      { send: ["SETBIT", "k", "0", "1"], expect: 0 },
      keyEvent("setbit", "k"),
      { send: ["MSET", "a", "1", "b", "2"], expect: "OK" },
      keyEvent("set", "a"),
      keyEvent("set", "b"),
      { send: ["SETNX", "c", "1"], expect: 1 },
      keyEvent("set", "c"),
      { send: ["SETNX", "c", "1"], expect: 0 },
      { send: ["GET", "c"], expect: "1" },
      STOP,
    ],
  },
  {
    name: "generic events",
    steps: [
      { send: ["MSET", "k", "v", "l", "v", "d", "v"], expect: "OK" },
      ...observe("Eg", "__keyevent*"),
      { send: ["EXPIRE", "k", "100"], expect: 1 },
      keyEvent("expire", "k"),
      { send: ["PERSIST", "k"], expect: 1 },
      keyEvent("persist", "k"),
      { send: ["RENAME", "k", "m"], expect: "OK" },
      keyEvent("rename_from", "k"),
      keyEvent("rename_to", "m"),
      { send: ["COPY", "m", "n"], expect: 1 },
      keyEvent("copy_to", "n"),
      { send: ["MOVE", "n", "1"], expect: 1 },
      keyEvent("move_from", "n"),
      keyEvent("move_to", "n", 1),
      { send: ["DEL", "m", "nothing"], expect: 1 },
      keyEvent("del", "m"),
      { send: ["UNLINK", "l"], expect: 1 },
      keyEvent("del", "l"),
      { send: ["GETDEL", "d"], expect: "v" },
      keyEvent("del", "d"),
      { send: ["SET", "x", "1", "EX", "100"], expect: "OK" },
      keyEvent("expire", "x"),
      { send: ["EXPIRE", "x", "-1"], expect: 1 },
      keyEvent("del", "x"),
      STOP,
    ],
  },
  {
    name: "channels of keys, and the database in them",
    steps: [
      ...observe("K$g", "__keyspace*"),
      { send: ["SELECT", "2"], expect: "OK" },
      { send: ["SET", "\xffk", "v"], expect: "OK" },
      { send: [], connection: 1, push: ["pmessage", "__keyspace*", "__keyspace@2__:\xffk", "set"] },
      { send: ["DEL", "\xffk"], expect: 1 },
      { send: [], connection: 1, push: ["pmessage", "__keyspace*", "__keyspace@2__:\xffk", "del"] },
      STOP,
    ],
  },
  {
    name: "expired, missed and new keys",
    steps: [
      ...observe("Exmn", "__keyevent*"),
      { send: ["SET", "k", "v", "PX", "1"], expect: "OK" },
      keyEvent("new", "k"),
      keyEvent("expired", "k"),
      { send: ["GET", "k"], expect: null },
      keyEvent("keymiss", "k"),
      STOP,
    ],
  },
  {
    name: "nothing is published without K or E, or for classes that are not named",
    steps: [
      ...observe("A", "__key*"),
      { send: ["SET", "k", "v"], expect: "OK" },
      { send: ["CONFIG", "SET", EVENTS, "KEx"], expect: "OK" },
      { send: ["SET", "k", "v"], expect: "OK" },
      { send: ["DEL", "k"], expect: 1 },
      STOP,
    ],
  },
];

export const pubsubCases: readonly Case[] = [...messageCases, ...modeCases, ...askingCases, ...notificationCases];
