/** How commands end: an exit code for every class of failure, a message for people, JSON for programs. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../../adapters/cli/install.mjs";
import { freePort, shoalCommand } from "../server-process.ts";
import { until } from "../until.ts";
import { cleanEnvironment, RUNTIMES, runCli, TerminalSession } from "./cli-process.ts";
import { type Answer, problem, ScriptedNode } from "./scripted-node.ts";

setDefaultTimeout(60_000);

let node: ScriptedNode;
beforeAll(async () => {
  node = await ScriptedNode.start();
});
afterAll(() => node.stop());

interface Case {
  readonly name: string;
  readonly answer: Answer;
  readonly words?: readonly string[];
  readonly exitCode: number;
  readonly code: string;
  readonly says: RegExp;
}

const GET = ["get", "k"];
const BATCH = ["delete", "k"];
const plain = (status: number): Answer => ({ status, body: "<html>", headers: { "content-type": "text/html" } });

const answers: readonly Case[] = [
  { name: "no entry", answer: problem(404, "not-found"), exitCode: 1, code: "not-found", says: /no entry .* "k"/ },
  {
    name: "a condition that does not hold",
    answer: problem(412, "precondition-failed"),
    words: ["set", "k", "v", "--create"],
    exitCode: 1,
    code: "precondition-failed",
    says: /the detail of precondition-failed/,
  },
  { name: "a bad key", answer: problem(400, "bad-key"), exitCode: 65, code: "bad-key", says: /detail of bad-key/ },
  {
    name: "a long key",
    answer: problem(414, "key-too-long"),
    exitCode: 65,
    code: "key-too-long",
    says: /key-too-long/,
  },
  {
    name: "all mistakes of a body",
    answer: problem(400, "bad-schema", {
      mistakes: [
        { field: "keys.0", detail: "wrong", allowed: "a string" },
        { field: "x", detail: "unknown" },
      ],
    }),
    words: BATCH,
    exitCode: 65,
    code: "bad-schema",
    says: /\n {2}keys\.0: wrong; allowed: a string\n {2}x: unknown\n/,
  },
  { name: "no token", answer: problem(401, "unauthenticated"), exitCode: 77, code: "unauthenticated", says: /./ },
  {
    name: "no token, to HEAD",
    answer: { status: 401 },
    words: [...GET, "--headers"],
    exitCode: 77,
    code: "unauthenticated",
    says: /401/,
  },
  { name: "no role", answer: problem(403, "forbidden"), words: BATCH, exitCode: 77, code: "forbidden", says: /./ },
  {
    name: "a host that is not served",
    answer: problem(421, "misdirected-request"),
    exitCode: 77,
    code: "misdirected-request",
    says: /./,
  },
  { name: "overload", answer: problem(503, "overloaded"), exitCode: 75, code: "overloaded", says: /./ },
  { name: "no memory", answer: problem(507, "out-of-memory"), exitCode: 75, code: "out-of-memory", says: /./ },
  {
    name: "a body that took too long",
    answer: problem(408, "request-timeout"),
    exitCode: 75,
    code: "request-timeout",
    says: /./,
  },
  {
    name: "a fault of the node",
    answer: problem(500, "internal-error"),
    exitCode: 70,
    code: "internal-error",
    says: /./,
  },
  {
    name: "a problem of another version",
    answer: problem(418, "teapot"),
    exitCode: 65,
    code: "teapot",
    says: /of teapot/,
  },
  {
    name: "another server",
    answer: plain(404),
    exitCode: 69,
    code: "no-node",
    says: /status 404.*not as a Shoal node/,
  },
  { name: "a redirect", answer: plain(302), exitCode: 69, code: "no-node", says: /status 302/ },
  { name: "a proxy without its node", answer: plain(502), exitCode: 75, code: "no-node", says: /status 502/ },
  {
    name: "no JSON where it is due",
    answer: plain(200),
    words: BATCH,
    exitCode: 69,
    code: "no-node",
    says: /not as a Shoal node/,
  },
  {
    name: "nothing like readiness",
    answer: { body: "[]" },
    words: ["ping"],
    exitCode: 69,
    code: "no-node",
    says: /not as a Shoal/,
  },
  {
    name: "silence",
    answer: { broken: "silence" },
    words: [...GET, "--timeout", "200ms"],
    exitCode: 75,
    code: "timeout",
    says: /did not answer within 200ms/,
  },
  {
    name: "half an answer",
    answer: { broken: "half" },
    exitCode: 69,
    code: "unreachable",
    says: /in the middle of the answer/,
  },
  {
    name: "a connection that is cut",
    answer: { broken: "hang up" },
    exitCode: 69,
    code: "unreachable",
    says: /closed/,
  },
];

describe("an answer becomes an exit code", () => {
  for (const { name, answer, words = GET, exitCode, code, says } of answers) {
    test(name, async () => {
      node.answer = answer;
      const output = await runCli("bun", [...words, "--url", node.url]);
      expect({ exitCode: output.exitCode, stdout: output.stdout }).toEqual({ exitCode, stdout: "" });
      expect(output.stderr).toStartWith("shoal: ");
      expect(output.stderr).toMatch(says);
      // A miss is a result for programs, and no error: it is tested with results.
      if (code === "not-found") return;
      const json = await runCli("bun", ["--json", "--url", node.url, ...words.filter((word) => word !== "--headers")]);
      if (answer.body === undefined && answer.broken === undefined) return;
      const found = JSON.parse(json.stderr);
      expect(found).toMatchObject({ error: code, exitCode, message: expect.stringMatching(/./) });
      expect({ exitCode: json.exitCode, stdout: json.stdout }).toEqual({ exitCode, stdout: "" });
      if (code === "overloaded")
        expect(found.problem).toMatchObject({ status: 503, detail: "the detail of overloaded" });
    });
  }
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  const fails = async (exitCode: number, says: RegExp, words: string[], environment: Record<string, string> = {}) => {
    const output = await runCli(runtime, words, { environment });
    expect(output.stderr).toMatch(says);
    expect({ exitCode: output.exitCode, stdout: output.stdout }).toEqual({ exitCode, stdout: "" });
  };

  test("nobody listens, or the host does not exist: 69", async () => {
    await fails(69, /nothing listens there/, ["get", "k", "--url", `http://127.0.0.1:${await freePort()}`]);
    await fails(69, /there is no such host/, ["ping"], { SHOAL_URL: "http://nowhere.invalid" });
  });

  test("refusals, faults and time: 77, 70, 75", async () => {
    node.answer = problem(403, "forbidden");
    await fails(77, /the detail of forbidden/, ["get", "k", "--url", node.url]);
    node.answer = problem(500, "internal-error");
    await fails(70, /the detail of internal-error/, ["get", "k"], { SHOAL_URL: node.url });
    node.answer = { broken: "silence" };
    await fails(75, /did not answer within 300ms/, ["delete", "k", "--timeout", "300"], { SHOAL_URL: node.url });
    node.answer = { broken: "half" };
    await fails(69, /in the middle of the answer/, ["get", "k"], { SHOAL_URL: node.url });
    node.answer = problem(404, "not-found");
    await fails(1, /no entry/, ["get", "k"], { SHOAL_URL: node.url });
  });

  test("wrong words, wrong data, wrong configuration: 64, 65, 78", async () => {
    await fails(64, /unknown command "gte"; did you mean get\?/, ["gte", "k"]);
    await fails(65, /cannot be read/, ["set", "k", "--file", "/nowhere/value"]);
    await fails(78, /SHOAL_URL: "nonsense" is no URL/, ["ping"], { SHOAL_URL: "nonsense" });
  });

  test("an interrupt: 130", async () => {
    node.answer = { broken: "silence" };
    node.seen.length = 0;
    await using session = new TerminalSession(runtime, ["get", "k", "--url", node.url]);
    await until("the request", () => node.seen.length > 0, 20_000);
    session.type("\x03");
    expect(await session.exited).toBe(130);
  });

  test("an interrupted backup leaves nothing behind: 130", async () => {
    node.answer = { broken: "silence" };
    node.seen.length = 0;
    const file = join(tmpdir(), `shoal-interrupted-${process.pid}-${runtime}.db`);
    await using session = new TerminalSession(runtime, ["backup", file, "--url", node.url]);
    await until("the request", () => node.seen.length > 0 && existsSync(`${file}.part`), 20_000);
    session.type("\x03");
    expect(await session.exited).toBe(130);
    expect([existsSync(file), existsSync(`${file}.part`)]).toEqual([false, false]);
  });

  test.skipIf(!existsSync("/dev/full"))("a full disk: 70 (needs /dev/full)", async () => {
    node.answer = { body: "x".repeat(100_000) };
    const child = Bun.spawn(shoalCommand(runtime, "get", "k", "--url", node.url), {
      cwd: root,
      env: cleanEnvironment(),
      stdin: "ignore",
      stdout: Bun.file("/dev/full"),
      stderr: "pipe",
    });
    expect(await new Response(child.stderr).text()).toMatch(/^shoal: the result cannot be written: .*space left.*\n$/);
    expect(await child.exited).toBe(70);
  });

  test("a reader that goes away ends it quietly", async () => {
    node.answer = { body: "x".repeat(2_000_000), headers: { "content-type": "text/plain" } };
    const command = shoalCommand(runtime, "get", "k", "--url", node.url)
      .map((word) => `'${word}'`)
      .join(" ");
    const child = Bun.spawn(["sh", "-c", `{ ${command}; echo "exit $?" >&2; } | head -c 1`], {
      cwd: root,
      env: cleanEnvironment(),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    expect(await new Response(child.stdout).text()).toBe("x");
    expect(await new Response(child.stderr).text()).toBe("exit 0\n");
  });
});
