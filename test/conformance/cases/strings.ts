/**
 * Conformance of the string commands. Expected replies are what Redis answers; where only a later version does, the
 * case names it. (tidy: test cases)
 */
import type { Case, Step } from "../case.ts";
import { call, fails } from "../steps.ts";

const SYNTAX = "ERR syntax error";
const INTEGER = "ERR value is not an integer or out of range";
const FLOAT = "ERR value is not a valid float";
const OVERFLOW = "ERR increment or decrement would overflow";
const TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
const MIN = "-9223372036854775808";
const MAX = "9223372036854775807";
/** In the year 2100, so that exact times can be asked for. */
const FUTURE = "4102444800";

function expireError(command: string): string {
  return `ERR invalid expire time in '${command}' command`;
}

function arityError(command: string): string {
  return `ERR wrong number of arguments for '${command}' command`;
}

const getAndSet: Case[] = [
  {
    name: "SET and GET",
    steps: [
      call("GET k", null),
      call("SET k value", "OK"),
      call("GET k", "value"),
      call("set K other", "OK"),
      call("GET k", "value"),
      call(["SET", "k", ""], "OK"),
      call("GET k", ""),
      call(["SET", "", "empty key"], "OK"),
      call(["GET", ""], "empty key"),
    ],
  },
  {
    name: "SET and GET any bytes",
    steps: [
      call(["SET", "\0\r\n\xff", "\0\r\n$5\r\n\xff\x80"], "OK"),
      call(["GET", "\0\r\n\xff"], "\0\r\n$5\r\n\xff\x80"),
      call(["SET", "\xff\x00", "a"], "OK"),
      call(["SET", "\xff\x01", "b"], "OK"),
      call(["MGET", "\xff\x00", "\xff\x01", "\xff"], ["a", "b", null]),
    ],
  },
  {
    name: "values around the lengths where headers and copies change",
    steps: [9, 10, 47, 48, 49, 99, 100, 999, 1000, 1023, 1024, 70_000].flatMap((length) => [
      call(["SET", "k", "x".repeat(length)], "OK"),
      call("GET k", "x".repeat(length)),
      call("STRLEN k", length),
    ]),
  },
  {
    name: "SET drops the expiry",
    steps: [
      call(`SET k v EXAT ${FUTURE}`, "OK"),
      call("EXPIRETIME k", Number(FUTURE)),
      call("SET k v", "OK"),
      call("TTL k", -1),
    ],
  },
  {
    name: "SET with times",
    steps: [
      call("SET k v EX 100", "OK"),
      call("TTL k", 100),
      call("SET k v PX 100000", "OK"),
      call("TTL k", 100),
      call("SET k v ex 200", "OK"),
      call("TTL k", 200),
      call(`SET k v EXAT ${FUTURE}`, "OK"),
      call("EXPIRETIME k", Number(FUTURE)),
      call(`SET k v PXAT ${FUTURE}123`, "OK"),
      call("PEXPIRETIME k", Number(`${FUTURE}123`)),
      call("SET k v EX 5 EX 300", "OK"),
      call("TTL k", 300),
    ],
  },
  {
    name: "SET with KEEPTTL",
    steps: [
      call("SET k a KEEPTTL", "OK"),
      call("TTL k", -1),
      call(`SET k b EXAT ${FUTURE}`, "OK"),
      call("SET k c KEEPTTL", "OK"),
      call("EXPIRETIME k", Number(FUTURE)),
      call("GET k", "c"),
      call("SET k d XX GET KEEPTTL", "c"),
      call("EXPIRETIME k", Number(FUTURE)),
    ],
  },
  {
    name: "SET with a time that has passed",
    steps: [
      call("SET k v", "OK"),
      call("SET k w EXAT 1", "OK"),
      call("GET k", null),
      call("SET k v", "OK"),
      call("SET k w PXAT 1 GET", "v"),
      call("EXISTS k", 0),
    ],
  },
  {
    name: "SET with bad times",
    steps: [
      call("SET k old", "OK"),
      ...["EX 0", "EX -1", "PX 0", "PX -5", "EXAT 0", "EXAT -1", "PXAT 0", "PXAT -1"].map((time) =>
        fails(`SET k v ${time}`, expireError("set")),
      ),
      fails(`SET k v EX ${MAX}`, expireError("set")),
      fails(`SET k v PX ${MAX}`, expireError("set")),
      fails("SET k v EX 9223372036854776", expireError("set")),
      fails("SET k v EXAT 9223372036854776", expireError("set")),
      ...["abc", "1.5", "+1", "01", "9223372036854775808", "1x"].flatMap((time) => [
        fails(`SET k v EX ${time}`, INTEGER),
        fails(`SET k v PXAT ${time}`, INTEGER),
      ]),
      fails(["SET", "k", "v", "EX", ""], INTEGER),
      fails(["SET", "k", "v", "PX", " 1"], INTEGER),
      call("GET k", "old"),
      call("TTL k", -1),
    ],
  },
  {
    name: "SET with NX and XX",
    steps: [
      call("SET k a XX", null),
      call("EXISTS k", 0),
      call("SET k a NX", "OK"),
      call("SET k b NX", null),
      call("GET k", "a"),
      call("SET k b XX", "OK"),
      call("GET k", "b"),
      call("SET k c NX GET", "b"),
      call("GET k", "b"),
      call("SET new c NX GET", null),
      call("GET new", "c"),
      call("SET none c XX GET", null),
      call("EXISTS none", 0),
      call("SET k c xx EX 100 get", "b"),
      call("TTL k", 100),
      call("SET k d NX NX", null),
    ],
  },
  {
    name: "SET with GET",
    steps: [call("SET k a GET", null), call("SET k b GET", "a"), call("SET k c GET EX 100", "b"), call("TTL k", 100)],
  },
  {
    name: "SET with options that contradict each other",
    steps: [
      ...["NX XX", "XX NX", "EX 1 PX 1", "EX 1 KEEPTTL", "KEEPTTL EX 1", "PXAT 1 EXAT 1", "EX", "PX", "EXAT"].map(
        (options) => fails(`SET k v ${options}`, SYNTAX),
      ),
      ...["PERSIST", "FOO", "NXX", "1", "EX 1 FOO", "GET EX"].map((options) => fails(`SET k v ${options}`, SYNTAX)),
      fails(["SET", "k", "v", ""], SYNTAX),
      call("EXISTS k", 0),
      fails("SET k v EX abc FOO", SYNTAX),
    ],
  },
  {
    name: "SET with IFEQ",
    redis: "8.4",
    steps: [
      call("SET k new IFEQ old", null),
      call("EXISTS k", 0),
      call("SET k old", "OK"),
      call("SET k new IFEQ other", null),
      call("SET k new IFEQ ol", null),
      call("SET k new IFEQ oldd", null),
      call("GET k", "old"),
      call("SET k new IFEQ old EX 100", "OK"),
      call("GET k", "new"),
      call("TTL k", 100),
      call("SET k newer ifeq new KEEPTTL", "OK"),
      call("TTL k", 100),
      call("SET k newest IFEQ wrong GET", "newer"),
      call("GET k", "newer"),
      call("SET k newest IFEQ newer GET", "newer"),
      call("GET k", "newest"),
      call("SET none v IFEQ x GET", null),
      call("EXISTS none", 0),
      call(["SET", "k", ""], "OK"),
      call(["SET", "k", "v", "IFEQ", ""], "OK"),
      fails("SET k v IFEQ", SYNTAX),
      fails("SET k v IFEQ a NX", SYNTAX),
      fails("SET k v XX IFEQ a", SYNTAX),
    ],
  },
  {
    name: "SET with IFNE",
    redis: "8.4",
    steps: [
      call("SET k a IFNE x", "OK"),
      call("SET k b IFNE a", null),
      call("SET k b IFNE a GET", "a"),
      call("SET k b IFNE z GET", "a"),
      call("GET k", "b"),
      fails("SET k v IFNE a IFEQ b", SYNTAX),
    ],
  },
  {
    name: "GET and SET with the wrong number of arguments",
    steps: [
      fails("GET", arityError("get")),
      fails("GET a b", arityError("get")),
      fails("SET k", arityError("set")),
      fails("GETDEL a b", arityError("getdel")),
    ],
  },
];

