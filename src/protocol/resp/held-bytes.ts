/**
 * What all connections of a server hold together: unfinished requests, unsent output, queued transactions, watched keys,
 * subscriptions, broadcast prefixes.
 *
 * Each of these has a limit per session, and with thousands of sessions the sum of such limits bounds nothing. So each
 * session reports what it holds at the end of its turns and whenever it is sent something, and the sum has a limit.
 *
 * Policy at it: connections are cut until the sum is below: first those that are closed already and only wait for their
 * peer to take the rest, then those that have not authenticated, then all others, always those that hold most. The
 * session that is running is spared until its turn is over.
 */
import type { Session } from "./session.ts";
import { Attention } from "./session-state.ts";

/** Modes in which a session holds more than input and output. */
const HOLDING = Attention.TRANSACTION | Attention.SUBSCRIBED | Attention.TRACKING;

/** What a session holds beside its own few fields. */
export function bytesHeldBy(session: Session): number {
  let bytes = session.inputCapacity + session.unsentBytes;
  if ((session.attention & HOLDING) !== 0) {
    bytes += (session.transaction?.bytes ?? 0) + (session.subscriptions?.bytes ?? 0);
    for (const prefix of session.tracking?.prefixes ?? []) bytes += prefix.length;
  }
  if (session.watches !== undefined) bytes += session.watches.bytes;
  return bytes;
}

/** What the sum needs from the server. */
interface Server {
  readonly sessions: ReadonlyMap<number, Session>;
  readonly current: Session | undefined;
  readonly statistics: { evictedSessions: number };
}

export class HeldBytes {
  /** The sum as far as sessions have reported. */
  total = 0;
  /** `maxClientMemory`. */
  limitBytes = Number.POSITIVE_INFINITY;
  readonly #server: Server;
  /** Ended sessions whose connections still have something to send. */
  readonly #closing = new Set<Session>();

  constructor(server: Server) {
    this.#server = server;
  }

  /** Takes over what a session holds now. */
  note(session: Session): void {
    const bytes = bytesHeldBy(session);
    if (bytes === session.heldBytes) return;
    this.total += bytes - session.heldBytes;
    session.heldBytes = bytes;
    // The server looks again at the end of each turn: then the session that ran counts like any other.
    if (this.total > this.limitBytes && session !== this.#server.current) this.relieve();
  }

  /** A session has ended; its connection may still hold what it could not send. */
  ended(session: Session): void {
    const bytes = session.connection.pendingBytes;
    this.total += bytes - session.heldBytes;
    session.heldBytes = bytes;
    if (bytes > 0) this.#closing.add(session);
  }

  /** The connection of an ended session is gone. */
  gone(session: Session): void {
    this.total -= session.heldBytes;
    session.heldBytes = 0;
    this.#closing.delete(session);
  }

  /** Cuts connections until the limit is kept. */
  relieve(): void {
    for (const session of [...this.#closing, ...this.#server.sessions.values()]) {
      const bytes = session.closed ? session.connection.pendingBytes : bytesHeldBy(session);
      this.total += bytes - session.heldBytes;
      session.heldBytes = bytes;
    }
    if (this.total <= this.limitBytes) return;
    const holders = [...this.#closing, ...this.#server.sessions.values()].filter(
      (session) => session.heldBytes > 0 && session !== this.#server.current,
    );
    holders.sort((a, b) => rank(a) - rank(b) || b.heldBytes - a.heldBytes);
    for (const session of holders) {
      if (this.total <= this.limitBytes) return;
      this.#server.statistics.evictedSessions++;
      session.cut();
      this.gone(session);
    }
  }
}

/** Who goes first. */
function rank(session: Session): number {
  if (session.closed) return 0;
  return session.authenticated ? 2 : 1;
}
