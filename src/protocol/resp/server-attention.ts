/** Why all requests of a server take the dispatcher's guarded path: bits, looked at together with those of the session. */
export const ServerAttention = {
  /** CLIENT PAUSE. */
  PAUSED: 1,
  MONITORED: 2,
  /** Every call is timed for the slow log. */
  PRECISE: 4,
  /** What is written cannot be stored as promised. */
  REFUSING: 8,
  /** Too much is waiting for storage. */
  CONGESTED: 16,
  /** Not all that is stored has been loaded. */
  RECOVERING: 32,
} as const;

/** Reasons that concern commands which write. */
export const STORAGE_ATTENTION = ServerAttention.REFUSING | ServerAttention.CONGESTED | ServerAttention.RECOVERING;
