/**
 * Where Shoal answers otherwise than Redis 7.0 on purpose: the one list of it. What is not here and differs is a mistake.
 *
 * Not in `DIFFERENCES`, because no request of the grammar can meet them:
 * - values of other types, and the texts of COMMAND, INFO, CONFIG;
 * - expiries beyond 2^48 - 1 ms, which are refused (times.ts);
 * - keys above 1,024 bytes, and values above 1 MiB, for Redis is started with that limit;
 * - SAT of BITFIELD near -2^63, where Redis's check for overflow overflows itself (arguments.ts);
 * - RESTORE of payloads of later versions, which are read, and of such with bytes behind their end, which are refused;
 * - ranges of patterns with bytes above 127, which Redis takes for negative;
 * - the order in which a publisher that has subscribed gets its own message and the reply;
 * - HELLO with a right name and a wrong password, of which nothing is applied.
 * What COMMAND INFO and COMMAND DOCS say otherwise is in facts.ts.
 */
import type { Request } from "./grammar.ts";

/** Seconds (or milliseconds, with 1,000) that times counted from now may differ by. */
const SLACK_S = 2;
const SLACK_MS = 2_000;
const SECOND_MS = 1_000;

const isError = (reply: unknown): reply is { error: string } =>
  typeof reply === "object" && reply !== null && "error" in reply;

const isErrorOf = (reply: unknown, text: string): boolean => isError(reply) && reply.error === text;

/** A reply of SCAN: the next cursor, and keys. */
const isPage = (reply: unknown): boolean =>
  Array.isArray(reply) && reply.length === 2 && typeof reply[0] === "string" && Array.isArray(reply[1]);

interface Difference {
  readonly commands: readonly string[];
  readonly reason: string;
  /** True if the two replies agree in what is promised. */
  agree(ours: unknown, redis: unknown, words: readonly string[]): boolean;
}

function near(slack: number): Difference["agree"] {
  return (ours, redis) =>
    typeof ours === "number" && typeof redis === "number" && ours > 0 && redis > 0 && Math.abs(ours - redis) <= slack;
}

export const DIFFERENCES: readonly Difference[] = [
  { commands: ["TTL", "EXPIRETIME"], reason: "the clocks are read at different moments", agree: near(SLACK_S) },
  { commands: ["PTTL", "PEXPIRETIME"], reason: "the clocks are read at different moments", agree: near(SLACK_MS) },
  {
    commands: ["BITCOUNT", "BITPOS"],
    reason: "Redis 8: malformed arguments are an error for an absent key as well",
    agree: (ours, redis) => isError(ours) && (redis === 0 || redis === -1),
  },
  {
    commands: ["RANDOMKEY"],
    reason: "any key is right",
    agree: (ours, redis) => typeof ours === "string" && typeof redis === "string",
  },
  {
    commands: ["KEYS", "SCAN"],
    reason: "the order of keys is the store's own; and several stars match the empty key as well as one does",
    agree: (ours, redis, words) => Array.isArray(ours) && Array.isArray(redis) && sameKeys(ours, redis, words),
  },
  {
    commands: ["LCS"],
    reason: "Redis counts its memory against the limit of a value, which is low in this test",
    agree: (_ours, redis) => isError(redis) && redis.error.startsWith("ERR Insufficient memory"),
  },
  {
    commands: ["SCAN"],
    reason: "Redis 7.2: a cursor is digits; before, whatever strtoul made of it",
    agree: (ours, _redis, [, cursor = ""]) => isErrorOf(ours, "ERR invalid cursor") && !/^\d+$/.test(cursor),
  },
  {
    commands: ["SCAN"],
    reason: "cursors are the store's own: whole iterations are compared instead",
    agree: (ours, redis) => isPage(ours) && isPage(redis),
  },
  {
    commands: ["OBJECT"],
    reason: "clocks, and RESTORE does not take over IDLETIME",
    agree: (ours, redis, [, what]) =>
      what?.toUpperCase() === "IDLETIME" && Number(ours) <= SLACK_S && typeof redis === "number",
  },
  {
    commands: ["GETBIT", "BITFIELD", "BITFIELD_RO"],
    reason: "the limit of a value, low in this test, is no limit for offsets that are only read",
    agree: (_ours, redis) => isErrorOf(redis, "ERR bit offset is not an integer or out of range"),
  },
  {
    commands: ["OBJECT"],
    reason: "nothing is shared between entries",
    agree: (ours, redis, [, what]) => what?.toUpperCase() === "REFCOUNT" && ours === 1 && typeof redis === "number",
  },
  {
    commands: ["OBJECT"],
    reason: "the answer is computed from the value; Redis keeps `raw` once a value was changed in place",
    agree: (ours, redis, [, what]) =>
      what?.toUpperCase() === "ENCODING" &&
      /^(?:raw|embstr)$/.test(String(redis)) &&
      /^(?:embstr|int)$/.test(String(ours)),
  },
];

