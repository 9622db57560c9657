/**
 * Conformance of the commands on keys: existence, names, expiry, walks, payloads. Expected replies are what Redis answers.
 */
import type { Case } from "../case.ts";
import { call, fails } from "../steps.ts";

const SYNTAX = "ERR syntax error";
const INTEGER = "ERR value is not an integer or out of range";
const MAX = "9223372036854775807";
const MIN = "-9223372036854775808";
/** In the year 2100, so that exact times can be asked for. */
const FUTURE = 4_102_444_800;

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

const names: Case[] = [
  {
    name: "DEL, UNLINK, EXISTS, TOUCH count what they find",
    steps: [
      call("MSET a 1 b 2 c 3", "OK"),
      call("EXISTS a a nope", 2),
      call("TOUCH a nope b a", 3),
      call("DEL a a nope", 1),
      call("UNLINK b nope b", 1),
      call("EXISTS a b c", 1),
      fails("DEL", "ERR wrong number of arguments for 'del' command"),
      fails("EXISTS", "ERR wrong number of arguments for 'exists' command"),
    ],
  },
  {
    name: "TYPE",
    steps: [call("SET a 1", "OK"), call("TYPE a", "string"), call("TYPE nope", "none")],
  },
  {
    name: "RENAME moves value and expiry",
    steps: [
      call("SET a 1", "OK"),
      call(`PEXPIREAT a ${FUTURE}000`, 1),
      call("RENAME a b", "OK"),
      call("EXISTS a", 0),
      call("GET b", "1"),
      call("EXPIRETIME b", FUTURE),
      call("SET c 3", "OK"),
      call("RENAME c b", "OK"),
      call("GET b", "3"),
      call("TTL b", -1),
      call("RENAME b b", "OK"),
      call("GET b", "3"),
      fails("RENAME nope b", "ERR no such key"),
      fails("RENAME nope nope", "ERR no such key"),
    ],
  },
  {
    name: "RENAMENX",
    steps: [
      call("MSET a 1 b 2", "OK"),
      call("RENAMENX a b", 0),
      call("RENAMENX a a", 0),
      call("RENAMENX a c", 1),
      call("MGET a b c", [null, "2", "1"]),
      fails("RENAMENX a b", "ERR no such key"),
    ],
  },
  {
    name: "COPY",
    steps: [
      call("SET a 1", "OK"),
      call(`PEXPIREAT a ${FUTURE}000`, 1),
      call("COPY a b", 1),
      call("GET b", "1"),
      call("EXPIRETIME b", FUTURE),
      call("SET b 2", "OK"),
      call("COPY a b", 0),
      call("GET b", "2"),
      call("COPY a b REPLACE", 1),
      call("GET b", "1"),
      call("APPEND b x", 2),
      call("GET a", "1"),
      call("COPY nope b REPLACE", 0),
      fails("COPY a a", "ERR source and destination objects are the same"),
      fails("COPY a b DB", SYNTAX),
      fails("COPY a b AND", SYNTAX),
    ],
  },
];

const expiry: Case[] = [
  {
    name: "EXPIRE with conditions",
    steps: [
      call("SET a 1", "OK"),
      call("EXPIRE a 100 XX", 0),
      call("EXPIRE a 100 GT", 0),
      call("EXPIRE a 100 LT", 1),
      call("EXPIRE a 100 NX", 0),
      call("EXPIRE a 200 GT", 1),
      call("EXPIRE a 150 GT", 0),
      call("EXPIRE a 300 LT", 0),
      call("EXPIRE a 150 LT", 1),
      call("EXPIRE a 50 XX", 1),
      call("EXPIRE a 60 xx gt", 1),
      { send: ["TTL", "a"], match: /^(60|59)$/ },
      call("PERSIST a", 1),
      call("PERSIST a", 0),
      call("TTL a", -1),
      call("EXPIRE a 100 NX", 1),
      call("EXPIRE nope 100", 0),
      call("PERSIST nope", 0),
    ],
  },
  {
    name: "absolute expiry",
    steps: [
      call("SET a 1", "OK"),
      call(`EXPIREAT a ${FUTURE}`, 1),
      call("EXPIRETIME a", FUTURE),
      call("PEXPIRETIME a", FUTURE * 1_000),
      call(`PEXPIREAT a ${FUTURE}499`, 1),
      call("EXPIRETIME a", FUTURE),
      call(`PEXPIREAT a ${FUTURE}500`, 1),
      call("EXPIRETIME a", FUTURE + 1),
      call("PEXPIRETIME a", FUTURE * 1_000 + 500),
      call("SET b 1", "OK"),
      call("EXPIRETIME b", -1),
      call("PEXPIRETIME b", -1),
      call("PTTL b", -1),
      call("EXPIRETIME nope", -2),
      call("PEXPIRETIME nope", -2),
      call("TTL nope", -2),
      call("PTTL nope", -2),
    ],
  },
  {
    name: "a time that is over deletes",
    steps: [
      call("MSET a 1 b 1 c 1 d 1 e 1", "OK"),
      call("EXPIRE a 0", 1),
      call("PEXPIRE b -1", 1),
      call("EXPIREAT c 1", 1),
      call("PEXPIREAT d 0", 1),
      call(`PEXPIREAT e ${MIN}`, 1),
      call("EXISTS a b c d e", 0),
      call("DBSIZE", 0),
    ],
  },
  {
    name: "times that are none",
    steps: [
      call("SET a 1", "OK"),
      fails("EXPIRE a ten", INTEGER),
      fails("EXPIRE a 1.5", INTEGER),
      fails("EXPIRE a 99999999999999999999", INTEGER),
      fails(`EXPIRE a ${MAX}`, "ERR invalid expire time in 'expire' command"),
      fails(`EXPIRE a ${MIN}`, "ERR invalid expire time in 'expire' command"),
      fails(`PEXPIRE a ${MAX}`, "ERR invalid expire time in 'pexpire' command"),
      fails(`EXPIREAT a ${MAX}`, "ERR invalid expire time in 'expireat' command"),
      fails("EXPIRE a 10 NX XX", "ERR NX and XX, GT or LT options at the same time are not compatible"),
      fails("EXPIRE a 10 NX LT", "ERR NX and XX, GT or LT options at the same time are not compatible"),
      fails("EXPIRE a 10 GT LT", "ERR GT and LT options at the same time are not compatible"),
      fails("EXPIRE a 10 SOON", "ERR Unsupported option SOON"),
      call("TTL a", -1),
    ],
  },
  {
    name: "a time beyond the year 10889",
    shoalOnly: true,
    steps: [
      call("SET a 1", "OK"),
      fails("PEXPIREAT a 281474976710656", "ERR invalid expire time in 'pexpireat' command"),
      call("PEXPIREAT a 281474976710655", 1),
      call("PEXPIRETIME a", 281_474_976_710_655),
    ],
  },
];

