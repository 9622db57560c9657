/**
 * Reads. A node that serves the slot answers from its memory. Any other asks: the source of a slot that is on its way to it,
 * the primary, then the replicas. Only one is asked at first; the next one when an answer says that it cannot serve, when the
 * link is lost, or when the answer is late ("hedged": Dean and Barroso, "The Tail at Scale", 2013). The first answer that says
 * something about the entry counts. Hedges are limited to a share of all reads, so that they cannot double the load when
 * everything is slow.
 *
 * Where a replica has nothing and the asker wants it, the primary is asked as well. Where a session has seen more than who was
 * asked, those owners are asked that stamped what it has seen. If nobody serves the slot, the read is tried again every few ms
 * until its time is up.
 */
import type { ByteReader } from "../core/byte-reader.ts";
import { type ClusterView, silentMs } from "./cluster-view.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import { executeOperation } from "./execute-operation.ts";
import { type Answer, type Forwards, OPERATIONS } from "./forwards.ts";
import type { Node } from "./node.ts";
import type { GetOperation, OperationDone, OperationResult } from "./operation.ts";
import { readResult, writeRequest } from "./operation-codec.ts";
import type { Placement } from "./placement.ts";
import { highestOf } from "./session-token.ts";
import type { SessionWaits } from "./session-waits.ts";

/** Time between two tries while nobody serves a slot, ms. */
export const RETRY_MS = 10;
/** Hedges for each read, and most of them in a row. */
const HEDGE_SHARE = 0.1;
const MAX_HEDGE_CREDIT = 100;

export interface ReadsOptions {
  readonly view: ClusterView;
  readonly node: Node;
  readonly placement: Placement;
  readonly deadlines: Deadlines;
  readonly forwards: Forwards;
  readonly sessions: SessionWaits;
}

export class Reads {
  readonly options: ReadsOptions;
  #hedgeCredit = MAX_HEDGE_CREDIT;
  /** Since the start: reads asked of others, and second askings because the first was late. */
  readonly counts = { local: 0, asked: 0, hedged: 0 };

  constructor(options: ReadsOptions) {
    this.options = options;
  }

  /** Answers a read that came in here. */
  get(operation: GetOperation, slot: number, timeoutMs: number, done: OperationDone): void {
    const { placement } = this.options;
    if (!placement.servesReads(slot)) return this.#ask(operation, slot, timeoutMs, done);
    this.answer(operation, slot, timeoutMs, (result) => {
      const isElsewhere = result.status === "miss" && operation.askPrimary === true;
      if (result.status !== "stale" && !isElsewhere) return done(result);
      if (isElsewhere && placement.otherPrimary(slot) === undefined) return done(result);
      this.#ask(operation, slot, timeoutMs, done, result);
    });
  }

  /** Answers from this node's memory, which serves the slot. */
  answer(operation: GetOperation, slot: number, timeoutMs: number, done: OperationDone): void {
    const { node, sessions } = this.options;
    this.counts.local++;
    const { key, session } = operation;
    const isNewer = session !== undefined && sessions.isNewer(session, node.store.lookup(key, 0, key.length));
    sessions.until(isNewer ? undefined : session, slot, timeoutMs, (reached) => {
      const refusal = this.refusal(operation.maxStalenessMs);
      if (refusal !== undefined) return done({ status: refusal, session });
      if (!reached) return done({ status: "stale", session });
      done(sessions.advance(session, executeOperation(node, operation)));
    });
  }

  /** Why this node must not answer reads now, if it must not. */
  refusal(maxStalenessMs?: number): "fenced" | "silent" | undefined {
    const { view, node } = this.options;
    const monotonicMs = node.ports.clock.monotonic();
    if (!view.fence.mayServe(node.nowMs, monotonicMs)) return "fenced";
    const most = maxStalenessMs ?? view.config.maxStalenessMs ?? 0;
    return most > 0 && silentMs(view, monotonicMs) > most ? "silent" : undefined;
  }

  /** True if a late read may be asked of somebody else as well. */
  mayHedge(): boolean {
    if (this.#hedgeCredit < 1) return false;
    this.#hedgeCredit--;
    this.counts.hedged++;
    return true;
  }

  #ask(operation: GetOperation, slot: number, timeoutMs: number, done: OperationDone, own?: OperationResult): void {
    this.counts.asked++;
    this.#hedgeCredit = Math.min(MAX_HEDGE_CREDIT, this.#hedgeCredit + HEDGE_SHARE);
    new Asking(this, operation, slot, timeoutMs, done, own).start();
  }
}

/** One read that is asked of others. */
class Asking {
  readonly #reads: Reads;
  readonly #operation: GetOperation;
  readonly #slot: number;
  readonly #done: OperationDone;
  readonly #untilMs: number;
  readonly #asked = new Set<string>();
  readonly #underWay = new Map<string, () => void>();
  #candidates: string[] = [];
  /** The best that is known if nobody says more. */
  #fallback: OperationResult | undefined;
  #end: Deadline | undefined;
  #timer: Deadline | undefined;
  #over = false;

  constructor(
    reads: Reads,
    operation: GetOperation,
    slot: number,
    timeoutMs: number,
    done: OperationDone,
    own: OperationResult | undefined,
  ) {
    this.#reads = reads;
    this.#operation = operation;
    this.#slot = slot;
    this.#done = done;
    this.#fallback = own;
    this.#untilMs = reads.options.deadlines.nowMs + timeoutMs;
  }

