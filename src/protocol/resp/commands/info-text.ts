/**
 * INFO's text: sections with a title, fields "name:value", a blank line between sections. Which sections a request names,
 * and how numbers are written, is decided here; what the fields are, in info-sections.ts.
 */

/** Name and value of one line. */
export type Field = readonly [name: string, value: string | number];

export interface Section {
  readonly title: string;
  readonly fields: readonly Field[];
}

/** Sections in the order in which they are shown. */
export const SECTION_NAMES = [
  "server",
  "clients",
  "memory",
  "persistence",
  "stats",
  "replication",
  "cpu",
  "modules",
  "commandstats",
  "errorstats",
  "latencystats",
  "cluster",
  "keyspace",
  "shoal",
] as const;
export type SectionName = (typeof SECTION_NAMES)[number];

/** Shown only where they are asked for, or with "all" or "everything". */
const ON_REQUEST: readonly SectionName[] = ["commandstats", "latencystats"];

/**
 * The sections that a request names, in the order in which they are shown.
 *
 * @param names as given, in lower case: sections, "default", "all", "everything"; unknown ones are ignored, as in Redis
 */
export function sectionsOf(names: readonly string[]): readonly SectionName[] {
  const asked = new Set(names.length === 0 ? ["default"] : names);
  const all = asked.has("all") || asked.has("everything");
  return SECTION_NAMES.filter((name) => all || asked.has(name) || (asked.has("default") && !ON_REQUEST.includes(name)));
}

export function renderSections(sections: readonly Section[]): string {
  const rendered = sections.map(({ title, fields }) => {
    const lines = fields.map(([name, value]) => `${name}:${value}\r\n`);
    return `# ${title}\r\n${lines.join("")}`;
  });
  return rendered.join("\r\n");
}

/** Bytes as Redis writes them for people: "1.50M". */
export function humanBytes(bytes: number): string {
  const units = ["B", "K", "M", "G", "T", "P"];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${Math.floor(bytes)}B` : `${value.toFixed(2)}${units[unit]}`;
}

/** A ratio with two decimals; 0 where it cannot be computed. */
export function ratio(a: number, b: number): string {
  return (b === 0 ? 0 : a / b).toFixed(2);
}

/** What one database holds, as INFO keyspace writes it. */
export function keyspaceField(database: number, keys: number, expires: number): Field {
  return [`db${database}`, `keys=${keys},expires=${expires},avg_ttl=0`];
}

export interface CommandFigures {
  readonly calls: number;
  readonly totalUs: number;
  readonly rejected: number;
  readonly failed: number;
}

/** What was counted about one command, as INFO commandstats writes it. */
export function commandField(name: string, { calls, totalUs, rejected, failed }: CommandFigures): Field {
  const perCall = ratio(totalUs, calls);
  return [
    `cmdstat_${name}`,
    `calls=${calls},usec=${Math.round(totalUs)},usec_per_call=${perCall},rejected_calls=${rejected},failed_calls=${failed}`,
  ];
}

/** Percentiles of one command's durations in microseconds, as INFO latencystats writes them. */
export function latencyField(name: string, p50Us: number, p99Us: number, p999Us: number): Field {
  const parts = [`p50=${p50Us.toFixed(3)}`, `p99=${p99Us.toFixed(3)}`, `p99.9=${p999Us.toFixed(3)}`];
  return [`latency_percentiles_usec_${name}`, parts.join(",")];
}
