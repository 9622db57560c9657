/**
 * A link to a peer: two sockets, one for each channel, once the handshakes on them are done.
 *
 * It is made of both sockets, and is up when who has dialled says so ("up", on both sockets, as each one's first text), which
 * it does as soon as both are there; so nobody is sent frames before it knows the link. It is lost with either socket.
 *
 * Text on the sockets: "up"; "ping N", which is answered by "pong N" at once, and tells how long that takes (`lagMs`) and that
 * the peer is there. A socket on which nothing at all has come for `SILENCE_MS` is given up, counted in ticks: while this
 * process stands still itself, nobody is silent.
 *
 * Policy at the limits. A peer that takes so little that a frame is to be sent while more than `maxBufferedBytes` wait on the
 * socket loses the link (too slow), so never more than that and a frame are kept: the cluster's streams stop well below, and their receiver gets what it lacks by slot sync. A frame above
 * `MAX_PEER_FRAME_BYTES`, text that is none of the above, or a frame before the link is up: the link is closed.
 */
import { MAX_PEER_FRAME_BYTES } from "../cluster/message.ts";
import { assert } from "../core/assert.ts";
import type { Clock } from "../core/ports.ts";
import type { PeerSocketUser } from "./peer-handshake.ts";
import type { PeerSocket } from "./peer-socket.ts";

/** Time between two pings on a socket, ms. */
const PING_MS = 2_000;
/** Time without anything from the peer, ms. Policy: the link is lost. */
const SILENCE_MS = 10_000;
/** The same when there is reason to doubt that the peer still has the link, ms. */
const DOUBT_MS = 1_000;
/** What waits is looked at again when so many bytes were sent. */
const CHECK_BYTES = 256 * 1_024;
/** Longest text that is looked at. */
const MAX_TEXT = 32;

const PING = "ping ";
const PONG = "pong ";

/** Who made a link: this node by dialling, or the peer. */
export type PeerDirection = "out" | "in";

export interface PeerLinkOptions {
  /** Drawn by who dials. */
  readonly id: string;
  readonly peer: string;
  readonly origin: number;
  readonly direction: PeerDirection;
  /** Where the peer was dialled, or where it dialled from. */
  readonly address: string;
  readonly clock: Clock;
  readonly maxBufferedBytes: number;
  readonly onUp: (link: PeerLink) => void;
  readonly onFrame: (peer: string, frame: Uint8Array) => void;
  /** Once; the sockets are closed by then. */
  readonly onLost: (link: PeerLink, reason: string) => void;
}

/** What there is to see of a link. */
export interface PeerLinkStatus {
  readonly peer: string;
  readonly address: string;
  readonly direction: PeerDirection;
  /** Wall clock, ms since the Unix epoch. */
  readonly sinceMs: number;
  /** Last measured round trip on the channel of streams, ms; undefined before the first. */
  readonly lagMs: number | undefined;
  readonly framesIn: number;
  readonly framesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Sent, and not taken by the system yet, on both channels. */
  readonly bufferedBytes: number;
}

interface Channel {
  readonly socket: PeerSocket;
  uncheckedBytes: number;
  /** Time without a message, and since the last ping; ms, counted in ticks. */
  silenceMs: number;
  sincePingMs: number;
  saidUp: boolean;
  /** The peer may have lost it: an answer is waited for, not long. */
  isDoubted: boolean;
}

export class PeerLink {
  readonly id: string;
  readonly peer: string;
  readonly origin: number;
  readonly direction: PeerDirection;
  /** Another one that leads to the same peer may take the place of the one that it was made by. */
  address: string;
  readonly #options: PeerLinkOptions;
  readonly #channels: (Channel | undefined)[] = [undefined, undefined];
  #state: "making" | "up" | "lost" = "making";
  /** Time since it began to be made, ms, counted in ticks. */
  ageMs = 0;
  /** Time for which nobody has wanted its address, ms. */
  unwantedMs = 0;
  #pings = 0;
  #pingedMs = 0;
  #pinged = -1;
  #sinceMs = 0;
  #lagMs: number | undefined;
  #framesIn = 0;
  #framesOut = 0;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    this.id = options.id;
    this.peer = options.peer;
    this.origin = options.origin;
    this.direction = options.direction;
    this.address = options.address;
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  get isLost(): boolean {
    return this.#state === "lost";
  }

  /** True when both sockets are there: the other end may take it for made. */
  get isComplete(): boolean {
    return this.#channels.every((channel) => channel !== undefined);
  }

  hasChannel(channel: number): boolean {
    return this.#channels[channel] !== undefined;
  }

