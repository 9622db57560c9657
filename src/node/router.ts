/**
 * The router: carries out operations, at whichever node they must be, and does for other nodes what they forward.
 *
 * It is told of everything and calls nobody but those it was given: `execute` for an operation of this node's own clients,
 * `receive` for peers' messages, `acknowledged` when a peer has applied more of what this node stamped, `unlinked` and
 * `lost` for what happens to peers, `tick` for the time. An operation is answered once, during `execute` or later, always
 * within its time and a tick.
 *
 *     reads.ts             who is asked for an entry, and when somebody else is
 *     writes.ts            plain and atomic writes, tried again as long as nothing can have been done
 *     region-leases.ts     who loads a key, and who waits for that
 *     receipts.ts          how far an invalidation has come
 *     publications.ts      messages to whoever listens
 *     forwards.ts          what goes to other nodes and comes back; also for protocols that send raw commands
 *
 * Invalidations and publications begin at the node that is asked, everything else where placement.ts says.
 */

import { MessageKind } from "../cluster/message.ts";
import type { ByteReader } from "../core/byte-reader.ts";
import { keySlot } from "../core/crc16.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { checkOperation } from "./check-operation.ts";
import type { ClusterView } from "./cluster-view.ts";
import { Copies } from "./copies.ts";
import { Deadlines } from "./deadlines.ts";
import { type Executor, Forwards, OPERATIONS, type Responder } from "./forwards.ts";
import type { Node } from "./node.ts";
import type { InvalidateOperation, Operation, OperationDone, OperationResult, PublishOperation } from "./operation.ts";
import { readRequest, writeResult } from "./operation-codec.ts";
import { Placement } from "./placement.ts";
import { type Deliver, Publications } from "./publications.ts";
import { Reads } from "./reads.ts";
import { Receipts, type WhenStored } from "./receipts.ts";
import { RegionLeases } from "./region-leases.ts";
import { SessionWaits } from "./session-waits.ts";
import { isAtomic, type PlacedOperation, Writes } from "./writes.ts";

export interface RouterOptions {
  readonly node: Node;
  readonly view: ClusterView;
  /** Tells a message to those who listen here. */
  readonly onMessage?: Deliver | undefined;
  /** Where there is a journal: when something is stored. */
  readonly journaling?: WhenStored | undefined;
}

/** See the head of this file. */
export class Router {
  readonly placement: Placement;
  /** For protocols that register executors of their own, and forward to them. */
  readonly forwards: Forwards;
  readonly publications: Publications;
  readonly leases: RegionLeases;
  readonly reads: Reads;
  readonly writes: Writes;
  readonly #options: RouterOptions;
  readonly #deadlines: Deadlines;
  readonly #acknowledgements: Acknowledgements;
  readonly #copies: Copies;
  readonly #receipts: Receipts;
  readonly #sessions: SessionWaits;

