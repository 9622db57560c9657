/** `/v1/cluster`: what is told, who may change what, and what is refused. */
import { describe, expect, test } from "bun:test";
import { bearer, type CheckedOptions, CheckedServer } from "./checked-server.ts";
import { readPrometheusText } from "./prometheus-text.ts";

const TOKENS: NonNullable<CheckedOptions["tokens"]> = [
  { name: "reader", secrets: ["r"], roles: ["read"], prefixes: [] },
  { name: "partly", secrets: ["p"], roles: ["read"], prefixes: ["a:"] },
  { name: "admin", secrets: ["a"], roles: ["admin", "read"], prefixes: [] },
];

async function member(options: CheckedOptions = {}) {
  const server = new CheckedServer(options);
  return { server, cluster: await server.enterCluster() };
}

describe("a node that is alone", () => {
  test.each(["/v1/cluster", "/v1/cluster/slots"])("says so: %s", async (path) => {
    const { status, json } = await new CheckedServer().send("GET", path);
    expect(status).toBe(200);
    expect(json).toEqual({ enabled: false, node: { name: "", region: "local", origin: expect.any(Number) } });
  });

  test.each([
    ["weight", { weight: 1 }],
    ["join", { addresses: ["a:1"] }],
    ["drain", undefined],
    ["leave", undefined],
  ])("refuses to %s", async (path, body) => {
    const { status, json } = await new CheckedServer().send("POST", `/v1/cluster/${path}`, { body });
    expect([status, json.type]).toEqual([409, "urn:shoal:problem:no-cluster"]);
  });

  test("has no figures of a cluster", async () => {
    const server = new CheckedServer();
    expect((await server.send("GET", "/v1/stats")).json.cluster).toBeUndefined();
    expect((await server.send("GET", "/metrics")).text).not.toContain("shoal_cluster");
  });
});

describe("a member", () => {
  test("tells of the cluster, and the statistics tell the same", async () => {
    const { server } = await member();
    const { json } = await server.send("GET", "/v1/cluster");
    expect(json).toMatchObject({ enabled: true, cluster: "example", state: "settled", node: { id: "fra-1" } });
    const { enabled: _, ...status } = json;
    expect((await server.send("GET", "/v1/stats")).json.cluster).toEqual(status);
  });

  test("tells who holds which slots", async () => {
    const { server } = await member();
    const { json } = await server.send("GET", "/v1/cluster/slots");
    expect(json.ranges[0].from).toBe(0);
    expect(json.ranges.at(-1).to).toBe(16_383);
    expect(new Set(json.ranges.map(({ owners }: { owners: string[] }) => owners.join()))).toEqual(
      new Set(["fra-1,fra-2", "fra-2,fra-1"]),
    );
  });

  test("has metrics", async () => {
    const { server } = await member();
    const { text } = await server.send("GET", "/metrics");
    expect(text).toContain('shoal_cluster_members{region="fra",state="alive"} 2\n');
    expect(text).toContain('shoal_cluster_slots{state="visible"} 16384\n');
    expect(text).toContain('shoal_cluster_state{state="settled"} 1\n');
    expect(text).toContain('shoal_cluster_linked{peer="fra-2",region="fra"} 1\n');
    expect(text).toContain("shoal_cluster_serving 1\n");
    const { families, mistakes } = readPrometheusText(text);
    expect(mistakes).toEqual([]);
    expect([...families.keys()].filter((name) => name.startsWith("shoal_cluster")).length).toBeGreaterThan(25);
  });

  test("changes its weight, and the other one follows", async () => {
    const { server, cluster } = await member();
    const { status, json } = await server.post("/v1/cluster/weight", { weight: 2.5 });
    expect([status, json]).toEqual([200, { id: "fra-1", state: "alive", weight: 2.5 }]);
    cluster.until(() => cluster.clusters[1]?.membership.member("fra-1")?.weight === 2.5);
    expect((await server.post("/v1/cluster/weight", {})).json.weight).toBe(1);
  });

  test("drains, and leaves", async () => {
    const { server, cluster } = await member();
    expect((await server.send("POST", "/v1/cluster/drain")).json).toEqual({ id: "fra-1", state: "alive", weight: 0 });
    cluster.until(() => cluster.clusters[0]?.slots.hiddenCount === 0 && cluster.clusters[0].slots.visible.count === 0);
    expect((await server.send("POST", "/v1/cluster/leave")).json).toMatchObject({ state: "left" });
    expect((await server.send("GET", "/v1/cluster")).json.state).toBe("left");
  });

  const mistakes = [
    {
      path: "weight",
      body: { weight: -1 },
      field: "weight",
      allowed: "a number from 0 to 1000 with at most three decimals",
    },
    {
      path: "weight",
      body: { weight: 1.2345 },
      field: "weight",
      allowed: "a number from 0 to 1000 with at most three decimals",
    },
    { path: "weight", body: { wait: 1 }, field: "wait", allowed: "an object with no other fields than weight" },
    { path: "join", body: { addresses: [] }, field: "addresses", allowed: "an array of 1 to 256 addresses" },
    { path: "join", body: {}, field: "addresses", allowed: "an array of 1 to 256 addresses" },
  ];
  test.each(mistakes)("refuses $body for $path", async ({ path, body, field, allowed }) => {
    const { server, cluster } = await member();
    const { status, json } = await server.post(`/v1/cluster/${path}`, body);
    expect([status, json.field, json.allowed]).toEqual([400, field, allowed]);
    expect(cluster.clusters[0]?.membership.self.weight).toBe(1);
  });

  test("refuses what is no address, and a body where there is none", async () => {
    const { server } = await member();
    expect((await server.post("/v1/cluster/join", { addresses: ["a b"] })).json).toMatchObject({
      type: "urn:shoal:problem:cluster-refused",
      detail: "a b is no address",
    });
    expect((await server.post("/v1/cluster/drain", {})).status).toBe(413);
    expect((await server.send("POST", "/v1/cluster/leave?now=1")).status).toBe(400);
    expect((await server.send("GET", "/v1/cluster?x=1")).status).toBe(400);
  });
});

describe("rights", () => {
  const cases = [
    { method: "GET", path: "/v1/cluster", secret: "r", status: 200 },
    { method: "GET", path: "/v1/cluster", secret: "p", status: 403 },
    { method: "GET", path: "/v1/cluster", secret: "a", status: 200 },
    { method: "GET", path: "/v1/cluster", secret: "x", status: 401 },
    { method: "GET", path: "/v1/cluster/slots", secret: "p", status: 403 },
    { method: "POST", path: "/v1/cluster/drain", secret: "r", status: 403 },
    { method: "POST", path: "/v1/cluster/leave", secret: "r", status: 403 },
    { method: "POST", path: "/v1/cluster/drain", secret: "a", status: 200 },
    { method: "POST", path: "/v1/cluster/weight", secret: "r", status: 403, body: {} },
    { method: "POST", path: "/v1/cluster/join", secret: "r", status: 403, body: { addresses: ["a:1"] } },
    { method: "POST", path: "/v1/cluster/join", secret: "a", status: 200, body: { addresses: ["a:1"] } },
  ];
  test.each(cases)("$method $path of $secret: $status", async ({ method, path, secret, status, body }) => {
    const { server } = await member({ tokens: TOKENS });
    expect((await server.send(method, path, { headers: bearer(secret), body })).status).toBe(status);
  });
});
