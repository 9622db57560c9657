/**
 * Publications: a message to everybody who listens to a channel, at all live nodes of this region or of all. Each node tells
 * its own listeners; nothing is stored, repeated or acknowledged.
 *
 *     PUBLISH   origin (4)   number (6)   channel (counted)   message (the rest)
 *
 * At most once: a node numbers what it publishes, and a peer drops what is not above the last number it has had from that life,
 * so a message that is repeated or overtaken on its way is lost, not told twice or late. In order for each publisher. To a peer
 * without a link nothing is sent; `counts.dropped` tells how often.
 */

import { Channel, MessageKind } from "../cluster/message.ts";
import { type ByteReader, ReadError } from "../core/byte-reader.ts";
import { MAX_CHANNEL_BYTES } from "./check-operation.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { Reach } from "./operation.ts";

/** Publishers whose numbers are kept; policy: those that are members no more are forgotten. */
const MAX_PUBLISHERS = 1_024;

/** Tells the listeners of this node; returns how many there are. The bytes are valid during the call. */
export type Deliver = (channel: Uint8Array, message: Uint8Array) => number;

export interface Published {
  /** Who listens here. */
  readonly receivers: number;
  /** Peers that it was sent to. */
  readonly peers: number;
}

export class Publications {
  readonly #view: ClusterView;
  readonly #origin: number;
  readonly #deliver: Deliver;
  #number = 0;
  /** The last life and number of each peer. */
  readonly #last = new Map<string, { readonly origin: number; readonly number: number }>();
  /** Since the start. `ignored`: came twice, late, or from a life that is over. */
  readonly counts = { sent: 0, dropped: 0, received: 0, ignored: 0 };

  /** @param origin this node's life */
  constructor(view: ClusterView, origin: number, deliver: Deliver) {
    this.#view = view;
    this.#origin = origin;
    this.#deliver = deliver;
  }

  publish(channel: Uint8Array, message: Uint8Array, reach: Reach): Published {
    const { membership, peers, config } = this.#view;
    const number = ++this.#number;
    let sent = 0;
    for (const { id, region } of membership.live()) {
      if (id === config.id || (reach === "region" && region !== config.region)) continue;
      const wasSent = peers.send(
        id,
        MessageKind.PUBLISH,
        (body) => {
          body.u32(this.#origin);
          body.u48(number);
          body.varint(channel.length);
          body.range(channel, 0, channel.length);
          body.range(message, 0, message.length);
        },
        Channel.BULK,
      );
      if (wasSent) sent++;
      else this.counts.dropped++;
    }
    this.counts.sent += sent;
    return { receivers: this.#deliver(channel, message), peers: sent };
  }

  /** @throws {ReadError} if the message is not well-formed */
  receive(peer: string, body: ByteReader): void {
    const origin = body.u32();
    const number = body.u48();
    if (number === 0) throw new ReadError("a publication without a number");
    const channel = body.counted(MAX_CHANNEL_BYTES);
    const message = body.range(body.left);
    const last = this.#last.get(peer);
    const isPresent = this.#view.membership.member(peer)?.origin === origin;
    if (!isPresent || (last?.origin === origin && number <= last.number)) {
      this.counts.ignored++;
      return;
    }
    if (this.#last.size >= MAX_PUBLISHERS && last === undefined) this.#forgetGone();
    this.#last.set(peer, { origin, number });
    this.counts.received++;
    this.#deliver(channel, message);
  }

  #forgetGone(): void {
    for (const peer of this.#last.keys()) {
      if (this.#view.membership.member(peer) === undefined) this.#last.delete(peer);
    }
  }
}