const setVariants: Case[] = [
  {
    name: "SETEX and PSETEX",
    steps: [
      call("SETEX k 100 v", "OK"),
      call("GET k", "v"),
      call("TTL k", 100),
      call("PSETEX k 200000 w", "OK"),
      call("GET k", "w"),
      call("TTL k", 200),
      fails("SETEX k 0 x", expireError("setex")),
      fails("SETEX k -1 x", expireError("setex")),
      fails("PSETEX k 0 x", expireError("psetex")),
      fails("SETEX k abc x", INTEGER),
      fails("PSETEX k 1.5 x", INTEGER),
      fails(`SETEX k ${MAX} x`, expireError("setex")),
      fails("SETEX k 1", arityError("setex")),
      call("GET k", "w"),
    ],
  },
  {
    name: "SETNX",
    steps: [
      call("SETNX k a", 1),
      call("SETNX k b", 0),
      call("GET k", "a"),
      call("SET k c EX 100", "OK"),
      call("SETNX k d", 0),
      call("TTL k", 100),
    ],
  },
  {
    name: "GETSET",
    steps: [
      call("GETSET k a", null),
      call("GETSET k b", "a"),
      call("SET k c EX 100", "OK"),
      call("GETSET k d", "c"),
      call("TTL k", -1),
      call("GET k", "d"),
    ],
  },
  {
    name: "GETDEL",
    steps: [call("GETDEL k", null), call("SET k v", "OK"), call("GETDEL k", "v"), call("EXISTS k", 0)],
  },
  {
    name: "GETEX",
    steps: [
      call("GETEX k", null),
      call("SET k v", "OK"),
      call("GETEX k", "v"),
      call("TTL k", -1),
      call("GETEX k EX 100", "v"),
      call("TTL k", 100),
      call("GETEX k", "v"),
      call("TTL k", 100),
      call("GETEX k PX 200000", "v"),
      call("TTL k", 200),
      call(`GETEX k EXAT ${FUTURE}`, "v"),
      call("EXPIRETIME k", Number(FUTURE)),
      call(`GETEX k PXAT ${FUTURE}123`, "v"),
      call("PEXPIRETIME k", Number(`${FUTURE}123`)),
      call("GETEX k PERSIST", "v"),
      call("TTL k", -1),
      call("GETEX k PERSIST", "v"),
      call("GETEX k EXAT 1", "v"),
      call("EXISTS k", 0),
    ],
  },
  {
    name: "GETEX with bad options",
    steps: [
      call("SET k v EX 100", "OK"),
      ...["FOO", "EX", "EX 1 PX 1", "PERSIST EX 1", "EX 1 PERSIST", "NX", "KEEPTTL", "GET"].map((options) =>
        fails(`GETEX k ${options}`, SYNTAX),
      ),
      fails("GETEX none EX", SYNTAX),
      fails("GETEX k EX 0", expireError("getex")),
      fails("GETEX k PXAT -1", expireError("getex")),
      fails("GETEX k EX abc", INTEGER),
      call("TTL k", 100),
    ],
  },
  {
    name: "DELEX",
    redis: "8.4",
    steps: [
      call("DELEX k", 0),
      call("DELEX k IFEQ v", 0),
      call("DELEX k IFNE v", 0),
      call("SET k v", "OK"),
      call("DELEX k IFEQ w", 0),
      call("DELEX k IFNE v", 0),
      call("GET k", "v"),
      call("DELEX k ifeq v", 1),
      call("EXISTS k", 0),
      call("SET k v", "OK"),
      call("DELEX k IFNE w", 1),
      call("SET k v", "OK"),
      call("DELEX k", 1),
      fails("DELEX k IFEQ", arityError("delex")),
      fails("DELEX k IFEQ a b", arityError("delex")),
    ],
  },
  {
    name: "DELEX with an unknown condition",
    shoalOnly: true,
    steps: [call("SET k v", "OK"), fails("DELEX k IF v", "ERR Invalid condition. Use IFEQ or IFNE")],
  },
];

