/** Which keys an invalidation's record means. */
import { InvalidateScope } from "../../../src/core/record.ts";
import { matchesPattern, tagsOf } from "../keyspace.ts";
import { type Applied, isEpoch } from "../witness.ts";

/** True if the record is an invalidation that means entries of this key, with its tags. */
export function meansKey(record: Applied, key: string): boolean {
  if (!isEpoch(record)) return false;
  switch (record.scope) {
    case InvalidateScope.ALL:
      return true;
    case InvalidateScope.KEY:
      return record.key === key;
    case InvalidateScope.TAG:
      return !key.startsWith("n.") && tagsOf(key).includes(record.key);
    case InvalidateScope.PREFIX:
      return key.startsWith(record.key);
    case InvalidateScope.GLOB:
      return matchesPattern(record.key, key);
  }
}
