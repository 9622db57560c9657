/**
 * The form of the statistics snapshot, for the OpenAPI document and for who reads it. Numbers only, with units in their
 * names; what nobody can know is left out, never guessed: percentiles without a histogram, ratios of nothing, what only
 * the process or a server that is not there could tell.
 *
 * Counts are of the time since the start, or since CONFIG RESETSTAT (those of HTTP requests and bytes: since the start);
 * `count` is exact, `samples` is how many of those were
 * timed. `cumulative` is how many values were at most each of the bounds, and last, of all.
 */
import { z } from "zod";
import { clusterStatusSchema } from "../node/cluster-status-schema.ts";

const count = z.number().int().nonnegative();
const amount = z.number().nonnegative();
/** Only the rest of the process's memory may be below 0. */
const signed = z.number();
const ratio = z.number().min(0).max(1);

const reads = { hits: count, misses: count, staleHits: count, hitRatio: ratio.optional() };

const timing = {
  samples: count,
  sumUs: amount,
  maxUs: amount,
  p50Us: amount.optional(),
  p95Us: amount.optional(),
  p99Us: amount.optional(),
  p999Us: amount.optional(),
  /** By `latencyBoundsUs`. */
  cumulative: z.array(count),
};

const buckets = z.strictObject({ boundsSeconds: z.array(amount), cumulative: z.array(count), sumSeconds: amount });

const counters = z.strictObject({
  sets: count,
  deletes: count,
  touches: count,
  flushes: count,
  fills: count,
  fillsRefused: count,
  outOfMemory: count,
  recordsReceived: count,
  badFrames: count,
});

const memoryPartsSchema = z.strictObject({
  index: count,
  table: count,
  segmentsLive: count,
  segmentsDead: count,
  segmentsFree: count,
  tags: count,
  policy: count,
  wheel: count,
  patterns: count,
  guards: count,
  leases: count,
  outbox: count,
  journal: count,
  respClients: count,
  respBuffers: count,
  tracking: count,
  httpBodies: count,
  statistics: count,
});

const memory = z.strictObject({
  /** The store's budget, and what it has allocated of it. */
  maxBytes: count,
  storeBytes: count,
  partsBytes: memoryPartsSchema,
  sumBytes: count,
  /** Of the process; `restBytes` is what the parts do not explain, and may be below 0. */
  residentBytes: count.optional(),
  restBytes: signed.optional(),
  heapBytes: count.optional(),
  heapUsedBytes: count.optional(),
  externalBytes: count.optional(),
});

const persistence = z.strictObject({
  state: z.enum(["closed", "recovering", "ok", "failed", "healing"]),
  fsync: z.enum(["always", "everysec", "no"]),
  /** Why not all is well. */
  failure: z.strictObject({ code: z.string(), message: z.string() }).optional(),
  /** How often storage failed, and how often it was made whole again. */
  failures: count,
  heals: count,
  /** True while writers are slowed down or refused. */
  congested: z.boolean(),
  /** Bytes that storage has not taken yet. */
  backlogBytes: count,
  journal: z.strictObject({
    records: count,
    /** Records that were not stored, because the journal had failed. */
    droppedRecords: count,
    frames: count,
    bytes: count,
    appends: count,
    syncs: count,
    /** Records and bytes since the last snapshot. */
    recordsSinceSnapshot: count,
    bytesSinceSnapshot: count,
  }),
  snapshots: z.strictObject({
    finished: count,
    running: z.boolean(),
    progress: ratio,
    /** Of the last one; the time since the Unix epoch. */
    lastFinishedSeconds: amount.optional(),
    lastDurationSeconds: amount.optional(),
    lastFailed: z.boolean(),
  }),
  fileBytes: count,
  walBytes: count,
  recovery: z
    .strictObject({
      running: z.boolean(),
      progress: ratio,
      loadedBytes: count,
      totalBytes: count,
      /** When it is over. */
      seconds: amount.optional(),
      entries: count.optional(),
      records: count.optional(),
      /** Chunks of which something was left out because the budget was full. */
      chunksLeftOut: count.optional(),
      /** Places where what is stored is damaged. */
      damage: count.optional(),
    })
    .optional(),
});

const respStatistics = z.strictObject({
  connections: count,
  accepted: count,
  rejected: count,
  evicted: count,
  unauthenticatedClosed: count,
  unfinishedClosed: count,
  idleClosed: count,
  outputLimitClosed: count,
  inputLimitClosed: count,
  protocolErrors: count,
  unknownCommands: count,
  internalErrors: count,
  /** Closed because what they had written may not be stored. */
  unstoredClosed: count,
  receivedBytes: count,
  sentBytes: count,
  commands: z.array(z.strictObject({ command: z.string(), count, failed: count, rejected: count })),
});

const httpStatistics = z.strictObject({
  inFlight: count,
  bodyBytes: count,
  receivedBytes: count,
  sentBytes: count,
  requests: z.array(z.strictObject({ command: z.string(), status: z.number().int().min(100).max(599), count })),
});

export const statisticsSchema = z.strictObject({
  version: z.string(),
  uptimeSeconds: amount,
  runtime: z.string().optional(),
  cpuUserSeconds: amount.optional(),
  cpuSystemSeconds: amount.optional(),
  node: z.strictObject({ name: z.string(), region: z.string(), origin: count }),
  reads: z.strictObject(reads),
  namespaces: z.array(z.strictObject({ namespace: z.string(), ...reads })),
  counters,
  entries: count,
  maxEntries: count,
  policy: z.string(),
  removed: z.strictObject({ evicted: count, expired: count, invalidated: count, deleted: count, replaced: count }),
  evictions: z.strictObject({
    causes: z.strictObject({ memory: count, entries: count, table: count, resize: count }),
    queues: z.strictObject({ window: count, probation: count, protected: count, recency: count, none: count }),
    ages: buckets,
    idleTimes: buckets,
    tombstones: count,
  }),
  memory,
  latencyBoundsUs: z.array(amount),
  latencies: z.array(z.strictObject({ protocol: z.enum(["resp", "http"]), command: z.string(), count, ...timing })),
  eventLoop: z.strictObject({
    /** How late the clockwork is called. */
    lag: z.strictObject(timing),
    /** Slices of maintenance: expiry, sweep, cleaning. */
    maintenance: z.strictObject(timing),
    /** Batches of turns of the Redis protocol. */
    turns: z.strictObject(timing).optional(),
  }),
  invalidations: z.strictObject({ requests: count, removedEntries: count, pendingEpochs: count }),
  leases: z.strictObject({ open: count, granted: count, busy: count, expired: count }),
  sweep: z.strictObject({ lookedAt: count, markedStale: count }),
  cleaner: z.strictObject({ walkedBytes: count, movedBytes: count, freedSegments: count }),
  /** Where the node stores what it holds. */
  persistence: persistence.optional(),
  /** Where the node is a member of a cluster: what `/v1/cluster` tells. */
  cluster: clusterStatusSchema.optional(),
  resp: respStatistics.optional(),
  http: httpStatistics.optional(),
});

/** One snapshot: plain JSON. */
export type Statistics = z.infer<typeof statisticsSchema>;
/** Figures of durations within it. */
export type Timing = Statistics["eventLoop"]["lag"];