/**
 * Requests whose replies agree while something else does not: what is told about them, or
 * whether WATCH notices. Conversations either hold such requests, or compare those.
 *
 * - A value that is set with a time that has passed is gone at once, and nothing is told about it; Redis keeps it
 *   until somebody looks, and tells of its setting and its expiry.
 * - Redis lengthens a value for a BITFIELD that then fails and tells nobody; here that is a change like any other.
 * - What expires is told when it is noticed.
 */
export function isLoose({ words, pauseMs }: Request): boolean {
  if (pauseMs !== undefined) return true;
  const upper = words.map((word) => word.toUpperCase());
  const name = upper[0] as string;
  if (name === "BITFIELD") return upper.includes("FAIL");
  if (name === "RESTORE") return upper.includes("ABSTTL") && isPast(words[2], 1);
  if (name !== "SET") return false;
  return upper.some(
    (word, i) => (word === "EXAT" && isPast(words[i + 1], SECOND_MS)) || (word === "PXAT" && isPast(words[i + 1], 1)),
  );
}

/**
 * WATCH remembers what a key looked like: one that was absent, came, and went again counts as unchanged, other than in
 * Redis. So what is watched is there before.
 */
export function watchesPresent(requests: readonly Request[]): boolean {
  return requests.every(({ words, connection }, i) => {
    if (words[0]?.toUpperCase() !== "WATCH") return true;
    const before = requests.slice(Math.max(0, i - words.length + 1), i);
    return words
      .slice(1)
      .every((key) => before.some((one) => one.connection === connection && one.words.join("|") === `APPEND|${key}|`));
  });
}

function isPast(time: string | undefined, unitMs: number): boolean {
  return time !== undefined && /^[1-9]\d*$/.test(time) && Number(time) * unitMs <= Date.now();
}

/** Several stars, and empty keys only where Redis has them too or has a mistake there. */
function sameKeys(ours: string[], redis: string[], words: readonly string[]): boolean {
  const hasStars = words.slice(1).some((word) => /^\*{2,}$/.test(word));
  const listed = (keys: string[]) => keys.filter((key) => !hasStars || key !== "").sort();
  return listed(ours).join("\n") === listed(redis).join("\n");
}

/**
 * Texts that quote arguments: bytes that are not UTF-8 are shown as U+FFFD, for some clients refuse them, and NUL does not
 * end a text.
 */
function sameErrors(ours: unknown, redis: unknown, words: readonly string[]): boolean {
  if (!isError(ours) || !isError(redis) || !words.some((word) => /[^\x20-\x7e]/.test(word))) return false;
  const start = (text: string) => text.split(" ", 3).join(" ");
  return start(ours.error) === start(redis.error);
}

/** The reason why two different replies to a request are right, or undefined: then one of them is wrong. */
export function intended(request: Request, ours: unknown, redis: unknown): string | undefined {
  const name = request.words[0]?.toUpperCase() ?? "";
  if (sameErrors(ours, redis, request.words)) return "errors are UTF-8 without NUL";
  return DIFFERENCES.find(({ commands, agree }) => commands.includes(name) && agree(ours, redis, request.words))
    ?.reason;
}
