/** redis-cli and redis-benchmark as they are, against Shoal on Bun. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { installed, type ServerProcess, startShoal } from "../server-process.ts";

setDefaultTimeout(30_000);

const cli = installed("redis-cli");
const benchmark = installed("redis-benchmark");

let server: ServerProcess;
beforeAll(async () => {
  server = await startShoal("bun");
});
afterAll(() => server.stop());

/** Runs a program against the server; returns what it printed. */
async function run(program: string, args: readonly string[], input = ""): Promise<string> {
  const child = Bun.spawn([program, "-p", String(server.port), ...args], {
    stdin: new TextEncoder().encode(input),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect(code, `${program} ${args.join(" ")}: ${out}${err}`).toBe(0);
  return out;
}

function cliTests(program: string): void {
  const lines = [
    { name: "strings", args: ["SET", "a", "1"], expected: "OK\n" },
    { name: "values", args: ["GET", "a"], expected: "1\n" },
    { name: "RESP3", args: ["-3", "INCR", "a"], expected: "2\n" },
    { name: "another database", args: ["-n", "5", "DBSIZE"], expected: "0\n" },
    { name: "expiry", args: ["SET", "b", "1", "EX", "100"], expected: "OK\n" },
    { name: "time to live", args: ["TTL", "b"], expected: "100\n" },
    { name: "errors", args: ["INCR"], expected: "ERR wrong number of arguments for 'incr' command\n\n" },
    { name: "keys", args: ["--scan", "--pattern", "[ab]"], expected: /^[ab]\n[ab]\n$/ },
    { name: "statistics", args: ["INFO", "server"], expected: /redis_version:\d+\.\d+\.\d+\r\n/ },
    { name: "RESP3 maps", args: ["-3", "--json", "CONFIG", "GET", "databases"], expected: '{"databases":"16"}\n' },
    { name: "the largest key", args: ["--bigkeys"], expected: /Biggest string found/ },
  ];
  test.each(lines)("$name: $args", async ({ args, expected }) => {
    const printed = await run(program, args);
    if (typeof expected === "string") expect(printed).toBe(expected);
    else expect(printed).toMatch(expected);
  });

  test("a session with a transaction", async () => {
    const printed = await run(program, [], "MULTI\nSET t 1\nINCR t\nEXEC\nPING\n");
    expect(printed).toBe("OK\nQUEUED\nQUEUED\nOK\n2\nPONG\n");
  });

  test("mass insertion through --pipe", async () => {
    const commands = Array.from({ length: 20_000 }, (_, i) => `SET bulk:${i} ${i}\r\n`).join("");
    const printed = await run(program, ["--pipe"], commands);
    expect(printed).toContain("errors: 0, replies: 20000");
    expect(await run(program, ["GET", "bulk:19999"])).toBe("19999\n");
  });

  test("subscribing", async () => {
    const child = Bun.spawn([program, "-p", String(server.port), "SUBSCRIBE", "news"], { stdout: "pipe" });
    const reader = child.stdout.getReader();
    const decoder = new TextDecoder();
    let printed = "";
    while (!printed.includes("hello")) {
      const { value, done } = await reader.read();
      if (done) break;
      if (printed === "") await run(program, ["PUBLISH", "news", "hello"]);
      printed += decoder.decode(value);
    }
    child.kill();
    expect(printed).toContain("message\nnews\nhello\n");
  });
}

if (cli === undefined) test.skip("redis-cli is not installed", () => {});
else describe("redis-cli", () => cliTests(cli));

if (benchmark === undefined) test.skip("redis-benchmark is not installed", () => {});
else {
  describe("redis-benchmark", () => {
    const kinds = ["ping_inline", "ping_mbulk", "set", "get", "incr", "mset"];
    test.each(kinds)("%s, with and without pipelining", async (kind) => {
      for (const pipeline of ["1", "16"]) {
        const args = ["-t", kind, "-n", "5000", "-c", "20", "-P", pipeline, "-r", "1000", "-d", "100", "--csv"];
        const rate = /^"[^"]+","([\d.]+)"/m.exec((await run(benchmark, args)).split("\n").slice(1).join("\n"));
        expect(Number(rate?.[1])).toBeGreaterThan(0);
      }
    });
  });
}
