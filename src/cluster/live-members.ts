/**
 * The live members, looked up by origin, as they are now. Computed anew when the list of members is another array.
 */
import { isLive, type Member } from "./member.ts";

export class LiveMembers {
  readonly #members: () => readonly Member[];
  #list: readonly Member[] | undefined;
  readonly #byOrigin = new Map<number, Member>();
  readonly #byId = new Map<string, Member>();
  /** Grows with every change of who is live, or of a live member's life. */
  #changes = 0;

  constructor(members: () => readonly Member[]) {
    this.#members = members;
  }

  get changes(): number {
    this.#refresh();
    return this.#changes;
  }

  /** All of them, this node included, by id. */
  list(): readonly Member[] {
    this.#refresh();
    return [...this.#byId.values()];
  }

  has(origin: number): boolean {
    this.#refresh();
    return this.#byOrigin.has(origin);
  }

  byOrigin(origin: number): Member | undefined {
    this.#refresh();
    return this.#byOrigin.get(origin);
  }

  byId(id: string): Member | undefined {
    this.#refresh();
    return this.#byId.get(id);
  }

  #refresh(): void {
    const list = this.#members();
    if (list === this.#list) return;
    this.#list = list;
    const live = list.filter(isLive).sort((a, b) => (a.id < b.id ? -1 : 1));
    const isSame =
      live.length === this.#byId.size && live.every(({ id, origin }) => this.#byId.get(id)?.origin === origin);
    this.#byOrigin.clear();
    this.#byId.clear();
    for (const member of live) {
      this.#byOrigin.set(member.origin, member);
      this.#byId.set(member.id, member);
    }
    if (!isSame) this.#changes++;
  }
}