const several: Case[] = [
  {
    name: "MGET",
    steps: [
      call("MGET a", [null]),
      call("MSET a 1 b 2", "OK"),
      call("MGET a none b a", ["1", null, "2", "1"]),
      fails("MGET", arityError("mget")),
    ],
  },
  {
    name: "MSET",
    steps: [
      call("SET a old EX 100", "OK"),
      call("MSET a 1 b 2 a 3", "OK"),
      call("MGET a b", ["3", "2"]),
      call("TTL a", -1),
      fails("MSET a", arityError("mset")),
      fails("MSET a 1 b", arityError("mset")),
      call("MGET a b", ["3", "2"]),
    ],
  },
  {
    name: "MSETNX",
    steps: [
      call("MSETNX a 1 b 2", 1),
      call("MSETNX c 3 b 4", 0),
      call("MGET a b c", ["1", "2", null]),
      call("MSETNX c 3 c 4", 1),
      call("GET c", "4"),
      fails("MSETNX a 1 b", arityError("msetnx")),
    ],
  },
  {
    name: "MSETEX",
    redis: "8.4",
    steps: [
      call("MSETEX 2 a 1 b 2 EX 100", 1),
      call("MGET a b", ["1", "2"]),
      call("TTL a", 100),
      call("TTL b", 100),
      call("MSETEX 1 a 2 KEEPTTL", 1),
      call("TTL a", 100),
      call("MSETEX 2 a 3 b 3", 1),
      call("TTL a", -1),
      call("MSETEX 2 a 4 c 4 NX", 0),
      call("MSETEX 2 a 4 c 4 XX", 0),
      call("MGET a c", ["3", null]),
      call("MSETEX 2 c 4 d 4 NX PX 100000", 1),
      call("TTL d", 100),
      call("MSETEX 2 c 5 d 5 XX", 1),
      call(`MSETEX 1 c 6 pxat ${FUTURE}000`, 1),
      call("EXPIRETIME c", Number(FUTURE)),
      call("MSETEX 1 c 7 EXAT 1", 1),
      call("EXISTS c", 0),
    ],
  },
  {
    name: "MSETEX with bad arguments",
    redis: "8.4",
    steps: [
      fails("MSETEX a 1 EX 10", "ERR invalid numkeys value"),
      fails("MSETEX 0 a 1", "ERR invalid numkeys value"),
      fails("MSETEX -1 a 1", "ERR invalid numkeys value"),
      fails("MSETEX 2147483648 a 1", "ERR invalid numkeys value"),
      fails("MSETEX 2147483647 a 1", "ERR wrong number of key-value pairs"),
      fails("MSETEX 2 a 1 b", "ERR wrong number of key-value pairs"),
      fails("MSETEX 1 a 1 FOO", SYNTAX),
      fails("MSETEX 1 a 1 NX XX", SYNTAX),
      fails("MSETEX 1 a 1 EX 1 PX 1", SYNTAX),
      fails("MSETEX 1 a 1 GET", SYNTAX),
      fails("MSETEX 1 a 1 EX", SYNTAX),
      fails("MSETEX 1 a 1 EX 0", expireError("msetex")),
      fails("MSETEX 1 a 1 EX x", INTEGER),
      fails("MSETEX 1 a", arityError("msetex")),
      call("EXISTS a b", 0),
    ],
  },
];

