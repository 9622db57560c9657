/**
 * The links of a node, made and in the making, and which sockets may become part of one.
 *
 * Two nodes that dial each other at once end with one link: of two in the making, that which the node with the lower id has
 * dialled goes on. Who has dialled applies this before it proves who it is, who has accepted when that is proved; and a link
 * whose sockets were both accepted counts as made, because the other end may use it already. So both come to the same,
 * and no link that was announced is given up for it.
 *
 * Who wants to make a link that is here already may have lost it, or be another life of the same name: it is refused, and
 * the link is doubted, so that it is lost within a second if it is dead, and the next attempt gets through.
 *
 * Limit: `MAX_LINKS`; policy: a further one is refused.
 */
import { type PeerGreeting, type PeerRefusal, RefusalCode } from "./peer-greeting.ts";
import type { PeerDirection, PeerLink } from "./peer-link.ts";

const MAX_LINKS = 1_024;
/** Time for a link to be made once its first socket is, ms. Policy: it is given up. */
const MAKING_MS = 10_000;

type CreateLink = (greeting: PeerGreeting, direction: PeerDirection, address: string) => PeerLink;

export class PeerLinks {
  readonly #id: string;
  readonly #create: CreateLink;
  /** By peer. */
  readonly #up = new Map<string, PeerLink>();
  /** By the link's id. */
  readonly #making = new Map<string, PeerLink>();

  /** @param id this node's */
  constructor(id: string, create: CreateLink) {
    this.#id = id;
    this.#create = create;
  }

  /** The link to a peer that is up. */
  get(peer: string): PeerLink | undefined {
    return this.#up.get(peer);
  }

  /** Those that are up. */
  list(): PeerLink[] {
    return [...this.#up.values()];
  }

  /** A socket whose other end is `greeting` is to be part of a link: of which, or why not. */
  admit(greeting: PeerGreeting, direction: PeerDirection, address: string): PeerLink | PeerRefusal {
    return greeting.channel === 0 ? this.#first(greeting, direction, address) : this.#second(greeting, direction);
  }

  /** A link is up. */
  rise(link: PeerLink): void {
    this.#making.delete(link.id);
    this.#up.set(link.peer, link);
  }

  /** A link is lost. Returns true if it was up. */
  remove(link: PeerLink): boolean {
    if (this.#making.get(link.id) === link) this.#making.delete(link.id);
    if (this.#up.get(link.peer) !== link) return false;
    return this.#up.delete(link.peer);
  }

  tick(elapsedMs: number): void {
    for (const link of [...this.#up.values(), ...this.#making.values()]) link.tick(elapsedMs);
    for (const link of [...this.#making.values()]) {
      if (link.ageMs > MAKING_MS) link.lose(`it was not made within ${MAKING_MS} ms`);
    }
  }

  /** Ends all of them. */
  loseAll(reason: string): void {
    for (const link of [...this.#up.values(), ...this.#making.values()]) link.lose(reason, true);
  }

  #first(greeting: PeerGreeting, direction: PeerDirection, address: string): PeerLink | PeerRefusal {
    const { id, origin } = greeting;
    const up = this.#up.get(id);
    if (up !== undefined) {
      if (direction === "in" || up.origin !== origin) up.doubt();
      const text = up.origin === origin ? `${id} is linked already` : `another life of ${id} is linked`;
      return { code: RefusalCode.LINKED, text };
    }
    if (this.#up.size + this.#making.size >= MAX_LINKS) {
      return { code: RefusalCode.BUSY, text: `there are ${MAX_LINKS} links, which is the most allowed` };
    }
    for (const other of [...this.#making.values()]) {
      if (other.peer !== id) continue;
      if (!this.#isPreferred(direction, other)) {
        return { code: RefusalCode.LINKED, text: `a link between ${id} and ${this.#id} is being made` };
      }
      other.lose("another link to the same peer is made");
    }
    const link = this.#create(greeting, direction, address);
    this.#making.set(link.id, link);
    return link;
  }

  /** Whether a new link goes before one in the making to the same peer. */
  #isPreferred(direction: PeerDirection, other: PeerLink): boolean {
    // A peer that dials again has given up what it had dialled; this node does not dial one peer twice.
    if (other.direction === direction) return direction === "in";
    if (other.direction === "in" && other.isComplete) return false;
    return direction === (this.#id < other.peer ? "out" : "in");
  }

  #second({ id, origin, link, channel }: PeerGreeting, direction: PeerDirection): PeerLink | PeerRefusal {
    const first = this.#making.get(link);
    if (first === undefined || first.direction !== direction || !first.hasChannel(0)) {
      return { code: RefusalCode.LINKED, text: "the link of which this would be the second socket is not being made" };
    }
    if (first.peer !== id || first.origin !== origin) {
      return { code: RefusalCode.MALFORMED, text: `the first socket of this link leads to ${first.peer}` };
    }
    if (first.hasChannel(channel)) return { code: RefusalCode.MALFORMED, text: "the link has its second socket" };
    return first;
  }
}
