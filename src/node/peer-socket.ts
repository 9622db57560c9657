/**
 * What the transport wants of a WebSocket, whoever made it: the runtimes' adapters implement `PeerSocket`, and tell a
 * `PeerSocketHandler` what happens to it. Binary messages are frames (and the handshake), text is for what two transports say
 * to each other about the link itself; so no frame is copied to put something in front of it.
 */

/** One WebSocket to a peer, as far as it is known who that is. */
export interface PeerSocket {
  /**
   * Sends a message, which belongs to the socket from then on; in order.
   *
   * @returns false if it was not taken: the socket is of no use any more
   */
  send(message: Uint8Array | string): boolean;
  /** Bytes that were sent and that the system has not taken yet. */
  readonly bufferedBytes: number;
  /** Says goodbye: what was sent before goes out if the other takes it. The handler is told when it is closed. */
  close(): void;
  /** Ends it at once, also if nothing is taken any more. */
  cut(): void;
}

/** What happens to a socket. Nothing is told any more after `closed`, which is told once. */
export interface PeerSocketHandler {
  /** It is there; only told of sockets that were dialled, before anything else. */
  opened(): void;
  /** A whole message; bytes are the handler's own. */
  received(message: Uint8Array | string): void;
  /** @param reason why, as far as the runtime tells; may be empty */
  closed(reason: string): void;
}

/**
 * Begins to connect.
 *
 * @param url `ws://` or `wss://`
 * @throws what the runtime does not like about the URL
 */
export type DialPeer = (url: string, handler: PeerSocketHandler) => PeerSocket;
