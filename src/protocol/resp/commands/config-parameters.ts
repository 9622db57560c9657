/**
 * The parameters of CONFIG: Redis's names for what Shoal has, each read from the live configuration and, where it can
 * change while running, written to it.
 *
 * Three kinds:
 * - settable: `parse` turns the text into a change of the configuration, or into the reason why not, in Redis's words;
 * - fixed: Redis could change it and Shoal cannot, or has no such thing. Tools set many of these to what they are anyway
 *   ("hz" to 10, "appendonly" to no): that is accepted. What a restart could change ("appendonly") says so;
 * - immutable: every change is refused, as in Redis.
 *
 * Secrets and tokens can be set and are never shown: they read as empty. Whoever came in by one that is gone is closed
 * (see node/access.ts). requirepass is the only secret, or none; shoal-secrets is the list, shoal-tokens its JSON text;
 * both may be written without "shoal-".
 */
import { MAX_KEY_BYTES, MAX_STORE_BYTES, MAX_VALUE_BYTES } from "../../../core/limits.ts";
import { FSYNC_MODES } from "../../../journal/journal.ts";
import { type NodeConfig, type NodeConfigInput, parseSize } from "../../../node/config.ts";
import { serverCluster } from "../../server-cluster.ts";
import { serverProcess } from "../../server-process.ts";
import { formatEventClasses, parseEventClasses } from "../notifications.ts";
import type { RespServer } from "../server.ts";
import { policyNamed, REDIS_POLICIES, redisPolicyName } from "./config-policy.ts";

/** A change of the configuration, which its schema has yet to check; or why there is none. */
export type ParsedValue = NodeConfigInput | string;

export interface Parameter {
  readonly name: string;
  readonly kind: "settable" | "fixed" | "immutable";
  read(config: NodeConfig, server: RespServer): string;
  /** Of a fixed one: it could have another value, but not while running. */
  readonly needsRestart?: boolean;
  parse?(text: string, server: RespServer): ParsedValue;
}

type NumberField = {
  [K in keyof NodeConfig]: NodeConfig[K] extends number ? K : never;
}[keyof NodeConfig];

const yesNo = (value: boolean) => (value ? "yes" : "no");
const MAX_INT32 = 2 ** 31 - 1;
/** Sizes as Redis takes them in CONFIG SET: whole numbers, no blanks. */
const MEMORY = /^\d+(b|k|kb|m|mb|g|gb)?$/i;

/** Bounds that Redis's error names; those of the configuration's schema are checked after it. */
interface Bounds {
  readonly min: number;
  readonly max: number;
}

function within(value: number, { min, max }: Bounds): boolean {
  return value >= min && value <= max;
}

function outside({ min, max }: Bounds): string {
  return `argument must be between ${min} and ${max} inclusive`;
}

/** A whole number; `scale` is what one of it is in the configuration's unit. */
function integer(name: string, field: NumberField, bounds: Bounds, scale = 1): Parameter {
  return {
    name,
    kind: "settable",
    read: (config) => String(Math.floor(config[field] / scale)),
    parse(text) {
      if (!/^-?\d{1,19}$/.test(text)) return "argument couldn't be parsed into an integer";
      const value = Number(text);
      return within(value, bounds) ? { [field]: value * scale } : outside(bounds);
    },
  };
}

/** A number of bytes, as "100mb" too. */
function memory(name: string, field: NumberField, bounds: Bounds): Parameter {
  return {
    name,
    kind: "settable",
    read: (config) => String(config[field]),
    parse(text) {
      if (!MEMORY.test(text)) return "argument must be a memory value";
      const value = parseSize(text);
      return within(value, bounds) ? { [field]: value } : outside(bounds);
    },
  };
}

function fixed(name: string, value: string): Parameter {
  return { name, kind: "fixed", read: () => value };
}

/** Whether anything is stored is decided at the start. */
const APPEND_ONLY: Parameter = {
  name: "appendonly",
  kind: "fixed",
  read: (_, { persistence }) => yesNo(persistence !== undefined),
  needsRestart: true,
};

const APPEND_FSYNC: Parameter = {
  name: "appendfsync",
  kind: "settable",
  read: ({ fsync }, { persistence }) => persistence?.fsync ?? fsync,
  parse(text) {
    const mode = FSYNC_MODES.find((one) => one === text.toLowerCase());
    return mode === undefined ? `argument(s) must be one of the following: ${FSYNC_MODES.join(", ")}` : { fsync: mode };
  },
};

/** Redis's form of "after so many seconds, if anything has changed": there is one interval, and one change is enough. */
const SAVE: Parameter = {
  name: "save",
  kind: "settable",
  read({ snapshotIntervalMs }, { persistence }) {
    if (persistence === undefined || snapshotIntervalMs === 0) return "";
    return `${Math.ceil(snapshotIntervalMs / 1_000)} 1`;
  },
  parse(text, { persistence }) {
    if (text !== "" && persistence === undefined) return "Shoal supports only ''";
    const seconds = text === "" ? 0 : Number(/^(\d{1,7}) 1$/.exec(text)?.[1] ?? Number.NaN);
    return Number.isNaN(seconds)
      ? "Shoal supports one interval and one change, such as '3600 1'"
      : { snapshotIntervalMs: seconds * 1_000 };
  },
};

function immutable(name: string, read: Parameter["read"]): Parameter {
  return { name, kind: "immutable", read };
}

