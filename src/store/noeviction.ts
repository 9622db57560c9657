/**
 * No eviction: nothing is ever named as a victim, so that a store out of budget refuses writes (`OOM`). Keeps no
 * order, touches no link and allocates nothing.
 */
import type { Policy } from "./policy.ts";

export class NoEviction implements Policy {
  readonly name = "noeviction";
  readonly allocatedBytes = 0;
  readonly counting = false;

  add(): void {}

  load(): void {}

  access(): void {}

  resize(): void {}

  remove(): void {}

  victim(): number {
    return 0;
  }

  frequency(): undefined {
    return undefined;
  }

  setCapacity(): void {}

  clear(): void {}
}
