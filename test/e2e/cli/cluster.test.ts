/** `shoal cluster ...`: what it asks a node, what it prints, and how it waits. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { renderCluster } from "../../../adapters/cli/cluster-report.ts";
import { CLUSTER_EXAMPLE } from "../../../src/protocol/http/cluster-example.ts";
import { startShoal } from "../server-process.ts";
import { type CliOutput, RUNTIMES, runCli } from "./cli-process.ts";
import { problem, ScriptedNode } from "./scripted-node.ts";

setDefaultTimeout(60_000);

const MEMBER = { enabled: true, ...CLUSTER_EXAMPLE };
const JSON_HEADERS = { "content-type": "application/json" };
const answer = (body: object) => ({ headers: JSON_HEADERS, body: JSON.stringify(body) });
const CHANGE = { id: "fra-1", state: "alive", weight: 0 };

async function run(node: { url: string }, ...words: string[]): Promise<CliOutput> {
  return runCli("bun", ["cluster", ...words, "--url", node.url]);
}

const style = { title: (text: string) => text, faint: (text: string) => text };

describe("the report", () => {
  test("of a member that is well", () => {
    const lines = renderCluster({ enabled: true, ...CLUSTER_EXAMPLE }, style);
    expect(lines[0]).toBe("fra-1 in fra, cluster example: settled");
    expect(lines.join("\n")).not.toContain("attention");
    const [head, first, second] = lines.slice(lines.indexOf("Members") + 1);
    const cells = (line = "") => line.trim().split(/ {2,}/);
    expect(cells(head)).toEqual([
      ..."id region zone state weight slots".split(" "),
      "round trip",
      ..."lag clock address".split(" "),
    ]);
    expect(cells(first)).toEqual(["fra-1 *", "fra", "-", "alive", "1", "16,384", "-", "-", "-", "fra-1"]);
    expect(cells(second)).toEqual(["fra-2", "fra", "-", "alive", "1", "16,384", "400us", "52ms", "+100us", "fra-2"]);
    expect(lines).toContain("Slots of fra: 2 copies");
  });

  test("names what needs attention, and cannot drive a terminal", () => {
    const streams = CLUSTER_EXAMPLE.streams.map((stream) => ({ ...stream, held: true }));
    const lines = renderCluster(
      {
        enabled: true,
        ...CLUSTER_EXAMPLE,
        cluster: "ex\u001bample",
        state: "superseded",
        fence: { fences: true, serving: false, lapses: 1 },
        clock: { maxSkewMs: 500, heldByMost: true },
        healthScore: 5,
        refusedMembers: 2,
        streams,
        addresses: [{ address: "b:1", state: "waiting", failures: 3, refusal: "wrong secret" }],
        refusals: { count: 4, last: { address: "c:1", reason: "another cluster", atMs: 1 } },
      },
      style,
    );
    const attention = lines.filter((line) => line.startsWith("  attention ")).map((line) => line.slice(12));
    expect(attention).toEqual([
      "another node has taken over its name: stop this one",
      "it has lost its region's majority and serves nothing",
      "its clock is wrong, by what most peers say: it refuses writes",
      "the clock of fra-2 is wrong: its stream is held",
      "it is slow itself (health score 5 of 8)",
      "b:1 cannot be reached: wrong secret",
      "c:1 was refused: another cluster (4 in all)",
      "2 members were not let in (maxMembers)",
    ]);
    expect(lines[0]).toContain("ex\\x1bample");
  });
});

test.each(RUNTIMES)("a node that is alone says so, on %s", async (runtime) => {
  await using server = await startShoal(runtime);
  const url = `http://127.0.0.1:${server.httpPort}`;
  const status = await runCli(runtime, ["cluster", "status", "--url", url]);
  expect(status).toMatchObject({ exitCode: 0, stderr: "" });
  expect(status.stdout).toBe("The node is alone: it is no member of a cluster (region local).\n");
  const json = await runCli(runtime, ["cluster", "slots", "--json", "--url", url]);
  expect(JSON.parse(json.stdout)).toMatchObject({ enabled: false, node: { region: "local" } });
  for (const words of [["drain"], ["leave", "--now"], ["rebalance", "2"], ["join", "a:1"]]) {
    const change = await runCli(runtime, ["cluster", ...words, "--url", url]);
    expect([words, change.exitCode, change.stdout]).toEqual([words, 78, ""]);
    expect(change.stderr).toContain("the node is no member of a cluster");
  }
});

describe("what is asked", () => {
  const cases = [
    { words: ["status"], reply: MEMBER, method: "GET", url: "/v1/cluster", body: "", says: "cluster example: settled" },
    { words: ["slots"], reply: MEMBER, method: "GET", url: "/v1/cluster", body: "", says: "Slots of fra: 2 copies" },
    {
      words: ["join", "a:1", "[::1]:2"],
      reply: CHANGE,
      method: "POST",
      url: "/v1/cluster/join",
      body: '{"addresses":["a:1","[::1]:2"]}',
      says: "looks for peers at a:1, [::1]:2",
    },
    {
      words: ["drain"],
      reply: CHANGE,
      method: "POST",
      url: "/v1/cluster/drain",
      body: "",
      says: "fra-1: alive, weight 0",
    },
    {
      words: ["leave", "--now"],
      reply: CHANGE,
      method: "POST",
      url: "/v1/cluster/leave",
      body: "",
      says: "fra-1: alive",
    },
    { words: ["rebalance"], reply: CHANGE, method: "POST", url: "/v1/cluster/weight", body: "{}", says: "weight 0" },
    {
      words: ["rebalance", "2.5"],
      reply: CHANGE,
      method: "POST",
      url: "/v1/cluster/weight",
      body: '{"weight":2.5}',
      says: "weight 0",
    },
  ];
  test.each(cases)("$words", async ({ words, reply, method, url, body, says }) => {
    const node = await ScriptedNode.start();
    node.answer = answer(reply);
    const text = await run(node, ...words);
    expect(text).toMatchObject({ exitCode: 0, stderr: "" });
    expect(text.stdout).toContain(says);
    expect(node.seen.map((seen) => [seen.method, seen.url, seen.body])).toEqual([[method, url, body]]);
    node.stop();
  });
});

describe("what cannot be", () => {
  const cases = [
    { words: ["rebalance", "--", "-1"], exitCode: 64, says: "a number from 0 to 1000" },
    { words: ["rebalance", "many"], exitCode: 64, says: '"many" is not allowed' },
    { words: ["join"], exitCode: 64, says: "ADDRESS...: is missing" },
    { words: ["leave", "--now", "--wait", "1s"], exitCode: 64, says: "exclude each other" },
    { words: ["drain", "--wait", "soon"], exitCode: 64, says: "--wait" },
    { words: ["stat"], exitCode: 64, says: "cluster status" },
  ];
  test.each(cases)("$words", async ({ words, exitCode, says }) => {
    const output = await runCli("bun", ["cluster", ...words]);
    expect([output.exitCode, output.stdout]).toEqual([exitCode, ""]);
    expect(output.stderr).toContain(says);
  });

  test("what the cluster refuses is told", async () => {
    const node = await ScriptedNode.start();
    node.answer = problem(409, "cluster-refused", {
      detail: "no other node could take them",
      allowed: "another region",
    });
    const output = await run(node, "drain");
    expect(output.exitCode).toBe(65);
    expect(output.stderr).toContain("no other node could take them; allowed: another region");
    node.stop();
  });
});

describe("draining", () => {
  test("leaves only when the others have all slots, and gives up when they are too slow", async () => {
    const node = await ScriptedNode.start();
    const slots = { owned: 0, visible: 0, hidden: 0, retained: 12 };
    node.answer = answer({ ...MEMBER, ...CHANGE, slots });
    const late = await run(node, "leave", "--wait", "1ms");
    expect(late).toMatchObject({ exitCode: 75, stdout: "" });
    expect(late.stderr).toContain("12 slots are still here after 1ms");
    expect(node.seen.map(({ url }) => url)).not.toContain("/v1/cluster/leave");
    expect(node.seen[0]).toMatchObject({ method: "POST", url: "/v1/cluster/drain" });

    node.seen.length = 0;
    node.answer = answer({ ...MEMBER, ...CHANGE, slots: { ...slots, retained: 0 } });
    expect(await run(node, "leave")).toMatchObject({ exitCode: 0 });
    expect(node.seen.map(({ url }) => url)).toEqual(["/v1/cluster/drain", "/v1/cluster", "/v1/cluster/leave"]);
    node.stop();
  });
});
