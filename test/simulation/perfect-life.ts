/**
 * A double of a cluster that cannot be wrong: all nodes share one store, and every answer takes a moment. It proves the machinery
 * of the simulator: clients, history, checkers must find nothing here, and the same seed must give the same history.
 */

import { encodeText } from "../../src/core/bytes.ts";
import { keySlot } from "../../src/core/crc16.ts";
import { RecordKind } from "../../src/core/record.ts";
import { defaultConfig } from "../../src/node/config.ts";
import { describeFields, executeOperation } from "../../src/node/execute-operation.ts";
import { Node } from "../../src/node/node.ts";
import type { FillOperation, InvalidateOperation, Operation, OperationResult } from "../../src/node/operation.ts";
import type { CreateLife, Life, LifeOptions, Size } from "./life.ts";
import type { Scheduler } from "./scheduler.ts";
import { SeededRandom } from "./seeded-random.ts";
import { VirtualClock } from "./virtual-clock.ts";

const ANSWER_MS = 2;
const FRAME = Uint8Array.of(1);

/** Lives of one simulation, around one store. */
export function perfectLives(seed: number, scheduler: () => Scheduler): CreateLife {
  let shared: Node | undefined;
  return (options) => {
    if (shared === undefined) {
      const ports = {
        ...options.ports,
        clock: new VirtualClock(scheduler()),
        random: new SeededRandom(seed, "shared"),
      };
      shared = new Node({ ...defaultConfig(), maxMemory: 8 * 2 ** 20, maxLeaseMs: 5_000 }, ports);
      shared.outbox.addPeer("everybody");
      shared.peersStable = 0;
    }
    return new PerfectLife(options, shared);
  };
}

class PerfectLife implements Life {
  readonly node: Node;
  readonly #shared: Node;
  readonly #options: LifeOptions;
  readonly #peers = new Set<string>();
  #received = 0;

  constructor(options: LifeOptions, shared: Node) {
    this.#options = options;
    this.#shared = shared;
    this.node = new Node({ ...defaultConfig(), maxMemory: options.node.maxMemory }, options.ports);
    options.onNode(this.node);
  }

  start(): void {
    const { plan, reach, onRecovered } = this.#options;
    onRecovered();
    reach(plan.nodes.map(({ id }) => id));
    this.#say();
  }

  /** Something to carry for the network. */
  #say(): void {
    for (const peer of this.#peers) this.#options.send(peer, FRAME, 0);
    this.#options.ports.timer.after(200, () => this.#say());
  }

  linked(peer: string): void {
    this.#peers.add(peer);
  }

  unlinked(peer: string): void {
    this.#peers.delete(peer);
  }

  receive(): void {
    this.#received++;
  }

  execute(operation: Operation, done: (result: OperationResult) => void): void {
    const { timer } = this.#options.ports;
    timer.after(ANSWER_MS, () => {
      this.#shared.beginTurn();
      const result = this.#carryOut(operation);
      this.#shared.outbox.take();
      timer.after(ANSWER_MS, () => done(result));
    });
  }

  #carryOut(operation: Operation): OperationResult {
    const node = this.#shared;
    switch (operation.kind) {
      case "lease": {
        const lease = node.lease(operation.key, 0, operation.key.length, operation.ttlMs);
        return lease === undefined ? { status: "busy" } : { status: "ok", lease };
      }
      case "fill":
        return this.#fill(operation);
      case "release":
        return { status: node.release(operation.token) ? "ok" : "no-lease" };
      case "invalidate":
        return this.#invalidate(operation);
      case "publish":
        return { status: "ok" };
      default:
        return executeOperation(node, operation);
    }
  }

  #fill(operation: FillOperation): OperationResult {
    const { draft } = this.#shared;
    draft.stamp(RecordKind.FILL, 0, 0);
    describeFields(draft, operation);
    const outcome = this.#shared.fill(operation.token, draft);
    if (outcome === "stored") return { status: "ok" };
    if (outcome === "unknown") return { status: "no-lease" };
    return { status: outcome === "superseded" ? "superseded" : outcome === "invalidated" ? "invalidated" : "refused" };
  }

  #invalidate(operation: InvalidateOperation): OperationResult {
    const { mode, keys = [], tags = [], patterns = [], all = false } = operation;
    const { version, entries } = this.#shared.invalidate({ mode, keys, tags, patterns, all, database: 0 });
    const regions = this.#options.plan.regions.map((region) => ({
      region,
      status: "acknowledged" as const,
      delayMs: 0,
    }));
    return { status: "ok", receipt: { version, entries, regions, stored: true } };
  }

  leave(): void {}

  ring(): undefined {
    return undefined;
  }

  owners(key: string): readonly string[] {
    return keySlot(encodeText(key), 0, key.length) >= 0 ? [this.#options.node.id] : [];
  }

  serves(): boolean {
    return true;
  }

  sizes(): Readonly<Record<string, Size>> {
    return { peers: { size: this.#peers.size, limit: 1_000, drains: false } };
  }

  isSettled(): boolean {
    return true;
  }

  describe(): string {
    return `${this.#peers.size} peers, ${this.#received} frames`;
  }
}
