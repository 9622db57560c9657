/**
 * Configuration: one schema for everything that a node can be told, whoever tells it (flags, environment, a file,
 * an embedding program, CONFIG SET).
 *
 * Every field has a default, so `{}` is a valid configuration: a node that listens on the loopback address with
 * 256 MiB. Values may be given as text, as flags and the environment do: sizes as Redis writes them ("256mb", 1024
 * based; "1k" and "1m" are the decimal ones), booleans as "yes"/"no" or "true"/"false", lists separated by commas.
 *
 * `parseConfig` never stops at the first mistake: it returns all of them, each with the field, what was given and what
 * is allowed; an unknown field is named with the nearest known one. Mistakes between fields are found as well, also
 * while other fields are wrong.
 *
 * A secret never appears in a mistake's text. What tokens are is in token-config.ts, what a member of a cluster is told in
 * cluster-fields.ts, and how values are read in config-field.ts.
 */
import { z } from "zod";
import {
  DEFAULT_MAX_KEY_BYTES,
  DEFAULT_MAX_LEASE_MS,
  DEFAULT_MAX_VALUE_BYTES,
  MAX_KEY_BYTES,
  MAX_STORE_BYTES,
  MAX_VALUE_BYTES,
} from "../core/limits.ts";
import { FSYNC_MODES } from "../journal/journal.ts";
import type { TokenConfig } from "./access.ts";
import { clusterConflicts, clusterFields } from "./cluster-fields.ts";
import { boolean, choice, duration, formatSize, integer, secrets, size, text } from "./config-field.ts";
import { isLoopback } from "./peer-address.ts";
import { readTokens, type TokenMistake } from "./token-config.ts";

export { formatSize, parseSize } from "./config-field.ts";
export { isLoopback } from "./peer-address.ts";

/** Names of the eviction policies, the default first. */
export const POLICIES = ["tinylfu", "lru", "noeviction"] as const;
const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** The smallest memory budget: an empty index, one segment and room to move entries. */
const MIN_STORE_BYTES = 4 * 2 ** 20;
const MAX_INT32 = 2 ** 31 - 1;
const MAX_CLIENTS = 1_000_000;
/** Classes of keyspace events, as Redis's notify-keyspace-events writes them. */
const EVENT_CLASSES = /^[KEg$lshzxetdmnoScrA]*$/;

/** Each mistake is an issue of its own, with its path; what was given travels with it, since text has no paths. */
function tokens() {
  return z.unknown().transform((given, context): readonly TokenConfig[] => {
    const read = readTokens(given);
    for (const { path, given: shown, allowed } of read.mistakes) {
      context.addIssue({ code: "custom", path: [...path], message: allowed, params: { shown } });
    }
    return read.mistakes.length === 0 ? read.tokens : z.NEVER;
  });
}

