import { describe, expect, test } from "bun:test";
import { renderMetrics } from "../../../../src/protocol/http/metrics.ts";
import { collectStatistics } from "../../../../src/protocol/statistics.ts";
import { BusyServer } from "../busy-server.ts";
import { readPrometheusText } from "./prometheus-text.ts";

const busy = new BusyServer();
await busy.work();
const busyStatistics = collectStatistics(busy.sources);

describe("metrics", () => {
  test("are correct text, of a busy server and of one that has done nothing", () => {
    const idle = new BusyServer();
    const texts = [busyStatistics, collectStatistics(idle.sources), collectStatistics({ node: idle.node })];
    for (const statistics of texts) {
      const { mistakes, families } = readPrometheusText(renderMetrics(statistics));
      expect(mistakes).toEqual([]);
      expect([...families.keys()].filter((name) => !name.startsWith("shoal_"))).toEqual([]);
      expect(families.size).toBeGreaterThan(25);
    }
  });

  test("say what the snapshot says", () => {
    const statistics = busyStatistics;
    const { families } = readPrometheusText(renderMetrics(statistics));
    const value = (family: string, labels: Readonly<Record<string, string>> = {}, name = family) =>
      families
        .get(family)
        ?.samples.find(
          (sample) =>
            sample.name === name &&
            Object.entries(labels).every(([label, text]) => sample.labels[label] === text) &&
            Object.keys(sample.labels).length === Object.keys(labels).length,
        )?.value;
    const quoted = { namespace: 'quoted"back\\slash', result: "miss" };
    expect(value("shoal_reads_total", { result: "hit" })).toBe(statistics.reads.hits);
    expect(value("shoal_namespace_reads_total", quoted)).toBe(1);
    expect(value("shoal_namespace_reads_total", { ...quoted, namespace: "line\nbreak" })).toBe(1);
    expect(value("shoal_hit_ratio")).toBe(statistics.reads.hitRatio);
    expect(value("shoal_memory_bytes", { part: "rest" })).toBe(statistics.memory.restBytes);
    expect(value("shoal_http_requests_total", { command: "get", status: "404" })).toBe(1);
    expect(value("shoal_uptime_seconds")).toBe(1);
    const http = { protocol: "http", command: "get" };
    const durations = "shoal_command_duration_seconds";
    expect(value(durations, http, `${durations}_count`)).toBe(3);
    expect(value(durations, http, `${durations}_sum`)).toBeCloseTo(20.0000908, 6);
    expect(value(durations, { ...http, le: "0.000001" }, `${durations}_bucket`)).toBe(1);
    expect(value(durations, { ...http, le: "10" }, `${durations}_bucket`)).toBe(2);
    expect(value(durations, { ...http, le: "+Inf" }, `${durations}_bucket`)).toBe(3);
    const median = value("shoal_command_duration_quantile_seconds", { ...http, quantile: "0.5" }) as number;
    expect(Math.abs(median - 90e-6)).toBeLessThan(0.9e-6);
  });
});

