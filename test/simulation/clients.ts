/**
 * The clients of a simulation: each asks one node (or, with a session, now this one and now that), waits for the answer or gives
 * up, thinks, and asks again. What they write names its writer; what they fill in names the moment at which the load began and
 * how often the source of truth had changed when it was read, so that whoever reads it knows whether it was too old.
 */
import type { OperationResult } from "../../src/node/operation.ts";
import { EMPTY_SESSION, type SessionToken } from "../../src/node/session-token.ts";
import type { History } from "./history.ts";
import { counterKeys, PATTERNS, TAG_NAMES, tagsOf, valueKeys } from "./keyspace.ts";
import { type EntryOptions, type InvalidateMode, type Reply, type Request, toOperation, toReply } from "./request.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { valueText } from "./value-text.ts";
import { START_MS } from "./virtual-clock.ts";
import type { SimulatedNode, World } from "./world.ts";

/** What clients do, and how often. */
const ACTIONS = {
  read: 38,
  readStale: 4,
  load: 16,
  set: 13,
  change: 8,
  remove: 4,
  invalidate: 4,
  purgeAll: 0.1,
  count: 4,
  setIfAbsent: 2,
  compareAndSet: 3,
  touch: 3,
  publish: 1,
};
type Action = keyof typeof ACTIONS;

/** How long a client waits for an answer, ms. */
const PATIENCE_MS = 6_000;
const DOWN_PAUSE_MS = 300;
/** The share of clients that carry a session from node to node. */
const SESSION_SHARE = 0.3;

/** What the cache is in front of: how often each key's value has changed. */
export class Truth {
  readonly #changes = new Map<string, number>();

  of(key: string): number {
    return this.#changes.get(key) ?? 0;
  }

  change(key: string): void {
    this.#changes.set(key, this.of(key) + 1);
  }
}

export interface ClientOptions {
  readonly world: World;
  readonly history: History;
  readonly truth: Truth;
  readonly random: SeededRandom;
  readonly name: string;
  readonly home: SimulatedNode;
  readonly untilMs: number;
}

type OnReply = (reply: Reply, result: OperationResult | undefined) => void;

export class Client {
  readonly #options: ClientOptions;
  readonly #random: SeededRandom;
  readonly #keys: readonly string[];
  #session: SessionToken | undefined;
  #writes = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#random = options.random;
    this.#keys = valueKeys(options.world.plan.keys);
    if (this.#random.chance(SESSION_SHARE)) this.#session = EMPTY_SESSION;
  }

  start(): void {
    this.#think();
  }

  /** Asks a node, and tells what it said, or nothing where nothing is said in time. */
  ask(node: SimulatedNode, request: Request, onReply: OnReply): void {
    const { world, history, name } = this.#options;
    const { life, machine } = node;
    if (life === undefined) return;
    const session = "copies" in request || request.kind === "get" ? this.#session : undefined;
    const exchange = history.invoke({
      client: name,
      node: node.id,
      region: node.region,
      life: node.lifeNumber,
      inSession: session !== undefined,
      request,
      invokedMs: world.nowMs,
    });
    let isOver = false;
    const finish = (result: OperationResult) => {
      if (isOver) return;
      isOver = true;
      const reply = toReply(result);
      history.respond(exchange, reply, world.nowMs);
      if (result.session !== undefined && session !== undefined) this.#session = result.session;
      // What the client does next is no part of the node's turn.
      world.scheduler.after(0, () => onReply(reply, result));
    };
    machine.run(() => life.execute(toOperation(request, session), finish));
    world.scheduler.after(PATIENCE_MS, () => {
      if (isOver) return;
      isOver = true;
      onReply({ status: "unknown" }, undefined);
    });
  }

  #think(): void {
    const { world } = this.#options;
    world.scheduler.after(this.#random.wait(world.plan.thinkMs), () => this.#act());
  }

  #act(): void {
    const { world, untilMs, home } = this.#options;
    if (world.nowMs >= untilMs) return;
    const node = this.#session === undefined ? home : this.#random.pick(world.nodes);
    if (!node.isUp) {
      world.scheduler.after(DOWN_PAUSE_MS, () => this.#act());
      return;
    }
    const key = this.#random.pick(this.#keys);
    this.#perform(this.#random.weighted(ACTIONS), node, key);
  }

