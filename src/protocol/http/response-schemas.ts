/** What the JSON endpoints answer, as zod schemas: the OpenAPI document is made from them, and tests check replies by it. */
import { z } from "zod";
import { clusterStatusSchema, slotRangeSchema } from "../../node/cluster-status-schema.ts";
import { bytesSchema } from "./schemas.ts";

const count = (description: string) => z.int().min(0).meta({ description });
const entityTag = z
  .string()
  .regex(/^"[0-9a-f]+-[0-9a-f]+"$/)
  .meta({
    description: "Entity tag: version and origin of the entry, in quotes.",
    examples: ['"18a7f0c2d3000-5b2e91c4"'],
  });

const found = z.strictObject({
  key: bytesSchema,
  found: z.literal(true),
  value: bytesSchema,
  contentType: z.string().optional(),
  etag: entityTag,
  ageMs: count("Ms since the entry was written, or since the load of its value began."),
  ttlMs: z.int().nullable().meta({ description: "Ms until it expires, negative if it has; null if it never will." }),
  stale: z.boolean().meta({ description: "True if it has expired or was invalidated." }),
  tags: z.array(bytesSchema),
});
const missed = z.strictObject({ key: bytesSchema, found: z.literal(false) });

export const batchGetReply = z
  .strictObject({ entries: z.array(z.union([found, missed])) })
  .meta({ description: "One element for each key, in the order of the request." });

const refusal = z.strictObject({
  code: z.enum(["precondition-failed", "out-of-memory"]),
  detail: z.string(),
});

export const batchSetReply = z
  .strictObject({
    results: z.array(
      z.strictObject({
        key: bytesSchema,
        status: z.enum(["created", "replaced", "deleted", "refused"]).meta({
          description: '"deleted": a lifetime of 0 without stale allowance; "refused": see `problem`.',
        }),
        etag: entityTag.optional().meta({ description: "Of what was stored." }),
        problem: refusal.optional(),
      }),
    ),
  })
  .meta({ description: "One element for each entry, in the order of the request." });

export const batchDeleteReply = z
  .strictObject({
    deleted: count("How many entries were there."),
    results: z.array(z.strictObject({ key: bytesSchema, deleted: z.boolean() })),
  })
  .meta({ description: "One element for each key, in the order of the request." });

export const receiptReply = z
  .strictObject({
    version: count("Stamp of the invalidation: what is older is gone, or stale."),
    entries: z.int().min(0).nullable().meta({
      description:
        "Entries found, if only keys were named; null where tags, patterns or all were: nobody counts those.",
    }),
    regions: z.array(
      z.strictObject({
        region: z.string(),
        status: z.enum(["acknowledged", "unproven", "unreachable"]),
        delayMs: z.number().min(0),
      }),
    ),
  })
  .meta({ description: "The receipt: what the invalidation has reached." });

export const leaseReply = z
  .strictObject({
    token: z
      .string()
      .regex(/^[0-9a-f]{16}$/)
      .meta({ description: "Names the lease when it is filled or released." }),
    expiresInMs: z.int().min(1).meta({ description: "The lease is over after that many ms." }),
  })
  .meta({ description: "The right to fill the key." });

export const liveReply = z.strictObject({ status: z.literal("ok") }).meta({ description: "The process answers." });

export const readyReply = z
  .strictObject({
    status: z.enum(["ready", "not ready"]),
    checks: z.record(z.string(), z.string()).meta({ description: "What was checked, and how it is." }),
  })
  .meta({ description: "Whether the node should be sent requests." });

const mistake = z.strictObject({ field: z.string(), detail: z.string(), allowed: z.string().optional() });

/** RFC 9457; what a kind of problem has beside these members stands in its description. */
export const problemReply = z
  .looseObject({
    type: z
      .string()
      .regex(/^urn:shoal:problem:[a-z-]+$/)
      .meta({ description: "The kind of problem." }),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string().meta({ description: "What was wrong, in a sentence." }),
    field: z.string().optional().meta({ description: "The field, header or parameter that was wrong." }),
    allowed: z.string().optional().meta({ description: "What is allowed instead." }),
    mistakes: z
      .array(mistake)
      .optional()
      .meta({ description: "All mistakes of the request, the first hundred of them." }),
    role: z.string().optional().meta({ description: "forbidden: the role that is missing." }),
    outcome: z
      .enum(["invalidated", "superseded"])
      .optional()
      .meta({ description: "fill-refused: what came between the lease and its fill." }),
    retryAfterMs: z.int().min(0).optional().meta({
      description: "lease-busy: the longest time to wait, ms; 0: no room for another lease, load without one.",
    }),
  })
  .meta({ description: "A problem as RFC 9457 describes them." });

const aloneReply = z
  .strictObject({
    enabled: z.literal(false),
    node: z.strictObject({ name: z.string(), region: z.string(), origin: count("This life of the node.") }),
  })
  .meta({ description: "The node is no member of a cluster." });

export const clusterReply = z
  .discriminatedUnion("enabled", [clusterStatusSchema.extend({ enabled: z.literal(true) }), aloneReply])
  .meta({ description: "The cluster as this node sees it." });

export const clusterSlotsReply = z
  .discriminatedUnion("enabled", [
    z.strictObject({ enabled: z.literal(true), region: z.string(), ranges: z.array(slotRangeSchema) }),
    aloneReply,
  ])
  .meta({ description: "Who holds which slots of this node's region." });

export const clusterChangeReply = z
  .strictObject({ id: z.string(), state: z.enum(["alive", "suspect", "dead", "left"]), weight: z.number().min(0) })
  .meta({ description: "What the node says of itself after the change." });
