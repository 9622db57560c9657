/**
 * Conformance of the bit commands. Expected replies are what Redis answers; where only a later version does, the case
 * names it.
 */
import type { Case } from "../case.ts";
import { call, fails } from "../steps.ts";

const SYNTAX = "ERR syntax error";
const INTEGER = "ERR value is not an integer or out of range";
const OFFSET = "ERR bit offset is not an integer or out of range";
const BIT = "ERR bit is not an integer or out of range";
const TYPE = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
const MIN = "-9223372036854775808";
const MAX = "9223372036854775807";

const singleBits: Case[] = [
  {
    name: "SETBIT and GETBIT",
    steps: [
      call("GETBIT k 0", 0),
      call("SETBIT k 1 1", 0),
      call("GET k", "\x40"),
      call("SETBIT k 1 1", 1),
      call("SETBIT k 7 1", 0),
      call("SETBIT k 1 0", 1),
      call("GET k", "\x01"),
      call("SETBIT k 17 1", 0),
      call("GET k", "\x01\0\x40"),
      call("GETBIT k 17", 1),
      call("GETBIT k 18", 0),
      call("GETBIT k 10000", 0),
      call("GETBIT k 4294967295", 0),
      call("SETBIT zero 9 0", 0),
      call("GET zero", "\0\0"),
      call("SET k 1 EX 100", "OK"),
      call("SETBIT k 6 1", 0),
      call("GET k", "3"),
      call("TTL k", 100),
    ],
  },
  {
    name: "SETBIT and GETBIT with bad arguments",
    steps: [
      ...["-1", "abc", "4294967296", "1.5", "#1", MAX, "9223372036854775808"].flatMap((offset) => [
        fails(`SETBIT k ${offset} 1`, OFFSET),
        fails(`GETBIT k ${offset}`, OFFSET),
      ]),
      ...["-1", "2", "10", "a", "01"].map((bit) => fails(`SETBIT k 0 ${bit}`, BIT)),
      call("EXISTS k", 0),
      fails("SETBIT k 0", "ERR wrong number of arguments for 'setbit' command"),
    ],
  },
];

