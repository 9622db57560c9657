import { describe, expect, test } from "bun:test";
import packageConfig from "../../../../../package.json";
import { SHOAL_VERSION } from "../../../../../src/core/release.ts";
import { RateMeter } from "../../../../../src/protocol/resp/commands/info-rates.ts";
import {
  commandField,
  humanBytes,
  keyspaceField,
  ratio,
  renderSections,
  SECTION_NAMES,
  sectionsOf,
} from "../../../../../src/protocol/resp/commands/info-text.ts";
import { attachProcess } from "../../../../../src/protocol/server-process.ts";
import { BusyServer } from "../../busy-server.ts";
import { Peer } from "../conversation.ts";
import { OwnServer } from "./own-server.ts";

const DEFAULT = SECTION_NAMES.filter((name) => !name.endsWith("dstats") && name !== "latencystats");

describe("sections", () => {
  test.each([
    [[], DEFAULT],
    [["default"], DEFAULT],
    [["all"], SECTION_NAMES],
    [["everything"], SECTION_NAMES],
    [
      ["memory", "server"],
      ["server", "memory"],
    ],
    [["commandstats", "latencystats", "default"], SECTION_NAMES],
    [["nosuch"], []],
    [["nosuch", "cpu"], ["cpu"]],
  ] as [string[], readonly string[]][])("%p", (names, expected) => {
    expect(sectionsOf(names) as readonly string[]).toEqual(expected);
  });
});

describe("text", () => {
  test("sections are separated by an empty line", () => {
    const sections = [
      { title: "A", fields: [["x", 1] as const, ["y", "two"] as const] },
      { title: "B", fields: [] },
    ];
    expect(renderSections(sections)).toBe("# A\r\nx:1\r\ny:two\r\n\r\n# B\r\n");
    expect(renderSections([])).toBe("");
  });

  test.each([
    [0, "0B"],
    [1_023, "1023B"],
    [1_024, "1.00K"],
    [1_536, "1.50K"],
    [2 ** 20, "1.00M"],
    [1.5 * 2 ** 30, "1.50G"],
    [2 ** 40, "1.00T"],
  ])("%p bytes are %s", (bytes, text) => {
    expect(humanBytes(bytes)).toBe(text);
  });

  test("fields", () => {
    expect(ratio(1, 3)).toBe("0.33");
    expect(ratio(1, 0)).toBe("0.00");
    expect(keyspaceField(3, 10, 2)).toEqual(["db3", "keys=10,expires=2,avg_ttl=0"]);
    expect(commandField("get", { calls: 4, totalUs: 10.4, rejected: 1, failed: 2 })).toEqual([
      "cmdstat_get",
      "calls=4,usec=10,usec_per_call=2.60,rejected_calls=1,failed_calls=2",
    ]);
  });
});

describe("rates", () => {
  const totals = (commands: number) => ({ commands, inputBytes: commands * 10, outputBytes: commands * 100 });

  test("are those since the reading before", () => {
    const meter = new RateMeter(0);
    expect(meter.read(10_000, totals(1_000))).toEqual({ commands: 100, inputBytes: 1_000, outputBytes: 10_000 });
    expect(meter.read(12_000, totals(2_000)).commands).toBe(500);
    // Too soon after the last reading: compared with the one before it.
    expect(meter.read(12_500, totals(3_000)).commands).toBe(800);
    expect(meter.read(14_000, totals(3_000)).commands).toBe(500);
    expect(meter.read(24_000, totals(3_000)).commands).toBe(0);
  });

  test("survive a reset of the totals and a clock that goes back", () => {
    const meter = new RateMeter(0);
    meter.read(10_000, totals(1_000));
    expect(meter.read(20_000, totals(5)).commands).toBe(0);
    expect(meter.read(22_000, totals(25)).commands).toBe(10);
    expect(meter.read(1_000, totals(30)).commands).toBe(0);
    expect(meter.read(3_000, totals(50)).commands).toBe(10);
  });

  test("a peak is the highest value", () => {
    const meter = new RateMeter(0);
    expect([1, 5, 3].map((value) => meter.peak(value))).toEqual([1, 5, 5]);
  });
});

