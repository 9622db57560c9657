/**
 * A node with a storage, through several lives: requests, time, the storage's calls and faults, crashes, all as a test
 * says, and checked against the model at every step.
 */
import { expect } from "bun:test";
import { encodeText } from "../../../src/core/bytes.ts";
import { EpochMode } from "../../../src/core/record.ts";
import type { FsyncMode } from "../../../src/journal/journal.ts";
import type { MemoryStorage } from "../../../src/journal/memory-storage.ts";
import { Host } from "../../../src/node/host.ts";
import type { Persistence } from "../../../src/node/persistence.ts";
import { drain, FaultyStorage } from "../journal/faulty-storage.ts";
import {
  all,
  invalidate,
  Model,
  type ModelEntry,
  makeOptional,
  type Operation,
  put,
  touch,
} from "./persistence-model.ts";
import { TestNode, World, type WriteOptions } from "./test-node.ts";

export type Write =
  | { readonly what: "set"; readonly key: string; readonly ttlMs: number; readonly staleMs: number }
  | { readonly what: "delete" | "purge" | "stale" | "tag" | "lease" | "fill"; readonly key: string }
  | { readonly what: "touch"; readonly key: string; readonly ttlMs: number }
  | { readonly what: "stale-tag"; readonly key: string }
  | { readonly what: "pattern" | "flush" }
  | { readonly what: "swap"; readonly a: number; readonly b: number };

export interface NodeOptions {
  readonly fsync: FsyncMode;
  readonly keepPrevious: boolean;
  readonly snapshotJournalBytes: number;
  /** A budget smaller than what is written: anything may be evicted at any time, and nothing else than that. */
  readonly isSmall: boolean;
}

/** How far the monotonic clock creeps at each look, ms: so that slices end. It moves no timer. */
const CREEP_MS = 0.3;
const FILLERS = 150;

/** Keys are written in pairs with tags of their last letter; fillers make a walk take several slices. */
const tagOf = (key: string): string => `tag:${key.slice(-1)}`;

export class PersistentNode {
  readonly options: NodeOptions;
  readonly model: Model;
  storage: FaultyStorage;
  world = new World();
  test: TestNode;
  host: Host;
  /** The recovery of this life is over, and was checked. */
  recovered = false;
  #life = 0;
  #writes = 0;
  /** The highest version seen in this life. */
  #newest = 0;
  #leases = new Map<string, { token: string; began: number }>();
  /** Callbacks that were promised, and not called yet. */
  waiting = 0;
  readonly failures: string[] = [];
  /** In this life. */
  readFaults = 0;

  constructor(options: NodeOptions) {
    this.options = options;
    this.storage = new FaultyStorage({ keepPrevious: options.keepPrevious });
    this.test = new TestNode(this.world, 1);
    this.host = new Host(this.test.node);
    this.model = new Model(`${this.test.node.databases.permutation}`);
  }

  get persistence(): Persistence {
    return this.host.persistence as Persistence; // made with a storage
  }

