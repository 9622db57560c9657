/** What became of a record. Negative values are refusals that changed nothing. */
export const Outcome = {
  /** Lost to something newer, or named an entry that is not there any more. */
  IGNORED: 0,
  APPLIED: 1,
  /** No room, and nothing that could be evicted for it. */
  OUT_OF_MEMORY: -1,
  KEY_TOO_LONG: -2,
  VALUE_TOO_LONG: -3,
  BAD_TAG: -4,
  BAD_EXPIRY: -5,
  PATTERN_TOO_LONG: -6,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** Why an entry left the store. The five are never mixed in counters or events. */
export type RemovalReason = "evicted" | "expired" | "invalidated" | "deleted" | "replaced";