const counting: Case[] = [
  {
    name: "BITCOUNT",
    steps: [
      call("BITCOUNT none", 0),
      call("BITCOUNT none 0 -1", 0),
      call("SET k foobar", "OK"),
      call("BITCOUNT k", 26),
      call("BITCOUNT k 0 0", 4),
      call("BITCOUNT k 1 1", 6),
      call("BITCOUNT k 0 -1", 26),
      call("BITCOUNT k -2 -1", 7),
      call("BITCOUNT k -2 -5", 0),
      call(`BITCOUNT k ${MIN} -9223372036854775807`, 4),
      call(`BITCOUNT k -9223372036854775807 ${MIN}`, 0),
      call("BITCOUNT k 4 2", 0),
      call("BITCOUNT k -100 100", 26),
      call("BITCOUNT k 6 10", 0),
      call(`BITCOUNT k ${MIN} ${MAX}`, 26),
      call("BITCOUNT k 0 -100", 4),
      call(["SET", "empty", ""], "OK"),
      call("BITCOUNT empty", 0),
      call("BITCOUNT empty 0 -1", 0),
    ],
  },
  {
    name: "BITCOUNT in bits",
    redis: "7.0",
    steps: [
      call("SET k foobar", "OK"),
      call("BITCOUNT k 5 30 BIT", 17),
      call("BITCOUNT k 0 -1 bit", 26),
      call("BITCOUNT k 1 1 BIT", 1),
      call("BITCOUNT k 0 0 BIT", 0),
      call("BITCOUNT k -8 -1 BIT", 4),
      call("BITCOUNT k 40 50 BIT", 4),
      call("BITCOUNT k 48 50 BIT", 0),
      call("BITCOUNT k -1 -2 BIT", 0),
      call("BITCOUNT k 1 1 BYTE", 6),
    ],
  },
  {
    name: "BITCOUNT with bad arguments",
    steps: [
      call("SET k foobar", "OK"),
      fails("BITCOUNT k 0", SYNTAX),
      fails("BITCOUNT k 0 1 FOO", SYNTAX),
      fails("BITCOUNT k 0 1 BIT BIT", SYNTAX),
      fails("BITCOUNT k a 1", INTEGER),
      fails("BITCOUNT k 0 b", INTEGER),
      fails("BITCOUNT k 0 b FOO", INTEGER),
    ],
  },
  {
    name: "BITCOUNT checks its arguments before it looks for the key",
    redis: "7.2",
    steps: [fails("BITCOUNT none 0", SYNTAX), fails("BITCOUNT none a 1", INTEGER), fails("BITPOS none 1 a", INTEGER)],
  },
  {
    name: "BITPOS",
    steps: [
      call("BITPOS none 0", 0),
      call("BITPOS none 1", -1),
      call("BITPOS none 0 5 6", 0),
      call(["SET", "k", "\xff\xf0\x00"], "OK"),
      call("BITPOS k 0", 12),
      call("BITPOS k 1", 0),
      call("BITPOS k 1 1", 8),
      call("BITPOS k 1 2", -1),
      call("BITPOS k 0 0 0", -1),
      call("BITPOS k 0 2", 16),
      call("BITPOS k 0 -1", 16),
      call("BITPOS k 1 -2 -1", 8),
      call("BITPOS k 1 5", -1),
      call("BITPOS k 0 5", -1),
      call("BITPOS k 0 2 1", -1),
      call(["SET", "k", "\xff\xff"], "OK"),
      call("BITPOS k 0", 16),
      call("BITPOS k 0 0", 16),
      call("BITPOS k 0 1", 16),
      call("BITPOS k 0 0 -1", -1),
      call(["SET", "k", "\0\0"], "OK"),
      call("BITPOS k 1", -1),
      call("BITPOS k 1 0 -1", -1),
      call(["SET", "empty", ""], "OK"),
      call("BITPOS empty 0", -1),
      call("BITPOS empty 1", -1),
    ],
  },
  {
    name: "BITPOS in bits",
    redis: "7.0",
    steps: [
      call(["SET", "k", "\x00\xff\xf0"], "OK"),
      call("BITPOS k 1 2 3 BYTE", 16),
      call("BITPOS k 1 7 15 BIT", 8),
      call("BITPOS k 1 9 15 bit", 9),
      call("BITPOS k 0 8 19 BIT", -1),
      call("BITPOS k 0 8 20 BIT", 20),
      call("BITPOS k 1 7 7 BIT", -1),
      call("BITPOS k 1 -3 -1 BIT", -1),
      call("BITPOS k 0 -3 -1 BIT", 21),
      call("BITPOS k 1 -8 -5 BIT", 16),
      call("BITPOS none 0 5 6 BIT", 0),
    ],
  },
  {
    name: "BITPOS with bad arguments",
    steps: [
      call("SET k foobar", "OK"),
      fails("BITPOS k 2", "ERR The bit argument must be 1 or 0."),
      fails("BITPOS k -1", "ERR The bit argument must be 1 or 0."),
      fails("BITPOS k a", INTEGER),
      fails("BITPOS k 1 a", INTEGER),
      fails("BITPOS k 1 0 b", INTEGER),
      fails("BITPOS k 1 0 BIT", INTEGER),
      fails("BITPOS k 1 0 1 FOO", SYNTAX),
      fails("BITPOS k 1 0 b FOO", SYNTAX),
      fails("BITPOS k 1 0 1 BIT 1", SYNTAX),
    ],
  },
];