  /** Begins a life on a storage. */
  async start(storage: FaultyStorage): Promise<void> {
    const { nowMs, monotonicMs } = this.world;
    this.world = new World();
    Object.assign(this.world, { nowMs, monotonicMs });
    this.storage = storage;
    this.recovered = false;
    this.waiting = 0;
    this.#newest = 0;
    this.readFaults = 0;
    this.#leases.clear();
    const ports = this.world.ports.bind(this.world);
    let looks = 0;
    const { world } = this;
    world.ports = (seed, skewMs) => {
      const made = ports(seed, skewMs);
      return { ...made, clock: { now: made.clock.now, monotonic: () => world.monotonicMs + ++looks * CREEP_MS } };
    };
    const { fsync, snapshotJournalBytes, isSmall } = this.options;
    this.test = new TestNode(world, 1_000 + this.#life++, isSmall ? { maxMemory: 2 ** 20, policy: "lru" } : {});
    this.host = new Host(this.test.node, { storage, persistence: { fsync, snapshotJournalBytes } });
    const { host } = this;
    const opened = host.start().then(
      () => host.recovered.then(() => this.#onRecovered(host)),
      () => {},
    );
    while (this.persistence.state === "closed" && storage.waiting.length > 0) await storage.step();
    void opened.catch((error: unknown) => this.failures.push(String(error)));
    await drain();
  }

  #onRecovered(host: Host): void {
    if (host !== this.host || host.persistence?.state === "closed") return;
    this.test.node.beginTurn();
    this.recovered = true;
    this.check("after a recovery");
    const { table } = this.test.node.store;
    for (let id = 1; id < table.limit; id++) expect(table.version(id)).toBeLessThanOrEqual(this.test.node.clock.last);
    this.model.settle(`${this.test.node.databases.permutation}`);
  }

  /** Entries that only make tables large, as one turn. */
  async fillUp(): Promise<void> {
    await this.turn(Array.from({ length: FILLERS }, (_, n) => ({ what: "set", key: `b${n}x`, ttlMs: 0, staleMs: 0 })));
  }

  /** Compares all that can be read with the model. */
  check(when: string): void {
    const { node } = this.test;
    node.beginTurn();
    if (this.recovered) this.model.check(this.test.contents(), `${node.databases.permutation}`, node.nowMs, when);
    else this.model.checkPart(this.test.contents(), node.nowMs);
  }

  /** Requests of one turn, and whether anybody waits for them. */
  async turn(writes: readonly Write[]): Promise<void> {
    const { persistence, test, host } = this;
    if (persistence.state === "closed" || persistence.refusal !== undefined) return;
    test.node.beginTurn();
    const done: Operation[] = [];
    let isReceipt = false;
    for (const write of writes) {
      const operation = this.#write(write);
      if (operation !== undefined) done.push(operation);
      isReceipt ||= operation !== undefined && /purge|stale|tag|pattern|flush/.test(write.what);
    }
    if (done.length > 0) {
      this.model.add(all(done));
      this.#acknowledge(isReceipt);
    }
    host.afterTurn();
    await drain();
    this.check(`after ${writes.map(({ what }) => what)}`);
  }

  #acknowledge(isReceipt: boolean): void {
    const { model, persistence, host } = this;
    const { length } = model;
    const onStored = (error: unknown) => {
      if (host !== this.host) return;
      this.waiting--;
      if (error === undefined) model.acknowledge(length);
    };
    if (isReceipt) {
      this.waiting++;
      persistence.whenStored(onStored);
    }
    if (this.options.fsync !== "always") return;
    this.waiting++;
    persistence.whenPromised(onStored);
  }