const parts: Case[] = [
  {
    name: "APPEND and STRLEN",
    steps: [
      call("STRLEN k", 0),
      call("APPEND k abc", 3),
      call("APPEND k def", 6),
      call(["APPEND", "k", ""], 6),
      call("GET k", "abcdef"),
      call("STRLEN k", 6),
      call(["APPEND", "empty", ""], 0),
      call("SET k x EX 100", "OK"),
      call("APPEND k y", 2),
      call("TTL k", 100),
      call("SET k 12", "OK"),
      call("APPEND k 3", 3),
      call("INCR k", 124),
    ],
  },
  {
    name: "SETRANGE",
    steps: [
      call(["SETRANGE", "k", "0", ""], 0),
      call(["SETRANGE", "k", "5", ""], 0),
      call("EXISTS k", 0),
      call("SETRANGE k 0 foo", 3),
      call("SETRANGE k 1 b", 3),
      call("GET k", "fbo"),
      call("SETRANGE k 5 bar", 8),
      call("GET k", "fbo\0\0bar"),
      call(["SETRANGE", "k", "100", ""], 8),
      call("SETRANGE new 2 x", 3),
      call("GET new", "\0\0x"),
      call(`SET k abc EXAT ${FUTURE}`, "OK"),
      call("SETRANGE k 0 x", 3),
      call("EXPIRETIME k", Number(FUTURE)),
    ],
  },
  {
    name: "SETRANGE with bad offsets",
    steps: [
      fails("SETRANGE k -1 x", "ERR offset is out of range"),
      fails("SETRANGE k abc x", INTEGER),
      fails("SETRANGE k 536870912 x", TOO_LONG),
      fails("SETRANGE k 536870908 foobar", TOO_LONG),
      fails(`SETRANGE k ${MAX} A`, TOO_LONG),
      call(["SETRANGE", "k", MAX, ""], 0),
      call("EXISTS k", 0),
    ],
  },
  {
    name: "values that would grow beyond maxValueBytes",
    shoalOnly: true,
    steps: [
      call(["SET", "k", "x".repeat(1_048_000)], "OK"),
      fails(["APPEND", "k", "x".repeat(1_000)], TOO_LONG),
      fails("SETRANGE k 1048576 x", TOO_LONG),
      fails("SETBIT k 8388608 1", "ERR bit offset is not an integer or out of range"),
      fails("BITFIELD k SET u8 8388601 1", "ERR bit offset is not an integer or out of range"),
      call("STRLEN k", 1_048_000),
    ],
  },
  {
    name: "GETRANGE and SUBSTR",
    steps: [
      call("GETRANGE k 0 -1", ""),
      call("SET k", { error: arityError("set") }),
      call(["SET", "k", "Hello World"], "OK"),
      call("GETRANGE k 0 3", "Hell"),
      call("GETRANGE k 0 -1", "Hello World"),
      call("GETRANGE k -4 -1", "orld"),
      call("GETRANGE k 5 3", ""),
      call("GETRANGE k 5 5000", " World"),
      call("GETRANGE k -5000 10000", "Hello World"),
      call("GETRANGE k -1 -5", ""),
      call("GETRANGE k -5000 -5000", "H"),
      call(`GETRANGE k ${MIN} -9223372036854775807`, "H"),
      call(`GETRANGE k -9223372036854775807 ${MIN}`, ""),
      call("GETRANGE k 11 11", ""),
      call(`GETRANGE k 0 ${MAX}`, "Hello World"),
      call(`GETRANGE k ${MIN} 4`, "Hello"),
      call("SUBSTR k 6 -1", "World"),
      fails("GETRANGE k a 1", INTEGER),
      fails("GETRANGE k 1 b", INTEGER),
      call(["SET", "k", ""], "OK"),
      call("GETRANGE k 0 -1", ""),
    ],
  },
];

