/**
 * `shoal serve`: puts a node, its host, the servers of both protocols and this runtime's sockets together, and ends them in
 * order.
 *
 * Both protocols share one `Access`, so that a secret means the same in both, and every change of keys runs in a turn of
 * the RESP server, which tells its clients.
 *
 * The end, on SIGTERM, SIGINT or SHUTDOWN: see finish.ts; while it lasts, `/readyz` says that the node is not ready. A
 * second signal does not wait. SIGHUP reads the configuration again (reconfigure.ts); where it says that the terminal is
 * gone, it ends the server.
 *
 * With a data directory, that is taken hold of first, and listened to right after: what is stored is loaded while the node
 * serves. At the end, everything is stored and synced within what is left of `shutdownTimeoutMs`, but in no less than
 * `LEAST_STORING_MS`; where that fails, the exit code is 74.
 */
import process from "node:process";
import { isatty } from "node:tty";
import type { Log } from "../../src/core/ports.ts";
import { systemPorts } from "../../src/core/system.ts";
import { Access } from "../../src/node/access.ts";
import type { NodeConfig } from "../../src/node/config.ts";
import { Host, type HostOptions } from "../../src/node/host.ts";
import { Node } from "../../src/node/node.ts";
import type { BackupSource } from "../../src/protocol/http/backup.ts";
import type { Readiness } from "../../src/protocol/http/health.ts";
import { HttpServer } from "../../src/protocol/http/server.ts";
import { allCommands } from "../../src/protocol/resp/all-commands.ts";
import { RespServer } from "../../src/protocol/resp/server.ts";
import { attachProcess, type ServerProcess } from "../../src/protocol/server-process.ts";
import { createBackupSource, removeUnfinished } from "./backup-source.ts";
import { announce } from "./banner.ts";
import { finish } from "./finish.ts";
import { createLatencyHistogram } from "./latency-histogram.ts";
import { ListenError, type Listeners, openListeners } from "./listeners.ts";
import { createLog } from "./log.ts";
import { RecoveryWatch } from "./node-storage.ts";
import { describeProcess } from "./process-facts.ts";
import { type Running, reconfigure } from "./reconfigure.ts";
import type { Settings } from "./settings.ts";
import { StopRequests } from "./stop-request.ts";
import { storageFailure } from "./storage-failure.ts";

const EX_UNAVAILABLE = 69;
const EX_IOERR = 74;
/** Storing is given this much time at the end, ms, whatever was needed for clients before. */
const LEAST_STORING_MS = 1_000;
/** The terminal's file descriptor. */
const STDOUT = 1;

/** What a server is about to do, or does. */
type Phase = "starting" | "running" | "stopping";

/** What storage says is added by the server. */
function readinessOf(phase: Phase): Readiness {
  return { ready: phase === "running", checks: { process: phase } };
}

/** Reads the configuration again at each SIGHUP, one after the other. */
function watchHangups(running: Running, settings: Settings, stop: StopRequests): void {
  let latest = Promise.resolve(settings);
  const wasTerminal = process.stdout.isTTY === true;
  process.on("SIGHUP", () => {
    if (wasTerminal && !isatty(STDOUT)) {
      stop.request({ reason: "SIGHUP", now: false });
      return;
    }
    latest = latest.then((before) => reconfigure(running, before, before.again()));
  });
}

/** The servers of both protocols on one node, moved by one host. */
function createServers(host: Host, facts: ServerProcess, readiness: () => Readiness, backup: BackupSource | undefined) {
  const { node } = host;
  const access = new Access(node.config.secrets, node.config.tokens);
  const resp = new RespServer(node, allCommands, { access, persistence: host.persistence });
  const http = new HttpServer(node, {
    access,
    turn: (work) => resp.turn(work),
    latencies: resp.timings.latencies,
    readiness,
    persistence: host.persistence,
    sources: { resp, facts },
    backup,
  });
  host.onTick = () => resp.tick();
  host.around = (work) => resp.turn(work);
  resp.afterTurn = () => host.afterTurn();
  for (const server of [resp, http]) attachProcess(server, facts);
  return { resp, http };
}

/** Stores and syncs what there is, and lets go of it; true if all of it was stored, in time. */
async function storeAll(host: Host, timeoutMs: number): Promise<boolean> {
  const { persistence } = host;
  const failedBefore = persistence?.failure;
  const works = persistence?.state !== "failed" && persistence?.state !== "healing";
  let late: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<false>((resolve) => {
    late = setTimeout(() => resolve(false), timeoutMs);
  });
  const stored = host.stop().then(() => works && persistence?.failure === failedBefore);
  return Promise.race([stored, deadline]).finally(() => clearTimeout(late));
}

function backupSourceOf({ persistence }: Host, { storage }: HostOptions, { dataDir }: NodeConfig) {
  if (persistence === undefined || storage === undefined) return undefined;
  return createBackupSource(persistence, storage, dataDir);
}

/**
 * Serves until somebody says stop.
 *
 * @param config The one of `settings`.
 * @param options Its storage: see `storageOptions`.
 * @returns The exit code.
 * @throws CommandFailure if what is stored cannot be used.
 */
export async function serve(config: NodeConfig, settings: Settings, options: HostOptions): Promise<number> {
  let logLevel = () => config.logLevel;
  let watch: RecoveryWatch | undefined;
  const write = (line: string) => {
    watch?.clear();
    process.stdout.write(`${line}\n`);
  };
  const log: Log = createLog(() => logLevel(), write, process.stdout.isTTY === true);
  const node = new Node(config, { ...systemPorts(log), createHistogram: createLatencyHistogram });
  logLevel = () => node.config.logLevel;
  const host = new Host(node, options);
  const stop = new StopRequests();
  let phase: Phase = "starting";
  let listeners: Listeners = { resp: undefined, http: undefined };
  const shutdown = ({ now }: { now: boolean }) => stop.request({ reason: "SHUTDOWN", now });
  const facts = describeProcess(() => listeners.resp?.port ?? config.respPort, settings.file, shutdown);
  const servers = createServers(host, facts, () => readinessOf(phase), backupSourceOf(host, options, config));
  await host.start().catch((error: unknown) => {
    throw storageFailure(error);
  });
  if (config.dataDir !== "") removeUnfinished(config.dataDir);
  try {
    listeners = await openListeners(servers, config, settings.certificate);
  } catch (error) {
    await host.stop();
    if (!(error instanceof ListenError)) throw error;
    process.stderr.write(`shoal: ${error.message}\n`);
    return EX_UNAVAILABLE;
  }
  watchHangups({ server: servers.resp, listeners, log }, settings, stop);
  for (const warning of settings.warnings) log.write("warn", warning);
  phase = "running";
  announce(listeners, settings, config, log);
  watch = new RecoveryWatch(host, log, process.stdout);
  void watch.run();

  const { reason, now } = await stop.first;
  phase = "stopping";
  log.write("info", "stopping", { reason });
  const began = performance.now();
  const { shutdownTimeoutMs } = node.config;
  const finished = await finish(servers.resp, listeners, now ? 0 : shutdownTimeoutMs);
  const left = shutdownTimeoutMs - (performance.now() - began);
  const stored = await storeAll(host, Math.max(LEAST_STORING_MS, left));
  log.write(stored ? "info" : "error", "stopped", { finished, ...(host.persistence === undefined ? {} : { stored }) });
  return stored ? 0 : EX_IOERR;
}