/** The fields, each with its default. Times in milliseconds, sizes in bytes unless the name says otherwise. */
const fields = {
  /** Address to listen on. Anything but loopback needs a secret or a token. */
  host: text("a host name or an IP address", /^[0-9A-Za-z.:%_-]{1,255}$/).default("127.0.0.1"),
  /** Port of the Redis protocol; 0 lets the system choose one, -1 leaves the protocol out. */
  respPort: integer(0, 65_535, [-1]).default(7_379),
  /** Port of HTTP; likewise. */
  httpPort: integer(0, 65_535, [-1]).default(7_400),
  /** Files in PEM form with the certificate (and those that it depends on) and its key: then both ports speak TLS. */
  tlsCert: text("a path", /^[^\p{Cc}]{0,1024}$/u).default(""),
  tlsKey: text("a path", /^[^\p{Cc}]{0,1024}$/u).default(""),
  /** Budget of everything that the store allocates. Policy at it: evict, or OOM errors with `noeviction`. */
  maxMemory: size(MIN_STORE_BYTES, MAX_STORE_BYTES).default(256 * 2 ** 20),
  policy: choice(POLICIES).default("tinylfu"),
  /** Passwords that open everything: the first signs, all verify, so that they can be rotated. */
  secrets: secrets().default([]),
  /** Further secrets, each with a name and the rights of whoever has it: see token-config.ts. */
  tokens: tokens().default([]),
  maxKeyBytes: size(1, MAX_KEY_BYTES).default(DEFAULT_MAX_KEY_BYTES),
  maxValueBytes: size(1, MAX_VALUE_BYTES).default(DEFAULT_MAX_VALUE_BYTES),
  /** Limit of entries beside that of bytes; 0: none. */
  maxEntries: integer(0, MAX_INT32).default(0),
  maxLeaseMs: duration(1).default(DEFAULT_MAX_LEASE_MS),
  /** Namespaces (key prefixes up to a colon) whose hits are counted apart; 0: none. Policy: further ones count together. */
  maxNamespaces: integer(0, 4_096).default(256),
  /** Connections at a time. Policy: a further one gets an error and is closed. */
  maxClients: integer(1, MAX_CLIENTS).default(10_000),
  /** A request that is not complete this long after its first byte closes its connection; 0: never. */
  requestTimeoutMs: duration(10, [0]).default(60_000),
  /** A connection without any request for this long is closed; 0: never. */
  idleTimeoutMs: duration(10, [0]).default(0),
  /** Bytes of one request, all its arguments together. Policy: protocol error, closed. */
  maxRequestBytes: size(16 * 2 ** 10, 2 ** 30).default(64 * 2 ** 20),
  /** Unsent output of a connection above which its requests are not read. */
  outputSoftBytes: size(64 * 2 ** 10, 2 ** 30).default(2 ** 20),
  /** Unsent output of a connection. Policy: closed. */
  maxOutputBytes: size(64 * 2 ** 10, 2 ** 30).default(32 * 2 ** 20),
  /** Input and output that all connections hold together. Policy: unauthenticated ones are cut first, then the largest. */
  maxClientMemory: size(2 ** 20, MAX_STORE_BYTES).default(512 * 2 ** 20),
  /** Commands that took longer are logged, in microseconds; 0 logs all, -1 none. */
  slowlogSlowerThanUs: integer(-1, MAX_INT32).default(10_000),
  slowlogMaxLength: integer(0, 100_000).default(128),
  notifyKeyspaceEvents: text('classes of events, such as "KEA" or "Ex"', EVENT_CLASSES).default(""),
  enableDebugCommand: boolean().default(false),
  databases: integer(1, 16).default(16),
  /** Directory of the journal and the snapshots; empty: nothing is stored. */
  dataDir: text("a path", /^[^\p{Cc}]{0,1024}$/u).default(""),
  /** `always`: a write is answered when it is on disk; `everysec`: 50 ms for a killed process, 1 s for a power cut. */
  fsync: choice(FSYNC_MODES).default("everysec"),
  /** Bytes that the disk has not taken. Policy above it: `onBacklog`. */
  maxJournalBacklog: size(2 ** 20, 2 ** 32).default(64 * 2 ** 20),
  /** `slow`: who writes is not read until half of it is gone; `refuse`: writes get an error. Reads never wait. */
  onBacklog: choice(["slow", "refuse"]).default("slow"),
  /** A snapshot is written when the journal has so many bytes, and half of those of the live entries. */
  snapshotJournalBytes: size(2 ** 16, 2 ** 40).default(64 * 2 ** 20),
  /** And when the last one is so old and anything has changed; 0: not for that reason. */
  snapshotIntervalMs: duration(1_000, [0]).default(3_600_000),
  /** Keeps one more snapshot and its journal, to fall back on. */
  keepPrevious: boolean().default(false),
  region: text("up to 64 letters, digits, dots, dashes and underscores", /^[\w.-]{1,64}$/).default("local"),
  ...clusterFields,
  /**
   * Deno: HTTP by `node:http`, which limits slow heads, header counts and idle connections, at about half of the speed;
   * put a proxy in front otherwise. On Bun and Node it changes nothing.
   */
  strictHttp: boolean().default(false),
  /** How the node calls itself in replies and logs; empty: its host and port. */
  nodeName: text("up to 128 letters, digits and .:_-", /^[\w.:-]{0,128}$/).default(""),
  /** How long a stopping node waits for output to be taken. */
  shutdownTimeoutMs: duration(0).default(5_000),
  logLevel: choice(LOG_LEVELS).default("info"),
};

/** The schema itself, for those who need single fields (`nodeConfigSchema.shape.maxMemory`). */
export const nodeConfigSchema = z.strictObject(fields);

export type NodeConfig = z.infer<typeof nodeConfigSchema>;
/** What may be given: any field may be missing, or written as text. */
export type NodeConfigInput = Readonly<Partial<Record<keyof NodeConfig, unknown>>>;

/** Names of all fields, in the order in which they are documented. */
export const CONFIG_FIELDS = Object.keys(fields) as readonly (keyof NodeConfig)[];

export interface ConfigMistake {
  /** The field, or the unknown name that was given. */
  readonly path: string;
  /** What was given, as text; secrets are not shown. */
  readonly given: string;
  /** What is allowed instead. */
  readonly allowed: string;
}

export type ConfigResult =
  | { readonly config: NodeConfig; readonly mistakes: readonly [] }
  | { readonly config?: undefined; readonly mistakes: readonly ConfigMistake[] };

/**
 * Checks a configuration.
 *
 * @param input An object with any of the fields; what is missing gets its default.
 * @returns The complete configuration, or every mistake in it. Never throws.
 * @example
 * ```ts
 * import { parseConfig } from "shoal";
 * const { mistakes } = parseConfig({ maxMemory: "1tb", polcy: "lru" });
 * console.assert(mistakes.length === 2);
 * ```
 */
export function parseConfig(input: unknown): ConfigResult {
  const given = typeof input === "object" && input !== null && !Array.isArray(input) ? input : undefined;
  if (given === undefined)
    return { mistakes: [{ path: "", given: show("", input), allowed: "an object with fields" }] };
  const result = nodeConfigSchema.safeParse(given);
  const mistakes = result.success ? [] : result.error.issues.flatMap((issue) => mistakesOf(issue, given));
  const found = new Set(mistakes.map(({ path }) => path));
  mistakes.push(...conflicts(given).filter(({ path }) => !found.has(path)));
  return result.success && mistakes.length === 0 ? { config: result.data, mistakes: [] } : { mistakes };
}

