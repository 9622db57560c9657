/**
 * What leaves for peers: messages are gathered for each peer and channel during a turn, and taken as frames at its end.
 *
 * A peer is named by its node's id. What is for a peer without a link is dropped at once: every part of the protocol asks
 * again for what did not arrive. Limit: `MAX_PEER_FRAME_BYTES` a frame; a turn that says more to one peer makes several.
 */
import { ByteWriter } from "../core/byte-writer.ts";
import { Channel, MAX_PEER_FRAME_BYTES, MAX_PROTOCOL, type MessageKind } from "./message.ts";

/** A frame is ended when it has become longer than this, so that one more message fits. */
const FULL_FRAME_BYTES = 256 * 1024;
const KEPT_BYTES = 64 * 1024;

export interface PeerFrame {
  readonly peer: string;
  readonly channel: Channel;
  /** The taker's own. */
  readonly frame: Uint8Array;
}

/** What parts of the cluster send through. */
export interface PeerSender {
  /** True if there is a link to the peer. */
  isLinked(peer: string): boolean;
  /**
   * Sends a message: `write` puts its body into the writer that it is given. Not called for a peer without a link.
   *
   * @returns false if there is no link
   */
  send(peer: string, kind: MessageKind, write: (body: ByteWriter) => void, channel?: Channel): boolean;
}

export class Peers implements PeerSender {
  readonly #linked = new Set<string>();
  readonly #frames: PeerFrame[] = [];
  /** What has been said this turn, by peer and channel. */
  readonly #open = new Map<string, ByteWriter>();
  readonly #spare: ByteWriter[] = [];
  readonly #body = new ByteWriter(1_024, MAX_PEER_FRAME_BYTES);
  /** Since the start. */
  sentFrames = 0;
  sentBytes = 0;

  get linked(): ReadonlySet<string> {
    return this.#linked;
  }

  get empty(): boolean {
    return this.#open.size === 0 && this.#frames.length === 0;
  }

  isLinked(peer: string): boolean {
    return this.#linked.has(peer);
  }

  link(peer: string): void {
    this.#linked.add(peer);
  }

  /** The link is lost, and with it what was to be sent. */
  unlink(peer: string): void {
    this.#linked.delete(peer);
    for (const channel of [Channel.STREAM, Channel.BULK]) this.#open.delete(nameOf(peer, channel));
  }

  send(peer: string, kind: MessageKind, write: (body: ByteWriter) => void, channel: Channel = Channel.STREAM): boolean {
    if (!this.#linked.has(peer)) return false;
    const body = this.#body;
    body.clear();
    write(body);
    const name = nameOf(peer, channel);
    let writer = this.#open.get(name);
    if (writer === undefined) {
      writer = this.#spare.pop() ?? new ByteWriter(256, MAX_PEER_FRAME_BYTES);
      writer.u8(MAX_PROTOCOL);
      this.#open.set(name, writer);
    }
    writer.u8(kind);
    writer.varint(body.length);
    writer.range(body.bytes, 0, body.length);
    if (writer.length >= FULL_FRAME_BYTES) this.#end(name, writer);
    return true;
  }

  /** Everything since the last call, in order. */
  take(): PeerFrame[] {
    for (const [name, writer] of this.#open) this.#end(name, writer);
    return this.#frames.splice(0);
  }

  #end(name: string, writer: ByteWriter): void {
    this.#open.delete(name);
    const frame = writer.take();
    this.sentFrames++;
    this.sentBytes += frame.length;
    this.#frames.push({ peer: name.slice(1), channel: name.charCodeAt(0) as Channel, frame });
    if (writer.bytes.length <= KEPT_BYTES) this.#spare.push(writer);
  }
}

function nameOf(peer: string, channel: Channel): string {
  return String.fromCharCode(channel) + peer;
}