  /** A socket whose handshake is done. What comes over it goes to what is returned. */
  add(channel: number, socket: PeerSocket): PeerSocketUser {
    const one: Channel = { socket, uncheckedBytes: 0, silenceMs: 0, sincePingMs: 0, saidUp: false, isDoubted: false };
    if (this.#state === "lost") socket.cut();
    else {
      assert(this.#channels[channel] === undefined, "a channel of a link has one socket");
      this.#channels[channel] = one;
      if (this.direction === "out" && this.isComplete) {
        for (const other of this.#channels) other?.socket.send("up");
        this.#begin();
      }
    }
    return {
      received: (message) => {
        if (this.#state === "lost") return;
        one.silenceMs = 0;
        one.isDoubted = false;
        if (typeof message === "string") this.#text(message, one);
        else this.#frame(message);
      },
      closed: (reason) => this.lose(reason === "" ? "a socket was closed" : reason, true),
    };
  }

  /** @param frame at most `MAX_PEER_FRAME_BYTES`; the link's own from now on */
  send(frame: Uint8Array, channel: number): void {
    assert(frame.length <= MAX_PEER_FRAME_BYTES, "a frame is at most MAX_PEER_FRAME_BYTES long");
    const one = this.#channels[channel];
    if (this.#state !== "up" || one === undefined) return;
    const { length } = frame;
    if (one.uncheckedBytes >= CHECK_BYTES && this.#isTooSlow(one, 0)) return;
    if (!one.socket.send(frame)) return this.lose("a socket does not take frames any more", true);
    this.#framesOut++;
    this.#bytesOut += length;
    one.uncheckedBytes += length;
  }

  /** Somebody says that it is this peer, and that there is no link: if this one is dead that is found out soon. */
  doubt(): void {
    if (this.#state !== "up") return;
    for (const channel of this.#channels) {
      if (channel === undefined || channel.isDoubted) continue;
      channel.isDoubted = true;
      channel.silenceMs = 0;
      this.#ping(channel);
    }
  }

  /** @param elapsedMs since the last call, less where this process stood still */
  tick(elapsedMs: number): void {
    this.ageMs += elapsedMs;
    for (const channel of this.#channels) {
      if (this.#state !== "up" || channel === undefined) return;
      channel.silenceMs += elapsedMs;
      channel.sincePingMs += elapsedMs;
      const limitMs = channel.isDoubted ? DOUBT_MS : SILENCE_MS;
      if (channel.silenceMs > limitMs) this.lose(`nothing came for ${limitMs} ms`);
      else if (channel.sincePingMs >= PING_MS) this.#ping(channel);
    }
  }

  /** Ends it. With `politely` what was sent before may go out. */
  lose(reason: string, politely = false): void {
    if (this.#state === "lost") return;
    this.#state = "lost";
    for (const channel of this.#channels) {
      if (politely) channel?.socket.close();
      else channel?.socket.cut();
    }
    this.#options.onLost(this, reason);
  }

  status(): PeerLinkStatus {
    let bufferedBytes = 0;
    for (const channel of this.#channels) bufferedBytes += channel?.socket.bufferedBytes ?? 0;
    const { peer, address, direction } = this;
    const counts = { framesIn: this.#framesIn, framesOut: this.#framesOut, bytesIn: this.#bytesIn };
    const bytesOut = this.#bytesOut;
    return { peer, address, direction, sinceMs: this.#sinceMs, lagMs: this.#lagMs, ...counts, bytesOut, bufferedBytes };
  }

  #begin(): void {
    this.#state = "up";
    this.#sinceMs = this.#options.clock.now();
    for (const channel of this.#channels) {
      if (channel === undefined) continue;
      channel.silenceMs = 0;
      this.#ping(channel);
    }
    this.#options.onUp(this);
  }

  #frame(frame: Uint8Array): void {
    if (frame.length > MAX_PEER_FRAME_BYTES) {
      return this.lose(`a frame of ${frame.length} bytes; at most ${MAX_PEER_FRAME_BYTES} are allowed`);
    }
    if (this.#state !== "up") return this.lose("a frame before the link was up");
    this.#framesIn++;
    this.#bytesIn += frame.length;
    this.#options.onFrame(this.peer, frame);
  }

  #text(text: string, channel: Channel): void {
    if (text.length > MAX_TEXT)
      return this.lose(`a text of ${text.length} characters; at most ${MAX_TEXT} are allowed`);
    if (text.startsWith(PING) && this.#state === "up") {
      if (!this.#isTooSlow(channel, MAX_PEER_FRAME_BYTES)) channel.socket.send(PONG + text.slice(PING.length));
    } else if (text.startsWith(PONG) && this.#state === "up") {
      if (Number(text.slice(PONG.length)) !== this.#pinged) return;
      this.#pinged = -1;
      this.#lagMs = this.#options.clock.monotonic() - this.#pingedMs;
    } else if (text === "up" && this.direction === "in" && this.isComplete && !channel.saidUp) {
      channel.saidUp = true;
      if (this.#state === "making") this.#begin();
    } else this.lose("a text that is not to be expected");
  }

  #ping(channel: Channel): void {
    channel.sincePingMs = 0;
    if (this.#isTooSlow(channel, MAX_PEER_FRAME_BYTES)) return;
    const number = ++this.#pings;
    if (channel === this.#channels[0]) {
      this.#pinged = number;
      this.#pingedMs = this.#options.clock.monotonic();
    }
    channel.socket.send(PING + number);
  }

  /**
   * Gives the link up if too much waits to be sent.
   *
   * @param lastBytes what of it may be there beyond the limit: the last frame, which was sent while less was waiting
   */
  #isTooSlow(channel: Channel, lastBytes: number): boolean {
    channel.uncheckedBytes = 0;
    const { maxBufferedBytes } = this.#options;
    const { bufferedBytes } = channel.socket;
    if (bufferedBytes <= maxBufferedBytes + lastBytes) return false;
    this.lose(`too slow: ${bufferedBytes} bytes wait to be sent, more than ${maxBufferedBytes}`);
    return true;
  }
}
