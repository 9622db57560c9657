/**
 * Lifetimes: what a write's Cache-Control means, what a read says of it (Age, Cache-Control, Cache-Status), when an entry
 * is a miss, and which stale or young entries a request accepts (RFC 9111, RFC 5861, RFC 9211).
 */
import type { HttpCase } from "../case.ts";
import { advance, create, missing, read, refusal, refusedPut, remove, replace } from "../steps.ts";

const CC = "Cache-Control";
const put = (control: string | readonly string[]) => create("k", "v", { [CC]: control });
/** A read that finds the entry at this age, with this Cache-Control and this many seconds left. */
const at = (age: number, control: string | null, ttl: number | null, asked?: string) =>
  read(
    "k",
    "v",
    {
      age: String(age),
      "cache-control": control,
      "cache-status": ttl === null ? "shoal; hit" : `shoal; hit; ttl=${ttl}`,
    },
    asked === undefined ? {} : { [CC]: asked },
  );

const clockCases: readonly HttpCase[] = [
  {
    name: "no lifetime: never expires",
    steps: [create("k", "v"), at(0, null, null), advance(400_000_000), at(400_000_000, null, null)],
  },
  {
    name: "max-age: Age grows, ttl shrinks, max-age stays, 404 at the millisecond of expiry",
    steps: [
      put("max-age=60"),
      at(0, "max-age=60", 60),
      advance(1),
      at(1, "max-age=60", 59),
      advance(49),
      at(50, "max-age=60", 10),
      advance(9),
      at(59, "max-age=60", 1),
      { advanceMs: 999 },
      read("k", "v", { age: "59", "cache-control": /^max-age=(59|60)$/ }),
      { advanceMs: 1 },
      missing("k"),
      remove("k", 404),
    ],
  },
  {
    name: "Age counts whole seconds, rounded down",
    steps: [put("max-age=60"), { advanceMs: 1_999 }, read("k", "v", { age: "1" })],
  },
  {
    name: "a write starts again",
    steps: [
      put("max-age=60"),
      advance(50),
      replace("k", "v", { [CC]: "max-age=60" }),
      at(0, "max-age=60", 60),
      advance(59),
      at(59, "max-age=60", 1),
    ],
  },
  {
    name: "a write without lifetime takes the lifetime away",
    steps: [put("max-age=60"), replace("k", "v"), advance(100), at(100, null, null)],
  },
  {
    name: "s-maxage wins over max-age",
    steps: [put("max-age=60, s-maxage=10"), at(0, "max-age=10", 10), advance(10), missing("k")],
  },
  {
    name: "s-maxage wins in whatever order",
    steps: [put("s-maxage=100, max-age=10"), advance(99), at(99, "max-age=100", 1)],
  },
  { name: "s-maxage alone", steps: [put("s-maxage=10"), advance(9), at(9, "max-age=10", 1), advance(1), missing("k")] },
];

/** Fresh for 10 seconds, stale until 30 while revalidating, until 70 on errors. */
const STALE = "max-age=10, stale-while-revalidate=20, stale-if-error=60";
const staleCases: readonly HttpCase[] = [
  {
    name: "stale-while-revalidate and stale-if-error come back",
    steps: [put(STALE), at(0, STALE, 10), advance(5), at(5, STALE, 5)],
  },
  {
    name: "stale-while-revalidate alone",
    steps: [put("max-age=10, stale-while-revalidate=20"), at(0, "max-age=10, stale-while-revalidate=20", 10)],
  },
  {
    name: "stale-if-error alone",
    steps: [put("max-age=10, stale-if-error=60"), at(0, "max-age=10, stale-if-error=60", 10)],
  },
  {
    name: "stale-if-error that is no longer than stale-while-revalidate is not repeated",
    steps: [
      put("max-age=10, stale-if-error=20, stale-while-revalidate=20"),
      at(0, "max-age=10, stale-while-revalidate=20", 10),
      replace("k", "v", { [CC]: "max-age=10, stale-if-error=5, stale-while-revalidate=20" }),
      at(0, "max-age=10, stale-while-revalidate=20", 10),
    ],
  },
  {
    name: "with s-maxage",
    steps: [put("s-maxage=10, stale-while-revalidate=20"), at(0, "max-age=10, stale-while-revalidate=20", 10)],
  },
  {
    name: "a stale entry is a miss to who does not ask for it",
    steps: [
      put(STALE),
      advance(10),
      missing("k", "stale"),
      advance(59),
      missing("k", "stale"),
      advance(1),
      missing("k", "miss"),
    ],
  },
  {
    name: "max-stale: until the end of its stale allowance",
    steps: [
      put(STALE),
      at(0, STALE, 10, "max-stale"),
      advance(15),
      at(15, STALE, -5, "max-stale"),
      advance(54),
      at(69, STALE, -59, "max-stale"),
      advance(1),
      missing("k", "miss", { [CC]: "max-stale" }),
      missing("k", "miss", { [CC]: "max-stale=1000" }),
    ],
  },
  {
    name: "max-stale=s: no more than s beyond",
    steps: [
      put(STALE),
      advance(15),
      at(15, STALE, -5, "max-stale=5"),
      at(15, STALE, -5, "max-stale=6"),
      missing("k", "stale", { [CC]: "max-stale=4" }),
      missing("k", "stale", { [CC]: "max-stale=0" }),
      { advanceMs: 1 },
      missing("k", "stale", { [CC]: "max-stale=5" }),
    ],
  },
  {
    name: "without a stale allowance max-stale changes nothing",
    steps: [
      put("max-age=10"),
      advance(10),
      missing("k", "miss", { [CC]: "max-stale" }),
      missing("k", "miss", { [CC]: "max-stale=100" }),
    ],
  },
  {
    name: "HEAD and conditions on a stale entry that is asked for",
    steps: [
      create("k", "v", { [CC]: STALE }, { save: { etag: "header:etag" } }),
      advance(15),
      { headLikeGet: "/v1/keys/k", headers: { [CC]: "max-stale" } },
      { headLikeGet: "/v1/keys/k" },
      {
        path: "/v1/keys/k",
        headers: { [CC]: "max-stale", "If-None-Match": "{{etag}}" },
        expect: { status: 304, headers: { etag: "{{etag}}", age: "15", "cache-control": STALE } },
      },
    ],
  },
  {
    name: "DELETE of a stale entry: it was not fresh, and it is gone",
    steps: [put(STALE), advance(15), remove("k", 404), missing("k", "miss", { [CC]: "max-stale" })],
  },
];

