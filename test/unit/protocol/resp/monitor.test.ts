import { describe, expect, test } from "bun:test";
import { decodeLatin1 } from "../../../../src/core/bytes.ts";
import { Args } from "../../../../src/protocol/resp/args.ts";
import { MAX_SHOWN_BYTES, renderMonitorLine } from "../../../../src/protocol/resp/monitor.ts";

const line = (...words: string[]) =>
  decodeLatin1(
    renderMonitorLine({ args: Args.of(...words), nowMs: 1_500, database: 3, remoteAddress: "a:1", secret: false }),
  );

describe("renderMonitorLine", () => {
  test("quotes as Redis does", () => {
    expect(line("set", 'a"b\n', "\u0001")).toBe('+1.500000 [3 a:1] "set" "a\\"b\\n" "\\x01"\r\n');
  });

  test("is bounded, whatever was asked", () => {
    const long = line("set", "k", "\0".repeat(5_000_000), "after");
    expect(long.length).toBeLessThan(MAX_SHOWN_BYTES * 4 + 200);
    expect(long.slice(-60)).toMatch(/\\x00"\.\.\. \(\d+ more bytes\) \.\.\. \(1 more arguments\)\r\n$/);
    const many = line(...Array.from({ length: 100_000 }, () => ""));
    expect(many.length).toBeLessThan(MAX_SHOWN_BYTES * 2);
    expect(many).toMatch(/ "" \.\.\. \(\d+ more arguments\)\r\n$/);
  });
});
