/** What INFO tells about the process, from `node:process` and `node:os`, which all three runtimes have. */
import { machine, release, totalmem, type } from "node:os";
import process from "node:process";
import type { ServerProcess } from "../../src/protocol/server-process.ts";
import { runtimeName, runtimeVersion } from "./runtime.ts";

/**
 * @param port The port of the Redis protocol; asked when somebody wants to know.
 * @param configFile The configuration file's path, or "".
 * @param shutdown What SHUTDOWN does; it returns at once.
 */
export function describeProcess(
  port: () => number,
  configFile: string,
  shutdown: (request: { readonly now: boolean }) => void,
): ServerProcess {
  return {
    pid: process.pid,
    os: `${type()} ${release()} ${machine()}`,
    runtime: `${runtimeName()} ${runtimeVersion()}`,
    executable: process.execPath,
    configFile,
    get port() {
      return port();
    },
    systemMemoryBytes: totalmem(),
    residentBytes: () => process.memoryUsage().rss,
    memory() {
      const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
      return { residentBytes: rss, heapBytes: heapTotal, heapUsedBytes: heapUsed, externalBytes: external };
    },
    cpuSeconds() {
      const { user, system } = process.cpuUsage();
      return { user: user / 1e6, system: system / 1e6 };
    },
    shutdown,
  };
}
