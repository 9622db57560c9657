/**
 * The RESP server: its sessions, and what they share.
 *
 * One server belongs to one node and one thread. Sessions run one at a time, so the parser, the reply buffer and the
 * spare buffers are shared: a connection that waits costs its `Session` object and nothing else. A *turn* is whatever
 * runs between `begin` and `end` (one session's input) or in `turn` (the node's maintenance); the messages that it
 * causes for other sessions leave at its end.
 *
 * Adapters call `accept` for each connection and `tick` about once a second; everything else reaches the server through
 * its sessions. Limits: connections (a further one is told so and closed), age of an unfinished request, time until a
 * connection has authenticated, idle time, how long a peer may take nothing of its output, and what all connections
 * hold together (held-bytes.ts); all closings are counted.
 */
import { assert } from "../../core/assert.ts";
import { Access } from "../../node/access.ts";
import type { NodeConfig } from "../../node/config.ts";
import type { Node } from "../../node/node.ts";
import type { ServerPersistence } from "../server-persistence.ts";
import type { Args } from "./args.ts";
import type { Command } from "./command.ts";
import { CommandTable, type Route, RouteBit } from "./command-table.ts";
import type { Connection } from "./connection.ts";
import { execute, logSlow } from "./dispatch.ts";
import { Durability } from "./durability.ts";
import { HeldBytes } from "./held-bytes.ts";
import { InputBuffers } from "./input-buffer.ts";
import { KeyChanges } from "./key-changes.ts";
import { Notifications, parseEventClasses } from "./notifications.ts";
import { RespParser } from "./parser.ts";
import { type PauseMode, Pauses } from "./pauses.ts";
import { settleSessions } from "./permission.ts";
import { PubSub } from "./pubsub.ts";
import { Reply } from "./reply.ts";
import { ServerAttention } from "./server-attention.ts";
import { ServerStatistics } from "./server-statistics.ts";
import { Session } from "./session.ts";
import type { SessionOutput } from "./session-output.ts";
import { SlowLog } from "./slow-log.ts";
import { SpareReplies } from "./spare-replies.ts";
import { Timings } from "./timings.ts";
import { type TrackingHost, TrackingTable } from "./tracking.ts";

/** Bytes of one command's reply. Policy: an error instead of it. */
export const MAX_REPLY_BYTES = 256 * 2 ** 20;
/** How often `tick` looks at every session, ms. */
const SWEEP_MS = 1_000;
const FIRST_REPLY_BYTES = 64 * 1_024;

/** Bytes that the turns of a batch leave in the outbox. Policy: they are handed over before the batch is over. */
const BATCH_OUTBOX_BYTES = 4 * 2 ** 20;

export interface RespServerOptions {
  /** Who may do what; default: made of the node's configuration. A server of another protocol may have the same one. */
  readonly access?: Access;
  /** Stores what is written; default: nothing is. */
  readonly persistence?: ServerPersistence | undefined;
}

export class RespServer implements TrackingHost {
  readonly node: Node;
  readonly access: Access;
  readonly commands: CommandTable;
  readonly sessions = new Map<number, Session>();
  readonly reply = new Reply(FIRST_REPLY_BYTES, MAX_REPLY_BYTES);
  readonly parser: RespParser;
  readonly inputs = new InputBuffers();
  readonly replies = new SpareReplies();
  readonly statistics = new ServerStatistics();
  readonly timings: Timings;
  readonly held: HeldBytes;
  readonly slowLog: SlowLog;
  readonly pubsub = new PubSub();
  readonly tracking: TrackingTable;
  readonly notifications: Notifications;
  readonly keyChanges: KeyChanges;
  readonly monitors = new Set<Session>();
  readonly pauses: Pauses;
  readonly durability: Durability;
  readonly startedAtMs: number;
  /** Bits of `ServerAttention`. */
  attention = 0;
  /** Called at the end of each turn, or batch of turns, that left something: the host empties the node's outbox then. */
  afterTurn: (() => void) | undefined;
  /** The session whose turn it is. */
  current: Session | undefined;
  /** A request of this turn went to the slow log. */
  slowLogged = false;
  #nextId = 1;
  #inTurn = false;
  #inBatch = false;
  #sharedTime = false;
  #pushed: SessionOutput[] = [];
  #later: (() => void)[] = [];
  #runningLater = false;
  #turnCommands = 0;
  #sweptAtMs = 0;
  /** The configuration whose secrets and tokens `access` has. */
  #accessConfig: NodeConfig;

  constructor(node: Node, commands: readonly Command[], options: RespServerOptions = {}) {
    this.node = node;
    this.#accessConfig = node.config;
    this.access = options.access ?? new Access(node.config.secrets, node.config.tokens);
    this.access.onChange(() => this.turn(() => settleSessions(this)));
    this.commands = new CommandTable(commands);
    this.parser = new RespParser(node.config.maxRequestBytes);
    this.timings = new Timings(node.ports);
    this.slowLog = new SlowLog(() => node.config);
    this.held = new HeldBytes(this);
    this.tracking = new TrackingTable(this);
    this.notifications = new Notifications(this.pubsub, (physical) => node.databases.logical(physical));
    this.keyChanges = new KeyChanges(node, this.tracking, this.notifications);
    this.pauses = new Pauses(this);
    this.durability = new Durability(this);
    this.startedAtMs = node.nowMs;
    this.persistence = options.persistence;
    this.configured();
  }