  #perform(action: Action, node: SimulatedNode, key: string): void {
    const next = () => this.#think();
    switch (action) {
      case "read":
      case "readStale":
        return this.ask(node, { kind: "get", key, stale: action === "readStale" }, next);
      case "load":
        return this.#load(node, key);
      case "set":
      case "setIfAbsent":
        return this.ask(node, this.#set(key, action === "set" ? undefined : "absent"), next);
      case "compareAndSet":
        return this.#compareAndSet(node, key);
      case "remove":
        return this.ask(node, { kind: "delete", key, copies: this.#copies() }, next);
      case "change":
        this.#options.truth.change(key);
        return this.ask(node, this.#invalidate(key, this.#random.chance(0.6) ? "purge" : "stale"), next);
      case "invalidate":
        return this.ask(node, this.#invalidate(key, this.#random.chance(0.3) ? "purge" : "stale"), next);
      case "purgeAll":
        return this.ask(node, { ...this.#invalidate("", "purge"), keys: [], tags: [], patterns: [], all: true }, next);
      case "count":
        return this.ask(node, { kind: "increment", key: this.#random.pick(counterKeys()), by: 1 }, next);
      case "touch":
        return this.ask(node, { kind: "touch", key, expiresAt: this.#expiry(1) }, next);
      case "publish":
        return this.ask(node, { kind: "publish", channel: "news", message: `${++this.#writes}` }, next);
    }
  }

  /** Get, and on a miss: lease, load from the source of truth, fill. */
  #load(node: SimulatedNode, key: string): void {
    const { world, truth } = this.#options;
    this.ask(node, { kind: "get", key, stale: false }, (read) => {
      if (read.status !== "miss") return this.#think();
      const ttlMs = this.#random.pick([1_000, 3_000, 5_000]);
      this.ask(node, { kind: "lease", key, ttlMs }, (granted) => {
        const { token } = granted;
        if (token === undefined) return this.#think();
        const beganMs = world.nowMs;
        const takesMs = this.#random.wait(250);
        // What the source said may be old before the load is over.
        let seen = 0;
        world.scheduler.after(takesMs * this.#random.fraction(), () => {
          seen = truth.of(key);
        });
        world.scheduler.after(takesMs, () => this.#fill(node, key, token, beganMs, seen));
      });
    });
  }

  #fill(node: SimulatedNode, key: string, token: string, beganMs: number, seen: number): void {
    if (!node.isUp) return this.#think();
    if (this.#random.chance(0.1)) {
      return this.ask(node, { kind: "release", key, token }, () => this.#think());
    }
    const label = `fill ${this.#name()} ${key} began ${beganMs.toFixed(1)} saw ${seen}`;
    const value = valueText(label, this.#size());
    const global = this.#random.chance(0.3);
    const fill: Request = { kind: "fill", key, token, value, entry: this.#entry(key, 0.4), global };
    this.ask(node, fill, () => this.#think());
  }

  #compareAndSet(node: SimulatedNode, key: string): void {
    this.ask(node, { kind: "get", key, stale: false }, (read) => {
      if (read.stamp === undefined || !node.isUp) return this.#think();
      this.ask(node, this.#set(key, read.stamp), () => this.#think());
    });
  }

  #set(key: string, condition: "absent" | Reply["stamp"]): Request {
    const value = valueText(`set ${this.#name()} ${key}`, this.#size());
    return { kind: "set", key, value, entry: this.#entry(key, 0.25), condition, copies: this.#copies() };
  }

  #invalidate(key: string, mode: InvalidateMode): Request & { kind: "invalidate" } {
    const { random } = { random: this.#random };
    const what = random.weighted({ key: 4, tag: 3, pattern: 1.5 });
    return {
      kind: "invalidate",
      mode,
      keys: what === "key" ? [key] : [],
      tags: what === "tag" ? [key === "" ? random.pick(TAG_NAMES) : random.pick(tagsOf(key))] : [],
      patterns: what === "pattern" ? [random.pick(PATTERNS)] : [],
      all: false,
      wait: random.weighted({ local: 1, region: 3, all: 3 }),
      timeoutMs: random.pick([500, 2_000, 5_000]),
    };
  }

  #copies(): number {
    return this.#random.weighted({ "1": 6, "2": 3, "3": 0.5 }) === "1" ? 1 : this.#random.pick([2, 2, 2, 3]);
  }

  #name(): string {
    return `${this.#options.name}#${++this.#writes}`;
  }

  #size(): number {
    const most = this.#options.world.plan.maxValueBytes;
    return this.#random.chance(0.5) ? 40 : this.#random.between(40, most);
  }

  #entry(key: string, expiryShare: number): EntryOptions {
    const expiresAt = this.#expiry(expiryShare);
    const staleUntil = expiresAt !== 0 && this.#random.chance(0.3) ? expiresAt + 3_000 : 0;
    return { expiresAt, staleUntil, tags: tagsOf(key) };
  }

  #expiry(share: number): number {
    if (!this.#random.chance(share)) return 0;
    return Math.floor(START_MS + this.#options.world.nowMs + this.#random.pick([300, 2_000, 10_000, 60_000]));
  }
}