const operations: Case[] = [
  {
    name: "BITOP",
    steps: [
      call(["MSET", "a", "\xff\x0f\xaa", "b", "\x0f\xff"], "OK"),
      call("BITOP AND d a b", 3),
      call("GET d", "\x0f\x0f\0"),
      call("BITOP or d a b", 3),
      call("GET d", "\xff\xff\xaa"),
      call("BITOP XOR d a b", 3),
      call("GET d", "\xf0\xf0\xaa"),
      call("BITOP NOT d a", 3),
      call("GET d", "\0\xf0\x55"),
      call("BITOP AND d a", 3),
      call("GET d", "\xff\x0f\xaa"),
      call("BITOP AND d a none", 3),
      call("GET d", "\0\0\0"),
      call("BITOP OR d none b none", 2),
      call("GET d", "\x0f\xff"),
      call("BITOP XOR d a a a", 3),
      call("GET d", "\xff\x0f\xaa"),
      call("BITOP NOT a a", 3),
      call("GET a", "\0\xf0\x55"),
    ],
  },
  {
    name: "BITOP without any bytes deletes the destination",
    steps: [
      call("SET d x", "OK"),
      call("BITOP AND d none nothing", 0),
      call("EXISTS d", 0),
      call("SET d x", "OK"),
      call("BITOP NOT d none", 0),
      call("EXISTS d", 0),
    ],
  },
  {
    name: "BITOP drops the destination's expiry",
    steps: [call("SET a x", "OK"), call("SET d y EX 100", "OK"), call("BITOP OR d a", 1), call("TTL d", -1)],
  },
  {
    name: "BITOP of long values",
    steps: [
      call(["MSET", "a", "\xf0".repeat(1000), "b", "\x3c".repeat(1003)], "OK"),
      call("BITOP AND d a b", 1003),
      call("GET d", `${"\x30".repeat(1000)}\0\0\0`),
      call("BITOP XOR d a b", 1003),
      call("GET d", `${"\xcc".repeat(1000)}\x3c\x3c\x3c`),
      call("BITCOUNT d", 4012),
    ],
  },
  {
    name: "BITOP with bad arguments",
    steps: [
      call("SET a x", "OK"),
      fails("BITOP FOO d a", SYNTAX),
      fails("BITOP NOT d a a", "ERR BITOP NOT must be called with a single source key."),
      fails("BITOP AND d", "ERR wrong number of arguments for 'bitop' command"),
    ],
  },
  {
    name: "BITOP with DIFF, DIFF1, ANDOR and ONE",
    redis: "8.2",
    steps: [
      call(["MSET", "x", "\xf0\xff", "a", "\xcc", "b", "\xaa\x0f\x01"], "OK"),
      call("BITOP DIFF d x a b", 3),
      call("GET d", "\x10\xf0\0"),
      call("BITOP diff1 d x a b", 3),
      call("GET d", "\x0e\0\x01"),
      call("BITOP ANDOR d x a b", 3),
      call("GET d", "\xe0\x0f\0"),
      call("BITOP ONE d x a b", 3),
      call("GET d", "\x16\xf0\x01"),
      call("BITOP ONE d a", 1),
      call("GET d", "\xcc"),
      call("BITOP DIFF d x none", 2),
      call("GET d", "\xf0\xff"),
      call("BITOP DIFF1 d none x", 2),
      call("GET d", "\xf0\xff"),
      ...["DIFF", "DIFF1", "ANDOR"].map((name) =>
        fails(`BITOP ${name} d x`, `ERR BITOP ${name} must be called with at least two source keys.`),
      ),
    ],
  },
];

