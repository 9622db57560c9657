/**
 * The transport over WebSockets: makes links to the nodes at the addresses that are wanted, takes those that others make, and
 * carries frames. Sockets come from an adapter: `dial` makes one, `accept` is handed one whose path and origin were looked
 * at (peer-upgrade.ts). Who is at the other end is learnt in the handshake (peer-handshake.ts); a link is two sockets
 * (peer-link.ts), the second of which is dialled when the first is through; when which address is dialled is in
 * peer-addresses.ts, and which link remains where there would be two in peer-links.ts.
 *
 * Callbacks are called from sockets' events and timers only, never from inside a call of the transport: a link that is lost
 * in `send` or `unlink` is announced in a later turn, before anything else is told of that peer.
 *
 * Limits. Sockets accepted and not authenticated: `MAX_STRANGERS`; policy: the oldest is cut, so that a peer gets through
 * where strangers only hold sockets. A handshake: `HANDSHAKE_MS`, cut. What waits to be sent: `maxBufferedBytes` on each
 * socket, the link is closed. A link whose address is no longer wanted: closed after `LET_GO_MS`, unless another address
 * leads to the same peer, or the peer has made it.
 *
 * Frames are not compressed. What was measured of compression is in bench/transport.ts.
 */
import { MAX_NAME_BYTES } from "../cluster/message.ts";
import { decodeLatin1, encodeText } from "../core/bytes.ts";
import type { Cancel, Ports, Transport } from "../core/ports.ts";
import { OpenSockets } from "./open-sockets.ts";
import { PeerAddresses, peerUrl, type WantedAddress } from "./peer-addresses.ts";
import { LINK_ID_BYTES, type PeerGreeting, type PeerRefusal, RefusalCode } from "./peer-greeting.ts";
import { drawBytes, PeerHandshake, type PeerIdentity } from "./peer-handshake.ts";
import { PeerLink, type PeerLinkStatus } from "./peer-link.ts";
import { PeerLinks } from "./peer-links.ts";
import type { DialPeer, PeerSocket, PeerSocketHandler } from "./peer-socket.ts";

/** Accepted sockets whose handshake is under way. */
const MAX_STRANGERS = 64;
/** Time for a socket to be connected and through the handshake, ms. */
const HANDSHAKE_MS = 5_000;
const LET_GO_MS = 10_000;
const TICK_MS = 50;
/** A longer time between two ticks counts as this: the process stood still, not the peers. */
const MAX_ELAPSED_MS = 200;
const DEFAULT_MAX_BUFFERED_BYTES = 8 * 2 ** 20;
/** Refusals of sockets that others made are logged at most so often, ms; all are counted. */
const LOG_INTERVAL_MS = 1_000;

export interface WebSocketTransportOptions extends PeerIdentity {
  readonly ports: Ports;
  readonly dial: DialPeer;
  /** Speaks TLS to addresses that do not say whether to; default false. */
  readonly secure?: boolean;
  /** Bytes that may wait to be sent on one socket; default 8 MiB, twice what a stream has under way. */
  readonly maxBufferedBytes?: number;
}

/** What there is to see of an address that is wanted. */
export interface PeerAddressStatus {
  readonly address: string;
  /** Who answered there last. */
  readonly peer: string | undefined;
  readonly state: "linked" | "dialled" | "waiting";
  /** Attempts that failed in a row. */
  readonly failures: number;
  /** Why the last attempt failed. */
  readonly refusal: string | undefined;
}

/** What there is to see of the transport. */
export interface WebSocketTransportStatus {
  readonly links: readonly PeerLinkStatus[];
  readonly addresses: readonly PeerAddressStatus[];
  /** Accepted sockets whose handshake is under way. */
  readonly strangers: number;
  /** Sockets that others made and that came to nothing, since the start, and the last of them. */
  readonly refused: number;
  readonly lastRefused: { readonly address: string; readonly reason: string; readonly atMs: number } | undefined;
}

/** An attempt to make a link. */
interface Attempt {
  readonly to: WantedAddress;
  readonly url: string;
  readonly id: string;
  /** Those of its sockets. */
  readonly handshakes: PeerHandshake[];
  link: PeerLink | undefined;
  peer: string | undefined;
}

