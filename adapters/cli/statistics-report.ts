/**
 * The statistics snapshot for people: sections of aligned columns, at most 80 wide. Pure: a snapshot in, lines out.
 *
 * What is 0 and rarely interesting (causes of evictions, reasons for which connections were closed) is left out. Long lists
 * (namespaces, commands) show the busiest and say how many more there are. With the snapshot before, counts are shown with
 * their rate.
 */
import type { Statistics } from "../../src/protocol/statistics.ts";
import type { Timing } from "../../src/protocol/statistics-schema.ts";
import { formatDuration } from "./duration.ts";
import { counted, visible } from "./print.ts";

/** Styles of the report: titles, and what is less important. */
export interface ReportStyle {
  title(text: string): string;
  faint(text: string): string;
}

export interface Earlier {
  readonly statistics: Statistics;
  /** Between both snapshots. */
  readonly elapsedMs: number;
}

const MAX_NAMESPACES = 12;
const MAX_COMMANDS = 20;
const NAME_COLUMNS = 23;
const NUMBER_COLUMNS = 11;

const MEMORY_NAMES: Readonly<Record<string, string>> = {
  index: "index",
  table: "entry table",
  segmentsLive: "segments, live",
  segmentsDead: "segments, dead",
  segmentsFree: "segments, free",
  tags: "tags",
  policy: "eviction policy",
  wheel: "expiry",
  patterns: "patterns",
  guards: "guards",
  leases: "leases",
  outbox: "outbox",
  journal: "journal, not stored",
  respClients: "Redis clients",
  respBuffers: "Redis buffers",
  tracking: "key tracking",
  httpBodies: "HTTP bodies",
  statistics: "statistics",
};

const counts = new Intl.NumberFormat("en-US");

/** 12345 as "12,345". */
export function formatCount(count: number): string {
  return counts.format(count);
}