const fields: Case[] = [
  {
    name: "BITFIELD gets and sets",
    steps: [
      call("BITFIELD none GET u8 0 GET i64 100", [0, 0]),
      call("EXISTS none", 0),
      call("BITFIELD none", []),
      call("BITFIELD k SET i8 0 -100 GET i8 0 GET u8 0", [0, -100, 156]),
      call("BITFIELD k set u2 #0 3 set i8 4 101", [2, -64]),
      call("GET k", "\xd6\x50"),
      call("BITFIELD k SET u8 #2 255 GET u8 #2 GET u8 16", [0, 255, 255]),
      call("STRLEN k", 3),
      call("BITFIELD k GET u63 1 GET i1 0 GET u1 23", [6219751460863737856n, -1, 1]),
      call("BITFIELD k GET i64 0 GET u32 #0 GET i32 #0", [-3003620575991037952n, 3595632384, -699334912]),
    ],
  },
  {
    name: "BITFIELD wide fields",
    steps: [
      call(`BITFIELD k SET i64 0 ${MAX} GET i64 0 INCRBY i64 0 1`, [0, 9223372036854775807n, -9223372036854775808n]),
      call(`BITFIELD k SET u63 3 ${MAX} GET u63 3`, [0, 9223372036854775807n]),
      call("BITFIELD k INCRBY u63 3 1 INCRBY u63 3 -1", [0, 9223372036854775807n]),
      call("BITFIELD w SET i33 5 -4294967296 INCRBY i33 5 -1", [0, 4294967295]),
      call(
        "BITFIELD w OVERFLOW SAT INCRBY i33 5 1 SET i33 5 -4294967297 GET i33 5",
        [4294967295, 4294967295, -4294967296],
      ),
      call("BITFIELD w SET u48 1 281474976710655 INCRBY u48 1 2", [8796093022208, 1]),
      call(`BITFIELD n INCRBY i32 0 ${MAX} INCRBY i32 0 ${MIN}`, [-1, -1]),
      call(`BITFIELD n INCRBY u32 0 ${MAX} INCRBY u32 0 ${MIN}`, [4294967294, 4294967294]),
    ],
  },
  {
    name: "BITFIELD overflows",
    steps: [
      call("BITFIELD k INCRBY u8 0 200 INCRBY u8 0 100", [200, 44]),
      call("BITFIELD k OVERFLOW SAT INCRBY u8 0 1000 OVERFLOW FAIL INCRBY u8 0 1 GET u8 0", [255, null, 255]),
      call("BITFIELD k OVERFLOW SAT INCRBY u8 0 -1000", [0]),
      call("BITFIELD k INCRBY u8 0 -1", [255]),
      call("BITFIELD k OVERFLOW SAT SET i8 0 200 GET i8 0 SET i8 0 -200 GET i8 0", [-1, 127, 127, -128]),
      call("BITFIELD k SET u8 0 -1 GET u8 0", [128, 255]),
      call("BITFIELD k OVERFLOW SAT SET u8 0 -1 GET u8 0 SET u8 0 256 GET u8 0", [255, 255, 255, 255]),
      call("BITFIELD k OVERFLOW FAIL SET u8 0 256 SET u8 0 -1 SET i8 0 128 GET u8 0", [null, null, null, 255]),
      call("BITFIELD k SET u8 0 300 GET u8 0", [255, 44]),
      call("BITFIELD k OVERFLOW FAIL INCRBY i5 2 30 OVERFLOW WRAP INCRBY i5 2 30", [null, -12]),
      call("BITFIELD fresh OVERFLOW FAIL SET u8 8 300", [null]),
      call("GET fresh", "\0\0"),
    ],
  },
  {
    name: "BITFIELD keeps the expiry",
    steps: [call("SET k x EX 100", "OK"), call("BITFIELD k INCRBY u8 0 1", [121]), call("TTL k", 100)],
  },
  {
    name: "BITFIELD with bad arguments",
    steps: [
      ...["u64", "i65", "u0", "8", "x8", "i", "u-1", "U8"].map((type) => fails(`BITFIELD k GET ${type} 0`, TYPE)),
      fails(["BITFIELD", "k", "GET", "", "0"], TYPE),
      ...["-1", "abc", "#-1", "#abc", "##1", "4294967296", "#536870912"].map((offset) =>
        fails(`BITFIELD k GET u8 ${offset}`, OFFSET),
      ),
      fails(`BITFIELD k SET u8 #${MAX} 1`, OFFSET),
      fails("BITFIELD k SET u8 0 abc", INTEGER),
      fails("BITFIELD k INCRBY u8 0 1.5", INTEGER),
      fails("BITFIELD k OVERFLOW FOO", "ERR Invalid OVERFLOW type specified"),
      ...["GET u8", "SET u8 0", "INCRBY u8", "OVERFLOW", "FOO", "GET u8 0 1"].map((rest) =>
        fails(`BITFIELD k ${rest}`, SYNTAX),
      ),
      fails("BITFIELD k SET u8 0 1 GET u64 0", TYPE),
      call("EXISTS k", 0),
    ],
  },
  {
    name: "BITFIELD_RO",
    steps: [
      call("SET k foobar", "OK"),
      call("BITFIELD_RO k GET u8 0 GET u8 #5 GET i16 44", [102, 114, 8192]),
      call("BITFIELD_RO none GET u8 0", [0]),
      fails("BITFIELD_RO k SET u8 0 1", "ERR BITFIELD_RO only supports the GET subcommand"),
      fails("BITFIELD_RO k GET u8 0 INCRBY u8 0 1", "ERR BITFIELD_RO only supports the GET subcommand"),
      fails("BITFIELD_RO k GET u64 0", TYPE),
      call("GET k", "foobar"),
    ],
  },
];

export const bitCases: readonly Case[] = [...singleBits, ...counting, ...operations, ...fields];
