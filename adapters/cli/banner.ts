/**
 * What `shoal serve` says when it is ready: to machines one line of JSON, to people a banner with a line for curl and one
 * for redis-cli, which do something as they are printed: the first writes an entry, the second reads it.
 *
 * A secret is never printed: the lines name the variable that holds it. The certificate is named as what to trust where
 * that works, which is when it has signed itself and is made out to the host; otherwise the tools are told not to look.
 */
import process from "node:process";
import type { Log } from "../../src/core/ports.ts";
import { SHOAL_VERSION } from "../../src/core/release.ts";
import { formatSize, type NodeConfig } from "../../src/node/config.ts";
import { trustOf } from "./certificate.ts";
import { type Listeners, OFF } from "./listeners.ts";
import { visible } from "./print.ts";
import { runtimeName, runtimeVersion } from "./runtime.ts";
import type { Settings } from "./settings.ts";

const KEY = "greeting";

/** The address under which this machine reaches a server that listens on `host`. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

/** A word for a shell. */
function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The shell's expression for a secret that opens everything, or "" if none is needed. */
function secretVariable({ config, sources }: Settings): string {
  if (config === undefined || config.secrets.length + config.tokens.length === 0) return "";
  if (config.secrets.length === 0) return "$SHOAL_TOKEN";
  return sources.get("secrets") === "SHOAL_SECRETS" ? `\${SHOAL_SECRETS%%,*}` : "$SHOAL_SECRET";
}

/** The line that writes an entry, or undefined if HTTP is off. */
export function curlLine({ http }: Listeners, settings: Settings): string | undefined {
  if (http === undefined) return undefined;
  const { certificate, config } = settings;
  const host = reachable(http.hostname);
  const secret = secretVariable(settings);
  const words = ["curl -i"];
  if (certificate !== undefined) {
    const { selfSigned, names } = trustOf(certificate, host);
    words.push(selfSigned && names ? `--cacert ${quoted(config?.tlsCert ?? "")}` : "-k");
  }
  if (host.includes(":")) words.push("-g");
  if (secret !== "") words.push(`-H "authorization: Bearer ${secret}"`);
  const scheme = certificate === undefined ? "http" : "https";
  const authority = `${host.includes(":") ? `[${host}]` : host}:${http.port}`;
  const url = `${scheme}://${authority}/v1/keys/${KEY}`;
  words.push("-X PUT -d hello", host.includes(":") ? `'${url}'` : url);
  return words.join(" ");
}

/** How redis-cli reaches the server, without a command; undefined if the Redis protocol is off. */
export function redisCliLine({ resp }: Listeners, settings: Settings): string | undefined {
  if (resp === undefined) return undefined;
  const { certificate, config } = settings;
  const host = reachable(resp.hostname);
  const secret = secretVariable(settings);
  const words = ["redis-cli"];
  if (secret !== "") words.unshift(`REDISCLI_AUTH="${secret}"`);
  if (host !== "127.0.0.1" && host !== "localhost") words.push(`-h ${host}`);
  words.push(`-p ${resp.port}`);
  if (secret === "$SHOAL_TOKEN") words.push(`--user ${quoted(config?.tokens[0]?.name ?? "")}`);
  if (certificate !== undefined) {
    const { selfSigned } = trustOf(certificate, host);
    words.push(selfSigned ? `--tls --cacert ${quoted(config?.tlsCert ?? "")}` : "--tls --insecure");
  }
  return words.join(" ");
}

/** Says that the server is ready. */
export function announce(listeners: Listeners, settings: Settings, config: NodeConfig, log: Log): void {
  const { resp, http } = listeners;
  const connect = redisCliLine(listeners, settings);
  const curl = curlLine(listeners, settings);
  const runtime = `${runtimeName()} ${runtimeVersion()}`;
  const { policy, region, dataDir, fsync } = config;
  const storage = dataDir === "" ? {} : { dataDir, fsync };
  const maxMemory = formatSize(config.maxMemory);
  if (process.stdout.isTTY !== true) {
    const { hostname: host } = (resp ?? http) as { hostname: string };
    const ports = { respPort: resp?.port ?? OFF, httpPort: http?.port ?? OFF };
    const { pid } = process;
    const tls = settings.certificate !== undefined;
    log.write("info", "ready", {
      host,
      ...ports,
      tls,
      connect,
      curl,
      runtime,
      pid,
      maxMemory,
      policy,
      region,
      ...storage,
    });
    return;
  }
  const lines = [
    `Shoal ${SHOAL_VERSION} on ${runtime}, process ${process.pid}`,
    `${maxMemory} for entries, policy ${policy}, region ${region}`,
    ...(dataDir === "" ? [] : [`kept in ${visible(dataDir)}, fsync ${fsync}`]),
    "",
    ...(curl === undefined ? [] : [curl]),
    ...(connect === undefined ? [] : [`${connect} get ${KEY}`]),
  ];
  process.stdout.write(`\n${lines.map((line) => `  ${line}`).join("\n")}\n\n`);
}