interface Waiting {
  readonly isStranger: boolean;
  ageMs: number;
}

/** See the head of this file. */
export class WebSocketTransport implements Transport {
  readonly #options: WebSocketTransportOptions;
  readonly #addresses: PeerAddresses;
  readonly #links: PeerLinks;
  readonly #sockets = new OpenSockets();
  /** By the link's id. */
  readonly #attempts = new Map<string, Attempt>();
  readonly #handshakes = new Map<PeerHandshake, Waiting>();
  #strangers = 0;
  #refused = 0;
  #lastRefused: WebSocketTransportStatus["lastRefused"];
  #loggedMs = Number.NEGATIVE_INFINITY;
  /** What is still to be announced. */
  readonly #news: { readonly peer: string; readonly linked: boolean }[] = [];
  #receive: (peer: string, frame: Uint8Array) => void = () => {};
  #announce: (peer: string, linked: boolean) => void = () => {};
  #cancel: Cancel | undefined;
  #tickedMs = 0;
  #isClosed = false;

  /** @throws {RangeError} if the id or the cluster's name is too long or too short */
  constructor(options: WebSocketTransportOptions) {
    this.#options = options;
    const { id, cluster, ports } = options;
    checkName("the id of a node", id, 1);
    checkName("the name of a cluster", cluster, 0);
    this.#addresses = new PeerAddresses(ports.random, ports.log);
    this.#links = new PeerLinks(id, (greeting, direction, address) => this.#createLink(greeting, direction, address));
  }

  send(peer: string, frame: Uint8Array, channel = 0): void {
    this.#links.get(peer)?.send(frame, channel);
  }

  onReceive(callback: (peer: string, frame: Uint8Array) => void): void {
    this.#receive = callback;
  }

  onLink(callback: (peer: string, linked: boolean) => void): void {
    this.#announce = callback;
  }