const requestCases: readonly HttpCase[] = [
  {
    name: "request max-age: not older than that",
    steps: [
      put("max-age=60"),
      at(0, "max-age=60", 60, "max-age=0"),
      advance(5),
      at(5, "max-age=60", 55, "max-age=5"),
      advance(1),
      missing("k", /^shoal; fwd=\w+$/, { [CC]: "max-age=5" }),
      missing("k", /^shoal; fwd=\w+$/, { [CC]: "max-age=0" }),
      at(6, "max-age=60", 54, "max-age=6"),
    ],
  },
  {
    name: "request max-age on what never expires",
    steps: [
      create("k", "v"),
      advance(100),
      missing("k", /fwd=/, { [CC]: "max-age=99" }),
      at(100, null, null, "max-age=100"),
    ],
  },
  {
    name: "min-fresh: fresh for that long",
    steps: [
      put("max-age=60"),
      advance(50),
      at(50, "max-age=60", 10, "min-fresh=10"),
      missing("k", /fwd=/, { [CC]: "min-fresh=11" }),
      at(50, "max-age=60", 10, "min-fresh=0"),
    ],
  },
  { name: "min-fresh on what never expires", steps: [create("k", "v"), at(0, null, null, "min-fresh=1000000")] },
  {
    name: "several at once: each must hold",
    steps: [
      put(STALE),
      advance(5),
      at(5, STALE, 5, "max-age=5, min-fresh=5"),
      missing("k", /fwd=/, { [CC]: "max-age=5, min-fresh=6" }),
      advance(7),
      at(12, STALE, -2, "max-stale=2, max-age=12"),
      missing("k", "stale", { [CC]: "max-age=60" }),
    ],
  },
  {
    name: "directives of a request in upper case, with blanks, in two fields",
    steps: [
      put(STALE),
      advance(15),
      at(15, STALE, -5, "MAX-STALE=5"),
      at(15, STALE, -5, " max-stale=5 , "),
      read("k", "v", {}, { [CC]: ["no-transform", "max-stale=5"] }),
    ],
  },
];

const ignored = [
  "no-cache",
  "no-store",
  "no-transform",
  "only-if-cached",
  "unknown",
  "unknown=5",
  'unknown="a, max-age=x"',
];

const quoteCases: readonly HttpCase[] = [
  {
    name: "other directives of a request are ignored",
    steps: [create("k", "v", { [CC]: "max-age=900" }), ...ignored.map((asked) => read("k", "v", {}, { [CC]: asked }))],
  },
  ...[
    "max-age=abc",
    "max-age",
    "max-age=",
    "max-age=-1",
    "max-age=1.5",
    "min-fresh",
    "min-fresh=x",
    "max-stale=x",
    "max-stale=-1",
  ].map((asked) =>
    refusal(`a request with ${asked}`, [
      { path: "/v1/keys/k", headers: { [CC]: asked }, expect: { problem: { code: "bad-header", field: CC } } },
    ]),
  ),
];

/** Written on top of what is there: nothing changes. */
const refused = [
  "max-age=60, max-age=60",
  "max-age=60, max-age=70",
  "s-maxage=60, s-maxage=60",
  "max-age=60, stale-while-revalidate=1, stale-while-revalidate=1",
  "max-age=60, MAX-AGE=60",
  "max-age",
  "max-age=",
  "max-age=abc",
  "max-age=-1",
  "max-age=+1",
  "max-age=1.5",
  "max-age=1e3",
  "max-age=0x10",
  "max-age=6 0",
  "s-maxage=abc, max-age=60",
  "s-maxage=60, max-age=abc",
  "max-age=60, stale-while-revalidate",
  "max-age=60, stale-while-revalidate=x",
  "max-age=60, stale-if-error=-1",
  "stale-while-revalidate=10",
  "stale-if-error=10",
  "no-store",
  "no-cache",
  "private",
  "NO-STORE",
  "max-age=60, no-store",
  "private, max-age=60",
];

