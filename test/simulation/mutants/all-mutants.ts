/** All planted bugs. */
import { clusterMutants } from "./cluster-mutants.ts";
import type { Mutant } from "./mutant.ts";
import { storeMutants } from "./store-mutants.ts";

export const allMutants: readonly Mutant[] = [...storeMutants, ...clusterMutants];