  reach(addresses: readonly string[]): void {
    if (this.#isClosed) return;
    const dropped = new Set(this.#addresses.want(addresses, this.#options.ports.clock.monotonic()));
    const reason = { code: RefusalCode.CLOSING, text: "the address is no longer wanted" };
    for (const attempt of [...this.#attempts.values()]) if (dropped.has(attempt.to)) this.#give(attempt, reason);
    this.#start();
  }

  unlink(peer: string): void {
    this.#links.get(peer)?.lose("something came that cannot be trusted");
  }

  /** Closes all links, without announcing it, and accepts none any more. Resolves when all sockets are closed. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#news.length = 0;
      for (const [handshake, { isStranger }] of [...this.#handshakes]) {
        if (isStranger) handshake.refuse(RefusalCode.CLOSING, "the node is being stopped");
        else handshake.cut("the node is being stopped");
      }
      this.#links.loseAll("the node is being stopped");
      this.#addresses.want([], 0);
    }
    await this.#sockets.whenEmpty();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /**
   * Takes a socket that somebody has dialled.
   *
   * @param address where from, for the status and the log
   * @param make puts the handler behind the socket; called at once
   */
  accept(address: string, make: (handler: PeerSocketHandler) => PeerSocket): void {
    let link: PeerLink | undefined;
    let channel = 0;
    const handshake = new PeerHandshake({
      identity: this.#options,
      random: this.#options.ports.random,
      owner: {
        admit: (greeting) => {
          channel = greeting.channel;
          const admitted = this.#links.admit(greeting, "in", address);
          if (!(admitted instanceof PeerLink)) return admitted;
          link = admitted;
          return undefined;
        },
        done: (socket) => {
          this.#forget(handshake);
          // It was admitted in this very turn.
          return (link as PeerLink).add(channel, socket);
        },
        failed: (refusal) => {
          this.#forget(handshake);
          this.#noteRefused(address, refusal);
        },
      },
    });
    handshake.attach(this.#sockets.add(handshake, make));
    this.#start();
    if (this.#isClosed) return handshake.refuse(RefusalCode.CLOSING, "the node is being stopped");
    this.#handshakes.set(handshake, { isStranger: true, ageMs: 0 });
    if (++this.#strangers > MAX_STRANGERS) this.#cutOldestStranger();
  }

  status(): WebSocketTransportStatus {
    const addresses = this.#addresses.list().map(({ address, peer, isDialled, failures, refusal }) => {
      const isLinked = peer !== undefined && this.#links.get(peer) !== undefined;
      return { address, peer, state: stateOf(isLinked, isDialled), failures, refusal };
    });
    const links = this.#links.list().map((link) => link.status());
    return { links, addresses, strangers: this.#strangers, refused: this.#refused, lastRefused: this.#lastRefused };
  }

  #createLink({ id, origin, link }: PeerGreeting, direction: "in" | "out", address: string): PeerLink {
    return new PeerLink({
      id: link,
      peer: id,
      origin,
      direction,
      address,
      clock: this.#options.ports.clock,
      maxBufferedBytes: this.#options.maxBufferedBytes ?? DEFAULT_MAX_BUFFERED_BYTES,
      onUp: (up) => this.#linked(up),
      onFrame: (peer, frame) => {
        if (this.#news.length > 0) this.#tellNews();
        this.#receive(peer, frame);
      },
      onLost: (lost, reason) => this.#lost(lost, reason),
    });
  }

  #linked(link: PeerLink): void {
    const { clock, log } = this.#options.ports;
    this.#links.rise(link);
    const attempt = this.#attempts.get(link.id);
    if (attempt !== undefined) {
      this.#attempts.delete(link.id);
      this.#addresses.reached(attempt.to, link.peer, clock.monotonic());
    }
    const { peer, address, direction } = link;
    log.write("info", "a peer is linked", { peer, address, direction });
    this.#news.push({ peer, linked: true });
    this.#tellNews();
  }

  #lost(link: PeerLink, reason: string): void {
    const { log, timer } = this.#options.ports;
    const { peer, address } = link;
    if (this.#links.remove(link)) {
      log.write(this.#isClosed ? "info" : "warn", "the link to a peer is lost", { peer, address, reason });
      if (this.#isClosed) return;
      this.#news.push({ peer, linked: false });
      timer.after(0, () => this.#tellNews());
      return;
    }
    const attempt = this.#attempts.get(link.id);
    if (attempt !== undefined) this.#give(attempt, { code: RefusalCode.BROKEN, text: reason });
  }

  #tellNews(): void {
    for (const { peer, linked } of this.#news.splice(0)) this.#announce(peer, linked);
  }

  #dial(to: WantedAddress): void {
    const { random, clock } = this.#options.ports;
    try {
      const url = peerUrl(to.address, this.#options.secure === true);
      const id = decodeLatin1(drawBytes(random, LINK_ID_BYTES));
      const attempt: Attempt = { to, url, id, handshakes: [], link: undefined, peer: undefined };
      this.#attempts.set(id, attempt);
      this.#connect(attempt, 0);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      this.#addresses.failed(to, `it is no address of a peer: ${error.message}`, clock.monotonic());
    }
  }

  /** Dials the socket of one channel. */
  #connect(attempt: Attempt, channel: number): void {
    const { dial, ports } = this.#options;
    const handshake = new PeerHandshake({
      identity: this.#options,
      random: ports.random,
      dials: { channel, link: attempt.id },
      owner: {
        admit: (greeting) => {
          attempt.peer = greeting.id;
          const admitted = this.#links.admit(greeting, "out", attempt.to.address);
          if (!(admitted instanceof PeerLink)) return admitted;
          attempt.link = admitted;
          return undefined;
        },
        done: (socket) => {
          this.#forget(handshake);
          // The greeting was admitted before the proof was sent.
          const user = (attempt.link as PeerLink).add(channel, socket);
          if (channel === 0 && attempt.link?.isLost === false) this.#connect(attempt, 1);
          return user;
        },
        failed: (refusal) => {
          this.#forget(handshake);
          this.#give(attempt, refusal);
        },
      },
    });
    attempt.handshakes.push(handshake);
    this.#handshakes.set(handshake, { isStranger: false, ageMs: 0 });
    try {
      handshake.attach(this.#sockets.add(handshake, (handler) => dial(attempt.url, handler)));
    } catch (error) {
      handshake.cut(error instanceof Error ? error.message : String(error));
    }
  }

  /** An attempt comes to nothing. */
  #give(attempt: Attempt, { code, text }: PeerRefusal): void {
    const { to, peer, link, handshakes } = attempt;
    if (!this.#attempts.delete(attempt.id)) return;
    link?.lose(text);
    for (const handshake of handshakes) handshake.cut(text);
    const nowMs = this.#options.ports.clock.monotonic();
    to.peer = peer ?? to.peer;
    if (code === RefusalCode.ITSELF) this.#addresses.isItself(to, nowMs);
    else if (code === RefusalCode.LINKED && peer !== undefined && this.#links.get(peer) !== undefined) {
      this.#addresses.reached(to, peer, nowMs);
    } else this.#addresses.failed(to, text, nowMs, code === RefusalCode.LINKED);
  }

  #forget(handshake: PeerHandshake): void {
    if (this.#handshakes.get(handshake)?.isStranger) this.#strangers--;
    this.#handshakes.delete(handshake);
  }

  #cutOldestStranger(): void {
    for (const [handshake, { isStranger }] of this.#handshakes) {
      if (isStranger) return handshake.cut(`more than ${MAX_STRANGERS} sockets are not authenticated`);
    }
  }

  #noteRefused(address: string, { code, text }: PeerRefusal): void {
    const { clock, log } = this.#options.ports;
    // Nothing is wrong, and it happens whenever two nodes dial each other.
    if (code === RefusalCode.LINKED) return;
    this.#refused++;
    this.#lastRefused = { address, reason: text, atMs: clock.now() };
    const nowMs = clock.monotonic();
    if (nowMs - this.#loggedMs < LOG_INTERVAL_MS) return;
    this.#loggedMs = nowMs;
    log.write("warn", "a socket of a peer came to nothing", { address, reason: text, refused: this.#refused });
  }

  #start(): void {
    if (this.#cancel !== undefined) return;
    this.#tickedMs = this.#options.ports.clock.monotonic();
    this.#cancel = this.#options.ports.timer.after(0, () => this.#tick());
  }

  #tick(): void {
    const { clock, timer } = this.#options.ports;
    const nowMs = clock.monotonic();
    const elapsedMs = Math.min(MAX_ELAPSED_MS, nowMs - this.#tickedMs);
    this.#tickedMs = nowMs;
    const isOver = this.#isClosed && this.#sockets.size === 0;
    this.#cancel = isOver ? undefined : timer.after(TICK_MS, () => this.#tick());
    for (const [handshake, waiting] of [...this.#handshakes]) {
      waiting.ageMs += elapsedMs;
      if (waiting.ageMs > HANDSHAKE_MS) handshake.cut(`no answer within ${HANDSHAKE_MS} ms`);
    }
    this.#links.tick(elapsedMs);
    this.#sockets.tick(elapsedMs);
    this.#letGo(elapsedMs);
    for (const to of this.#addresses.due(nowMs, (peer) => this.#links.get(peer)?.address)) this.#dial(to);
  }

  #letGo(elapsedMs: number): void {
    for (const link of this.#links.list()) {
      if (link.direction === "in" || this.#addresses.has(link.address)) {
        link.unwantedMs = 0;
        continue;
      }
      const other = this.#addresses.list().find(({ peer }) => peer === link.peer);
      if (other !== undefined) link.address = other.address;
      link.unwantedMs += elapsedMs;
      if (link.unwantedMs > LET_GO_MS) link.lose("its address is no longer wanted", true);
    }
  }
}

function stateOf(isLinked: boolean, isDialled: boolean): PeerAddressStatus["state"] {
  return isLinked ? "linked" : isDialled ? "dialled" : "waiting";
}

/** @throws {RangeError} */
function checkName(what: string, name: string, least: number): void {
  const { length } = encodeText(name);
  if (length >= least && length <= MAX_NAME_BYTES) return;
  throw new RangeError(`${what} has ${length} bytes; allowed are ${least} to ${MAX_NAME_BYTES}`);
}