  start(): void {
    const { placement, deadlines } = this.#reads.options;
    const primary = placement.otherPrimary(this.#slot);
    this.#end = deadlines.after(this.#leftMs, () => this.#finish(undefined));
    if (this.#fallback?.status === "miss") this.#candidates = primary === undefined ? [] : [primary];
    else if (this.#fallback?.status === "stale") this.#candidates = this.#whoMayKnow();
    else this.#candidates = placement.readers(this.#slot);
    if (this.#candidates.length === 0) return this.#finish(undefined);
    this.#next();
  }

  get #leftMs(): number {
    return this.#untilMs - this.#reads.options.deadlines.nowMs;
  }

  /** Asks the next one; gives up, or tries again later, if there is none and nobody is being asked. */
  #next(): void {
    if (this.#over) return;
    const peer = this.#candidates.shift();
    if (peer !== undefined) return this.#send(peer);
    if (this.#underWay.size > 0) return;
    // Whoever was asked had something to say, or there is no time to try again.
    if (this.#fallback !== undefined || this.#leftMs <= RETRY_MS) return this.#finish(undefined);
    this.#timer?.cancel();
    this.#timer = this.#reads.options.deadlines.after(RETRY_MS, () => this.#again());
  }

  /** The ring may have changed, or this node may serve the slot by now. */
  #again(): void {
    const { placement } = this.#reads.options;
    if (placement.servesReads(this.#slot)) {
      const leftMs = Math.max(1, this.#leftMs);
      return this.#reads.answer(this.#operation, this.#slot, leftMs, (result) => this.#finish(result));
    }
    this.#asked.clear();
    this.#candidates = placement.readers(this.#slot);
    this.#next();
  }

  #send(peer: string): void {
    const { forwards, deadlines, view } = this.#reads.options;
    this.#asked.add(peer);
    const request = { operation: this.#operation, joiner: "" };
    let isAnswered = false;
    const cancel = forwards.send(
      peer,
      OPERATIONS,
      Math.max(1, this.#leftMs),
      (body) => writeRequest(request, body),
      (answer) => {
        isAnswered = true;
        this.#underWay.delete(peer);
        this.#take(peer, answer);
      },
    );
    if (isAnswered || this.#over) return;
    this.#underWay.set(peer, cancel);
    this.#timer?.cancel();
    if (this.#candidates.length === 0) return;
    this.#timer = deadlines.after(view.config.forwardHedgeMs, () => {
      if (this.#reads.mayHedge()) this.#next();
    });
  }

  #take(peer: string, answer: Answer): void {
    if (this.#over) return;
    if (answer.kind !== "done") return this.#next();
    const result = this.#read(peer, answer.content);
    if (result.status === "ok") return this.#finish(result);
    if (result.status === "miss") return this.#takeMiss(peer, result);
    if (this.#fallback === undefined || this.#fallback.status !== "miss") this.#fallback = result;
    if (result.status === "stale") this.#candidates.push(...this.#whoMayKnow());
    this.#next();
  }

  #read(peer: string, content: ByteReader): OperationResult {
    try {
      return readResult(content, peer);
    } catch (error) {
      // Whoever talks like this is not asked again, and the link is closed by whoever catches it.
      this.#next();
      throw error;
    }
  }

  /** A replica may lack what the primary has. */
  #takeMiss(peer: string, result: OperationResult): void {
    const primary = this.#reads.options.placement.otherPrimary(this.#slot);
    if (this.#operation.askPrimary !== true || primary === undefined || peer === primary) return this.#finish(result);
    this.#fallback = result;
    if (this.#underWay.has(primary)) return;
    this.#candidates = this.#asked.has(primary) ? [] : [primary];
    this.#next();
  }

  /** Owners that stamped what the session has seen, the newest first, and then the other owners of the region. */
  #whoMayKnow(): string[] {
    const { view, placement } = this.#reads.options;
    const { pairs = [] } = this.#operation.session ?? {};
    const versions = new Map(pairs.map(({ origin, version }) => [origin, version]));
    const owners = new Set(view.rings.owners(this.#slot, true));
    const stampers = view.membership
      .live()
      .filter(({ id, origin }) => owners.has(id) && versions.has(origin) && view.peers.isLinked(id))
      .sort((a, b) => (versions.get(b.origin) ?? 0) - (versions.get(a.origin) ?? 0))
      .map(({ id }) => id);
    const all = [...new Set([...stampers, ...placement.readers(this.#slot)])];
    return all.filter((id) => id !== view.config.id && !this.#asked.has(id) && !this.#candidates.includes(id));
  }

  /** What is on its way to this very node is, until it has come, not there; who has seen something is told so. */
  get #nothing(): OperationResult {
    const { session } = this.#operation;
    if (!this.#reads.options.view.slots.isOwner(this.#slot)) return { status: "unreachable", session };
    return { status: session !== undefined && highestOf(session) > 0 ? "stale" : "miss", session };
  }

  #finish(result: OperationResult | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#end?.cancel();
    this.#timer?.cancel();
    for (const cancel of this.#underWay.values()) cancel();
    this.#done(result ?? this.#fallback ?? this.#nothing);
  }
}
