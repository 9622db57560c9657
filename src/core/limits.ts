/**
 * Limits: every bound of the core in one place, each with what happens at it. Configurable ones are defaults here
 * and fields of the configuration schema; the others are properties of the formats.
 */

/** Longest key in bytes that can be configured: the item header has 11 bits, of which 2,047 is taken. Policy: refuse. */
export const MAX_STORED_KEY_BYTES = 2_046;
/** Longest key of a user: a stored key may have two bytes of database in front. */
export const MAX_KEY_BYTES = MAX_STORED_KEY_BYTES - 2;
/** Longest value in bytes, extras included, that can be configured: the item header has 21 bits. Policy: refuse. */
export const MAX_VALUE_BYTES = 2_097_151 - 4_096;
/** Default limit of a key in bytes. Policy: refuse with the protocol's own error. */
export const DEFAULT_MAX_KEY_BYTES = 1_024;
/** Default limit of a value in bytes. Policy: refuse; nothing is evicted for it, the old value stays. */
export const DEFAULT_MAX_VALUE_BYTES = 1_048_576;
/** Tags of one entry. Policy: refuse the write. */
export const MAX_TAGS_PER_ENTRY = 64;
/** Bytes of one tag. Policy: refuse the write. Empty tags are refused too. */
export const MAX_TAG_BYTES = 256;
/** Bytes of one content type. Policy: refuse the write. */
export const MAX_CONTENT_TYPE_BYTES = 255;
/** Bytes of a glob pattern. Policy: refuse. */
export const MAX_PATTERN_BYTES = 1_024;
/** Prefix patterns whose epochs are remembered. Policy: sweep, forget, and raise the arrival floor in their place. */
export const MAX_PREFIX_PATTERNS = 10_000;
/** Glob patterns whose epochs are remembered. Same policy. */
export const MAX_GLOB_PATTERNS = 64;
/** Tombstones kept, and at most one per KiB of budget. Policy: the oldest becomes a guard (key hash, version). */
export const MAX_TOMBSTONES = 1_000_000;
/** Guards kept, and at most one per KiB of budget. Policy: the oldest one raises the floor of its slot. */
export const MAX_GUARDS = 65_536;
/** Open leases of a node. Policy: a new lease is refused ("busy"), the caller loads without storing. */
export const MAX_LEASES = 65_536;
/** Longest life of a lease, ms. Policy: it ends; its fill is returned to the caller and not stored. */
export const DEFAULT_MAX_LEASE_MS = 30_000;
/** Latest expiry that an entry can hold, ms since the Unix epoch (48 bits, the year 10889). Policy: refuse. */
export const MAX_EXPIRES_AT_MS = 2 ** 48 - 1;
/** Largest memory budget: 4-byte units in a 32-bit address. Policy: the configuration is refused. */
export const MAX_STORE_BYTES = 16 * 2 ** 30;
/** Slots of the key space, as in Redis Cluster. */
export const SLOT_COUNT = 16_384;
