/** A peer that does what no peer does: a socket of its own, with or without the handshake. */
import { createDial } from "../../../adapters/bun/peer-sockets.ts";
import { decodeLatin1 } from "../../../src/core/bytes.ts";
import { systemPorts } from "../../../src/core/system.ts";
import type { PeerRefusal } from "../../../src/node/peer-greeting.ts";
import { readRefusal } from "../../../src/node/peer-greeting.ts";
import { drawBytes, PeerHandshake } from "../../../src/node/peer-handshake.ts";
import type { PeerSocket } from "../../../src/node/peer-socket.ts";

const { random } = systemPorts();
const dial = createDial();

export class RawPeer {
  readonly socket: PeerSocket;
  /** Resolves when the connection is there. */
  readonly opened: Promise<void>;
  readonly closed: Promise<string>;
  refusal: PeerRefusal | undefined;
  readonly received: (Uint8Array | string)[] = [];

  constructor(address: string) {
    let [onOpen, onClose] = [() => {}, (_: string) => {}];
    this.opened = new Promise((resolve) => {
      onOpen = resolve;
    });
    this.closed = new Promise((resolve) => {
      onClose = resolve;
    });
    this.socket = dial(`ws://${address}/v1/peer`, {
      opened: onOpen,
      received: (message) => {
        this.received.push(message);
        if (typeof message !== "string") this.refusal ??= readRefusal(message);
      },
      closed: onClose,
    });
  }
}

/** The two sockets of a link that is about to be made by somebody who knows the secret. */
export interface RawLink {
  readonly sockets: readonly [PeerSocket, PeerSocket];
  /** Why each socket was closed. */
  readonly closed: readonly Promise<string>[];
}

/** Goes through the handshake of both sockets, and does not say yet that the link is up. */
export async function rawLink(address: string, id: string): Promise<RawLink> {
  const link = decodeLatin1(drawBytes(random, 8));
  const identity = { id, origin: 4_711, cluster: "test", secrets: () => ["secret"] };
  const sockets: PeerSocket[] = [];
  const closed: Promise<string>[] = [];
  for (const channel of [0, 1]) {
    const socket = await new Promise<PeerSocket>((resolve, reject) => {
      let onClose = (_: string) => {};
      closed.push(
        new Promise((resolveClosed) => {
          onClose = resolveClosed;
        }),
      );
      const handshake = new PeerHandshake({
        identity,
        random,
        dials: { channel, link },
        owner: {
          admit: () => undefined,
          done: (done) => {
            resolve(done);
            return { received: () => {}, closed: onClose };
          },
          failed: ({ text }) => reject(new Error(text)),
        },
      });
      handshake.attach(dial(`ws://${address}/v1/peer`, handshake));
    });
    sockets.push(socket);
  }
  return { sockets: [sockets[0] as PeerSocket, sockets[1] as PeerSocket], closed };
}
