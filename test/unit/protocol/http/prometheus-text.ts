/**
 * A strict reader of Prometheus's text format 0.0.4 that says everything that is wrong with a text: what a scraper would
 * refuse, and what promtool's lint complains about. It shares nothing with the writer.
 */

export interface PrometheusSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PrometheusFamily {
  readonly name: string;
  readonly type: string;
  readonly samples: readonly PrometheusSample[];
}

export interface PrometheusText {
  readonly families: ReadonlyMap<string, PrometheusFamily>;
  readonly mistakes: readonly string[];
}

const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*/;
const NUMBER = /^([+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?Inf|NaN)$/;
const TYPES = ["counter", "gauge", "histogram", "summary", "untyped"];
const SUFFIXES = ["_bucket", "_sum", "_count"];
/** Units that are not base units. */
const UNITS =
  /_(milliseconds|microseconds|nanoseconds|ms|us|ns|minutes|hours|days|kilobytes|megabytes|kb|mb|percent)(_|$)/;

interface Family {
  readonly name: string;
  help: boolean;
  type: string | undefined;
  readonly samples: PrometheusSample[];
}

class Reader {
  readonly families = new Map<string, Family>();
  readonly mistakes: string[] = [];
  #current: Family | undefined;
  readonly #closed = new Set<string>();
  readonly #seen = new Set<string>();

  read(text: string): void {
    if (text !== "" && !text.endsWith("\n")) this.mistakes.push("the last line does not end");
    for (const line of text.split("\n").slice(0, -1)) {
      if (line.startsWith("#")) this.#comment(line);
      else this.#sample(line);
    }
    for (const family of this.families.values()) this.#check(family);
  }

  #enter(name: string): Family {
    if (this.#current?.name === name) return this.#current;
    if (this.#current !== undefined) this.#closed.add(this.#current.name);
    if (this.#closed.has(name)) this.mistakes.push(`${name} is not in one piece`);
    const family = this.families.get(name) ?? { name, help: false, type: undefined, samples: [] };
    this.families.set(name, family);
    this.#current = family;
    return family;
  }

  #comment(line: string): void {
    const [, keyword = "", name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === "") return void this.mistakes.push(`no comment that is known: ${line}`);
    if (METRIC.exec(name)?.[0] !== name) return void this.mistakes.push(`no name: ${name}`);
    const family = this.#enter(name);
    if (family.samples.length > 0) this.mistakes.push(`${keyword} of ${name} comes after samples`);
    if (keyword === "HELP") {
      if (family.help) this.mistakes.push(`${name} has two HELP`);
      if (rest.trim() === "") this.mistakes.push(`${name} has an empty HELP`);
      if (/\\(?![\\n])/.test(rest.replaceAll("\\\\", ""))) this.mistakes.push(`HELP of ${name} has a wrong escape`);
      family.help = true;
    } else {
      if (family.type !== undefined) this.mistakes.push(`${name} has two TYPE`);
      if (!TYPES.includes(rest)) this.mistakes.push(`${name} has an unknown type: ${rest}`);
      family.type = rest;
    }
  }

  #sample(line: string): void {
    const name = METRIC.exec(line)?.[0];
    if (name === undefined) return void this.mistakes.push(`no sample: ${line}`);
    let rest = line.slice(name.length);
    const labels: Record<string, string> = {};
    if (rest.startsWith("{")) {
      const end = this.#labels(rest, labels);
      if (end < 0) return void this.mistakes.push(`labels are malformed: ${line}`);
      rest = rest.slice(end);
    }
    const [, value = ""] = /^ (\S+)$/.exec(rest) ?? [];
    if (!NUMBER.test(value)) return void this.mistakes.push(`no value: ${line}`);
    const family = this.#enter(this.#familyOf(name));
    const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
    if (this.#seen.has(key)) this.mistakes.push(`twice: ${key}`);
    this.#seen.add(key);
    family.samples.push({ name, labels, value: Number(value.replace("Inf", "Infinity")) });
  }

  /** Reads `{name="value",...}` and returns where it ends, or -1. */
  #labels(text: string, labels: Record<string, string>): number {
    let at = 1;
    while (text[at] !== "}") {
      const name = LABEL.exec(text.slice(at))?.[0];
      if (name === undefined || text.slice(at + name.length, at + name.length + 2) !== '="') return -1;
      if (name.startsWith("__")) this.mistakes.push(`a label that is reserved: ${name}`);
      if (name in labels) this.mistakes.push(`a label twice: ${name}`);
      at += name.length + 2;
      let value = "";
      for (; text[at] !== '"'; at++) {
        if (at >= text.length) return -1;
        if (text[at] !== "\\") value += text[at];
        else {
          at++;
          const escaped = { "\\": "\\", '"': '"', n: "\n" }[text[at] ?? ""];
          if (escaped === undefined) return -1;
          value += escaped;
        }
      }
      labels[name] = value;
      at++;
      if (text[at] === ",") at++;
      else if (text[at] !== "}") return -1;
    }
    return at + 1;
  }

  /** The family that a sample's name belongs to: a histogram's samples have suffixes. */
  #familyOf(name: string): string {
    const suffix = SUFFIXES.find((one) => name.endsWith(one));
    const base = suffix === undefined ? name : name.slice(0, -suffix.length);
    return this.families.get(base)?.type === "histogram" ? base : name;
  }

  #check(family: Family): void {
    const { name, type, samples } = family;
    if (!family.help) this.mistakes.push(`${name} has no HELP`);
    if (type === undefined) this.mistakes.push(`${name} has no TYPE`);
    if (samples.length === 0) this.mistakes.push(`${name} has no samples`);
    if (UNITS.test(name)) this.mistakes.push(`${name} has a unit that is no base unit`);
    if (type === "counter") this.#checkCounter(family);
    else if (name.endsWith("_total")) this.mistakes.push(`${name} is no counter, but called so`);
    if (type === "histogram") this.#checkHistogram(family);
    else if (SUFFIXES.some((suffix) => name.endsWith(suffix))) this.mistakes.push(`${name} is called like a part`);
  }

  #checkCounter({ name, samples }: Family): void {
    if (!name.endsWith("_total")) this.mistakes.push(`${name} is a counter without _total`);
    for (const { value } of samples) if (!(value >= 0)) this.mistakes.push(`${name} is below 0: ${value}`);
  }

  #checkHistogram({ name, samples }: Family): void {
    const groups = new Map<string, PrometheusSample[]>();
    for (const sample of samples) {
      const { le: _, ...labels } = sample.labels;
      const key = JSON.stringify(Object.entries(labels).sort());
      groups.set(key, [...(groups.get(key) ?? []), sample]);
    }
    for (const [key, group] of groups) this.#checkSeries(`${name}${key}`, name, group);
  }

  #checkSeries(what: string, name: string, group: readonly PrometheusSample[]): void {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const [count, ...otherCounts] = group.filter((sample) => sample.name === `${name}_count`);
    const [sum, ...otherSums] = group.filter((sample) => sample.name === `${name}_sum`);
    if (buckets.length + 2 !== group.length || otherCounts.length + otherSums.length > 0) {
      this.mistakes.push(`${what} has other parts than buckets, one sum and one count`);
    }
    if (sum === undefined || count === undefined) return void this.mistakes.push(`${what} has no sum or no count`);
    if (sum.value < 0 || (count.value === 0 && sum.value !== 0)) this.mistakes.push(`${what} has a wrong sum`);
    const bounds = buckets.map(({ labels }) => (labels.le === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels.le)));
    if (bounds.some((bound, i) => !(bound > (bounds[i - 1] ?? Number.NEGATIVE_INFINITY)))) {
      this.mistakes.push(`${what} has bounds that do not ascend`);
    }
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) this.mistakes.push(`${what} has no +Inf`);
    if (buckets.some(({ value }, i) => value < (buckets[i - 1]?.value ?? 0))) {
      this.mistakes.push(`${what} is not cumulative`);
    }
    if (buckets.at(-1)?.value !== count.value) this.mistakes.push(`${what} has a count that is not its last bucket`);
  }
}

/** Reads a text; `mistakes` is empty if nothing is wrong. */
export function readPrometheusText(text: string): PrometheusText {
  const reader = new Reader();
  reader.read(text);
  const families = new Map<string, PrometheusFamily>();
  for (const [name, { type, samples }] of reader.families) families.set(name, { name, type: type ?? "", samples });
  return { families, mistakes: reader.mistakes };
}