  constructor(options: RouterOptions) {
    this.#options = options;
    const { node, view, onMessage = () => 0, journaling } = options;
    const { clock } = node.ports;
    const { origin } = node.clock;
    const deadlines = new Deadlines(clock);
    this.#deadlines = deadlines;
    this.placement = new Placement(view);
    this.forwards = new Forwards({
      clock,
      deadlines,
      origin,
      peers: view.peers,
      originOf: (peer) => view.membership.member(peer)?.origin,
      maxClockSkewMs: view.config.maxClockSkewMs,
      highest: () => node.clock.last,
      observe: (version) => void node.clock.observe(version, view.config.maxClockSkewMs),
    });
    this.#acknowledgements = new Acknowledgements((peer) => view.outgoing.acknowledged(peer));
    this.#copies = new Copies(view, this.#acknowledgements, deadlines);
    this.#receipts = new Receipts(view, this.#acknowledgements, deadlines, journaling);
    this.#sessions = new SessionWaits(view, node, deadlines);
    this.publications = new Publications(view, origin, onMessage);
    const shared = { view, node, deadlines, placement: this.placement, forwards: this.forwards };
    this.reads = new Reads({ ...shared, sessions: this.#sessions });
    this.leases = new RegionLeases({
      node,
      deadlines,
      id: view.config.id,
      mayServe: () => this.reads.refusal() === undefined,
    });
    this.writes = new Writes({
      ...shared,
      sessions: this.#sessions,
      copies: this.#copies,
      leases: this.leases,
      reads: this.reads,
    });
    const executor: Executor = { execute: (...request) => this.#executeForPeer(...request) };
    this.forwards.register(OPERATIONS, executor);
  }

  /** Operations that wait for something, here or elsewhere. */
  get waiting(): number {
    return this.#deadlines.size;
  }

  /** Invalidations whose receipt waits. */
  get waitingReceipts(): number {
    return this.#receipts.waiting;
  }

  /** Carries out an operation. `done` is called once, during this call or later; what it is given is its own. */
  execute(operation: Operation, done: OperationDone): void {
    const problem = checkOperation(operation);
    if (problem !== undefined) return done({ status: "invalid", problem });
    const timeoutMs = operation.timeoutMs ?? this.#options.view.config.forwardTimeoutMs;
    switch (operation.kind) {
      case "invalidate":
        return this.#invalidate(operation, timeoutMs, done);
      case "publish":
        return done(this.#publish(operation));
      case "fill":
      case "release":
        return this.writes.runLeased(operation, timeoutMs, done);
      case "get":
        return this.reads.get(operation, slotOf(operation.key), timeoutMs, done);
      default:
        return this.writes.run(operation, slotOf(operation.key), timeoutMs, done);
    }
  }

  /** @throws {ReadError} if the message is not what its kind demands */
  receive(peer: string, kind: number, body: ByteReader): void {
    if (kind === MessageKind.PUBLISH) this.publications.receive(peer, body);
    else if (kind === MessageKind.FORWARD || kind === MessageKind.REPLY) this.forwards.receive(peer, kind, body);
  }

  /** A peer has applied more of what this node stamped. */
  acknowledged(peer: string): void {
    this.#acknowledgements.advance(peer);
  }

  /** A link is there: what waits for a place finds it by itself. */
  linked(_peer: string): void {}

  /** A link is lost, and with it the answers that were to come. */
  unlinked(peer: string): void {
    this.forwards.lost(peer);
  }

  /** A member is dead, has left, or has begun another life: what it was asked is not answered, and what it held is free. */
  lost(peer: string): void {
    this.forwards.lost(peer);
    this.leases.died(peer);
  }

  tick(): void {
    this.#deadlines.run();
    this.#sessions.tick();
    this.leases.tick();
    this.#receipts.tick();
  }

  #invalidate(operation: InvalidateOperation, timeoutMs: number, done: OperationDone): void {
    const { node } = this.#options;
    const {
      session,
      mode,
      keys = [],
      tags = [],
      patterns = [],
      all = false,
      database = 0,
      wait = "region",
    } = operation;
    // A session's clock is not merged if it cannot be: an invalidation is never refused for a clock.
    this.#sessions.merge(session);
    const { version, entries, refused } = node.invalidate({ mode, keys, tags, patterns, all, database });
    const stamp = version === 0 ? undefined : { version, origin: node.clock.origin };
    this.#receipts.begin(version, wait, timeoutMs, ({ regions, stored }) => {
      const receipt = { version, entries, regions, stored };
      const result: OperationResult =
        refused < 0 ? { status: "refused", refusal: refused, stamp, receipt } : { status: "ok", stamp, receipt };
      done(this.#sessions.advance(session, result));
    });
  }

  #publish({ channel, message, reach = "global", session }: PublishOperation): OperationResult {
    return { status: "ok", session, ...this.publications.publish(channel, message, reach) };
  }

  #executeForPeer(peer: string, request: ByteReader, timeoutMs: number, responder: Responder): void {
    const { operation, joiner } = readRequest(request, timeoutMs);
    const done: OperationDone = (result) => responder.done((content) => writeResult(result, content));
    if (operation.kind === "fill" || operation.kind === "release") return this.writes.executeLeased(operation, done);
    const slot = slotOf(operation.key);
    if (operation.kind === "get") {
      if (!this.placement.servesReads(slot)) return responder.notHere();
      return this.reads.answer(operation, slot, timeoutMs, done);
    }
    if (!isAtomic(operation)) return this.writes.execute(operation, slot, peer, timeoutMs, done);
    this.#executeAtomic(peer, operation, slot, joiner, timeoutMs, responder, done);
  }

  #executeAtomic(
    peer: string,
    operation: PlacedOperation,
    slot: number,
    joiner: string,
    timeoutMs: number,
    responder: Responder,
    done: OperationDone,
  ): void {
    if (this.#options.node.recovering) return responder.notHere();
    if (this.placement.isAtomicHere(slot, joiner)) return this.writes.execute(operation, slot, peer, timeoutMs, done);
    const place = this.placement.atomic(slot);
    if (place === undefined || place.peer === this.#options.view.config.id) return responder.notHere();
    responder.redirect(place.peer);
  }
}

function slotOf(key: Uint8Array): number {
  return keySlot(key, 0, key.length);
}
