import { describe, expect, test } from "bun:test";
import { Latencies, MAX_SERIES, OTHER_COMMANDS } from "../../../src/protocol/latencies.ts";

describe("latencies", () => {
  test("a series is made once, and stays when all are emptied", () => {
    const latencies = new Latencies();
    const get = latencies.of("http", "get");
    get.record(5_000);
    latencies.record("http", "get", 7_000);
    latencies.record("resp", "get", 1);
    expect(latencies.of("http", "get")).toBe(get);
    expect([latencies.size, get.count, get.sumNs]).toEqual([2, 2, 12_000]);
    latencies.reset();
    expect([latencies.of("http", "get") === get, get.count, latencies.size]).toEqual([true, 0, 2]);
  });

  test("beyond the limit, commands of a protocol share a series", () => {
    const latencies = new Latencies();
    for (let n = 0; n < MAX_SERIES; n++) latencies.record("resp", `c${n}`, 1);
    for (let n = 0; n < 100; n++) latencies.record("resp", `d${n}`, 1);
    latencies.record("http", "e", 1);
    const others = [...latencies.all()].filter(({ command }) => command === OTHER_COMMANDS);
    expect(others.map(({ protocol, durations }) => [protocol, durations.count])).toEqual([
      ["resp", 100],
      ["http", 1],
    ]);
    expect(latencies.of("resp", "c0").count).toBe(1);
    expect(latencies.size).toBe(MAX_SERIES + 2);
  });
});
