/**
 * The end of `shoal serve`: no more connections; what was received is answered and sent, within a time limit; then
 * everything is closed.
 *
 * Received are also requests that are still in the system's buffers: of the Redis protocol until none has come for
 * `QUIET_MS`, over HTTP what comes within `QUIET_MS`, and every HTTP body that has begun, to its end. Connections of HTTP
 * that wait for their next request are closed then.
 */
import type { RespServer } from "../../src/protocol/resp/server.ts";
import { Halt } from "../../src/protocol/resp/session-state.ts";
import type { Listeners } from "./listeners.ts";

/** At the end, input is read until none has come for this long, ms, ... */
const QUIET_MS = 10;
/** ... but no longer than this, for clients that never stop sending. */
const LAST_READS_MS = 500;
const POLL_MS = 2;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function receivedBytes(server: RespServer): number {
  let bytes = server.statistics.inputBytesOfClosed;
  for (const session of server.sessions.values()) bytes += session.inputBytes;
  return bytes;
}

function isUnfinished(server: RespServer): boolean {
  for (const { halt, unsentBytes } of server.sessions.values()) {
    if ((halt & Halt.BLOCKED) !== 0 || unsentBytes > 0) return true;
  }
  return false;
}

/** Answers what sessions have received and sends what was answered, then closes them; true if that was possible in time. */
async function finishSessions(server: RespServer, timeoutMs: number): Promise<boolean> {
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

/** Lets requests over HTTP end, then cuts what is left; true if nothing was. */
async function finishRequests({ http }: Listeners, timeoutMs: number): Promise<boolean> {
  if (http === undefined) return true;
  if (timeoutMs > 0) await pause(Math.min(QUIET_MS, timeoutMs));
  const ended = http.close(true).then(() => true);
  const finished = await Promise.race([ended, pause(timeoutMs).then(() => false)]);
  await http.close(false);
  return finished;
}

/**
 * Ends both protocols.
 *
 * @param timeoutMs 0: nothing is waited for.
 * @returns True if everything was answered and sent in time.
 */
export async function finish(server: RespServer, listeners: Listeners, timeoutMs: number): Promise<boolean> {
  await listeners.resp?.close(true);
  const finished = await Promise.all([finishSessions(server, timeoutMs), finishRequests(listeners, timeoutMs)]);
  return finished.every((one) => one);
}