const walks: Case[] = [
  {
    name: "KEYS",
    steps: [
      call("SET one:1 1", "OK"),
      call("KEYS *", ["one:1"]),
      call("KEYS one*", ["one:1"]),
      call("KEYS o?e:[0-9]", ["one:1"]),
      call("KEYS one:[^1]", []),
      call(["KEYS", "one\\:1"], ["one:1"]),
      call("KEYS one", []),
      call("KEYS ONE*", []),
      call("SET one:1 1 PXAT 1", "OK"),
      call("KEYS *", []),
      fails("KEYS", "ERR wrong number of arguments for 'keys' command"),
    ],
  },
  {
    name: "SCAN",
    steps: [
      call("SCAN 0", ["0", []]),
      call("SET key 1", "OK"),
      call("SCAN 0 COUNT 100", ["0", ["key"]]),
      call("SCAN 0 MATCH k* COUNT 100", ["0", ["key"]]),
      call("SCAN 0 MATCH x* COUNT 100", ["0", []]),
      call("SCAN 0 COUNT 100 TYPE string", ["0", ["key"]]),
      call("SCAN 0 COUNT 100 TYPE hash", ["0", []]),
      fails("SCAN ten", "ERR invalid cursor"),
      fails("SCAN 99999999999999999999999", "ERR invalid cursor"),
      fails("SCAN 0 COUNT 0", SYNTAX),
      fails("SCAN 0 COUNT -1", SYNTAX),
      fails("SCAN 0 COUNT ten", INTEGER),
      fails("SCAN 0 MATCH", SYNTAX),
      fails("SCAN 0 LIKE x", SYNTAX),
    ],
  },
  {
    name: "RANDOMKEY and DBSIZE",
    steps: [
      call("RANDOMKEY", null),
      call("DBSIZE", 0),
      call("MSET a 1 b 1", "OK"),
      { send: ["RANDOMKEY"], match: /^[ab]$/ },
      call("DBSIZE", 2),
      call("DEL a", 1),
      call("RANDOMKEY", "b"),
    ],
  },
];

/** Values and their payloads, as Redis 7.0 writes them. */
const PAYLOADS: readonly (readonly [string, string])[] = [
  ["", "00000a005d9b5c400f7fa2da"],
  ["hello world", "000b68656c6c6f20776f726c640a000bfc49b9a6c7a034"],
  ["-1", "00c0ff0a000c937e2485089dc5"],
  ["128", "00c180000a00eb7ab3b510cf4b65"],
  ["-2147483648", "00c2000000800a00c74f873e33558187"],
  ["2147483648", "000a323134373438333634380a00e7b129a34c1d76ee"],
  ["007", "00033030370a007258e27b4c69bad9"],
];
const LZF = hex("00c3094064016161e057000161610a00e8a3b507b06df271");
const HELLO = hex(PAYLOADS[1]?.[1] ?? "");

