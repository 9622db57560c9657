/** The cluster's part of the configuration: what is accepted, what does not go together, and what becomes of it. */
import { describe, expect, test } from "bun:test";
import { type ClusterConfig, checkClusterConfig, defaultClusterConfig } from "../../../src/cluster/cluster-config.ts";
import { advertisedAddress, clusterConfigOf, nodeIdOf } from "../../../src/node/cluster-settings.ts";
import { defaultConfig, type NodeConfig, parseConfig } from "../../../src/node/config.ts";
import { formatPeerAddress, isWildcard, parsePeerAddress } from "../../../src/node/peer-address.ts";
import { platformDefaults } from "../../../src/node/platform-defaults.ts";

const MEMBER = { cluster: "test" };
const PUBLIC = { ...MEMBER, host: "10.0.0.1", secrets: ["s"], clusterSecrets: ["c"] };

function accepted(input: object): NodeConfig {
  const { config, mistakes } = parseConfig(input);
  expect(mistakes).toEqual([]);
  return config as NodeConfig;
}

describe("addresses", () => {
  const cases = [
    { input: "cache-1:7400", expected: "cache-1:7400" },
    { input: " Cache-1.Internal:7400 ", expected: "cache-1.internal:7400" },
    { input: "10.0.0.1", expected: "10.0.0.1:99" },
    { input: "fdaa:0:18::3", expected: "[fdaa:0:18::3]:99" },
    { input: "[fdaa::3]", expected: "[fdaa::3]:99" },
    { input: "[fdaa::3]:7400", expected: "[fdaa::3]:7400" },
    { input: "wss://cache:7400/", expected: "wss://cache:7400" },
    { input: "ws://cache:7400/?resp=6379", expected: "ws://cache:7400/?resp=6379" },
    { input: "cache:7400?resp=6379", expected: "ws://cache:7400/?resp=6379" },
    { input: "cache:7400?resp=7379", expected: "cache:7400" },
    { input: "cache:0", expected: undefined },
    { input: "cache:65536", expected: undefined },
    { input: "cache:7400?resp=65536", expected: undefined },
    { input: "", expected: undefined },
    { input: ":7400", expected: undefined },
    { input: "a b:1", expected: undefined },
    { input: "-a:1", expected: undefined },
    { input: "http://a:1", expected: undefined },
    { input: "a:1/path", expected: undefined },
    { input: "user@a:1", expected: undefined },
    { input: "[cache]:1", expected: undefined },
    { input: `${"a".repeat(64)}:1`, expected: undefined },
  ];
  test.each(cases)("$input", ({ input, expected }) => {
    const address = parsePeerAddress(input);
    const text = address === undefined ? undefined : formatPeerAddress(address, 99);
    expect(text).toBe(expected as string);
    if (text !== undefined) expect(parsePeerAddress(text)).toMatchObject({ host: address?.host as string });
  });

  test.each([
    ["0.0.0.0", true],
    ["::", true],
    ["0:0:0:0:0:0:0:0", true],
    ["::1", false],
    ["10.0.0.0", false],
  ])("%s is a wildcard: %p", (host, expected) => expect(isWildcard(host)).toBe(expected));
});

describe("a value is accepted", () => {
  const cases = [
    {
      name: "peers as text",
      input: { peers: "127.0.0.1:1, localhost:2" },
      expected: { peers: ["127.0.0.1:1", "localhost:2"] },
    },
    { name: "peers twice", input: { peers: ["[::1]:1", "[::1]:1"] }, expected: { peers: ["[::1]:1"] } },
    { name: "no peers as text", input: { peers: "" }, expected: { peers: [] } },
    { name: "a weight as text", input: { weight: "0.125" }, expected: { weight: 0.125 } },
    { name: "no weight at all", input: { weight: 0 }, expected: { weight: 0 } },
    { name: "a size", input: { maxLogBytes: "1gb" }, expected: { maxLogBytes: 2 ** 30 } },
    { name: "moved", input: { redirect: "moved" }, expected: { redirect: "moved" as const } },
    {
      name: "names of DNS",
      input: { ...PUBLIC, discovery: "dns", discoveryNames: "App.internal,fra.app.internal" },
      expected: { discoveryNames: ["app.internal", "fra.app.internal"] },
    },
    { name: "a public address with secrets", input: PUBLIC, expected: { clusterSecrets: ["c"] } },
    { name: "an address without port", input: { ...PUBLIC, advertise: "fdaa::3" }, expected: { advertise: "fdaa::3" } },
    {
      name: "any port, where peers are told another",
      input: { httpPort: 0, advertise: "127.0.0.1:7400" },
      expected: { httpPort: 0 },
    },
  ];
  test.each(cases)("$name", ({ input, expected }) => expect(accepted({ ...MEMBER, ...input })).toMatchObject(expected));
});

