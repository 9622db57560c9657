/**
 * A planted bug: what it is, and how the live objects of a life are changed from outside so that they have it. The code under
 * `src/` knows nothing of it.
 */
import type { PlanOptions } from "../plan.ts";
import type { Plant } from "../run-seed.ts";

export interface Mutant {
  /** In a few words, unlike all others. */
  readonly name: string;
  /** What its author had overlooked. */
  readonly mistake: string;
  readonly plant: Plant;
  /** Where the bug has no effect at all, seeds are not worth running. */
  readonly options?: PlanOptions;
}