/** Bytes with a binary unit and three digits: "12.3 MiB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const exponent = Math.min(Math.max(0, Math.floor(Math.log2(Math.max(1, Math.abs(bytes))) / 10)), units.length - 1);
  const value = bytes / 2 ** (10 * exponent);
  const digits = exponent === 0 || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[exponent]}`;
}

function percent(ratio: number | undefined): string {
  return ratio === undefined ? "-" : `${(ratio * 100).toFixed(1)}%`;
}

function name(text: string): string {
  const shown = visible(text);
  return (shown.length > NAME_COLUMNS - 2 ? `${shown.slice(0, NAME_COLUMNS - 5)}...` : shown).padEnd(NAME_COLUMNS);
}

function row(first: string, numbers: readonly string[]): string {
  return `  ${name(first)}${numbers.map((number) => number.padStart(NUMBER_COLUMNS)).join("")}`;
}

class Report {
  readonly #now: Statistics;
  readonly #earlier: Earlier | undefined;
  readonly #style: ReportStyle;
  readonly #lines: string[] = [];

  constructor(now: Statistics, style: ReportStyle, earlier: Earlier | undefined) {
    this.#now = now;
    this.#style = style;
    this.#earlier = earlier;
  }

  render(): string[] {
    this.#head();
    this.#traffic();
    this.#hitRatio();
    this.#latencies();
    this.#memory();
    this.#evictions();
    this.#persistence();
    this.#connections();
    return this.#lines;
  }

  #head(): void {
    const { version, runtime, node, uptimeSeconds, entries, policy } = this.#now;
    const on = runtime === undefined ? "" : ` on ${visible(runtime)}`;
    const called = node.name === "" ? "" : `${visible(node.name)}, `;
    this.#lines.push(
      `Shoal ${visible(version)}${on}, ${called}region ${visible(node.region)}, up ${formatDuration(uptimeSeconds * 1_000)}`,
      `${counted(entries, "entry", "entries")}, policy ${visible(policy)}`,
    );
  }

  #section(title: string, columns: readonly string[] = []): void {
    const heads = columns.map((column) => column.padStart(NUMBER_COLUMNS)).join("");
    const gap = columns.length === 0 ? "" : " ".repeat(NAME_COLUMNS + 2 - title.length);
    this.#lines.push("", `${this.#style.title(title)}${gap}${this.#style.faint(heads)}`);
  }

  /** A count that only grows, with its rate if there is an earlier one. */
  #count(label: string, read: (statistics: Statistics) => number, format = formatCount): void {
    const now = read(this.#now);
    if (this.#earlier === undefined) {
      this.#lines.push(row(label, [format(now)]));
      return;
    }
    // After a restart or a reset counts begin anew: then there is no rate.
    const grown = now - read(this.#earlier.statistics);
    const rate = (grown * 1_000) / Math.max(1, this.#earlier.elapsedMs);
    this.#lines.push(row(label, [format(now), grown < 0 ? "-" : `${format(Math.round(rate))}/s`]));
  }

  #traffic(): void {
    this.#section("Traffic");
    const { resp, http } = this.#now;
    if (resp !== undefined) this.#count("Redis commands", (all) => sum(all.resp?.commands));
    if (http !== undefined) this.#count("HTTP requests", (all) => sum(all.http?.requests));
    this.#count("reads", ({ reads }) => reads.hits + reads.misses + reads.staleHits);
    this.#count("sets", (all) => all.counters.sets);
    this.#count("deletes", (all) => all.counters.deletes);
    this.#count("fills", (all) => all.counters.fills);
    this.#count("invalidations", (all) => all.invalidations.requests);
    this.#count(
      "bytes received",
      (all) => (all.resp?.receivedBytes ?? 0) + (all.http?.receivedBytes ?? 0),
      formatBytes,
    );
    this.#count("bytes sent", (all) => (all.resp?.sentBytes ?? 0) + (all.http?.sentBytes ?? 0), formatBytes);
    const { outOfMemory, fillsRefused } = this.#now.counters;
    if (outOfMemory > 0) this.#count("refused, no memory", (all) => all.counters.outOfMemory);
    if (fillsRefused > 0) this.#count("fills refused", (all) => all.counters.fillsRefused);
  }

  #hitRatio(): void {
    this.#section("Hit ratio", ["ratio", "hits", "stale", "misses"]);
    const add = (label: string, { hitRatio, hits, staleHits, misses }: Statistics["reads"]) =>
      this.#lines.push(row(label, [percent(hitRatio), ...[hits, staleHits, misses].map(formatCount)]));
    add("all", this.#now.reads);
    const busiest = [...this.#now.namespaces].sort((a, b) => readsOf(b) - readsOf(a));
    for (const one of busiest.slice(0, MAX_NAMESPACES)) add(one.namespace === "" ? "(none)" : one.namespace, one);
    this.#more(busiest.length - MAX_NAMESPACES, "namespaces");
  }

  #latencies(): void {
    this.#section("Latency", ["count", "p50", "p99", "p99.9", "max"]);
    const us = (value: number | undefined) => (value === undefined ? "-" : formatDuration(value / 1_000));
    const add = (label: string, count: number, { p50Us, p99Us, p999Us, maxUs }: Timing) =>
      this.#lines.push(row(label, [formatCount(count), us(p50Us), us(p99Us), us(p999Us), us(maxUs)]));
    const busiest = [...this.#now.latencies].sort((a, b) => b.count - a.count);
    for (const one of busiest.slice(0, MAX_COMMANDS)) add(`${one.protocol} ${one.command}`, one.count, one);
    if (busiest.length === 0) this.#lines.push("  no requests so far");
    this.#more(busiest.length - MAX_COMMANDS, "commands");
    const { lag } = this.#now.eventLoop;
    if (lag !== undefined) add("event loop, late by", lag.samples, lag);
  }

  #memory(): void {
    const { maxBytes, storeBytes, partsBytes, sumBytes, restBytes, residentBytes } = this.#now.memory;
    this.#section("Memory");
    this.#lines.push(row("budget of entries", [formatBytes(maxBytes)]));
    this.#lines.push(row("allocated of it", [formatBytes(storeBytes), percent(storeBytes / maxBytes)]));
    this.#lines.push(row("known parts, together", [formatBytes(sumBytes)]));
    for (const [part, bytes] of Object.entries(partsBytes).sort(([, a], [, b]) => b - a)) {
      if (bytes > 0) this.#lines.push(row(`  ${MEMORY_NAMES[part] ?? part}`, [formatBytes(bytes)]));
    }
    if (restBytes !== undefined) this.#lines.push(row("the runtime's rest", [formatBytes(restBytes)]));
    if (residentBytes !== undefined) this.#lines.push(row("resident", [formatBytes(residentBytes)]));
  }

  #evictions(): void {
    this.#section("Evictions");
    this.#count("evicted", (all) => all.removed.evicted);
    for (const [cause, count] of Object.entries(this.#now.evictions.causes)) {
      if (count > 0) this.#lines.push(row(`  for ${cause}`, [formatCount(count)]));
    }
    this.#count("expired", (all) => all.removed.expired);
    this.#count("invalidated", (all) => all.removed.invalidated);
    this.#count("deleted", (all) => all.removed.deleted);
  }

  #persistence(): void {
    const { persistence } = this.#now;
    if (persistence === undefined) return;
    const { state, fsync, failure, journal, snapshots, fileBytes, walBytes, recovery } = persistence;
    this.#section("Persistence");
    const add = (label: string, ...texts: string[]) => this.#lines.push(row(label, texts));
    add("state", state);
    if (failure !== undefined) this.#lines.push(`    ${visible(`${failure.code}: ${failure.message}`).slice(0, 76)}`);
    if (recovery?.running) add("  loaded", percent(recovery.progress));
    add("fsync", fsync);
    this.#count("journal records", (all) => all.persistence?.journal.records ?? 0);
    this.#count("journal bytes", (all) => all.persistence?.journal.bytes ?? 0, formatBytes);
    this.#count("commits", (all) => all.persistence?.journal.appends ?? 0);
    add("not stored yet", formatBytes(persistence.backlogBytes), ...(persistence.congested ? ["congested"] : []));
    add("file and log", formatBytes(fileBytes + walBytes));
    add("  since the snapshot", formatBytes(journal.bytesSinceSnapshot));
    this.#count("snapshots", (all) => all.persistence?.snapshots.finished ?? 0);
    if (snapshots.running) add("  being written", percent(snapshots.progress));
    if (snapshots.lastDurationSeconds !== undefined) {
      add(
        "  the last one took",
        formatDuration(snapshots.lastDurationSeconds * 1_000),
        snapshots.lastFailed ? "failed" : "",
      );
    }
    if (persistence.failures > 0) this.#count("failures", (all) => all.persistence?.failures ?? 0);
    if (journal.droppedRecords > 0) add("  records not stored", formatCount(journal.droppedRecords));
    if ((recovery?.damage ?? 0) > 0) add("damaged places", formatCount(recovery?.damage ?? 0));
  }

  #connections(): void {
    const { resp, http } = this.#now;
    this.#section("Connections");
    if (resp !== undefined) {
      this.#lines.push(row("Redis, open", [formatCount(resp.connections)]));
      this.#count("Redis, accepted", (all) => all.resp?.accepted ?? 0);
      const closed = {
        rejected: resp.rejected,
        evicted: resp.evicted,
        "closed, no login": resp.unauthenticatedClosed,
        "closed, unfinished": resp.unfinishedClosed,
        "closed, idle": resp.idleClosed,
        "closed, slow reader": resp.outputLimitClosed,
        "closed, too much input": resp.inputLimitClosed,
        "protocol errors": resp.protocolErrors,
        "closed, not stored": resp.unstoredClosed,
      };
      for (const [label, count] of Object.entries(closed)) {
        if (count > 0) this.#lines.push(row(`  ${label}`, [formatCount(count)]));
      }
    }
    if (http !== undefined) this.#lines.push(row("HTTP, in flight", [formatCount(http.inFlight)]));
  }

  #more(count: number, what: string): void {
    if (count > 0) this.#lines.push(this.#style.faint(`  and ${formatCount(count)} more ${what}`));
  }
}

function sum(list: readonly { readonly count: number }[] | undefined): number {
  return (list ?? []).reduce((total, { count }) => total + count, 0);
}

function readsOf({ hits, misses, staleHits }: Statistics["reads"]): number {
  return hits + misses + staleHits;
}

/** The report's lines. */
export function renderStatistics(now: Statistics, style: ReportStyle, earlier?: Earlier): string[] {
  return new Report(now, style, earlier).render();
}
