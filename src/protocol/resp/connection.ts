/**
 * The port between a socket and a session. The adapter owns the socket: it calls `server.accept(connection)`, then
 * `session.receive(chunk)` for what it reads, `session.drained()` when its backlog has been sent, and
 * `session.disconnected()` once when the socket is gone, for whatever reason. All calls of one server come from one thread.
 */

export interface Connection {
  /** "ip:port" as CLIENT LIST shows it, or a path. */
  readonly remoteAddress: string;
  readonly localAddress: string;
  /** Bytes that `write` took and the operating system has not taken yet. */
  readonly pendingBytes: number;
  /**
   * Sends in order. `bytes` is only valid during the call: what the socket does not take at once, the adapter copies,
   * and calls `session.drained()` when it is gone. Must not call into the session before it returns.
   */
  write(bytes: Uint8Array): void;
  /** Stops reading; a chunk already read may still be delivered. */
  pause(): void;
  resume(): void;
  /** Closes once what was written has been sent, or at once if the peer does not take it; calling it twice does nothing. */
  close(): void;
  /** Closes at once; what has not been sent is dropped and its memory given back. Also after `close`. */
  cut(): void;
}