const counters: Case[] = [
  {
    name: "INCR, DECR, INCRBY, DECRBY",
    steps: [
      call("INCR k", 1),
      call("INCR k", 2),
      call("INCRBY k 40", 42),
      call("DECR k", 41),
      call("DECRBY k 50", -9),
      call("INCRBY k -1", -10),
      call("DECRBY k -10", 0),
      call("GET k", "0"),
      call("DECR new", -1),
      call("DECRBY zero 0", 0),
      call("GET zero", "0"),
      call("SET k 5 EX 100", "OK"),
      call("INCR k", 6),
      call("TTL k", 100),
    ],
  },
  {
    name: "counters beyond 2^53",
    steps: [
      call("SET k 9007199254740990", "OK"),
      call("INCR k", 9007199254740991),
      call("INCR k", 9007199254740992n),
      call("INCR k", 9007199254740993n),
      call("GET k", "9007199254740993"),
      call("INCRBY k 9007199254740993", 18014398509481986n),
      call("DECRBY k 18014398509481985", 1),
      call(`SET k ${MAX}`, "OK"),
      fails("INCR k", OVERFLOW),
      call("DECR k", 9223372036854775806n),
      call("INCRBY k 1", 9223372036854775807n),
      call(`SET k ${MIN}`, "OK"),
      fails("DECR k", OVERFLOW),
      fails("INCRBY k -1", OVERFLOW),
      call("INCR k", -9223372036854775807n),
      call(`INCRBY k ${MAX}`, 0),
      call(`INCRBY k ${MIN}`, -9223372036854775808n),
      call("SET k 0", "OK"),
      fails(`DECRBY k ${MIN}`, "ERR decrement would overflow"),
      call(`DECRBY k ${MAX}`, -9223372036854775807n),
    ],
  },
  {
    name: "counters that are no integers",
    steps: [
      ...["abc", "1.5", "01", "+1", "-0", "9223372036854775808", "1e3"].flatMap((value) => [
        call(["SET", "k", value], "OK"),
        fails("INCR k", INTEGER),
        fails("DECRBY k 2", INTEGER),
        call("GET k", value),
      ]),
      ...["", " 1", "1 ", "-", "1\r\n"].flatMap((value) => [
        call(["SET", "k", value], "OK"),
        fails(["INCRBY", "k", "5"], INTEGER),
      ]),
      call("SET k 1", "OK"),
      ...["abc", "1.5", "01", "+1", "-0", "9223372036854775808"].flatMap((by) => [
        fails(`INCRBY k ${by}`, INTEGER),
        fails(`DECRBY k ${by}`, INTEGER),
      ]),
      call("GET k", "1"),
    ],
  },
  {
    name: "INCRBYFLOAT",
    steps: [
      call("INCRBYFLOAT k 1", "1"),
      call("SET k 10.50", "OK"),
      call("INCRBYFLOAT k 0.1", "10.6"),
      call("INCRBYFLOAT k -5", "5.6"),
      call("SET k 5.0e3", "OK"),
      call("INCRBYFLOAT k 2.0e2", "5200"),
      call("SET k 3.0", "OK"),
      call("INCRBYFLOAT k 1", "4"),
      call("INCRBYFLOAT k -4.5", "-0.5"),
      call("GET k", "-0.5"),
      call("INCRBYFLOAT k +.5", "0"),
      call("SET k 3", "OK"),
      call("INCRBYFLOAT k 1.1", "4.1"),
      call("INCRBYFLOAT k 1e-7", "4.1000001"),
      call("SET k 17179869184 EX 100", "OK"),
      call("INCRBYFLOAT k 1.5", "17179869185.5"),
      call("TTL k", 100),
      call("SET k 0x10", "OK"),
      call("INCRBYFLOAT k -0X1.8p+1", "13"),
    ],
  },
  {
    name: "INCRBYFLOAT with what is no float",
    steps: [
      call("SET k 1", "OK"),
      ...["abc", "1,5", "1.5.5", "--1", "nan", ".", "1e", "0x", "0x.", "0x1p", "1p3", "0xg"].map((by) =>
        fails(`INCRBYFLOAT k ${by}`, FLOAT),
      ),
      ...["", " 1", "1 ", " "].map((by) => fails(["INCRBYFLOAT", "k", by], FLOAT)),
      fails("INCRBYFLOAT k inf", "ERR increment would produce NaN or Infinity"),
      fails("INCRBYFLOAT k -infinity", "ERR increment would produce NaN or Infinity"),
      call("GET k", "1"),
      call("SET k abc", "OK"),
      fails("INCRBYFLOAT k 1", FLOAT),
      call(["SET", "k", ""], "OK"),
      fails("INCRBYFLOAT k 1", FLOAT),
    ],
  },
];

