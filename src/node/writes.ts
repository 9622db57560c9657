/**
 * Writes: everything about a key that is no read. Two classes, which placement.ts explains.
 *
 * - *Plain* (set, delete): stamped by the primary, or the next owner that can be reached; whoever is asked does it, whatever its
 *   own ring says.
 * - *Atomic* (increment, touch, lease, and what has a condition): only where the slot's truth is; who is asked and is not the
 *   place says so, and where it thinks that is.
 *
 * A write is sent to one node at a time. As long as it certainly was not carried out (no link, refused, "not here"), it is tried
 * again, there or elsewhere, until its time is up: `try-again`. Once it may have been, it is never sent again: `unknown`.
 *
 * Limit: `MAX_WAITS` writes that wait for a place; policy: who comes then is told `overloaded` at once.
 */
import type { ClusterView } from "./cluster-view.ts";
import type { Copies } from "./copies.ts";
import type { Deadlines } from "./deadlines.ts";
import { executeOperation } from "./execute-operation.ts";
import { type Answer, type Forwards, OPERATIONS } from "./forwards.ts";
import type { Node } from "./node.ts";
import type {
  DeleteOperation,
  FillOperation,
  IncrementOperation,
  LeaseOperation,
  OperationDone,
  OperationResult,
  ReleaseOperation,
  SetOperation,
  TouchOperation,
} from "./operation.ts";
import { readResult, writeRequest } from "./operation-codec.ts";
import type { Placement } from "./placement.ts";
import { RETRY_MS, type Reads } from "./reads.ts";
import type { RegionLeases } from "./region-leases.ts";
import { readLeaseName } from "./region-leases.ts";
import type { SessionWaits } from "./session-waits.ts";

/** Writes that wait for a place where they can be carried out. */
export const MAX_WAITS = 65_536;
/** Times that a write is sent on by those who are asked, before it waits a little. */
const MAX_REDIRECTS = 3;

export type StampedOperation = SetOperation | DeleteOperation | IncrementOperation | TouchOperation;
export type PlacedOperation = StampedOperation | LeaseOperation;
/** What only the node can do that granted a lease. */
export type LeasedOperation = FillOperation | ReleaseOperation;

/** True for what depends on what is there. */
export function isAtomic(operation: PlacedOperation): boolean {
  if (operation.kind === "set" || operation.kind === "delete") return operation.condition !== undefined;
  return true;
}

export interface WritesOptions {
  readonly view: ClusterView;
  readonly node: Node;
  readonly placement: Placement;
  readonly deadlines: Deadlines;
  readonly forwards: Forwards;
  readonly sessions: SessionWaits;
  readonly copies: Copies;
  readonly leases: RegionLeases;
  readonly reads: Reads;
}

interface Task {
  readonly operation: PlacedOperation;
  readonly slot: number;
  readonly untilMs: number;
  readonly done: OperationDone;
  redirects: number;
}

export class Writes {
  readonly #options: WritesOptions;
  #waiting = 0;
  /** Since the start. */
  readonly counts = { local: 0, asked: 0, redirected: 0, retried: 0 };

  constructor(options: WritesOptions) {
    this.#options = options;
  }

  /** Writes that wait for a place. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Carries out an operation that came in here, wherever it must be. */
  run(operation: PlacedOperation, slot: number, timeoutMs: number, done: OperationDone): void {
    const untilMs = this.#options.deadlines.nowMs + timeoutMs;
    this.#try({ operation, slot, untilMs, done, redirects: 0 });
  }

  /** Carries out what belongs to a lease: where that was granted, or nowhere. */
  runLeased(operation: LeasedOperation, timeoutMs: number, done: OperationDone): void {
    const { node, view, forwards } = this.#options;
    const origin = readLeaseName(operation.token)?.origin;
    if (origin === node.clock.origin) return this.executeLeased(operation, done);
    const granter = view.membership.live().find((member) => member.origin === origin);
    if (granter === undefined) return done({ status: "no-lease", session: operation.session });
    this.counts.asked++;
    const write = writeRequest.bind(undefined, { operation, joiner: "" });
    forwards.send(granter.id, OPERATIONS, timeoutMs, write, (answer) =>
      this.#takeFinal(granter.id, answer, operation.session, done),
    );
  }

  /** Carries out here what belongs to a lease of this node. */
  executeLeased(operation: LeasedOperation, done: OperationDone): void {
    const { leases, sessions, node, view } = this.#options;
    if (operation.kind === "release") return done(leases.release(operation.token));
    if (view.outgoing.heldByMost || !sessions.merge(operation.session)) {
      return done({ status: "clock", session: operation.session });
    }
    const result = leases.fill(operation);
    const { last, origin } = node.clock;
    // A fill's version is when its load began; its place in the stream is now.
    const seen: OperationResult = result.stamp === undefined ? result : { ...result, stamp: { version: last, origin } };
    done({ ...result, session: sessions.advance(operation.session, seen).session });
  }

