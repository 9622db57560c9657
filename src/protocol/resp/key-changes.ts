/**
 * The one observer that a server gives to its node: it hands every change of a key to client tracking and to keyspace
 * notifications, as far as they are in use.
 *
 * While neither is, the node has no observer, so an unobserved write pays for one comparison with undefined. `refresh`
 * is called whenever that may have changed: tracking switched on or off, a new `notify-keyspace-events`.
 */
import type { KeyObserver } from "../../node/node.ts";
import { EventClass, type Notifications } from "./notifications.ts";
import type { TrackingTable } from "./tracking.ts";

/** What the observer is given to, which is the node. */
export interface Observable {
  observer: KeyObserver | undefined;
}

export class KeyChanges implements KeyObserver {
  readonly #node: Observable;
  readonly #tracking: TrackingTable;
  readonly #notifications: Notifications;

  constructor(node: Observable, tracking: TrackingTable, notifications: Notifications) {
    this.#node = node;
    this.#tracking = tracking;
    this.#notifications = notifications;
  }

  /** Observes the node exactly while somebody wants to know. */
  refresh(): void {
    const wanted = this.#tracking.active || this.#notifications.active;
    if (wanted) this.#node.observer = this;
    else if (this.#node.observer === this) this.#node.observer = undefined;
  }

  changed(bytes: Uint8Array, start: number, end: number, event: string): void {
    if (this.#notifications.classes !== 0) this.#notifications.changed(bytes, start, end, event);
    if (!this.#tracking.active || event === "new") return;
    if (event === "expired" || event === "evicted") this.#tracking.removed(bytes, start, end);
    else this.#tracking.changed(bytes, start, end);
  }

  flushed(): void {
    this.#tracking.flushed();
  }

  invalidatedMany(): void {
    this.#tracking.flushed();
  }

  /** A read of the stored key `bytes[start, end)` found nothing. */
  missed(bytes: Uint8Array, start: number, end: number): void {
    if (this.#notifications.wants(EventClass.MISS)) this.#notifications.changed(bytes, start, end, "keymiss");
  }
}
