/**
 * An operation as the OpenAPI document tells it, and the exchanges that show how it is used.
 *
 * An exchange is a request with its response. The document has each of them twice: as examples of parameters, bodies and
 * responses, where tools look for them, and whole, under `x-shoal-exchanges`, where request and response stand together
 * with what has to be done `before`. A test carries out every exchange of the document and compares the response.
 *
 * What no two runs have in common (versions, tokens, times) is listed in `volatile` by its path in the response. It is
 * compared by the document's schema instead, and where it comes up again in a later request of the same exchange (a token
 * that is filled, an entity tag that is asked for) it means the value of that run.
 */
import type { Role } from "../../node/access.ts";
import type { ProblemCode } from "./problem.ts";

export const METHODS = ["get", "head", "put", "post", "delete"] as const;
export type Method = (typeof METHODS)[number];

/** What operations that write may be answered because of storage; and those, too, that depend on what is there. */
export const STORING_PROBLEMS: readonly ProblemCode[] = ["storage-failed", "overloaded", "outcome-unknown"];
export const LOADING_PROBLEMS: readonly ProblemCode[] = [...STORING_PROBLEMS, "not-ready"];

/** What operations without a body answer to one, or to one that never comes. */
export const PLAIN_BODY_PROBLEMS: readonly ProblemCode[] = [
  "too-large",
  "request-timeout",
  "incomplete-body",
  "overloaded",
  "bad-header",
];

export interface ExchangeRequest {
  readonly method: Method;
  /** With the query, as it stands in the request line. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as it is, all else as JSON. */
  readonly body?: unknown;
}

export interface ExchangeResponse {
  readonly status: number;
  /** Headers that the response must have; it may have others. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** "headers.etag", "body.entries.0.ageMs". */
  readonly volatile?: readonly string[];
}

export interface Exchange {
  readonly request: ExchangeRequest;
  readonly response: ExchangeResponse;
}

export interface NamedExchange extends Exchange {
  readonly name: string;
  readonly summary: string;
  /** True if the node is a member of a cluster: "fra-1" in the region "fra", beside "fra-2". */
  readonly inCluster?: boolean;
  /** What is done first, on a node that was empty. */
  readonly before?: readonly Exchange[];
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

export interface Answer {
  readonly description: string;
  /** Name of the schema of a JSON body, or a media type with any bytes; none: no body. */
  readonly schema?: string;
  readonly mediaType?: string;
  /** Headers by their name in `HEADERS` of openapi-headers.ts; those that are not always there are in `optional`. */
  readonly headers?: readonly string[];
  readonly optional?: readonly string[];
}

export interface Operation {
  readonly method: Method;
  /** As OpenAPI writes it: `/v1/keys/{key}`. */
  readonly path: string;
  readonly id: string;
  readonly group: "keys" | "batches" | "invalidation" | "leases" | "cluster" | "operation";
  readonly summary: string;
  readonly description: string;
  /** "operator": read without key prefixes, or admin; undefined: no token is needed. */
  readonly role: Role | "operator" | undefined;
  readonly parameters?: readonly Parameter[];
  /** Name of the schema of the JSON body, or "bytes". */
  readonly body?: string;
  readonly answers: Readonly<Record<number, Answer>>;
  /** Beside those that every request may meet. */
  readonly problems: readonly ProblemCode[];
  readonly exchanges: readonly NamedExchange[];
}
