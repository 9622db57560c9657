/** At a terminal and not: colours, line ends, values that are no text, a value that is typed, help that fits. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { RUNTIMES, runCli, TerminalSession } from "./cli-process.ts";
import { ScriptedNode } from "./scripted-node.ts";

setDefaultTimeout(60_000);

let node: ScriptedNode;
beforeAll(async () => {
  node = await ScriptedNode.start();
});
afterAll(() => node.stop());

const ESCAPE = "\x1b[";

describe.each(RUNTIMES)("on %s", (runtime) => {
  /** What a command shows at a terminal, and how it ends. */
  async function show(words: readonly string[], environment: Record<string, string> = {}, columns = 80) {
    await using session = new TerminalSession(runtime, words, environment, columns);
    const exitCode = await session.exited;
    return { exitCode, shown: session.shown };
  }

  test("colours: on at a terminal, off with NO_COLOR and TERM=dumb, off in pipes, on with FORCE_COLOR", async () => {
    const at = async (environment: Record<string, string>) => {
      const { shown, exitCode } = await show(["srve"], environment);
      expect(exitCode).toBe(64);
      expect(shown).toContain("did you mean serve?");
      return shown.includes(ESCAPE);
    };
    expect(await at({})).toBe(true);
    expect(await at({ NO_COLOR: "1" })).toBe(false);
    expect(await at({ TERM: "dumb" })).toBe(false);
    expect(await at({ FORCE_COLOR: "0" })).toBe(false);
    expect(await at({ FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(true);
    const piped = async (environment: Record<string, string>) =>
      (await runCli(runtime, ["srve"], { environment })).stderr.includes(ESCAPE);
    expect(await piped({})).toBe(false);
    expect(await piped({ FORCE_COLOR: "1" })).toBe(true);
  });

  test("the help of a terminal has bold titles and fits it", async () => {
    for (const columns of [60, 100]) {
      const { shown } = await show(["set", "--help"], {}, columns);
      expect(shown).toContain(`${ESCAPE}1m`);
      const lines = Bun.stripANSI(shown).split("\r\n");
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
      expect(lines.length).toBeGreaterThan(15);
    }
  });

  test("text gets a line end, unless it has one", async () => {
    for (const body of ["héllo", "héllo\n"]) {
      node.answer = { body };
      expect(await show(["get", "k", "--url", node.url])).toEqual({ exitCode: 0, shown: "héllo\r\n" });
    }
    node.answer = { body: "héllo" };
    expect((await runCli(runtime, ["get", "k", "--url", node.url])).stdout).toBe("héllo");
    expect((await show(["get", "k", "--raw", "--url", node.url])).shown).toBe("héllo");
  });

  test("a value that could drive the terminal is refused, unless it is asked for", async () => {
    node.answer = { body: "\x1b]0;title\x07", headers: { "content-type": "text/plain" } };
    const refused = await show(["get", "k", "--url", node.url], { NO_COLOR: "1" });
    expect(refused.exitCode).toBe(65);
    expect(refused.shown.replace(/\s+/g, " ")).toBe(
      "shoal: the value is no text (10 bytes of text/plain): send it to a file or a pipe, or add --raw ",
    );
    expect((await show(["get", "k", "--url", node.url, "--raw"])).shown).toBe("\x1b]0;title\x07");
  });

  test("what a node says cannot drive the terminal", async () => {
    node.answer = { headers: { etag: '"1-2"', "content-type": "x\u009b31m" } };
    const { shown } = await show(["get", "k", "--headers", "--url", node.url], { NO_COLOR: "1" });
    expect(shown).toContain("content-type: x\\x9b31m");
    expect(shown).not.toContain("\u009b");
    const { shown: named } = await show(["\x1b[31mred"], { NO_COLOR: "1" });
    expect(named).toStartWith('shoal: unknown command "\\x1b[31mred"');
  });

  test("set without a value says so instead of waiting; - reads what is typed", async () => {
    const refused = await show(["set", "k", "--url", node.url], { NO_COLOR: "1" });
    expect(refused.exitCode).toBe(64);
    expect(refused.shown).toContain("there is no value");
    node.answer = { status: 201, headers: { etag: '"1-2"' } };
    node.seen.length = 0;
    await using session = new TerminalSession(runtime, ["set", "k", "-", "--url", node.url]);
    session.type("typed\n");
    await session.sees(/typed\r\n/);
    session.type("\x04");
    expect(await session.exited).toBe(0);
    expect(node.seen.map(({ body }) => body)).toEqual(["typed\n"]);
    expect(session.shown).toEndWith("created\r\n");
  });
});
