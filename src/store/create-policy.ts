/** The eviction policies of the product by name: what the configuration's `policy` selects. */
import { Lru } from "./lru.ts";
import { NoEviction } from "./noeviction.ts";
import type { Policy, PolicyContext, PolicyName } from "./policy.ts";
import { TinyLfu } from "./tinylfu.ts";

/** Names of all policies, the default first. */
export const POLICY_NAMES: readonly PolicyName[] = ["tinylfu", "lru", "noeviction"];

/**
 * Creates a policy over the entries of `context.table`.
 *
 * @param seed Seeds the policy's own random draws; a fixed seed makes its decisions reproducible.
 */
export function createPolicy(name: PolicyName, context: PolicyContext, seed = 1): Policy {
  switch (name) {
    case "lru":
      return new Lru(context);
    case "noeviction":
      return new NoEviction();
    case "tinylfu":
      return new TinyLfu(context, seed);
  }
}