  /** What stores the node's changes; undefined where nothing does. */
  get persistence(): ServerPersistence | undefined {
    return this.durability.persistence;
  }

  set persistence(persistence: ServerPersistence | undefined) {
    this.durability.persistence = persistence;
  }

  get config(): NodeConfig {
    return this.node.config;
  }

  /** Takes over what depends on the configuration; called after every change of it. */
  configured(): void {
    this.held.limitBytes = this.config.maxClientMemory;
    this.parser.maxRequestBytes = this.config.maxRequestBytes;
    this.notifications.classes = parseEventClasses(this.config.notifyKeyspaceEvents) ?? 0;
    this.keyChanges.refresh();
    this.#refreshPrecision();
    const { secrets, tokens } = this.config;
    const known = this.#accessConfig;
    if (secrets !== known.secrets || tokens !== known.tokens) this.access.configure(secrets, tokens);
    this.#accessConfig = this.config;
  }

  // ---- Sessions

  /** Takes a connection. Beyond `maxClients` it is told so and closed; the session returned is closed then. */
  accept(connection: Connection): Session {
    this.node.beginTurn();
    const session = new Session(this, this.#nextId++, connection);
    if (this.sessions.size >= this.config.maxClients) {
      this.statistics.rejectedConnections++;
      const refusal = new Reply();
      refusal.error("ERR max number of clients reached");
      connection.write(refusal.view());
      session.kill();
      return session;
    }
    this.statistics.acceptedConnections++;
    this.sessions.set(session.id, session);
    return session;
  }

  session(id: number): Session | undefined {
    return this.sessions.get(id);
  }

  /** The session whose command is running, if one is. */
  get running(): Session | undefined {
    return this.current;
  }

  /** For a session that has ended: forgets it everywhere. */
  remove(session: Session): void {
    this.sessions.delete(session.id);
    this.endListening(session);
    session.transaction = undefined;
    session.watches = undefined;
    this.held.ended(session);
    this.statistics.inputBytesOfClosed += session.inputBytes;
    this.statistics.outputBytesOfClosed += session.outputBytes;
  }

  /** Ends all that sends a session what it does not ask for: MONITOR, subscriptions, tracking. */
  endListening(session: Session): void {
    this.monitor(session, false);
    this.pubsub.unsubscribeAll(session);
    this.tracking.disable(session);
  }

  /** For SWAPDB: every session looks up again where its database is. */
  databasesSwapped(): void {
    for (const session of this.sessions.values()) session.selectPhysical();
  }

  /** Somebody began or ended tracking. */
  trackingChanged(): void {
    this.keyChanges?.refresh();
  }

  // ---- Turns

  /** True while a turn is running: what is pushed leaves at its end. */
  get busy(): boolean {
    return this.#inTurn;
  }

  /** Begins a session's turn. With `sharedTime` the clock was read for several turns together, and none is timed. */
  begin(session: Session, sharedTime = false): void {
    assert(!this.#inTurn, "a turn began inside another one");
    this.#inTurn = true;
    this.current = session;
    if (!sharedTime) this.node.beginTurn();
    this.#sharedTime = sharedTime;
    this.durability.begin();
    this.reply.reset();
    this.reply.protocol = session.protocol;
    session.ranFromInput = false;
    this.#turnCommands = session.commands;
  }

  /** Ends it: replies and pushes leave. */
  end(session: Session): void {
    let failed = false;
    try {
      this.#checkDuration(session);
      session.finishTurn();
    } catch (cause) {
      session.fail(cause);
      failed = true;
    }
    this.parser.shrink();
    this.current = undefined;
    if (failed) session.cut();
    this.#finish();
  }

  /** Runs work that may change keys outside of any session (the node's maintenance), and sends what it caused. */
  turn<T>(work: () => T): T {
    if (this.#inTurn) return work();
    this.#inTurn = true;
    try {
      return work();
    } finally {
      this.#finish();
    }
  }

  #finish(): void {
    try {
      if (this.tracking.collected) this.tracking.flushBroadcasts();
      if (this.#pushed.length > 0) this.flushPushes();
      if (this.held.total > this.held.limitBytes) this.held.relieve();
    } finally {
      this.#inTurn = false;
    }
    const { length } = this.node.outbox;
    if (!this.#inBatch || length > BATCH_OUTBOX_BYTES) this.#handOver(length);
    // What runs later has turns of its own, which end here too: only the outermost one goes through the list.
    if (this.#later.length === 0 || this.#runningLater) return;
    this.#runningLater = true;
    try {
      for (let work = this.#later.shift(); work !== undefined; work = this.#later.shift()) work();
    } finally {
      this.#runningLater = false;
    }
  }

  /** Has the host store what turns have left. */
  #handOver(bytes: number): void {
    if (bytes > 0) this.afterTurn?.();
    this.durability.handedOver(bytes);
  }

  /** What turns leave from now on is handed over together, at the end of the batch. */
  beginBatch(): void {
    this.#inBatch = true;
  }

  endBatch(): void {
    this.#inBatch = false;
    this.#handOver(this.node.outbox.length);
  }

  /** Does something when the running turn is over. */
  later(work: () => void): void {
    this.#later.push(work);
  }

  /** Notes that a session has messages to send. */
  pushed(session: SessionOutput): void {
    this.#pushed.push(session);
  }

  /** Sends the messages that wait. */
  flushPushes(): void {
    const sessions = this.#pushed;
    this.#pushed = [];
    for (const session of sessions) session.flushPushes();
  }

  /** Looks for a slow batch that no entry of the slow log explains (see slow-log.ts). */
  #checkDuration(session: Session): void {
    if (this.#sharedTime) return;
    const elapsedMs = this.node.ports.clock.now() - this.node.nowMs;
    const logged = this.slowLogged;
    this.slowLogged = false;
    // Both readings are whole milliseconds, so a batch counts as slow only if it certainly was.
    if (logged || elapsedMs < 1 || !this.slowLog.isSlow((elapsedMs - 1) * 1_000)) return;
    const commands = session.commands - this.#turnCommands;
    const route = session.lastRoute;
    if (commands === 0 || route === undefined || (this.attention & ServerAttention.PRECISE) !== 0) return;
    const { midway, args } = this.parser;
    if (commands > 1 || session.ranFromInput || midway || args.count === 0) {
      this.slowLog.noteUnattributed(this.node.nowMs);
      this.#refreshPrecision();
    } else if ((route.bits & (RouteBit.UNLOGGED | RouteBit.TIMED)) === 0) {
      logSlow(session, route, this.parser.args, elapsedMs * 1_000);
      this.slowLogged = false;
    }
  }

  #refreshPrecision(): void {
    this.attend(ServerAttention.PRECISE, this.slowLog.isPrecise(this.node.nowMs));
  }

  /** Sets or clears a bit of `ServerAttention`. */
  attend(bit: number, on: boolean): void {
    this.attention = on ? this.attention | bit : this.attention & ~bit;
  }

  /** Runs a request for a session, without the checks that come before: what EXEC does with queued requests. */
  execute(session: Session, route: Route, args: Args): void {
    execute(session, route, args);
  }

  // ---- MONITOR and CLIENT PAUSE

  /** Lets a session see every request from now on, or no more. */
  monitor(session: Session, on: boolean): void {
    if (on) this.monitors.add(session);
    else this.monitors.delete(session);
    this.attend(ServerAttention.MONITORED, this.monitors.size > 0);
  }

  feedMonitors(line: Uint8Array): void {
    for (const monitor of this.monitors) monitor.push((reply) => reply.raw(line));
  }

  /** Holds requests back, of all commands or of those that write, until `untilMs` or `unpause`. */
  pause(untilMs: number, mode: PauseMode): void {
    this.pauses.begin(untilMs, mode);
  }

  unpause(): void {
    this.pauses.end();
  }

  // ---- Time

  /** Closes what has waited for too long. Adapters call it about once a second; more often does no harm. */
  tick(): void {
    this.node.beginTurn();
    const { nowMs } = this.node;
    this.#refreshPrecision();
    this.durability.tick();
    if (Math.abs(nowMs - this.#sweptAtMs) < SWEEP_MS) return;
    this.#sweptAtMs = nowMs;
    this.turn(() => {
      for (const session of this.sessions.values()) this.#sweep(session, nowMs);
    });
  }

  #sweep(session: Session, nowMs: number): void {
    const { requestTimeoutMs, idleTimeoutMs } = this.config;
    if (requestTimeoutMs > 0 && session.partialSince > 0 && nowMs - session.partialSince > requestTimeoutMs) {
      this.statistics.unfinishedClosed++;
      session.kill();
    } else if (requestTimeoutMs > 0 && session.stalledMs(nowMs) > requestTimeoutMs) {
      this.statistics.outputLimitReached++;
      session.cut();
    } else if (requestTimeoutMs > 0 && !session.authenticated && nowMs - session.strangerSince > requestTimeoutMs) {
      this.statistics.unauthenticatedClosed++;
      session.kill();
    } else if (idleTimeoutMs > 0 && nowMs - session.lastCommandMs > idleTimeoutMs && this.#mayIdle(session)) {
      this.statistics.idleClosed++;
      session.kill();
    }
  }

  /** Listeners and those who wait for a reply are not idle, as in Redis. */
  #mayIdle(session: Session): boolean {
    return session.halt === 0 && session.subscriptions === undefined && !this.monitors.has(session);
  }
}
