import { describe, expect, test } from "bun:test";
import { PARAMETERS } from "../../../../../src/protocol/resp/commands/config-parameters.ts";
import { OwnServer } from "./own-server.ts";

/** What CONFIG SET takes, and what CONFIG GET shows after it. */
const SETTABLE: readonly (readonly [name: string, given: string, shown: string])[] = [
  ["maxmemory", "100mb", "104857600"],
  ["maxmemory", "100m", "100000000"],
  ["MaxMemory", "1GB", "1073741824"],
  ["maxmemory-policy", "noeviction", "noeviction"],
  ["maxmemory-policy", "ALLKEYS-LFU", "allkeys-lfu"],
  ["maxmemory-policy", "lru", "allkeys-lru"],
  ["timeout", "30", "30"],
  ["maxclients", "5", "5"],
  ["slowlog-log-slower-than", "-1", "-1"],
  ["slowlog-max-len", "0", "0"],
  ["notify-keyspace-events", "KEA", "AKE"],
  ["proto-max-bulk-len", "4096", "4096"],
  ["client-query-buffer-limit", "1mb", "1048576"],
  ["shoal-max-key-bytes", "100", "100"],
  ["shoal-request-timeout-ms", "0", "0"],
  ["save", "", ""],
  ["appendonly", "NO", "no"],
];

describe("CONFIG SET", () => {
  test.each(SETTABLE)("%s %s", (name, given, shown) => {
    const peer = new OwnServer().peer();
    expect(peer.call("CONFIG", "SET", name, given)).toBe("OK");
    expect(peer.call("CONFIG", "GET", name)).toEqual([name.toLowerCase(), shown]);
  });

  test("reaches what depends on it", () => {
    const own = new OwnServer();
    const peer = own.peer();
    peer.call("CONFIG", "SET", "maxclients", "1", "maxmemory", "8mb", "maxmemory-policy", "allkeys-lru");
    expect(own.node.store.maxBytes).toBe(8 * 2 ** 20);
    expect(own.node.store.policy.name).toBe("lru");
    expect(own.peer().session.closed).toBe(true);
    peer.call("CONFIG", "SET", "proto-max-bulk-len", "10");
    expect(peer.call("SET", "a", "12345678901")).toHaveProperty("error");
  });

  test("what the schema of the configuration refuses is the parameter's mistake", () => {
    const peer = new OwnServer().peer();
    const reason = "argument must be 0 or a whole number from 10 to 2147483647";
    expect(peer.call("CONFIG", "SET", "maxclients", "5", "shoal-request-timeout-ms", "5")).toEqual({
      error: `ERR CONFIG SET failed (possibly related to argument 'shoal-request-timeout-ms') - ${reason}`,
    });
    expect(peer.call("CONFIG", "GET", "maxclients")).toEqual(["maxclients", "10000"]);
  });
});

describe("parameters", () => {
  const own = new OwnServer();

  test.each(PARAMETERS.map((parameter) => [parameter.name, parameter] as const))("%s takes what it shows", (_, one) => {
    const value = one.read(own.server.config, own.server);
    if (one.kind === "immutable") return expect(one.parse).toBeUndefined();
    expect(own.peer().call("CONFIG", "SET", one.name, value)).toBe("OK");
    expect(one.read(own.server.config, own.server)).toBe(value);
  });

  test("CONFIG RESETSTAT forgets what was counted", () => {
    const peer = own.peer();
    peer.call("GET", "nope");
    peer.call("NOSUCH");
    peer.call("CONFIG", "RESETSTAT");
    const info = peer.call("INFO", "everything") as string;
    for (const line of ["keyspace_misses:0", "total_error_replies:0", "total_connections_received:0"]) {
      expect(info).toContain(`\r\n${line}\r\n`);
    }
    expect(info).not.toContain("cmdstat_get:");
  });
});