const payloads: Case[] = [
  {
    name: "DUMP writes what Redis writes",
    steps: [
      ...PAYLOADS.flatMap(([value, payload]) => [
        call(["SET", "a", value], "OK"),
        call("DUMP a", latin1(hex(payload))),
        call(["RESTORE", "b", "0", hex(payload), "REPLACE"], "OK"),
        call("GET b", value),
      ]),
      call("DUMP nope", null),
    ],
  },
  {
    name: "RESTORE reads LZF and sets an expiry",
    steps: [
      call(["RESTORE", "a", "0", LZF], "OK"),
      call("GET a", "a".repeat(100)),
      call("TTL a", -1),
      call(["RESTORE", "a", `${FUTURE}000`, HELLO, "REPLACE", "ABSTTL"], "OK"),
      call("EXPIRETIME a", FUTURE),
      call("GET a", "hello world"),
      call(["RESTORE", "b", "100000", HELLO, "IDLETIME", "10"], "OK"),
      { send: ["TTL", "b"], match: /^(100|99)$/ },
      call(["RESTORE", "c", "0", HELLO, "FREQ", "255"], "OK"),
      call(["RESTORE", "a", "1", HELLO, "REPLACE", "ABSTTL"], "OK"),
      call("EXISTS a", 0),
    ],
  },
  {
    name: "RESTORE refuses",
    steps: [
      call("SET a 1", "OK"),
      fails(["RESTORE", "a", "0", HELLO], "BUSYKEY Target key name already exists."),
      fails(["RESTORE", "b", "-1", HELLO], "ERR Invalid TTL value, must be >= 0"),
      fails(["RESTORE", "b", "ten", HELLO], INTEGER),
      fails(["RESTORE", "b", "0", HELLO, "NOW"], SYNTAX),
      fails(["RESTORE", "b", "0", HELLO, "IDLETIME", "-1"], "ERR Invalid IDLETIME value, must be >= 0"),
      fails(["RESTORE", "b", "0", HELLO, "FREQ", "256"], "ERR Invalid FREQ value, must be >= 0 and <= 255"),
      fails(["RESTORE", "b", "0", HELLO, "FREQ", "1", "IDLETIME", "1"], SYNTAX),
      fails(["RESTORE", "b", "0", "x"], "ERR DUMP payload version or checksum are wrong"),
      fails(["RESTORE", "b", MAX, "x"], "ERR DUMP payload version or checksum are wrong"),
      fails(["RESTORE", "b", "0", HELLO.slice(0, -1)], "ERR DUMP payload version or checksum are wrong"),
      call("EXISTS b", 0),
      call("GET a", "1"),
    ],
  },
  {
    name: "RESTORE of another type",
    shoalOnly: true,
    steps: [
      fails(
        ["RESTORE", "a", "0", hex("1201020a0a0000000100816102ff0a0009b9edf594ded995")],
        "ERR unsupported value: Shoal stores opaque values (strings), and this payload holds another type",
      ),
    ],
  },
];

const inspection: Case[] = [
  {
    name: "OBJECT",
    steps: [
      call("SET a 12345", "OK"),
      call("OBJECT ENCODING a", "int"),
      call("SET a value", "OK"),
      call("OBJECT ENCODING a", "embstr"),
      call(["SET", "a", "x".repeat(44)], "OK"),
      call("OBJECT ENCODING a", "embstr"),
      call(["SET", "a", "x".repeat(45)], "OK"),
      call("OBJECT ENCODING a", "raw"),
      call("SET a 007", "OK"),
      call("OBJECT ENCODING a", "embstr"),
      call(`SET a ${MAX}`, "OK"),
      call("OBJECT ENCODING a", "int"),
      call("SET a 9223372036854775808", "OK"),
      call("OBJECT ENCODING a", "embstr"),
      call("OBJECT REFCOUNT a", 1),
      call("OBJECT IDLETIME a", 0),
      call("OBJECT ENCODING nope", null),
      call("OBJECT FREQ nope", null),
      call("object idletime nope", null),
      fails("OBJECT COLOUR a", "ERR unknown subcommand 'COLOUR'. Try OBJECT HELP."),
      fails("OBJECT ENCODING", "ERR wrong number of arguments for 'object|encoding' command"),
      fails("OBJECT HELP a", "ERR wrong number of arguments for 'object|help' command"),
      { send: ["OBJECT", "HELP"], match: /^\["OBJECT <subcommand>.*"HELP"," {4}Prints this help\."]$/ },
    ],
  },
  {
    name: "OBJECT FREQ counts uses",
    shoalOnly: true,
    steps: [call("SET a 1", "OK"), call("GET a", "1"), { send: ["OBJECT", "FREQ", "a"], match: /^\d+$/ }],
  },
  {
    name: "MEMORY USAGE",
    steps: [
      call(["SET", "a", "x".repeat(1_000)], "OK"),
      { send: ["MEMORY", "USAGE", "a"], match: /^1\d\d\d$/ },
      { send: ["MEMORY", "USAGE", "a", "SAMPLES", "0"], match: /^1\d\d\d$/ },
      call("MEMORY USAGE nope", null),
      fails("MEMORY USAGE a SAMPLES", SYNTAX),
      fails("MEMORY USAGE a SAMPLES -1", SYNTAX),
      fails("MEMORY USAGE a SAMPLES x", INTEGER),
      fails("MEMORY USAGE a EXACTLY", SYNTAX),
    ],
  },
];

export const keyCases: readonly Case[] = [...names, ...expiry, ...walks, ...payloads, ...inspection];
