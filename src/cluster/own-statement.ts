/**
 * OwnStatement: what this node says of itself, and how it holds that against others.
 *
 * Only a member raises its own incarnation, to outbid what is said of it: that it is suspect or dead, or that its name belongs
 * to another life. A new life begins with the second of its start, which is above all former ones if clocks are right, and
 * outbids what it hears if not; so the later life wins.
 *
 * If the other life is still there it outbids in turn. Two nodes have been given the same name then. A node that has been
 * running for a while and is outbid by the same other life for the third time gives way: it is superseded for good, says
 * nothing any more, and is to be stopped. So the newcomer stays, and of two that meet after a partition one.
 */
import { EPOCH_MS } from "../core/version.ts";
import { isLive, type Member, MemberState } from "./member.ts";
import { MAX_INCARNATION } from "./member-codec.ts";
import type { Statement } from "./probes.ts";

/** How long a life counts as new. */
const NEW_MS = 10_000;
/** So many times another life may outbid this one. */
const MOST_OUTBID = 3;

/** The incarnation with which a life begins, 1 and more. */
export function firstIncarnation(wallMs: number): number {
  const seconds = Math.floor((wallMs - EPOCH_MS) / 1_000);
  return Number.isFinite(seconds) ? Math.min(MAX_INCARNATION / 2, Math.max(1, seconds)) : 1;
}

export class OwnStatement {
  #member: Member;
  readonly #startedMs: number;
  readonly #monotonicMs: () => number;
  #rival = 0;
  #rivalIncarnation = 0;
  #outbid = 0;
  #isSuperseded = false;

  constructor(member: Member, monotonicMs: () => number) {
    this.#member = member;
    this.#monotonicMs = monotonicMs;
    this.#startedMs = monotonicMs();
  }

  get member(): Member {
    return this.#member;
  }

  get isSuperseded(): boolean {
    return this.#isSuperseded;
  }

  get hasLeft(): boolean {
    return this.#member.state === MemberState.LEFT;
  }

  /** Says something new. */
  change(fields: Partial<Pick<Member, "state" | "weight">>): Member {
    return this.#raise(this.#member.incarnation, fields);
  }

  /**
   * Takes in what another says of this node.
   *
   * @returns what it says to that, if it must say something
   */
  hear(statement: Statement): Member | undefined {
    if (this.#isSuperseded || this.hasLeft) return undefined;
    const { origin, incarnation, state } = this.#member;
    if (statement.incarnation < incarnation) return undefined;
    if (statement.origin === origin) {
      const isSaid = statement.incarnation === incarnation && statement.state === state;
      return isSaid ? undefined : this.#raise(statement.incarnation, {});
    }
    this.#noteRival(statement);
    return this.#isSuperseded ? undefined : this.#raise(statement.incarnation, {});
  }

  #noteRival({ origin, incarnation, state }: Statement): void {
    if (!isLive({ ...this.#member, state }) || (origin === this.#rival && incarnation <= this.#rivalIncarnation))
      return;
    this.#outbid = origin === this.#rival ? this.#outbid + 1 : 1;
    this.#rival = origin;
    this.#rivalIncarnation = incarnation;
    const isNew = this.#monotonicMs() - this.#startedMs < NEW_MS;
    this.#isSuperseded = !isNew && this.#outbid >= MOST_OUTBID;
  }

  #raise(above: number, fields: Partial<Member>): Member {
    this.#member = { ...this.#member, ...fields, incarnation: Math.min(MAX_INCARNATION, above + 1) };
    return this.#member;
  }
}
