/**
 * One peer's end of this node's stream: how far it was sent and acknowledged, and what is pending.
 *
 * Pending are the sequences in `pending`; and, if `searchAt` is one, whatever is for the peer in the log from there on: so it
 * is after the stream was opened, was taken back to an earlier position, or got behind by more than `pending` holds.
 *
 * What the log has dropped is lost for the peer if it was for it when it was stamped (`droppedTo`); and perhaps if the peer was
 * no live member then (`absentTo`), because it may be for it now.
 */
import { PendingRecords } from "./pending-records.ts";
import { SendWindow } from "./send-window.ts";

/** Not searching the log. */
export const NOWHERE = -1;

export class OutgoingStream {
  readonly peer: string;
  readonly window: SendWindow;
  readonly pending = new PendingRecords();
  /** The peer's life that the stream was opened for last, 0 before. */
  life = 0;
  isOpen = false;
  /** True while it is in the list of those that have something to send. */
  isDue = false;
  searchAt = NOWHERE;
  /** The stamp of the last record that was sent, or behind which the stream goes on. */
  sentTo = 0;
  /** The stream's position at the peer, and what it has applied, as it has said. */
  position = 0;
  acknowledged = 0;
  /** True while the peer holds the stream. */
  isHeld = false;
  /** True if the present beat is for the peer, see beats.ts. */
  isBeatDue = false;
  /** True while this node's rings have to be told to the peer. */
  needsMarkers = false;
  /** Up to where the backlog has been searched for what is sent ahead, and bytes sent so since the last progress. */
  aheadAt = 0;
  aheadBytes = 0;
  /** The highest version for the peer that the log has dropped. */
  droppedTo = 0;
  /** The highest version up to which the peer was no live member, at one time or another. */
  absentTo: number;
  isPresent = true;

  /** @param absentTo the highest version that was stamped before the peer was known */
  constructor(peer: string, maxUnacknowledgedBytes: number, absentTo: number) {
    this.peer = peer;
    this.window = new SendWindow(maxUnacknowledgedBytes);
    this.absentTo = absentTo;
  }

  /** True if nothing is left to be sent. */
  get isDrained(): boolean {
    return this.searchAt === NOWHERE && this.pending.isEmpty;
  }

  /** The record with this sequence, the highest of the log, is for the peer. */
  add(sequence: number): void {
    if (!this.isOpen || this.searchAt !== NOWHERE || this.pending.add(sequence)) return;
    this.searchAt = sequence;
  }

  /** Goes on behind `position`, with what is for the peer from the sequence `searchAt` on. */
  goOn(position: number, searchAt: number, monotonicMs: number): void {
    this.pending.clear();
    this.window.clear(monotonicMs);
    this.sentTo = position;
    this.searchAt = searchAt;
    this.aheadAt = 0;
    this.aheadBytes = 0;
  }

  close(monotonicMs: number): void {
    this.isOpen = false;
    this.isHeld = false;
    this.goOn(this.position, NOWHERE, monotonicMs);
  }

  /**
   * True if what was sent, or what was said of the stream, must have been lost.
   *
   * @param heartbeatMs heartbeats are acknowledged with the peer's own, so a stream without anything else is waited for longer
   */
  isOverdue(monotonicMs: number, heartbeatMs: number): boolean {
    if (!this.isOpen || this.isHeld || this.position >= this.sentTo) return false;
    return this.window.isOverdue(monotonicMs, this.window.bytes > 0 ? 0 : 2 * heartbeatMs);
  }

  /** True if a record above `position` is gone that was for the peer, or may be; the log has dropped all to `logDroppedTo`. */
  isTruncated(position: number, logDroppedTo: number): boolean {
    if (this.droppedTo > position) return true;
    return position < (this.isPresent ? Math.min(this.absentTo, logDroppedTo) : logDroppedTo);
  }

  /** The peer is a live member or not, as of the version `now`. */
  setPresent(isPresent: boolean, now: number): void {
    if (isPresent && !this.isPresent) this.absentTo = now;
    this.isPresent = isPresent;
  }
}