describe("INFO", () => {
  test("reports the process that was attached", () => {
    const own = new OwnServer();
    attachProcess(own.server, {
      pid: 4_711,
      os: "Linux 6.1 x86_64",
      runtime: "bun 1",
      executable: "/bin/shoal",
      configFile: "",
      port: 7_000,
      systemMemoryBytes: 2 ** 33,
      residentBytes: () => 123_456_789,
      cpuSeconds: () => ({ user: 1.5, system: 0.25 }),
    });
    const info = own.peer().call("INFO", "everything") as string;
    for (const line of [
      "process_id:4711",
      "tcp_port:7000",
      "os:Linux 6.1 x86_64",
      "used_memory_rss:123456789",
      "total_system_memory_human:8.00G",
      "used_cpu_user:1.500000",
      "used_cpu_sys:0.250000",
      "shoal_runtime:bun 1",
    ]) {
      expect(info).toContain(`\r\n${line}\r\n`);
    }
  });

  test("latencystats are percentiles of each command, as Redis writes them", async () => {
    const server = new BusyServer();
    await server.work();
    const info = (section: string) => String(new Peer(server.resp, 2).call("INFO", section));
    const lines = info("latencystats").split("\r\n");
    const shown = lines.filter((line) => line.startsWith("latency_percentiles_usec_"));
    const form = /^latency_percentiles_usec_[a-z.|]+:p50=\d+\.\d{3},p99=\d+\.\d{3},p99\.9=\d+\.\d{3}$/;
    expect(shown.filter((line) => !form.test(line))).toEqual([]);
    expect(shown.some((line) => line.startsWith("latency_percentiles_usec_get:"))).toBe(true);
    expect(info("default")).not.toContain("latency_percentiles");
    expect(info("all")).toContain("latency_percentiles");
    server.peer.send(["CONFIG", "RESETSTAT"]);
    expect(info("latencystats")).not.toContain("usec_get:");
  });

  test("latencystats tell nothing of HTTP, whose commands have the same names", async () => {
    const server = new BusyServer();
    const { latencies } = server.resp.timings;
    for (const command of ["get", "batch-get"]) latencies.record("http", command, 5e9);
    const info = () => String(new Peer(server.resp, 2).call("INFO", "latencystats"));
    expect(info()).not.toContain("get:");
    latencies.record("resp", "get", 1_000);
    expect(info().match(/usec_(batch-)?get:/g)).toEqual(["usec_get:"]);
    expect(info()).toContain("usec_get:p50=1.");
  });

  test("latencystats are empty where nobody can tell percentiles", async () => {
    const server = new BusyServer(false);
    await server.work();
    expect(String(new Peer(server.resp, 2).call("INFO", "latencystats"))).not.toContain("usec");
  });

  test("Shoal's section tells evictions, work and times", async () => {
    const server = new BusyServer();
    await server.work();
    const info = String(new Peer(server.resp, 2).call("INFO", "shoal"));
    const value = (name: string) => Number(new RegExp(`\r\n${name}:(-?\\d+)\r\n`).exec(info)?.[1]);
    const { evicted } = server.node.store.removed;
    expect(evicted).toBeGreaterThan(0);
    expect(value("shoal_evicted_for_memory")).toBe(evicted);
    const queues = ["window", "probation", "protected", "recency", "none"];
    expect(queues.reduce((sum, queue) => sum + value(`shoal_evicted_from_${queue}`), 0)).toBe(evicted);
    expect(value("shoal_event_loop_lag_count")).toBeGreaterThan(10);
    expect(value("shoal_turns_count")).toBe(1);
    expect(value("shoal_swept_entries")).toBeGreaterThan(0);
    expect(value("shoal_memory_parts_sum")).toBeGreaterThan(server.node.store.allocatedBytes);
  });

  test("works without one", () => {
    expect(new OwnServer().peer().call("INFO")).toMatch(/\r\nprocess_id:0\r\n/);
  });

  test("time passes", () => {
    const own = new OwnServer();
    own.advance(90_061_000);
    expect(own.peer().call("INFO", "server")).toMatch(/\r\nuptime_in_seconds:90061\r\nuptime_in_days:1\r\n/);
  });

  test("the version is the package's", () => {
    expect(SHOAL_VERSION).toBe(packageConfig.version);
  });
});
