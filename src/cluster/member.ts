/**
 * A member of the cluster, as everybody knows it. Who is called the same and has another origin is another life of the same
 * node. Of two statements about a member the one with the higher incarnation counts, at the same one the worse state.
 */
export const MemberState = { ALIVE: 0, SUSPECT: 1, DEAD: 2, LEFT: 3 } as const;
export type MemberState = (typeof MemberState)[keyof typeof MemberState];

export interface Member {
  /** The node's name, the same in all its lives; 1 to 64 bytes. */
  readonly id: string;
  /** This life of it. */
  readonly origin: number;
  /** Raised by the member itself, to refute what is said of it. */
  readonly incarnation: number;
  readonly state: MemberState;
  readonly region: string;
  /** Replicas are spread over the zones of a region; empty: none is known. */
  readonly zone: string;
  /** Its share of the slots, relative to the others of its region; 0: it holds none, and hears every invalidation. */
  readonly weight: number;
  /** Copies of each slot that its region is to have, 1 to 8. A ring takes the lowest among its members. */
  readonly replicas: number;
  /** Where it can be reached, in the form that the transport wants. */
  readonly address: string;
}

/** True for who takes part: it owns slots, and everybody sends to it. A suspect is still trusted to be there. */
export function isLive(member: Member): boolean {
  return member.state === MemberState.ALIVE || member.state === MemberState.SUSPECT;
}
