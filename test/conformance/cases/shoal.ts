/** Commands of Shoal's own. Limits and every mistake: test/unit/protocol/resp/shoal.test.ts. */
import type { Case, Step } from "../case.ts";

const ACKNOWLEDGED =
  /"version",\d+\],\["entries",(-1|\d+)\],\["regions",\[\{"%":\[\["region","[\w.-]+"\],\["status","acknowledged"\]/;
const PURGED = (...words: string[]): Step => ({ send: ["SHOAL.PURGE", ...words], match: ACKNOWLEDGED });
/** What SHOAL.GET answers, as text: versions and ages are not known beforehand. */
const got = (value: string, rest: string, ...words: string[]): Step => ({
  send: ["SHOAL.GET", ...words],
  match: new RegExp(`^\\{"%":\\[\\["value","${value}"\\],\\["age",\\d+\\],${rest}\\]\\}$`),
});

/** A SHOAL.SET or SHOAL.FILL of the key "k". */
const entryRequest = (command: "SHOAL.SET" | "SHOAL.FILL", options: readonly string[]): string[] => [
  ...(command === "SHOAL.SET" ? [command, "k", "v"] : [command, "0123456789abcdef", "k", "v"]),
  ...options,
];

const resp2Cases: readonly Case[] = [
  {
    name: "maps are arrays in RESP2",
    protocols: [2],
    steps: [
      { send: ["SHOAL.SET", "k", "v", "TAGS", "1", "t"], expect: "OK" },
      {
        send: ["SHOAL.GET", "k"],
        match:
          /^\["value","v","age",\d+,"ttl",-1,"swr",-1,"sie",-1,"tags",\["t"\],"version","\d+-[0-9a-f]{8}","stale",0,"type",null\]$/,
      },
      { send: ["SHOAL.PURGE", "KEYS", "1", "k"], match: /^\["version",\d+,"entries",1,"regions",\[\["region",/ },
      { send: ["SHOAL.GET", "k"], expect: null },
      { send: ["SHOAL.LEASE", "k"], match: /^\["token","[0-9a-f]+","expires",\d+\]$/ },
      { send: ["SHOAL.LEASE", "k"], connection: 1, match: /^\["busy",\d+\]$/ },
      { send: ["SHOAL.FILL", "nothing", "k", "v"], expect: ["stored", 0, "reason", "unknown"] },
    ],
  },
];

const entryCases: readonly Case[] = [
  {
    name: "SHOAL.SET and SHOAL.GET: tags, times, type",
    steps: [
      {
        send: ["SHOAL.SET", "k", "v", "PX", "100000", "STALE", "5000", "TAGS", "2", "a", "b", "TYPE", "text/html"],
        expect: "OK",
      },
      got(
        "v",
        '\\["ttl",\\d{5,6}\\],\\["swr",10\\d{4}\\],\\["sie",10\\d{4}\\],\\["tags",\\["a","b"\\]\\],\\["version","\\d+-[0-9a-f]{8}"\\],\\["stale",false\\],\\["type","text/html"\\]',
        "k",
      ),
      { send: ["GET", "k"], expect: "v" },
      { send: ["SET", "k", "w"], expect: "OK" },
      got(
        "w",
        '\\["ttl",-1\\],\\["swr",-1\\],\\["sie",-1\\],\\["tags",\\[\\]\\],\\["version","[^"]+"\\],\\["stale",false\\],\\["type",null\\]',
        "k",
      ),
      { send: ["SHOAL.GET", "nothing"], expect: null },
      { send: ["SHOAL.GET", "nothing", "STALE"], expect: null },
    ],
  },
  {
    name: "writes that change a part keep tags, times and type",
    steps: [
      { send: ["SHOAL.SET", "k", "1", "PX", "90000", "TAGS", "1", "t", "TYPE", "x/y"], expect: "OK" },
      { send: ["INCR", "k"], expect: 2 },
      { send: ["APPEND", "k", "0"], expect: 2 },
      got(
        "20",
        '\\["ttl",\\d{5}\\],\\["swr",\\d{5}\\],\\["sie",\\d{5}\\],\\["tags",\\["t"\\]\\],.*\\["type","x/y"\\]',
        "k",
      ),
      { send: ["RENAME", "k", "j"], expect: "OK" },
      { send: ["COPY", "j", "i"], expect: 1 },
      PURGED("TAGS", "1", "t"),
      { send: ["MGET", "i", "j", "k"], expect: [null, null, null] },
    ],
  },
  ...(["SHOAL.SET", "SHOAL.FILL"] as const).flatMap((command): Case[] => [
    {
      name: `${command}: STALE beside SWR or SIE, and stale times without an expiry, are refused`,
      steps: [
        ...[
          ["PX", "90000", "STALE", "1", "SWR", "1"],
          ["PX", "90000", "SIE", "1", "STALE", "1"],
          ["PX", "90000", "SWR", "1", "SWR", "1"],
        ].map((options) => ({ send: entryRequest(command, options), error: "ERR syntax error" })),
        ...["STALE", "SWR", "SIE"].map((option) => ({
          send: entryRequest(command, [option, "1"]),
          error: `ERR ${option} counts from the expiry: it needs PX, EX, PXAT or EXAT`,
        })),
        { send: ["EXISTS", "k"], expect: 0 },
      ],
    },
  ]),
  {
    name: "stale times: SWR, SIE, and STALE for both; they move with the expiry, and go with it",
    steps: [
      { send: ["SHOAL.SET", "k", "v", "PX", "90000", "SWR", "100000", "SIE", "1000000"], expect: "OK" },
      got("v", '\\["ttl",[89]\\d{4}\\],\\["swr",1[89]\\d{4}\\],\\["sie",10[89]\\d{4}\\],.*', "k"),
      { send: ["COPY", "k", "copy"], expect: 1 },
      { send: ["PEXPIRE", "k", "20000"], expect: 1 },
      got("v", '\\["ttl",[12]\\d{4}\\],\\["swr",1[12]\\d{4}\\],\\["sie",10[12]\\d{4}\\],.*', "k"),
      got("v", '\\["ttl",[89]\\d{4}\\],\\["swr",1[89]\\d{4}\\],\\["sie",10[89]\\d{4}\\],.*', "copy"),
      { send: ["SHOAL.INVALIDATE", "KEYS", "1", "copy"], match: ACKNOWLEDGED },
      got("v", '.*\\["swr",1[89]\\d{4}\\],\\["sie",10[89]\\d{4}\\],.*\\["stale",true\\],.*', "copy", "STALE"),
      { send: ["PERSIST", "k"], expect: 1 },
      got("v", '\\["ttl",-1\\],\\["swr",-1\\],\\["sie",-1\\],.*', "k"),
      { send: ["SHOAL.SET", "k", "v", "PX", "90000", "SIE", "1000000"], expect: "OK" },
      got("v", '\\["ttl",[89]\\d{4}\\],\\["swr",[89]\\d{4}\\],\\["sie",10[89]\\d{4}\\],.*', "k"),
      { send: ["SHOAL.SET", "k", "v", "PX", "90000", "SWR", "1000000"], expect: "OK" },
      got("v", '\\["ttl",[89]\\d{4}\\],\\["swr",10[89]\\d{4}\\],\\["sie",10[89]\\d{4}\\],.*', "k"),
    ],
  },
  {
    name: "NX, XX, and mistakes that leave the old value",
    steps: [
      { send: ["SHOAL.SET", "k", "1", "XX"], expect: null },
      { send: ["SHOAL.SET", "k", "1", "NX"], expect: "OK" },
      { send: ["SHOAL.SET", "k", "2", "NX"], expect: null },
      { send: ["SHOAL.SET", "k", "2", "FOO"], error: "ERR syntax error" },
      {
        send: ["SHOAL.SET", "k", "2", "PX", "0"],
        error: "ERR invalid expire time in 'shoal.set' command: PX must be at least 1",
      },
      {
        send: ["SHOAL.SET", "k", "2", "TAGS", "1", "x".repeat(300)],
        error: "ERR tag is too long: 300 bytes, the limit is 256",
      },
      { send: ["SHOAL.SET", "k"], error: "ERR wrong number of arguments for 'shoal.set' command" },
      { send: ["GET", "k"], expect: "1" },
    ],
  },
  {
    name: "databases are apart, tags are not",
    steps: [
      { send: ["SHOAL.SET", "k", "zero", "TAGS", "1", "t"], expect: "OK" },
      { send: ["SELECT", "1"], expect: "OK" },
      { send: ["SHOAL.GET", "k"], expect: null },
      { send: ["SHOAL.SET", "k", "one", "TAGS", "1", "t"], expect: "OK" },
      PURGED("KEYS", "1", "k"),
      { send: ["SELECT", "0"], expect: "OK" },
      { send: ["GET", "k"], expect: "zero" },
      { send: ["SELECT", "1"], expect: "OK" },
      PURGED("MATCH", "k*", "ALL"),
      { send: ["SELECT", "0"], expect: "OK" },
      { send: ["GET", "k"], expect: "zero" },
      { send: ["SELECT", "1"], expect: "OK" },
      PURGED("TAGS", "1", "t"),
      { send: ["SELECT", "0"], expect: "OK" },
      { send: ["GET", "k"], expect: null },
    ],
  },
  {
    name: "inside a transaction",
    steps: [
      { send: ["MULTI"], expect: "OK" },
      { send: ["SHOAL.SET", "k", "v", "TAGS", "1", "t"], expect: "QUEUED" },
      { send: ["SHOAL.PURGE", "TAGS", "1", "t"], expect: "QUEUED" },
      { send: ["SHOAL.GET", "k"], expect: "QUEUED" },
      { send: ["EXEC"], match: /^\["OK",\{"%":\[\["version",\d+\].*\},null\]$/ },
    ],
  },
];

const FILL: readonly Step[] = [
  { send: ["SHOAL.SET", "user:1", "1", "TAGS", "2", "users", "admin"], expect: "OK" },
  { send: ["SHOAL.SET", "user:2", "2", "TAGS", "1", "users"], expect: "OK" },
  { send: ["SHOAL.SET", "page:1", "3"], expect: "OK" },
];
const left = (...values: (string | null)[]): Step => ({
  send: ["MGET", "user:1", "user:2", "page:1"],
  expect: values,
});

const invalidationCases: readonly Case[] = [
  { words: ["KEYS", "2", "user:1", "nothing"], values: [null, "2", "3"] },
  { words: ["TAGS", "1", "users"], values: [null, null, "3"] },
  { words: ["TAGS", "2", "admin", "unknown"], values: [null, "2", "3"] },
  { words: ["MATCH", "user:*"], values: [null, null, "3"] },
  { words: ["MATCH", "*:[1]"], values: [null, "2", null] },
  { words: ["KEYS", "1", "page:1", "TAGS", "1", "admin", "MATCH", "x"], values: [null, "2", null] },
  { words: ["ALL"], values: [null, null, null] },
].flatMap(({ words, values }): Case[] => [
  {
    name: `SHOAL.PURGE ${words.join(" ")}: gone`,
    steps: [
      ...FILL,
      PURGED(...words),
      left(...values),
      { send: ["SHOAL.GET", "user:2", "STALE"], match: values[1] ? /"2"/ : /null/ },
    ],
  },
  {
    name: `SHOAL.INVALIDATE ${words.join(" ")}: stale`,
    steps: [
      ...FILL,
      { send: ["SHOAL.INVALIDATE", ...words], match: ACKNOWLEDGED },
      left(...values),
      {
        send: ["SHOAL.GET", "user:2", "STALE"],
        match: values[1] ? /\["stale",false\]/ : /\["value","2"\].*\["stale",true\]/,
      },
      { send: ["SHOAL.SET", "user:2", "4", "TAGS", "1", "users"], expect: "OK" },
      { send: ["GET", "user:2"], expect: "4" },
    ],
  },
]);

const leaseCases: readonly Case[] = [
  {
    name: "one lease at a time; a token that is not one",
    steps: [
      {
        send: ["SHOAL.LEASE", "k", "PX", "5000"],
        match: /^\{"%":\[\["token","[0-9a-f]{16}"\],\["expires",\d+\]\]\}$/,
      },
      { send: ["SHOAL.LEASE", "k"], connection: 1, match: /^\{"%":\[\["busy",\d{1,4}\]\]\}$/ },
      { send: ["SHOAL.LEASE", "j"], connection: 1, match: /token/ },
      {
        send: ["SHOAL.FILL", "0123456789abcdef", "k", "v"],
        expect: {
          "%": [
            ["stored", false],
            ["reason", "unknown"],
          ],
        },
      },
      { send: ["SHOAL.RELEASE", "0123456789abcdef"], expect: 0 },
      {
        send: ["SHOAL.LEASE", "i", "PX", "30001"],
        error: "ERR lease is too long: 30001 ms, the limit is 30000 (maxLeaseMs)",
      },
    ],
  },
];

export const shoalCases: readonly Case[] = [...resp2Cases, ...entryCases, ...invalidationCases, ...leaseCases].map(
  (one) => ({ protocols: [3], ...one, shoalOnly: true }),
);