const POLICY: Parameter = {
  name: "maxmemory-policy",
  kind: "settable",
  read: ({ policy }) => redisPolicyName(policy),
  parse(text) {
    const policy = policyNamed(text);
    return policy === undefined ? `argument(s) must be one of the following: ${REDIS_POLICIES.join(", ")}` : { policy };
  },
};

const NOTIFICATIONS: Parameter = {
  name: "notify-keyspace-events",
  kind: "settable",
  read: ({ notifyKeyspaceEvents }) => formatEventClasses(parseEventClasses(notifyKeyspaceEvents) ?? 0),
  parse(text) {
    const known = parseEventClasses(text) !== undefined;
    return known ? { notifyKeyspaceEvents: text } : "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
  },
};

/** What is set and never shown. */
function hidden(name: string, parse: (text: string) => NodeConfigInput): Parameter {
  return { name, kind: "settable", read: () => "", parse };
}

const LOG_LEVELS: Readonly<Record<NodeConfig["logLevel"], string>> = {
  debug: "debug",
  info: "notice",
  warn: "warning",
  error: "warning",
};

/** The same limits for every class of connection; Shoal's soft limit stops reading, it does not close. */
function outputLimits({ maxOutputBytes, outputSoftBytes }: NodeConfig): string {
  const limits = `${maxOutputBytes} ${outputSoftBytes} 0`;
  return `normal ${limits} slave 0 0 0 pubsub ${limits}`;
}

/** All of them, in the order in which CONFIG GET * shows them. */
export const PARAMETERS: readonly Parameter[] = [
  memory("maxmemory", "maxMemory", { min: 4 * 2 ** 20, max: MAX_STORE_BYTES }),
  POLICY,
  integer("timeout", "idleTimeoutMs", { min: 0, max: Math.floor(MAX_INT32 / 1_000) }, 1_000),
  integer("maxclients", "maxClients", { min: 1, max: 1_000_000 }),
  integer("slowlog-log-slower-than", "slowlogSlowerThanUs", { min: -1, max: MAX_INT32 }),
  integer("slowlog-max-len", "slowlogMaxLength", { min: 0, max: 100_000 }),
  NOTIFICATIONS,
  memory("proto-max-bulk-len", "maxValueBytes", { min: 1, max: MAX_VALUE_BYTES }),
  memory("client-query-buffer-limit", "maxRequestBytes", { min: 16 * 2 ** 10, max: 2 ** 30 }),
  memory("maxmemory-clients", "maxClientMemory", { min: 2 ** 20, max: MAX_STORE_BYTES }),
  immutable("client-output-buffer-limit", outputLimits),
  immutable("databases", ({ databases }) => String(databases)),
  immutable("bind", ({ host }) => host),
  immutable("port", ({ respPort }, server) => String(serverProcess(server)?.port ?? respPort)),
  hidden("requirepass", (text) => ({ secrets: text === "" ? [] : [text] })),
  immutable("enable-debug-command", ({ enableDebugCommand }) => yesNo(enableDebugCommand)),
  immutable("cluster-enabled", (_, server) => yesNo(serverCluster(server) !== undefined)),
  immutable("io-threads", () => "1"),
  immutable("loglevel", ({ logLevel }) => LOG_LEVELS[logLevel]),
  SAVE,
  APPEND_ONLY,
  APPEND_FSYNC,
  immutable("dir", ({ dataDir }) => dataDir),
  fixed("hz", "10"),
  fixed("latency-monitor-threshold", "0"),
  fixed("lazyfree-lazy-user-flush", "yes"),
  fixed("activedefrag", "no"),
  memory("shoal-max-key-bytes", "maxKeyBytes", { min: 1, max: MAX_KEY_BYTES }),
  integer("shoal-max-lease-ms", "maxLeaseMs", { min: 1, max: MAX_INT32 }),
  integer("shoal-request-timeout-ms", "requestTimeoutMs", { min: 0, max: MAX_INT32 }),
  hidden("shoal-secrets", (text) => ({ secrets: text === "" ? [] : text })),
  hidden("shoal-tokens", (text) => ({ tokens: text })),
  memory("shoal-max-journal-backlog", "maxJournalBacklog", { min: 2 ** 20, max: 2 ** 32 }),
  {
    name: "shoal-on-backlog",
    kind: "settable",
    read: ({ onBacklog }) => onBacklog,
    parse: (text) => ({ onBacklog: text.toLowerCase() }),
  },
  memory("shoal-snapshot-journal-bytes", "snapshotJournalBytes", { min: 2 ** 16, max: 2 ** 40 }),
  immutable("shoal-keep-previous", ({ keepPrevious }) => yesNo(keepPrevious)),
  immutable("shoal-max-entries", ({ maxEntries }) => String(maxEntries)),
  immutable("shoal-policy", ({ policy }) => policy),
  immutable("shoal-region", ({ region }) => region),
  immutable("shoal-cluster", ({ cluster }) => cluster),
  immutable("shoal-zone", ({ zone }) => zone),
  immutable("shoal-redirect", ({ redirect }) => redirect),
  immutable("shoal-node-name", ({ nodeName }) => nodeName),
];

const byName: ReadonlyMap<string, Parameter> = new Map(PARAMETERS.map((parameter) => [parameter.name, parameter]));
const ALIASES: Readonly<Record<string, string>> = { secrets: "shoal-secrets", tokens: "shoal-tokens" };

/** The parameter with a name or alias, in any case. */
export function parameterNamed(name: string): Parameter | undefined {
  const wanted = name.toLowerCase();
  return byName.get(Object.hasOwn(ALIASES, wanted) ? (ALIASES[wanted] as string) : wanted);
}
