/**
 * Conformance of the sixteen databases: keys of one are not seen from another, and what moves between them keeps what it
 * is. Keys that begin with the bytes that Shoal uses inside to tell databases apart are tested in each of them.
 */
import type { Case, Step } from "../case.ts";

type Words = string | (string | Uint8Array)[];

function call(command: Words, expect: unknown): Step {
  return { send: typeof command === "string" ? command.split(" ") : command, expect };
}

function fails(command: Words, error: string): Step {
  return { send: typeof command === "string" ? command.split(" ") : command, error };
}

const SYNTAX = "ERR syntax error";
const INTEGER = "ERR value is not an integer or out of range";
const RANGE = "ERR DB index is out of range";
const SAME = "ERR source and destination objects are the same";
/** In the year 2100. */
const FUTURE = 4_102_444_800;

/** Keys that could be taken for keys of another database. */
const ODD_KEYS = ["\xff", "\xff\x00", "\xff\x03", "\xff\x03key", "\xff\xff", "\x00", "key"];

export const databaseCases: readonly Case[] = [
  {
    name: "SELECT",
    steps: [
      call("SET a zero", "OK"),
      call("SELECT 1", "OK"),
      call("GET a", null),
      call("SET a one", "OK"),
      call("SELECT 15", "OK"),
      call("GET a", null),
      call("SELECT 0", "OK"),
      call("GET a", "zero"),
      call("SELECT 1", "OK"),
      call("GET a", "one"),
      fails("SELECT 16", RANGE),
      fails("SELECT -1", RANGE),
      fails("SELECT one", INTEGER),
      call("GET a", "one"),
    ],
  },
  {
    name: "each connection has its own",
    steps: [
      call("SELECT 3", "OK"),
      call("SET a 3", "OK"),
      { ...call("GET a", null), connection: 1 },
      { ...call("SELECT 3", "OK"), connection: 1 },
      { ...call("GET a", "3"), connection: 1 },
    ],
  },
  {
    name: "DBSIZE, KEYS, SCAN, RANDOMKEY see one database",
    steps: [
      call("MSET a 1 b 1 c 1", "OK"),
      call("SELECT 7", "OK"),
      call("DBSIZE", 0),
      call("RANDOMKEY", null),
      call("KEYS *", []),
      call("SET d 1", "OK"),
      call("DBSIZE", 1),
      call("RANDOMKEY", "d"),
      call("KEYS *", ["d"]),
      call("KEYS d", ["d"]),
      call("SCAN 0 COUNT 1000", ["0", ["d"]]),
      call("SCAN 0 MATCH d* COUNT 1000", ["0", ["d"]]),
      call("SELECT 0", "OK"),
      call("DBSIZE", 3),
    ],
  },
  {
    name: "keys of any bytes in any database",
    steps: [0, 3, 15].flatMap((database) => [
      call(`SELECT ${database}`, "OK"),
      ...ODD_KEYS.map((key, i) => call(["SET", key, `${database}:${i}`], "OK")),
      ...ODD_KEYS.map((key, i) => call(["GET", key], `${database}:${i}`)),
      call("DBSIZE", ODD_KEYS.length),
      ...ODD_KEYS.map((key) => call(["KEYS", key], [key])),
      call(
        ["MGET", ...ODD_KEYS],
        ODD_KEYS.map((_, i) => `${database}:${i}`),
      ),
      call(["RENAME", "\xff\x03", "other"], "OK"),
      call(["GET", "other"], `${database}:2`),
      call(["DEL", ...ODD_KEYS, "other"], ODD_KEYS.length),
      call("DBSIZE", 0),
    ]),
  },
  {
    name: "FLUSHDB empties one, FLUSHALL all",
    steps: [
      call("SET a 0", "OK"),
      call("SELECT 1", "OK"),
      call("SET a 1", "OK"),
      call("FLUSHDB", "OK"),
      call("GET a", null),
      call("SET a 1", "OK"),
      call("SELECT 0", "OK"),
      call("GET a", "0"),
      call("FLUSHALL ASYNC", "OK"),
      call("GET a", null),
      call("SELECT 1", "OK"),
      call("GET a", null),
      call("DBSIZE", 0),
      call("SET a 2", "OK"),
      call("GET a", "2"),
      call("FLUSHDB SYNC", "OK"),
      call("DBSIZE", 0),
      fails("FLUSHDB NOW", SYNTAX),
      fails("FLUSHALL ASYNC SYNC", SYNTAX),
    ],
  },
  {
    name: "MOVE",
    steps: [
      call("SET a 1", "OK"),
      call(`EXPIREAT a ${FUTURE}`, 1),
      call("MOVE a 1", 1),
      call("EXISTS a", 0),
      call("SELECT 1", "OK"),
      call("GET a", "1"),
      call("EXPIRETIME a", FUTURE),
      call("SELECT 0", "OK"),
      call("MOVE nope 1", 0),
      call("SET a 2", "OK"),
      call("MOVE a 1", 0),
      call("GET a", "2"),
      fails("MOVE a 0", SAME),
      fails("MOVE a 16", RANGE),
      fails("MOVE a one", INTEGER),
    ],
  },
  {
    name: "COPY to another database",
    steps: [
      call("SET a 1", "OK"),
      call("COPY a a DB 2", 1),
      call("COPY a b DB 2", 1),
      call("COPY a b DB 2", 0),
      call("SET a 2", "OK"),
      call("COPY a b DB 2 REPLACE", 1),
      call("SELECT 2", "OK"),
      call("MGET a b", ["1", "2"]),
      call("COPY b c DB 0", 1),
      call("SELECT 0", "OK"),
      call("MGET a c", ["2", "2"]),
      fails("COPY a a DB 0", SAME),
      fails("COPY a b DB 16", RANGE),
      fails("COPY a b DB two", INTEGER),
    ],
  },
  {
    name: "SWAPDB",
    steps: [
      call("SET a zero", "OK"),
      { ...call("SELECT 4", "OK"), connection: 1 },
      { ...call("SET a four", "OK"), connection: 1 },
      call("SWAPDB 0 4", "OK"),
      call("GET a", "four"),
      { ...call("GET a", "zero"), connection: 1 },
      { ...call("DBSIZE", 1), connection: 1 },
      call("SET b 0", "OK"),
      call("DBSIZE", 2),
      call("COPY a copied DB 4", 1),
      { ...call("GET copied", "four"), connection: 1 },
      call("SWAPDB 4 4", "OK"),
      call("SWAPDB 4 0", "OK"),
      call("MGET a b copied", ["zero", null, "four"]),
      { ...call("MGET a b copied", ["four", "0", null]), connection: 1 },
      fails("SWAPDB a 1", "ERR invalid first DB index"),
      fails("SWAPDB 0 b", "ERR invalid second DB index"),
      fails("SWAPDB 2147483648 0", "ERR invalid first DB index"),
      fails("SWAPDB 0 -2147483649", "ERR invalid second DB index"),
      fails("SWAPDB 0 2147483647", RANGE),
      fails("SWAPDB 0 16", RANGE),
      fails("SWAPDB -1 0", RANGE),
    ],
  },
];
