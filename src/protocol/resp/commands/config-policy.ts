/** Names of the eviction policies: ours, and the ones of Redis's maxmemory-policy that come nearest. */
import type { NodeConfig } from "../../../node/config.ts";

type Policy = NodeConfig["policy"];

const REDIS_NAMES: Readonly<Record<Policy, string>> = {
  tinylfu: "allkeys-lfu",
  lru: "allkeys-lru",
  noeviction: "noeviction",
};

/** What maxmemory-policy can be set to. */
export const REDIS_POLICIES: readonly string[] = Object.values(REDIS_NAMES);

export function redisPolicyName(policy: Policy): string {
  return REDIS_NAMES[policy];
}

/** The policy that a name of Redis's or of ours means, in any case. */
export function policyNamed(name: string): Policy | undefined {
  const wanted = name.toLowerCase();
  const found = Object.entries(REDIS_NAMES).find(([ours, redis]) => wanted === ours || wanted === redis);
  return found?.[0] as Policy | undefined;
}
