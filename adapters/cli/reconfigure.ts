/**
 * SIGHUP: the configuration is read again (the file and the certificate; flags and environment are what they were and
 * still come first), and what differs from the last reading is taken over, as far as it can change while running. Fields
 * that nobody touched stay as they are, also those that CONFIG SET has changed meanwhile.
 *
 * All or nothing: if anything in it is a mistake, each mistake is logged and the old configuration stays. A certificate that
 * a listener cannot use is logged too, and tried again at the next SIGHUP. What needs a restart is named in the log. A secret never appears there, only that secrets changed.
 */
import type { Log } from "../../src/core/ports.ts";
import { CONFIG_FIELDS, type NodeConfig, parseConfig } from "../../src/node/config.ts";
import type { RespServer } from "../../src/protocol/resp/server.ts";
import type { Listeners } from "./listeners.ts";
import type { Settings } from "./settings.ts";

type Field = keyof NodeConfig;

/** Fields that are looked at whenever they count, so that a change needs nothing else. */
const CHANGEABLE: ReadonlySet<Field> = new Set<Field>([
  "secrets",
  "tokens",
  "maxMemory",
  "policy",
  "maxKeyBytes",
  "maxValueBytes",
  "maxLeaseMs",
  "maxClients",
  "requestTimeoutMs",
  "idleTimeoutMs",
  "maxRequestBytes",
  "outputSoftBytes",
  "maxOutputBytes",
  "maxClientMemory",
  "slowlogSlowerThanUs",
  "slowlogMaxLength",
  "notifyKeyspaceEvents",
  "shutdownTimeoutMs",
  "logLevel",
]);
/** Where the certificate comes from: it can be another one, but TLS cannot come or go. */
const CERTIFICATE_FIELDS: ReadonlySet<Field> = new Set<Field>(["tlsCert", "tlsKey"]);

/** What is running. */
export interface Running {
  readonly server: RespServer;
  readonly listeners: Listeners;
  readonly log: Log;
}

interface Difference {
  /** What can be taken over. */
  readonly change: Partial<NodeConfig>;
  readonly changed: readonly Field[];
  readonly needsRestart: readonly Field[];
}

function compare(before: NodeConfig, after: NodeConfig): Difference {
  const differs = (field: Field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]);
  const hadTls = before.tlsCert !== "";
  const hasTls = after.tlsCert !== "";
  const isChangeable = (field: Field) => CHANGEABLE.has(field) || (CERTIFICATE_FIELDS.has(field) && hadTls && hasTls);
  const different = CONFIG_FIELDS.filter(differs);
  const changed = different.filter(isChangeable);
  const change = Object.fromEntries(changed.map((field) => [field, after[field]])) as Partial<NodeConfig>;
  return { change, changed, needsRestart: different.filter((field) => !isChangeable(field)) };
}

function refuse(log: Log, mistakes: readonly string[]): void {
  for (const mistake of mistakes) log.write("error", "configuration refused", { mistake });
}

type Renewal = "changed" | "unchanged" | "failed";

/** Gives the listeners another certificate, if there is one. */
async function renew({ listeners, log }: Running, before: Settings, after: Settings): Promise<Renewal> {
  const { certificate } = after;
  if (certificate === undefined || before.certificate === undefined) return "unchanged";
  if (certificate.cert === before.certificate.cert && certificate.key === before.certificate.key) return "unchanged";
  const used = await Promise.allSettled([
    listeners.resp?.useCertificate?.(certificate),
    listeners.http?.useCertificate?.(certificate),
  ]);
  for (const one of used) {
    if (one.status === "rejected") log.write("error", "the certificate cannot be used", { cause: one.reason });
  }
  return used.every(({ status }) => status === "fulfilled") ? "changed" : "failed";
}

/**
 * Takes over what `after` has changed.
 *
 * @param before What was read the last time.
 * @returns What later readings are compared with: `before` if nothing was taken over.
 */
export async function reconfigure(running: Running, before: Settings, after: Settings): Promise<Settings> {
  const { server, log } = running;
  const { node } = server;
  if (after.config === undefined || before.config === undefined) {
    refuse(log, after.mistakes);
    return before;
  }
  const { change, changed, needsRestart } = compare(before.config, after.config);
  // CONFIG SET may have changed what the new values have to agree with.
  const { mistakes } = parseConfig({ ...node.config, ...change });
  if (mistakes.length > 0) {
    const lines = mistakes.map(({ path, given, allowed }) => `${path}: ${given} is not allowed; allowed: ${allowed}`);
    refuse(log, lines);
    return before;
  }
  if (changed.length > 0) {
    server.turn(() => {
      node.beginTurn();
      node.configure(change);
    });
    server.configured();
  }
  const certificate = await renew(running, before, after);
  for (const warning of after.warnings) {
    if (!before.warnings.includes(warning)) log.write("warn", warning);
  }
  if (needsRestart.length > 0) log.write("warn", "a restart is needed", { fields: needsRestart });
  log.write("info", "configuration read", { changed, certificate });
  return certificate === "failed" ? { ...after, certificate: before.certificate } : after;
}
