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
 */
import process from "node:process";
import { isatty } from "node:tty";
import type { Log } from "../../src/core/ports.ts";
import { systemPorts } from "../../src/core/system.ts";
import { Access } from "../../src/node/access.ts";
import type { NodeConfig } from "../../src/node/config.ts";
import { Host } from "../../src/node/host.ts";
import { Node } from "../../src/node/node.ts";
import type { Readiness } from "../../src/protocol/http/health.ts";
import { HttpServer } from "../../src/protocol/http/server.ts";
import { allCommands } from "../../src/protocol/resp/all-commands.ts";
import { RespServer } from "../../src/protocol/resp/server.ts";
import { attachProcess, type ServerProcess } from "../../src/protocol/server-process.ts";
import { announce } from "./banner.ts";
import { finish } from "./finish.ts";
import { createLatencyHistogram } from "./latency-histogram.ts";
import { ListenError, type Listeners, openListeners } from "./listeners.ts";
import { createLog } from "./log.ts";
import { describeProcess } from "./process-facts.ts";
import { type Running, reconfigure } from "./reconfigure.ts";
import type { Settings } from "./settings.ts";
import { StopRequests } from "./stop-request.ts";

const EX_UNAVAILABLE = 69;
/** The terminal's file descriptor. */
const STDOUT = 1;

/** What a server is about to do, or does. */
type Phase = "starting" | "running" | "stopping";

function readinessOf(phase: Phase, host: Host): Readiness {
  const checks = { process: phase, storage: host.healthy ? "ok" : "failed" };
  return { ready: phase === "running" && host.healthy, checks };
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
function createServers(node: Node, host: Host, facts: ServerProcess, readiness: () => Readiness) {
  const access = new Access(node.config.secrets, node.config.tokens);
  const resp = new RespServer(node, allCommands, { access });
  const http = new HttpServer(node, {
    access,
    turn: (work) => resp.turn(work),
    latencies: resp.timings.latencies,
    readiness,
    sources: { resp, facts },
  });
  host.onTick = () => resp.tick();
  host.around = (work) => resp.turn(work);
  resp.afterTurn = () => host.afterTurn();
  for (const server of [resp, http]) attachProcess(server, facts);
  return { resp, http };
}

/**
 * Serves until somebody says stop.
 *
 * @param config The one of `settings`.
 * @returns The exit code.
 */
export async function serve(config: NodeConfig, settings: Settings): Promise<number> {
  let logLevel = () => config.logLevel;
  const write = (line: string) => process.stdout.write(`${line}\n`);
  const log: Log = createLog(() => logLevel(), write, process.stdout.isTTY === true);
  const node = new Node(config, { ...systemPorts(log), createHistogram: createLatencyHistogram });
  logLevel = () => node.config.logLevel;
  const host = new Host(node);
  const stop = new StopRequests();
  let phase: Phase = "starting";
  let listeners: Listeners = { resp: undefined, http: undefined };
  const shutdown = ({ now }: { now: boolean }) => stop.request({ reason: "SHUTDOWN", now });
  const facts = describeProcess(() => listeners.resp?.port ?? config.respPort, settings.file, shutdown);
  const servers = createServers(node, host, facts, () => readinessOf(phase, host));
  try {
    listeners = await openListeners(servers, config, settings.certificate);
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    process.stderr.write(`shoal: ${error.message}\n`);
    return EX_UNAVAILABLE;
  }
  await host.start();
  watchHangups({ server: servers.resp, listeners, log }, settings, stop);
  for (const warning of settings.warnings) log.write("warn", warning);
  phase = "running";
  announce(listeners, settings, config, log);

  const { reason, now } = await stop.first;
  phase = "stopping";
  log.write("info", "stopping", { reason });
  const finished = await finish(servers.resp, listeners, now ? 0 : node.config.shutdownTimeoutMs);
  await host.stop();
  log.write("info", "stopped", { finished });
  return 0;
}