describe("the reader finds", () => {
  const head = "# HELP shoal_a_total Some.\n# TYPE shoal_a_total counter\n";
  const gauge = (name: string) => `# HELP ${name} Some.\n# TYPE ${name} gauge\n`;
  const histogram = (...lines: string[]) =>
    `# HELP shoal_h Some.\n# TYPE shoal_h histogram\n${lines.map((line) => `shoal_h_${line}\n`).join("")}`;
  const inf = 'bucket{le="+Inf"} 3';
  const cases: readonly { name: string; text: string; mistake: string | undefined }[] = [
    { name: "nothing in good text", text: `${head}shoal_a_total{b="\\"\\\\\\n"} 1\n`, mistake: undefined },
    {
      name: "nothing in a good histogram",
      text: histogram('bucket{le="1"} 2', inf, "sum 4", "count 3"),
      mistake: undefined,
    },
    { name: "a last line that does not end", text: `${head}shoal_a_total 1`, mistake: "does not end" },
    { name: "a wrong name", text: `${head}shoal_a_total 1\n1shoal 1\n`, mistake: "no sample" },
    { name: "a wrong value", text: `${head}shoal_a_total one\n`, mistake: "no value" },
    { name: "no value", text: `${head}shoal_a_total\n`, mistake: "no value" },
    { name: "a wrong escape", text: `${head}shoal_a_total{b="\\t"} 1\n`, mistake: "malformed" },
    { name: "a quote that is not escaped", text: `${head}shoal_a_total{b="""} 1\n`, mistake: "malformed" },
    { name: "a line break that is not escaped", text: `${head}shoal_a_total{b="\n"} 1\n`, mistake: "malformed" },
    { name: "a wrong label", text: `${head}shoal_a_total{b-c="d"} 1\n`, mistake: "malformed" },
    { name: "a reserved label", text: `${head}shoal_a_total{__b="d"} 1\n`, mistake: "reserved" },
    { name: "a label twice", text: `${head}shoal_a_total{b="c",b="d"} 1\n`, mistake: "a label twice" },
    {
      name: "a sample twice, with its labels in another order",
      text: `${head}shoal_a_total{b="1",c="2"} 1\nshoal_a_total{c="2",b="1"} 1\n`,
      mistake: "twice",
    },
    { name: "no HELP", text: "# TYPE shoal_a gauge\nshoal_a 1\n", mistake: "no HELP" },
    { name: "no TYPE", text: "# HELP shoal_a Some.\nshoal_a 1\n", mistake: "no TYPE" },
    { name: "two TYPE", text: `${head}# TYPE shoal_a_total counter\nshoal_a_total 1\n`, mistake: "two TYPE" },
    {
      name: "an unknown type",
      text: "# HELP shoal_a Some.\n# TYPE shoal_a meter\nshoal_a 1\n",
      mistake: "unknown type",
    },
    { name: "TYPE after samples", text: `shoal_a_total 1\n${head}`, mistake: "after samples" },
    { name: "another comment", text: `${head}shoal_a_total 1\n# EOF\n`, mistake: "no comment" },
    { name: "a family without samples", text: head, mistake: "no samples" },
    {
      name: "a family in two pieces",
      text: `${head}shoal_a_total{b="1"} 1\n${gauge("shoal_b")}shoal_b 1\nshoal_a_total{b="2"} 1\n`,
      mistake: "not in one piece",
    },
    {
      name: "a counter without _total",
      text: `${head.replaceAll("_total", "")}shoal_a 1\n`,
      mistake: "without _total",
    },
    { name: "a gauge called _total", text: `${gauge("shoal_a_total")}shoal_a_total 1\n`, mistake: "called so" },
    { name: "a gauge called like a part", text: `${gauge("shoal_a_count")}shoal_a_count 1\n`, mistake: "like a part" },
    { name: "a counter below 0", text: `${head}shoal_a_total -1\n`, mistake: "below 0" },
    { name: "a unit that is no base unit", text: `${gauge("shoal_lag_ms")}shoal_lag_ms 1\n`, mistake: "base unit" },
    { name: "no +Inf", text: histogram('bucket{le="1"} 3', "sum 4", "count 3"), mistake: "no +Inf" },
    { name: "no sum", text: histogram(inf, "count 3"), mistake: "no sum" },
    { name: "no count", text: histogram(inf, "sum 4"), mistake: "no sum or no count" },
    { name: "another count", text: histogram(inf, "sum 4", "count 4"), mistake: "not its last bucket" },
    { name: "a sum of nothing", text: histogram('bucket{le="+Inf"} 0', "sum 4", "count 0"), mistake: "wrong sum" },
    {
      name: "counts that fall",
      text: histogram('bucket{le="1"} 4', inf, "sum 4", "count 3"),
      mistake: "not cumulative",
    },
    {
      name: "bounds that fall",
      text: histogram('bucket{le="2"} 1', 'bucket{le="1"} 2', inf, "sum 4", "count 3"),
      mistake: "do not ascend",
    },
  ];
  test.each(cases)("$name", ({ text, mistake }) => {
    const { mistakes } = readPrometheusText(text);
    if (mistake === undefined) expect(mistakes).toEqual([]);
    else expect(mistakes.join("\n")).toContain(mistake);
  });
});
