/** The errors for refused writes, each with the limit that it is about. */
import { userLength } from "../../core/keyspace.ts";
import { MAX_PATTERN_BYTES } from "../../core/limits.ts";
import type { NodeConfig } from "../../node/config.ts";
import { Outcome } from "../../store/outcome.ts";
import type { Args } from "./args.ts";

/**
 * The error for a refused write.
 *
 * @param config Where the limits are.
 * @param args The request, if argument 1 is the key that it was about.
 */
export function refusalOfWrite(config: NodeConfig, outcome: Outcome, args?: Args): string {
  const { maxKeyBytes, maxValueBytes } = config;
  const size = args === undefined ? "" : `: ${userLength(args.bytes, args.start(1), args.end(1))} bytes`;
  switch (outcome) {
    case Outcome.OUT_OF_MEMORY:
      return "OOM command not allowed when used memory > 'maxmemory'.";
    case Outcome.KEY_TOO_LONG:
      return `ERR key is too long${size}, the limit is ${maxKeyBytes} (maxKeyBytes)`;
    case Outcome.VALUE_TOO_LONG:
      return `ERR value is too large, the limit is ${maxValueBytes} bytes (maxValueBytes)`;
    case Outcome.BAD_TAG:
      return "ERR invalid tag: a tag has 1 to 256 bytes, an entry at most 64 tags";
    case Outcome.BAD_EXPIRY:
      return "ERR invalid expire time";
    case Outcome.PATTERN_TOO_LONG:
      return `ERR pattern is too long, the limit is ${MAX_PATTERN_BYTES} bytes`;
    default:
      return "ERR write refused";
  }
}