const matches = [
  [
    [4, 7],
    [5, 8],
  ],
  [
    [2, 3],
    [0, 1],
  ],
];
const lengths = [4, 2];
const measured = matches.map((match, i) => [...match, lengths[i]]);

/** LCS's map: RESP2 gets it as an array. */
function mapped(command: string, runs: unknown): Step {
  return {
    send: command.split(" "),
    expect: ["matches", runs, "len", 6],
    expect3: {
      "%": [
        ["matches", runs],
        ["len", 6],
      ],
    },
  };
}

const subsequences: Case[] = [
  {
    name: "LCS",
    redis: "7.0",
    steps: [
      call("MSET a ohmytext b mynewtext", "OK"),
      call("LCS a b", "mytext"),
      call("LCS a b LEN", 6),
      mapped("LCS a b IDX", matches),
      mapped("LCS a b idx withmatchlen", measured),
      mapped("LCS a b IDX MINMATCHLEN 4", matches.slice(0, 1)),
      mapped("LCS a b IDX MINMATCHLEN 5", []),
      mapped("LCS a b IDX MINMATCHLEN -5", matches),
      mapped("LCS a b IDX MINMATCHLEN 3 WITHMATCHLEN", measured.slice(0, 1)),
      call("LCS a b WITHMATCHLEN", "mytext"),
      call("LCS a none", ""),
      call("LCS a none LEN", 0),
      call("LCS none none", ""),
      call("LCS a a", "ohmytext"),
    ],
  },
  {
    name: "LCS with bad options",
    redis: "7.0",
    steps: [
      call("MSET a ohmytext b mynewtext", "OK"),
      fails("LCS a b IDX LEN", "ERR If you want both the length and indexes, please just use IDX."),
      fails("LCS a b FOO", SYNTAX),
      fails("LCS a b MINMATCHLEN", SYNTAX),
      fails("LCS a b MINMATCHLEN x", INTEGER),
      fails("LCS a", arityError("lcs")),
    ],
  },
  {
    name: "LCS of values that are too long for it",
    shoalOnly: true,
    steps: [
      call(["SET", "a", "x".repeat(8193)], "OK"),
      call("LCS a b LEN", 0),
      fails(
        "LCS a a LEN",
        "ERR values are too long for LCS: the product of their lengths is 67125249, the limit 67108864",
      ),
    ],
  },
];

