/**
 * `shoal serve`: puts a node, its host, the RESP server and this runtime's sockets together, and ends them in order.
 *
 * The end, on SIGTERM, SIGINT or SHUTDOWN: no more connections; requests that were received completely are answered
 * (those already in the system's buffers too) and their replies sent, within `shutdownTimeoutMs`; then everything is
 * closed. A second signal does not wait.
 */
import process from "node:process";
import type { Log } from "../../src/core/ports.ts";
import { systemPorts } from "../../src/core/system.ts";
import { formatSize, type NodeConfig } from "../../src/node/config.ts";
import { Host } from "../../src/node/host.ts";
import { Node } from "../../src/node/node.ts";
import { allCommands } from "../../src/protocol/resp/all-commands.ts";
import { attachProcess } from "../../src/protocol/resp/commands/info-process.ts";
import { SHOAL_VERSION } from "../../src/protocol/resp/commands/info-version.ts";
import { RespServer } from "../../src/protocol/resp/server.ts";
import { Halt } from "../../src/protocol/resp/session-state.ts";
import { createLog } from "./log.ts";
import { describeProcess } from "./process-facts.ts";
import { runtimeName, runtimeVersion } from "./runtime.ts";
import type { Settings } from "./settings.ts";
import { StopRequests } from "./stop-request.ts";

const EX_UNAVAILABLE = 69;
/** At the end, input is read until none has come for this long, ms, ... */
const QUIET_MS = 10;
/** ... but no longer than this, for clients that never stop sending. */
const LAST_READS_MS = 500;
const POLL_MS = 2;

interface Listener {
  readonly hostname: string;
  readonly port: number;
  close(): Promise<void>;
}

/** The sockets of each runtime, loaded where they exist. */
const adapters = {
  bun: () => import("../bun/resp-listener.ts"),
  deno: () => import("../deno/resp-listener.ts"),
  node: () => import("../node/resp-listener.ts"),
};

async function listen(server: RespServer, config: NodeConfig): Promise<Listener> {
  const { listenResp } = await adapters[runtimeName()]();
  return listenResp(server, { hostname: config.host, port: config.respPort });
}

function reasonOf(error: unknown, config: NodeConfig): string {
  const address = `${config.host}:${config.respPort}`;
  const { code, name, message } = error as { code?: string; name?: string; message?: string };
  if (code === "EADDRINUSE" || name === "AddrInUse") return `${address} is in use by another process`;
  if (code === "EACCES" || name === "PermissionDenied") return `${address} may not be used by this user`;
  if (code === "EADDRNOTAVAIL" || name === "AddrNotAvailable") return `${config.host} is no address of this machine`;
  return `${address} cannot be used: ${message}`;
}

/** How to reach the server with the tool that everybody has. */
function redisCli({ hostname, port }: Listener, config: NodeConfig): string {
  const host = hostname === "127.0.0.1" || hostname === "localhost" ? "" : ` -h ${hostname}`;
  return `redis-cli${host} -p ${port}${config.secrets.length > 0 ? " --askpass" : ""}`;
}

/** Says that the server is ready: to people as a banner, to machines as one line of JSON. */
function announce(listener: Listener, config: NodeConfig, log: Log, atTerminal: boolean): void {
  const connect = redisCli(listener, config);
  const runtime = `${runtimeName()} ${runtimeVersion()}`;
  const { policy, region } = config;
  const maxMemory = formatSize(config.maxMemory);
  if (!atTerminal) {
    const { hostname: host, port: respPort } = listener;
    const { pid } = process;
    log.write("info", "ready", { host, respPort, connect, runtime, pid, maxMemory, policy, region });
    return;
  }
  const lines = [
    `Shoal ${SHOAL_VERSION} on ${runtime}, process ${process.pid}`,
    `${maxMemory} for entries, policy ${policy}, region ${region}`,
    "",
    connect,
  ];
  process.stdout.write(`\n${lines.map((line) => `  ${line}`).join("\n")}\n\n`);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function receivedBytes(server: RespServer): number {
  let bytes = server.statistics.inputBytesOfClosed;
  for (const session of server.sessions.values()) bytes += session.inputBytes;
  return bytes;
}

function isUnfinished(server: RespServer): boolean {
  for (const { halt, connection } of server.sessions.values()) {
    if ((halt & Halt.BLOCKED) !== 0 || connection.pendingBytes > 0) return true;
  }
  return false;
}

/** Answers what was received and sends what was answered, then closes all; true if that was possible in time. */
async function finish(server: RespServer, timeoutMs: number): Promise<boolean> {
  const began = performance.now();
  const elapsed = () => performance.now() - began;
  server.unpause();
  for (let before = -1, now = 0; before !== now && elapsed() < Math.min(LAST_READS_MS, timeoutMs); ) {
    before = now;
    await pause(QUIET_MS);
    now = receivedBytes(server);
  }
  while (isUnfinished(server) && elapsed() < timeoutMs) await pause(POLL_MS);
  const finished = !isUnfinished(server);
  for (const session of [...server.sessions.values()]) session.kill();
  return finished;
}

/**
 * Serves until somebody says stop.
 *
 * @param settings `warnings` are for the log.
 * @returns The exit code.
 */
export async function serve(config: NodeConfig, { warnings, file }: Settings): Promise<number> {
  const atTerminal = process.stdout.isTTY === true;
  const log = createLog(config.logLevel, (line) => process.stdout.write(`${line}\n`), atTerminal);
  const node = new Node(config, systemPorts(log));
  const server = new RespServer(node, allCommands);
  const host = new Host(node);
  host.onTick = () => server.tick();
  host.around = (work) => server.turn(work);
  server.afterTurn = () => host.afterTurn();
  let listener: Listener;
  try {
    listener = await listen(server, config);
  } catch (error) {
    process.stderr.write(`shoal: ${reasonOf(error, config)}\n`);
    return EX_UNAVAILABLE;
  }
  await host.start();
  const stop = new StopRequests();
  const shutdown = ({ now }: { now: boolean }) => stop.request({ reason: "SHUTDOWN", now });
  attachProcess(server, describeProcess(listener.port, file, shutdown));
  for (const warning of warnings) log.write("warn", warning);
  announce(listener, config, log, atTerminal);

  const { reason, now } = await stop.first;
  log.write("info", "stopping", { reason });
  await listener.close();
  const finished = await finish(server, now ? 0 : config.shutdownTimeoutMs);
  await host.stop();
  log.write("info", "stopped", { finished });
  return 0;
}
