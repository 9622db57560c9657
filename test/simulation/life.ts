/** What the simulator drives: one life of a node, whatever it is made of. */
import type { Ports } from "../../src/core/ports.ts";
import type { Storage } from "../../src/journal/storage.ts";
import type { Node } from "../../src/node/node.ts";
import type { Operation, OperationDone } from "../../src/node/operation.ts";
import type { NodePlan, Plan } from "./plan.ts";

export interface LifeOptions {
  readonly plan: Plan;
  readonly node: NodePlan;
  readonly ports: Ports;
  readonly storage: Storage | undefined;
  /** Sends a frame to a peer. */
  readonly send: (peer: string, frame: Uint8Array, channel: number) => void;
  /** Makes links to these addresses (ids), and no others. */
  readonly reach: (addresses: readonly string[]) => void;
  /** Closes a link. */
  readonly unlink: (peer: string) => void;
  /** What should never have happened, where nobody can catch it. */
  readonly onError: (error: unknown) => void;
  /** The live store exists, and nothing was applied to it yet. */
  readonly onNode: (node: Node) => void;
  /** All that was stored is loaded. */
  readonly onRecovered: () => void;
}

/** Who holds which slots of a region. */
export interface LifeRing {
  readonly nodes: readonly string[];
  owners(slot: number): readonly string[];
}

export interface Size {
  readonly size: number;
  readonly limit: number;
  /** True for queues, which are empty when there is nothing to do. */
  readonly drains: boolean;
}

export interface Life {
  readonly node: Node;
  start(): void;
  linked(peer: string): void;
  unlinked(peer: string): void;
  receive(peer: string, frame: Uint8Array, channel: number): void;
  execute(operation: Operation, done: OperationDone): void;
  /** Leaves the cluster: it is not expected back. */
  leave(): void;
  /** The ring of this life's own region, as it knows it; undefined where there is none. */
  ring(): LifeRing | undefined;
  /** The owners of a key in this life's own region, as it knows them, primary first. */
  owners(key: string): readonly string[];
  /** True if this node serves the key from its own store. */
  serves(key: string): boolean;
  /** How much there is of everything that may grow, by name, and its limit. */
  sizes(): Readonly<Record<string, Size>>;
  /** True if it knows exactly these live members (sorted ids, with commas), and nothing is on its way to it. */
  isSettled(ids: string): boolean;
  /** One line about what it knows, for stories. */
  describe(): string;
}

export type CreateLife = (options: LifeOptions) => Life;