const LONG_KEY = "k".repeat(1025);
const LONG_VALUE = "v".repeat(1_048_577);
const KEY_LIMIT = "the limit is 1024 (maxKeyBytes)";
const VALUE_ERROR = "ERR value is too large, the limit is 1048576 bytes (maxValueBytes)";

const limits: Case[] = [
  {
    name: "keys and values over their limits",
    shoalOnly: true,
    steps: [
      call("SET k old", "OK"),
      fails(["SET", LONG_KEY, "v"], `ERR key is too long: 1025 bytes, ${KEY_LIMIT}`),
      fails(["INCR", LONG_KEY], `ERR key is too long: 1025 bytes, ${KEY_LIMIT}`),
      call(["GET", LONG_KEY], null),
      fails(["SET", "k", LONG_VALUE], VALUE_ERROR),
      fails(["SET", "k", LONG_VALUE, "GET"], VALUE_ERROR),
      fails(["SET", "k", LONG_VALUE, "KEEPTTL"], VALUE_ERROR),
      fails(["SETEX", "k", "10", LONG_VALUE], VALUE_ERROR),
      fails(["GETSET", "k", LONG_VALUE], VALUE_ERROR),
      fails(["SETNX", "new", LONG_VALUE], VALUE_ERROR),
      fails(["MSET", "new", "1", "k", LONG_VALUE], VALUE_ERROR),
      fails(["MSETNX", "new", "1", LONG_KEY, "2"], `ERR key is too long, ${KEY_LIMIT}`),
      fails(["MSETEX", "2", "new", "1", LONG_KEY, "2"], `ERR key is too long, ${KEY_LIMIT}`),
      call("EXISTS new", 0),
      call("GET k", "old"),
      call(["SET", "k", LONG_VALUE.slice(1)], "OK"),
      call("STRLEN k", 1_048_576),
    ],
  },
  {
    name: "times that an entry cannot hold",
    shoalOnly: true,
    steps: [
      call("SET k old", "OK"),
      ...["SET k v PXAT 281474976710656", "SET k v EX 9000000000000000", "SET k v EX 281474976710 NX GET"].map(
        (command) => fails(command, `${expireError("set")}: the latest is 281474976710655 ms since 1970`),
      ),
      call("SET k v PXAT 281474976710655", "OK"),
      call("PEXPIRETIME k", 281474976710655),
    ],
  },
];