const refusedCases: readonly HttpCase[] = [
  ...refused.map((control) =>
    refusal(`${CC}: ${control}`, [refusedPut("k", "after", { [CC]: control }, { code: "bad-header", field: CC })]),
  ),
  refusal("max-age in two fields", [
    refusedPut("k", "after", { [CC]: ["max-age=60", "max-age=60"] }, { code: "bad-header", field: CC }),
  ]),
];

/** Without an injected clock a second may pass: then the whole seconds that remain are one fewer. */
const around = (seconds: number) => new RegExp(`^max-age=(${seconds - 1}|${seconds})$`);
const accepted: readonly { control: string | readonly string[]; reads: RegExp | null }[] = [
  { control: "max-age=900", reads: around(900) },
  { control: "MAX-AGE=900", reads: around(900) },
  { control: "  max-age=900  ", reads: around(900) },
  { control: "max-age=0900", reads: around(900) },
  { control: ", max-age=900,, public ,", reads: around(900) },
  { control: "public, max-age=900, immutable, must-revalidate, proxy-revalidate, no-transform", reads: around(900) },
  { control: 'unknown="a, max-age=5, no-store", max-age=900', reads: around(900) },
  { control: 'unknown="a \\" no-store", max-age=900', reads: around(900) },
  { control: "max-age=900, x-no-store, my-private", reads: around(900) },
  { control: ["public", "max-age=900"], reads: around(900) },
  { control: "public", reads: null },
  { control: "immutable, unknown=1", reads: null },
  { control: "max-age=2147483648", reads: around(2_147_483_648) },
  { control: "max-age=99999999999999999999", reads: /^max-age=\d{10,}$/ },
  { control: `max-age=${"9".repeat(400)}`, reads: /^max-age=\d{10,}$/ },
  {
    control: "max-age=900, stale-while-revalidate=99999999999999999999",
    reads: /^max-age=(899|900), stale-while-revalidate=\d{10,}$/,
  },
];

const acceptedCases: readonly HttpCase[] = [
  ...accepted.map(
    ({ control, reads }): HttpCase => ({
      name: `${CC}: ${[control].flat().join(" | ").slice(0, 80)}`,
      steps: [put(control), read("k", "v", { "cache-control": reads })],
    }),
  ),
  {
    // RFC 9111 section 5.2 would have both forms accepted; a lifetime must not get lost in any case.
    name: 'max-age="900": a lifetime, or refused',
    steps: [
      {
        method: "PUT",
        path: "/v1/keys/k",
        headers: { [CC]: 'max-age="900"' },
        body: "v",
        expect: { status: [201, 400] },
      },
      {
        path: "/v1/keys/k",
        expect: { status: [200, 404], headers: { "cache-control": /^(no-store|max-age=(899|900))$/ } },
      },
    ],
  },
];

const zeroCases: readonly HttpCase[] = [
  {
    name: "a lifetime of 0: what was there is deleted, nothing is stored",
    steps: [
      create("k", "v"),
      { method: "PUT", path: "/v1/keys/k", headers: { [CC]: "max-age=0" }, body: "w", expect: { status: 204 } },
      missing("k"),
      { method: "PUT", path: "/v1/keys/k", headers: { [CC]: "max-age=0" }, body: "w", expect: { status: 204 } },
      missing("k", "miss", { [CC]: "max-stale" }),
    ],
  },
  {
    name: "s-maxage=0 wins over max-age",
    steps: [
      {
        method: "PUT",
        path: "/v1/keys/k",
        headers: { [CC]: "s-maxage=0, max-age=60" },
        body: "w",
        expect: { status: 204 },
      },
      missing("k"),
    ],
  },
  refusal("a lifetime of 0 with a condition that does not hold", [
    refusedPut("k", "w", { [CC]: "max-age=0", "If-Match": '"0-0"' }, "precondition-failed"),
  ]),
  {
    name: "a lifetime of 0 with a stale allowance: stored, and stale at once",
    needs: ["clock"],
    steps: [
      put("max-age=0, stale-while-revalidate=30"),
      missing("k", "stale"),
      read("k", "v", { age: "0", "cache-control": "max-age=0, stale-while-revalidate=30" }, { [CC]: "max-stale" }),
      advance(30),
      missing("k", "miss", { [CC]: "max-stale" }),
    ],
  },
];

const withClock = (cases: readonly HttpCase[]) => cases.map((one): HttpCase => ({ ...one, needs: ["clock"] }));

export const freshnessCases: readonly HttpCase[] = [
  ...withClock([...clockCases, ...staleCases, ...requestCases]),
  ...quoteCases,
  ...refusedCases,
  ...acceptedCases,
  ...zeroCases,
];