describe("a mistake is named with what is allowed", () => {
  const peers = "a list of up to 256 addresses such as cache-1.internal:7400, [fdaa::3]:7400 or wss://cache:7400";
  const weight = "a number from 0 to 1000 with at most three decimals";
  const names = "a list of up to 16 DNS names such as my-app.internal";
  const port = "a port that peers can be told, because cluster is set; or an advertise with a port";
  const cases = [
    { input: { peers: ["a"] }, path: "peers", allowed: peers },
    { input: { peers: "a:1,,b:2" }, path: "peers", allowed: peers },
    { input: { peers: [1] }, path: "peers", allowed: peers },
    { input: { peers: Array.from({ length: 257 }, (_, i) => `a:${i + 1}`) }, path: "peers", allowed: peers },
    { input: { weight: 1_001 }, path: "weight", allowed: weight },
    { input: { weight: 0.0001 }, path: "weight", allowed: weight },
    { input: { weight: "1e2" }, path: "weight", allowed: weight },
    { input: { weight: Number.NaN }, path: "weight", allowed: weight },
    { input: { replicas: 9 }, path: "replicas", allowed: "a whole number from 1 to 8" },
    { input: { discovery: "gossip" }, path: "discovery", allowed: "one of static, dns" },
    { input: { discoveryNames: ["10.0.0.1"] }, path: "discoveryNames", allowed: names },
    { input: { discoveryNames: ["app:1"] }, path: "discoveryNames", allowed: names },
    { input: { redirect: "ask" }, path: "redirect", allowed: "one of proxy, moved" },
    {
      input: { advertise: "0.0.0.0" },
      path: "advertise",
      allowed: "an address such as 10.0.0.7, cache-1.internal or cache-1.internal:7400",
    },
    { input: { httpPort: -1 }, path: "httpPort", allowed: "a port, because cluster is set: peers connect to it" },
    { input: { httpPort: 0 }, path: "httpPort", allowed: port },
    { input: { httpPort: 0, advertise: "127.0.0.1" }, path: "httpPort", allowed: port },
    {
      input: { ...PUBLIC, host: "::" },
      path: "advertise",
      allowed: "an address at which peers reach it, because host is ::",
    },
    {
      input: { ...PUBLIC, discovery: "dns" },
      path: "discoveryNames",
      allowed: "at least one name, because discovery is dns",
    },
    { input: { maxLeaseMs: 700_000 }, path: "maxLeaseMs", allowed: "from 100 to 600000, because cluster is set" },
    { input: { cluster: "", peers: ["a:1"] }, path: "cluster", allowed: "the cluster's name, because peers is set" },
    {
      input: { cluster: "", clusterSecrets: ["c"] },
      path: "cluster",
      allowed: "the cluster's name, because clusterSecrets is set",
    },
    {
      input: { ...PUBLIC, clusterSecrets: ["s"] },
      path: "clusterSecrets",
      allowed: "secrets that neither secrets nor tokens have",
    },
    {
      input: { tokens: [{ name: "a", secret: "t", roles: ["read"] }], clusterSecrets: ["t"] },
      path: "clusterSecrets",
      allowed: "secrets that neither secrets nor tokens have",
    },
    {
      input: { ...PUBLIC, clusterSecrets: [] },
      path: "clusterSecrets",
      allowed: "at least one secret, because host is 10.0.0.1",
    },
    {
      input: { peers: ["127.0.0.1:1", "10.0.0.2:1"] },
      path: "clusterSecrets",
      allowed: "at least one secret, because the peer 10.0.0.2:1 is another machine",
    },
    {
      input: { advertise: "cache-1:1" },
      path: "clusterSecrets",
      allowed: "at least one secret, because advertise is cache-1:1",
    },
    {
      input: { discovery: "dns", discoveryNames: ["a.internal"] },
      path: "clusterSecrets",
      allowed: "at least one secret, because discovery is dns",
    },
  ];
  test.each(cases)("$input", ({ input, path, allowed }) => {
    const { mistakes } = parseConfig({ ...MEMBER, ...input });
    expect(mistakes.map((one) => [one.path, one.allowed])).toEqual([[path, allowed]]);
  });

  test("a secret of the cluster is never shown", () => {
    const { mistakes } = parseConfig({ ...PUBLIC, secrets: ["hidden"], clusterSecrets: ["hidden"] });
    expect(mistakes).toHaveLength(1);
    expect(JSON.stringify(mistakes)).not.toContain("hidden");
  });

  test("several are named at once", () => {
    const { mistakes } = parseConfig({ ...MEMBER, weight: -1, replicas: 0, host: "10.0.0.1", httpPort: -1 });
    expect(mistakes.map(({ path }) => path).sort()).toEqual([
      "clusterSecrets",
      "host",
      "httpPort",
      "replicas",
      "weight",
    ]);
  });
});