const databases: Case[] = [
  {
    name: "string commands in another database",
    steps: [
      call("SELECT 3", "OK"),
      call(["MSET", "a", "ohmytext", "b", "mynewtext", "\xffc", "1"], "OK"),
      call(["MGET", "a", "b", "\xffc", "none"], ["ohmytext", "mynewtext", "1", null]),
      call("LCS a b", "mytext"),
      call("BITOP OR d a b", 9),
      call("INCR counter", 1),
      call("APPEND new x", 1),
      call("SETRANGE new 1 y", 2),
      call("SETBIT bits 7 1", 0),
      call("BITFIELD bits INCRBY u8 8 5", [5]),
      call("INCRBYFLOAT float 1.5", "1.5"),
      call("GETDEL float", "1.5"),
      call("GETEX new EX 100", "xy"),
      call("MSETNX x 1 y 2", 1),
      call("SELECT 0", "OK"),
      call(["MGET", "a", "b", "\xffc", "counter", "new", "bits", "x"], [null, null, null, null, null, null, null]),
      call("DBSIZE", 0),
      call("SELECT 3", "OK"),
      call(["MGET", "counter", "new", "bits", "x"], ["1", "xy", "\x01\x05", "1"]),
      call("TTL new", 100),
    ],
  },
  {
    name: "MSETEX and DELEX in another database",
    redis: "8.4",
    steps: [
      call("SELECT 3", "OK"),
      call("MSETEX 2 a 1 b 2 EX 100", 1),
      call("DELEX a IFEQ 1", 1),
      call("MGET a b", [null, "2"]),
      call("SELECT 0", "OK"),
      call("MGET a b", [null, null]),
    ],
  },
];

const EVENTS = ["CONFIG", "SET", "notify-keyspace-events"];

/** A write on one connection, and the events that another one hears of it. */
function heard(command: string, key: string, ...events: string[]): Step[] {
  return [
    { send: command.split(" ") },
    ...events.map((event) => ({
      send: [],
      connection: 1,
      push: ["pmessage", "__keyevent*", `__keyevent@0__:${event}`, key],
    })),
  ];
}

const notifications: Case[] = [
  {
    name: "what string commands tell of a key",
    steps: [
      call([...EVENTS, "EA"], "OK"),
      { send: ["PSUBSCRIBE", "__keyevent*"], connection: 1, push: ["psubscribe", "__keyevent*", 1] },
      ...heard("SET k 1", "k", "set"),
      ...heard("SET k 1 EX 100", "k", "set", "expire"),
      ...heard("SET k 1 XX PX 100000 GET", "k", "set", "expire"),
      ...heard("SET k 1 KEEPTTL", "k", "set"),
      ...heard("SETEX k 100 1", "k", "set", "expire"),
      ...heard("INCR k", "k", "incrby"),
      ...heard("DECRBY new 5", "new", "incrby"),
      ...heard("INCRBYFLOAT k 1.5", "k", "incrbyfloat"),
      ...heard("APPEND k 0", "k", "append"),
      ...heard("APPEND text x", "text", "append"),
      ...heard("SETRANGE k 0 9", "k", "setrange"),
      ...heard("SETBIT k 3 0", "k", "setbit"),
      ...heard("BITFIELD bits SET u8 0 65", "bits", "setbit"),
      ...heard("BITOP NOT k k", "k", "set"),
      ...heard("GETSET k v", "k", "set"),
      ...heard("GETEX k EX 10", "k", "expire"),
      ...heard("GETEX k PERSIST", "k", "persist"),
      ...heard("GETEX k PERSIST", "k"),
      ...heard("SET k w NX", "k"),
      ...heard("GETDEL k", "k", "del"),
      ...heard("BITOP AND text none", "text", "del"),
      ...heard("MSET a 1", "a", "set"),
      ...heard("SETNX b 1", "b", "set"),
      call([...EVENTS, ""], "OK"),
    ],
  },
];

export const stringCases: readonly Case[] = [
  ...getAndSet,
  ...setVariants,
  ...several,
  ...parts,
  ...counters,
  ...subsequences,
  ...limits,
  ...databases,
  ...notifications,
];