/** The configuration with nothing given. */
export function defaultConfig(): NodeConfig {
  return nodeConfigSchema.parse({});
}

/**
 * For whoever opens a port: programs that build a configuration themselves are held to the same rule as `parseConfig`.
 *
 * @throws An error if `host` can be reached from other machines and neither a secret nor a token is set.
 */
export function refusePublicWithoutSecret(
  host: string,
  secrets: readonly string[],
  tokens: readonly TokenConfig[] = [],
): void {
  if (secrets.length + tokens.length > 0 || isLoopback(host)) return;
  throw new Error(`${host} can be reached from other machines: set a secret or a token, or listen on 127.0.0.1`);
}

function mistakesOf(issue: z.core.$ZodIssue, given: object): ConfigMistake[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((name) => ({
      path: name,
      given: show(name, (given as Record<string, unknown>)[name]),
      allowed: `no such field${suggestion(name)}`,
    }));
  }
  const path = issue.path.join(".");
  const shown: unknown = issue.code === "custom" ? issue.params?.shown : undefined;
  const value = (given as Record<string, unknown>)[path];
  return [{ path, given: typeof shown === "string" ? shown : show(path, value), allowed: issue.message }];
}

/** Mistakes between fields; a field that is wrong in itself counts as its default, which agrees with the others. */
function conflicts(given: object): ConfigMistake[] {
  const valid: Record<string, unknown> = {};
  for (const name of CONFIG_FIELDS) {
    const result = fields[name].safeParse((given as Record<string, unknown>)[name]);
    if (result.success) valid[name] = result.data;
  }
  const { host, secrets, tokens, maxMemory, maxValueBytes, outputSoftBytes, maxOutputBytes } =
    valid as Partial<NodeConfig>;
  const mistakes: ConfigMistake[] = [];
  if (host !== undefined && secrets?.length === 0 && tokens?.length === 0 && !isLoopback(host)) {
    const allowed = "a loopback address (127.0.0.1, ::1, localhost), unless a secret or a token is set";
    mistakes.push({ path: "host", given: show("host", host), allowed });
  }
  // Read once more, now that it is known which secrets are taken: also while there are other mistakes in the tokens.
  const { tokens: raw } = given as { readonly tokens?: unknown };
  mistakes.push(...readTokens(raw ?? [], secrets).mistakes.map(tokenMistake));
  mistakes.push(...tlsConflict(valid as Partial<NodeConfig>));
  for (const { path, allowed } of clusterConflicts(valid as Partial<NodeConfig>)) {
    mistakes.push({ path, given: show(path, valid[path]), allowed });
  }
  if (maxMemory !== undefined && maxValueBytes !== undefined && maxValueBytes > maxMemory / 2) {
    const allowed = `at most half of maxMemory, which is ${formatSize(maxMemory)}`;
    mistakes.push({ path: "maxValueBytes", given: formatSize(maxValueBytes), allowed });
  }
  if (outputSoftBytes !== undefined && maxOutputBytes !== undefined && outputSoftBytes > maxOutputBytes) {
    const allowed = `at most maxOutputBytes, which is ${formatSize(maxOutputBytes)}`;
    mistakes.push({ path: "outputSoftBytes", given: formatSize(outputSoftBytes), allowed });
  }
  return mistakes;
}

function tokenMistake({ path, given, allowed }: TokenMistake): ConfigMistake {
  return { path: ["tokens", ...path].join("."), given, allowed };
}

/** A certificate without its key is of no use, nor the other way round. */
function tlsConflict({ tlsCert, tlsKey }: Partial<NodeConfig>): ConfigMistake[] {
  if (tlsCert === undefined || tlsKey === undefined || (tlsCert === "") === (tlsKey === "")) return [];
  const [path, other] = tlsCert === "" ? ["tlsCert", "tlsKey"] : ["tlsKey", "tlsCert"];
  return [{ path, given: '""', allowed: `a path, because ${other} is set; or neither of them` }];
}

function show(path: string, value: unknown): string {
  if (/secret|password|token/i.test(path)) return "(not shown)";
  const shown = JSON.stringify(value) ?? String(value);
  return shown.length > 80 ? `${shown.slice(0, 77)}...` : shown;
}

function suggestion(name: string): string {
  const part = CONFIG_FIELDS.find((field) => name.length > 2 && field.toLowerCase().includes(name.toLowerCase()));
  if (part !== undefined) return `; did you mean ${part}?`;
  let best = "";
  let least = Math.max(2, Math.ceil(name.length / 3)) + 1;
  for (const candidate of CONFIG_FIELDS) {
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < least) [best, least] = [candidate, edits];
  }
  return best === "" ? "" : `; did you mean ${best}?`;
}

/** Levenshtein's distance: single-character insertions, deletions and replacements. */
function editDistance(a: string, b: string): number {
  if (a.length > 64) return a.length;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