  /**
   * Carries an operation out here.
   *
   * @param holder who asked: it holds a lease that is granted
   */
  execute(operation: PlacedOperation, slot: number, holder: string, timeoutMs: number, done: OperationDone): void {
    const { sessions, reads } = this.#options;
    const { session } = operation;
    this.counts.local++;
    if (!isAtomic(operation)) return this.#stamp(operation, slot, holder, timeoutMs, done);
    // Who loads a key anew, or waits for that, does not mind what was lost.
    const lossOf = operation.kind === "lease" ? -1 : slot;
    sessions.until(session, lossOf, timeoutMs, (reached) => {
      const refusal = reached ? reads.refusal() : "stale";
      if (refusal !== undefined) return done({ status: refusal, session });
      this.#stamp(operation, slot, holder, timeoutMs, done);
    });
  }

  #stamp(operation: PlacedOperation, slot: number, holder: string, timeoutMs: number, done: OperationDone): void {
    const { view, node, sessions, copies, leases } = this.#options;
    const { session } = operation;
    if (view.outgoing.heldByMost || !sessions.merge(session)) return done({ status: "clock", session });
    if (operation.kind === "lease") {
      return leases.lease(operation, holder, timeoutMs, (result) => done(sessions.advance(session, result)));
    }
    const wanted = operation.copies ?? 1;
    if (wanted > 1 && copies.full) return done({ status: "overloaded", session });
    const executed = executeOperation(node, operation);
    const result = sessions.advance(session, this.#withKnownAbsence(executed, operation, slot));
    if (result.stamp === undefined || result.status !== "ok") return done(result);
    if (wanted === 1) return done({ ...result, copies: 1 });
    const global = operation.kind !== "set" || operation.replicate !== "region";
    copies.wait(result.stamp.version, slot, global, wanted, timeoutMs, (count) => {
      done({ ...result, status: count >= wanted ? "ok" : "no-replicas", copies: count });
    });
  }

  /** Of a slot that is still on its way nobody can say here what was not there. */
  #withKnownAbsence(result: OperationResult, operation: StampedOperation, slot: number): OperationResult {
    if (operation.kind !== "delete" || result.existed !== false) return result;
    return this.#options.placement.servesReads(slot) ? result : { ...result, existed: undefined };
  }

  #try(task: Task): void {
    const { placement, view, node } = this.#options;
    const { operation, slot } = task;
    if (!isAtomic(operation)) {
      const writer = placement.writer(slot);
      if (writer === undefined) return this.#later(task, "try-again");
      return writer === view.config.id ? this.#here(task) : this.#send(task, writer, "");
    }
    const place = placement.atomic(slot);
    if (place === undefined) return this.#later(task, "try-again");
    if (place.peer !== view.config.id) return this.#send(task, place.peer, place.joiner);
    if (node.recovering) return this.#later(task, "loading");
    this.#here(task);
  }

  #here({ operation, slot, untilMs, done }: Task): void {
    const { view, deadlines } = this.#options;
    this.execute(operation, slot, view.config.id, Math.max(1, untilMs - deadlines.nowMs), done);
  }

  /** Waits a little, or gives up. Nothing was done. */
  #later(task: Task, status: "try-again" | "loading"): void {
    const { deadlines } = this.#options;
    const { session } = task.operation;
    if (task.untilMs - deadlines.nowMs <= RETRY_MS) return task.done({ status, session });
    if (this.#waiting >= MAX_WAITS) return task.done({ status: "overloaded", session });
    this.#waiting++;
    task.redirects = 0;
    deadlines.after(RETRY_MS, () => {
      this.#waiting--;
      this.counts.retried++;
      this.#try(task);
    });
  }

  #send(task: Task, peer: string, joiner: string): void {
    const { forwards, deadlines } = this.#options;
    const { operation, untilMs } = task;
    this.counts.asked++;
    const timeoutMs = Math.max(1, untilMs - deadlines.nowMs);
    const write = writeRequest.bind(undefined, { operation, joiner });
    forwards.send(peer, OPERATIONS, timeoutMs, write, (answer) => this.#take(task, peer, answer));
  }

  #take(task: Task, peer: string, answer: Answer): void {
    const { view, placement } = this.#options;
    switch (answer.kind) {
      case "redirect":
        if (++task.redirects > MAX_REDIRECTS) return this.#later(task, "try-again");
        this.counts.redirected++;
        if (answer.peer !== view.config.id) return this.#send(task, answer.peer, peer);
        if (placement.isAtomicHere(task.slot, peer)) return this.#here(task);
        return this.#later(task, "try-again");
      case "not-sent":
      case "not-here":
      case "late":
        return this.#later(task, "try-again");
      default:
        return this.#takeFinal(peer, answer, task.operation.session, task.done);
    }
  }

  /** Takes an answer after which nothing is tried again. */
  #takeFinal(peer: string, answer: Answer, session: PlacedOperation["session"], done: OperationDone): void {
    switch (answer.kind) {
      case "done":
        try {
          return done(readResult(answer.content, peer));
        } catch (error) {
          done({ status: "unknown", session });
          throw error;
        }
      case "overloaded":
        return done({ status: "overloaded", session });
      case "unknown":
        return done({ status: "unknown", session });
      default:
        return done({ status: "try-again", session });
    }
  }
}