  #write(write: Write): Operation | undefined {
    const { test } = this;
    const { node } = test;
    switch (write.what) {
      case "set":
        return this.#set(write.key, write.ttlMs, write.staleMs);
      case "delete":
        test.delete(write.key);
        return invalidate("purge", (key) => key === write.key);
      case "touch": {
        const id = test.id(write.key);
        if (id === 0) return undefined;
        const version = node.store.table.version(id);
        const at = node.nowMs + write.ttlMs;
        node.expireAt(id, at);
        return touch(write.key, version, at);
      }
      case "purge":
      case "stale":
        test.invalidate({ keys: [write.key] }, write.what === "purge" ? EpochMode.PURGE : EpochMode.STALE);
        return invalidate(write.what, (key) => key === write.key);
      case "tag":
      case "stale-tag": {
        const mode = write.what === "tag" ? "purge" : "stale";
        test.invalidate({ tags: [tagOf(write.key)] }, mode === "purge" ? EpochMode.PURGE : EpochMode.STALE);
        return invalidate(mode, (_, { tags }) => tags.includes(tagOf(write.key)));
      }
      case "pattern":
        test.invalidate({ patterns: ["a*"] });
        return invalidate("purge", (key) => key.startsWith("a"));
      case "flush":
        node.flush(-1);
        return invalidate("purge", () => true);
      case "swap": {
        node.swapDatabases(write.a, write.b);
        const databases = `${node.databases.permutation}`;
        return (state) => ({ ...state, databases });
      }
      default:
        return this.#leaseOrFill(write.what, write.key);
    }
  }

  #set(key: string, ttlMs: number, staleMs: number): Operation {
    const bytes = this.options.isSmall ? 12_000 : 40;
    const value = `${this.#writes++}${"v".repeat((this.#writes * 997) % bytes)}`;
    const options: WriteOptions = {
      tags: [tagOf(key)],
      ...(ttlMs > 0 ? { ttlMs } : {}),
      ...(ttlMs > 0 && staleMs > 0 ? { staleMs } : {}),
    };
    this.test.set(key, value, options);
    return put(key, this.#entry(value, ttlMs, staleMs, key, false));
  }

  #entry(value: string, ttlMs: number, staleMs: number, key: string, optional: boolean): ModelEntry {
    const { clock, nowMs } = this.test.node;
    const expiresAt = ttlMs > 0 ? nowMs + ttlMs : 0;
    const staleUntil = ttlMs > 0 && staleMs > 0 ? expiresAt + staleMs : 0;
    // Above everything that there is, whatever its clock does.
    expect(clock.last).toBeGreaterThan(this.#newest);
    this.#newest = clock.last;
    const { origin } = clock;
    return {
      value,
      expiresAt,
      staleUntil,
      tags: [tagOf(key)],
      version: clock.last,
      origin,
      stale: false,
      optional: optional || this.options.isSmall,
    };
  }

  #leaseOrFill(what: "lease" | "fill", key: string): Operation | undefined {
    const { test } = this;
    if (what === "lease") {
      const bytes = encodeText(key);
      const lease = test.node.lease(bytes, 0, bytes.length, 10_000);
      if (lease !== undefined) this.#leases.set(key, lease);
      return undefined;
    }
    const lease = this.#leases.get(key);
    if (lease === undefined) return undefined;
    const value = `filled ${this.#writes++}`;
    const outcome = test.fill(lease.token, value, { tags: [tagOf(key)] });
    if (outcome === "unknown") return undefined;
    if (outcome !== "stored") return makeOptional(key, lease.began);
    return put(key, { ...this.#entry(value, 0, 0, key, true), version: lease.began });
  }

  async advance(ms: number): Promise<void> {
    this.world.advance(ms);
    await drain();
    this.check("after some time");
  }

  /** Lets storage go on, or a part of it. */
  async io(calls: number): Promise<void> {
    for (let n = 0; n < calls; n++) {
      await this.storage.step();
      this.check("after a call of storage");
    }
  }

  snapshot(): void {
    this.persistence.snapshot().catch(() => {});
  }

  /** The process ends here, and another one begins with what is left. */
  async crash(left: MemoryStorage): Promise<void> {
    this.host = new Host(new TestNode(this.world, 1).node);
    this.model.crash();
    await this.start(new FaultyStorage(left));
  }

  /** Lets everything come to an end: faults are over, and time goes on until storage is whole. */
  async recoverFully(): Promise<void> {
    this.storage.fault = () => undefined;
    for (let n = 0; n < 400; n++) {
      await this.storage.settle();
      if (this.recovered && this.persistence.state === "ok" && this.persistence.failure === undefined) break;
      await this.advance(500);
    }
    await this.storage.settle();
    expect(this.failures).toEqual([]);
    expect([this.recovered, this.persistence.state, this.persistence.failure]).toEqual([true, "ok", undefined]);
    await this.advance(50);
    await this.storage.settle();
    expect(this.waiting).toBe(0);
    this.check("when storage works again");
  }

  /** Stops, and starts again with all that there was. */
  async restart(): Promise<void> {
    const { host, storage, world } = this;
    let stopped = false;
    this.model.acknowledge(this.model.length);
    void host.stop().then(() => {
      stopped = true;
    });
    for (let n = 0; n < 100 && !stopped; n++) await storage.settle();
    expect([stopped, world.waiting, this.waiting]).toEqual([true, 0, 0]);
    await this.crash(storage.left);
  }
}