describe("what becomes of it", () => {
  test("defaults are the cluster's own", () => {
    const { id, address, ...rest } = clusterConfigOf(accepted(MEMBER), "box") as ClusterConfig;
    const { id: _, address: __, ...defaults } = defaultClusterConfig();
    expect(rest).toEqual(defaults);
    expect([id, address]).toEqual(["box:7400", "127.0.0.1:7400"]);
  });

  test("a node that is alone has none", () => expect(clusterConfigOf(defaultConfig(), "box")).toBeUndefined());

  test("both ends of each range are accepted by the cluster, and what is beyond by neither", () => {
    const base = defaultClusterConfig();
    const numbers = Object.entries(base).flatMap(([name, value]) => (typeof value === "number" ? [name] : []));
    expect(numbers.length).toBeGreaterThan(15);
    for (const name of numbers.filter((one) => one !== "maxLeaseMs")) {
      const isGood = (value: number) => checkClusterConfig({ ...base, id: "a", [name]: value }).length === 0;
      const isAccepted = (value: number) => parseConfig({ ...MEMBER, [name]: value }).mistakes.length === 0;
      const edges = [
        0,
        1,
        2,
        8,
        10,
        20,
        50,
        100,
        500,
        1_000,
        10_000,
        60_000,
        2 ** 16,
        600_000,
        604_800_000,
        2 ** 24,
        2 ** 32,
      ];
      for (const edge of edges) {
        for (const value of [edge - 1, edge, edge + 1]) {
          expect([name, value, isAccepted(value)]).toEqual([name, value, isGood(value)]);
        }
      }
    }
  });

  const ids = [
    { name: "the id", input: { nodeId: "a", nodeName: "b" }, expected: "a" },
    { name: "the name", input: { nodeName: "b" }, expected: "b" },
    { name: "a long name", input: { nodeName: "b".repeat(100) }, expected: "b".repeat(64) },
    { name: "host and port", input: { httpPort: 81 }, expected: "box.local:81" },
  ];
  test.each(ids)("the node is called by $name", ({ input, expected }) => {
    expect(nodeIdOf(accepted({ ...MEMBER, ...input }), "box.local")).toBe(expected);
  });

  test.each(["", "ü box", "h".repeat(300)])("any host name gives a good id: %p", (hostName) => {
    const config = clusterConfigOf(accepted(MEMBER), hostName) as ClusterConfig;
    expect(checkClusterConfig(config)).toEqual([]);
  });

  const addresses = [
    { input: { httpPort: 81 }, expected: "127.0.0.1:81" },
    { input: { ...PUBLIC, advertise: "fdaa::3" }, expected: "[fdaa::3]:7400" },
    { input: { ...PUBLIC, advertise: "cache-1:9" }, expected: "cache-1:9" },
    { input: { ...PUBLIC, tlsCert: "a", tlsKey: "b" }, expected: "wss://10.0.0.1:7400" },
    { input: { ...PUBLIC, respPort: 6_379 }, expected: "ws://10.0.0.1:7400/?resp=6379" },
    { input: { ...PUBLIC, respPort: -1 }, expected: "ws://10.0.0.1:7400/?resp=0" },
    { input: { host: "::1" }, expected: "[::1]:7400" },
  ];
  test.each(addresses)("peers are told $expected", ({ input, expected }) => {
    const config = accepted({ ...MEMBER, ...input });
    expect(advertisedAddress(config)).toBe(expected);
    expect(checkClusterConfig(clusterConfigOf(config, "box") as ClusterConfig)).toEqual([]);
  });
});

describe("what a platform says", () => {
  const fly = { FLY_REGION: "fra", FLY_MACHINE_ID: "3d8d", FLY_PRIVATE_IP: "fdaa:0:18::3", FLY_APP_NAME: "my-app" };
  const cases = [
    { name: "nothing", environment: {}, isMember: true, expected: {} },
    { name: "Fly.io, alone", environment: fly, isMember: false, expected: { region: "fra" } },
    {
      name: "Fly.io, member",
      environment: fly,
      isMember: true,
      expected: {
        region: "fra",
        nodeId: "3d8d",
        advertise: "fdaa:0:18::3",
        discovery: "dns",
        discoveryNames: ["my-app.internal"],
      },
    },
    { name: "empty", environment: { FLY_REGION: "" }, isMember: true, expected: {} },
  ];
  test.each(cases)("$name", ({ environment, isMember, expected }) => {
    const found = platformDefaults(environment, isMember);
    expect(Object.fromEntries(found.map(({ field, value }) => [field, value]))).toEqual(expected);
    for (const { variable } of found) expect(environment).toHaveProperty(variable);
  });

  test("is a good configuration, with a host and secrets", () => {
    const given = platformDefaults(fly, true).map(({ field, value }) => [field, value]);
    const config = accepted({ ...PUBLIC, host: "::", ...Object.fromEntries(given) });
    expect(clusterConfigOf(config, "box")).toMatchObject({ id: "3d8d", region: "fra", address: "[fdaa:0:18::3]:7400" });
  });
});
