/** Nodes under test: a clock and a timer that the test moves, and requests written the short way. */
import { encodeText } from "../../../src/core/bytes.ts";
import type { Log, LogLevel, Ports, Timer } from "../../../src/core/ports.ts";
import { EpochMode, RecordKind } from "../../../src/core/record.ts";
import { defaultConfig, type NodeConfig } from "../../../src/node/config.ts";
import type { FillOutcome } from "../../../src/node/fill.ts";
import { Node, type Receipt } from "../../../src/node/node.ts";
import type { Outcome } from "../../../src/store/outcome.ts";
import { START_MS, seededRandom } from "../store/test-store.ts";

interface Call {
  readonly atMs: number;
  readonly callback: () => void;
}

/** Time for several nodes, and what is to be done later. Nothing moves by itself. */
export class World {
  nowMs = START_MS;
  monotonicMs = 0;
  #calls: Call[] = [];
  readonly logged: { level: LogLevel; event: string; fields: unknown }[] = [];

  readonly timer: Timer = {
    after: (delayMs, callback) => {
      const call = { atMs: this.monotonicMs + delayMs, callback };
      this.#calls.push(call);
      return () => {
        this.#calls = this.#calls.filter((one) => one !== call);
      };
    },
  };

  readonly log: Log = { write: (level, event, fields) => this.logged.push({ level, event, fields }) };

  /** Ports of one node, whose wall clock is off by `skewMs`. */
  ports(seed: number, skewMs = 0): Ports {
    const clock = { now: () => this.nowMs + skewMs, monotonic: () => this.monotonicMs };
    return { clock, random: seededRandom(seed), timer: this.timer, log: this.log };
  }

  /** Calls that wait for their time. */
  get waiting(): number {
    return this.#calls.length;
  }

  /** Moves both clocks on, and calls what falls due on the way, in order. */
  advance(ms: number): void {
    const until = this.monotonicMs + ms;
    for (;;) {
      const next = this.#calls.filter((call) => call.atMs <= until).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#calls = this.#calls.filter((call) => call !== next);
      this.#moveTo(next.atMs);
      next.callback();
    }
    this.#moveTo(until);
  }

  #moveTo(monotonicMs: number): void {
    const ms = Math.max(0, monotonicMs - this.monotonicMs);
    this.monotonicMs += ms;
    this.nowMs += ms;
  }
}

export interface WriteOptions {
  readonly ttlMs?: number;
  readonly staleMs?: number;
  readonly revalidateMs?: number;
  readonly tags?: readonly string[];
}

const SETTINGS: Partial<NodeConfig> = { maxMemory: 8 * 2 ** 20 };

export class TestNode {
  readonly world: World;
  readonly node: Node;

  constructor(world: World = new World(), seed = 1, settings: Partial<NodeConfig> = {}, skewMs = 0) {
    this.world = world;
    this.node = new Node({ ...defaultConfig(), ...SETTINGS, ...settings }, world.ports(seed, skewMs));
  }

  /** Moves the clock on, and tells the node. */
  advance(ms: number): void {
    this.world.advance(ms);
    this.node.beginTurn();
  }

  tick(): void {
    while (this.node.tick(1_000)) {}
  }

  #fillDraft(value: string, options: WriteOptions): void {
    const { draft } = this.node;
    const bytes = encodeText(value);
    draft.stamp(RecordKind.SET, 1, 1);
    draft.setValue(bytes, 0, bytes.length);
    if (options.ttlMs !== undefined) draft.expiresAt = this.node.nowMs + options.ttlMs;
    if (options.staleMs !== undefined) draft.staleUntil = draft.expiresAt + options.staleMs;
    if (options.revalidateMs !== undefined) draft.revalidateUntil = draft.expiresAt + options.revalidateMs;
    if (options.tags !== undefined) draft.tags = options.tags.map((tag) => encodeText(tag));
    draft.global = true;
  }

  set(key: string, value: string, options: WriteOptions = {}): Outcome {
    const bytes = encodeText(key);
    this.#fillDraft(value, options);
    this.node.draft.setKey(bytes, 0, bytes.length);
    return this.node.write(this.node.draft);
  }

  delete(key: string): boolean {
    const bytes = encodeText(key);
    return this.node.delete(bytes, 0, bytes.length);
  }

  lease(key: string, ttlMs = 10_000): string | undefined {
    const bytes = encodeText(key);
    return this.node.lease(bytes, 0, bytes.length, ttlMs)?.token;
  }

  fill(token: string | undefined, value: string, options: WriteOptions = {}): FillOutcome {
    this.#fillDraft(value, options);
    return this.node.fill(token ?? "", this.node.draft);
  }

  invalidate(
    what: { keys?: string[]; tags?: string[]; patterns?: string[]; all?: boolean },
    mode: EpochMode = EpochMode.PURGE,
  ): Receipt {
    const bytes = (list?: string[]) => (list === undefined ? {} : { list: list.map((one) => encodeText(one)) });
    return this.node.invalidate({
      mode,
      database: 0,
      keys: bytes(what.keys).list ?? [],
      tags: bytes(what.tags).list ?? [],
      patterns: bytes(what.patterns).list ?? [],
      all: what.all ?? false,
    });
  }

  id(key: string): number {
    const bytes = encodeText(key);
    return this.node.peek(bytes, 0, bytes.length);
  }

  get(key: string): string | undefined {
    const id = this.id(key);
    return id === 0 ? undefined : this.textOf(id);
  }

  getStale(key: string): string | undefined {
    const bytes = encodeText(key);
    const id = this.node.findStale(bytes, 0, bytes.length);
    return id === 0 ? undefined : this.textOf(id);
  }

  textOf(id: number): string {
    const { store } = this.node;
    store.locate(id);
    return new TextDecoder().decode(store.bytes.slice(store.valueStart, store.valueEnd));
  }

  /** All that a reader of the node can tell: keys with value, expiry, stale times, tags, kind. */
  contents(): Record<string, unknown> {
    const { store } = this.node;
    const contents: Record<string, unknown> = {};
    for (let id = 1; id < store.table.limit; id++) {
      if (store.table.flags(id) === 0 || !store.isServable(id)) continue;
      store.locate(id);
      const key = new TextDecoder("latin1").decode(store.bytes.slice(store.keyStart, store.keyEnd));
      contents[key] = {
        value: this.textOf(id),
        fresh: store.isFresh(id),
        expiresAt: store.table.expiresAt(id),
        staleUntil: store.staleUntil(id),
        revalidateUntil: store.revalidateUntil(id),
        tags: store.tagsOf(id),
        version: store.table.version(id),
        origin: store.originOf(id),
      };
    }
    return contents;
  }
}
