/**
 * The OpenAPI 3.1 document of a server, made of two things only: the zod schemas by which requests are checked (and
 * replies, in tests), and the table of operations. What it says of a body is therefore what the server does.
 *
 * Each status of an operation is one response. Those of 400 and above are problems; which kinds of them an operation may
 * answer with is part of the response's schema.
 */
import { z } from "zod";
import { statisticsSchema } from "../statistics-schema.ts";
import { batchOperations } from "./openapi-batches.ts";
import { clusterOperations } from "./openapi-cluster.ts";
import { HEADERS } from "./openapi-headers.ts";
import { invalidationOperations, leaseOperations } from "./openapi-invalidations.ts";
import { keyOperations } from "./openapi-keys.ts";
import {
  type Answer,
  type NamedExchange,
  type Operation,
  type Parameter,
  PLAIN_BODY_PROBLEMS,
} from "./openapi-operation.ts";
import { operatorOperations } from "./openapi-operator.ts";
import { PROBLEM_TYPE, PROBLEMS, type ProblemCode } from "./problem.ts";
import * as replies from "./response-schemas.ts";
import { bytesSchema, type RequestSchemas } from "./schemas.ts";

const JSON_TYPE = "application/json";
/** What any request may be answered with; and any that needs a token; and any with a body. */
const ALWAYS: readonly ProblemCode[] = ["misdirected-request", "internal-error"];
const WITH_TOKEN: readonly ProblemCode[] = ["unauthenticated", "forbidden"];
const WITH_BODY = PLAIN_BODY_PROBLEMS;
/** Headers that problems of a kind have, always; of a miss, those that read tell more. */
const PROBLEM_HEADERS: Readonly<Partial<Record<ProblemCode, readonly string[]>>> = {
  unauthenticated: ["WWW-Authenticate"],
  "lease-busy": ["Retry-After"],
  overloaded: ["Retry-After"],
  "storage-failed": ["Retry-After"],
  "not-ready": ["Retry-After"],
};

/** All operations, in the order in which they are told. */
export const operations: readonly Operation[] = [
  ...keyOperations,
  ...batchOperations,
  ...invalidationOperations,
  ...leaseOperations,
  ...clusterOperations,
  ...operatorOperations,
];

const documentReply = z
  .looseObject({ openapi: z.string(), info: z.looseObject({}), paths: z.looseObject({}) })
  .meta({ description: "An OpenAPI document." });

/** The schemas by their names in the document. */
function schemasOf(requests: RequestSchemas): Readonly<Record<string, z.ZodType>> {
  return {
    Bytes: bytesSchema,
    BatchGetRequest: requests.batchGet,
    BatchGetReply: replies.batchGetReply,
    BatchSetRequest: requests.batchSet,
    BatchSetReply: replies.batchSetReply,
    BatchDeleteRequest: requests.batchDelete,
    BatchDeleteReply: replies.batchDeleteReply,
    InvalidateRequest: requests.invalidate,
    Receipt: replies.receiptReply,
    LeaseRequest: requests.lease,
    Lease: replies.leaseReply,
    Cluster: replies.clusterReply,
    ClusterSlots: replies.clusterSlotsReply,
    ClusterWeightRequest: requests.clusterWeight,
    ClusterJoinRequest: requests.clusterJoin,
    ClusterChange: replies.clusterChangeReply,
    Live: replies.liveReply,
    Ready: replies.readyReply,
    Statistics: statisticsSchema,
    Document: documentReply,
    Problem: replies.problemReply,
  };
}

const refTo = (name: string) => `#/components/schemas/${name}`;

function jsonSchemas(requests: RequestSchemas): Record<string, unknown> {
  const registry = z.registry<{ id?: string }>();
  for (const [id, schema] of Object.entries(schemasOf(requests))) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    io: "input",
    uri: refTo,
    override: ({ jsonSchema }) => {
      // Every integer is a safe one: limits that only say so tell a reader nothing.
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema: _dialect, $id: _id, ...schema }]) => [name, schema]),
  );
}

/** Makes the document. A few milliseconds of work. */
export function createDocument(requests: RequestSchemas, version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    const path = paths[operation.path] ?? {};
    paths[operation.path] = path;
    path[operation.method] = describeOperation(operation);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Shoal",
      version,
      summary: "An edge-native distributed cache.",
      description:
        "Keys as resources with bytes, lifetimes, tags and entity tags; batches; invalidation by key, tag and pattern; " +
        "leases for fills that never store what was invalidated while it was loaded. Errors are problems as RFC 9457 " +
        "describes them. `x-shoal-exchanges` of an operation are requests with their responses; what differs from run to " +
        "run is listed in `volatile`.",
      license: { name: "MIT", identifier: "MIT" },
    },
    // Relative to where the document was found, so that it is right where the server is mounted in another one.
    servers: [{ url: ".", description: "This node." }],
    tags: [
      { name: "keys", description: "Keys as resources." },
      { name: "batches", description: "Many keys at once." },
      { name: "invalidation", description: "By key, tag, pattern, or everything." },
      { name: "leases", description: "Fills that lose to what came between." },
      { name: "cluster", description: "Members, slots, and what an operator changes." },
      { name: "operation", description: "Statistics, health, and this document." },
    ],
    paths,
    components: {
      schemas: jsonSchemas(requests),
      headers: HEADERS,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "A secret, or a token's." },
        basic: {
          type: "http",
          scheme: "basic",
          description: "The token's name, or nothing, and the secret as password.",
        },
      },
    },
  };
}

function describeOperation(operation: Operation): Record<string, unknown> {
  const { id, group, summary, description, role, parameters = [], body, exchanges } = operation;
  const needs = role === "operator" ? "the role read without key prefixes, or admin" : `the role ${role}`;
  return {
    operationId: id,
    tags: [group],
    summary,
    description: role === undefined ? `${description} Needs no token.` : `${description} Needs ${needs}.`,
    // Where nothing is configured, a node on a loopback address asks for no secret.
    security: role === undefined ? [] : [{ bearer: [] }, { basic: [] }, {}],
    ...(parameters.length === 0
      ? {}
      : { parameters: parameters.map((parameter) => describeParameter(parameter, operation)) }),
    ...(body === undefined ? {} : { requestBody: describeBody(body, exchanges) }),
    responses: describeResponses(operation),
    "x-shoal-exchanges": exchanges,
  };
}

function describeParameter(parameter: Parameter, operation: Operation): Record<string, unknown> {
  const examples: Record<string, unknown> = {};
  for (const exchange of operation.exchanges) {
    const value = parameterIn(parameter, operation.path, exchange);
    if (value !== undefined) examples[exchange.name] = { summary: exchange.summary, value };
  }
  return {
    ...parameter,
    required: parameter.in === "path",
    ...(Object.keys(examples).length === 0 ? {} : { examples }),
  };
}

/** What a parameter is in an exchange. */
function parameterIn({ name, in: place, schema }: Parameter, template: string, { request }: NamedExchange): unknown {
  if (place === "header") return request.headers?.[name.toLowerCase()];
  const [path, query] = request.path.split("?") as [string, string?];
  if (place === "path") return decodeURIComponent(path.slice(template.indexOf("{")));
  const value = new URLSearchParams(query).get(name) ?? undefined;
  return value !== undefined && schema.type === "integer" ? Number(value) : value;
}

function examplesOf(exchanges: readonly NamedExchange[], bodyOf: (exchange: NamedExchange) => unknown) {
  const given = exchanges.filter((exchange) => bodyOf(exchange) !== undefined);
  const examples = given.map((exchange) => [exchange.name, { summary: exchange.summary, value: bodyOf(exchange) }]);
  return examples.length === 0 ? {} : { examples: Object.fromEntries(examples) };
}

function describeBody(body: string, exchanges: readonly NamedExchange[]): Record<string, unknown> {
  const examples = examplesOf(exchanges, ({ request }) => request.body);
  if (body === "bytes") {
    return { description: "The value: any bytes.", required: true, content: { "*/*": { ...examples } } };
  }
  return { required: true, content: { [JSON_TYPE]: { schema: { $ref: refTo(body) }, ...examples } } };
}

function describeResponses(operation: Operation): Record<string, unknown> {
  const responses: Record<string, unknown> = {};
  for (const [status, answer] of Object.entries(operation.answers)) {
    responses[status] = describeAnswer(answer, operation, Number(status));
  }
  for (const [status, codes] of problemsOf(operation)) {
    responses[status] = describeProblems(codes, operation, status, operation.answers[status]);
  }
  return responses;
}

function describeAnswer(answer: Answer, { exchanges }: Operation, status: number): Record<string, unknown> {
  const type = answer.schema === undefined ? answer.mediaType : JSON_TYPE;
  const schema = answer.schema === undefined ? {} : { schema: { $ref: refTo(answer.schema) } };
  const examples = examplesOf(exchanges, ({ response }) => (response.status === status ? response.body : undefined));
  return {
    description: answer.description,
    ...describeHeaders(answer.headers ?? [], answer.optional ?? []),
    ...(type === undefined ? {} : { content: { [type]: { ...schema, ...examples } } }),
  };
}

function describeHeaders(always: readonly string[], sometimes: readonly string[]): Record<string, unknown> {
  const all = [...always, ...sometimes];
  if (all.length === 0) return {};
  const describe = (name: string) => [name, { ...HEADERS[name], required: always.includes(name) }];
  return { headers: Object.fromEntries(all.map(describe)) };
}

/** The kinds of problems by status. */
function problemsOf({ role, body, problems }: Operation): Map<number, Set<ProblemCode>> {
  const codes = [
    ...problems,
    ...ALWAYS,
    ...(role === undefined ? [] : WITH_TOKEN),
    ...(body === undefined ? [] : WITH_BODY),
  ];
  const byStatus = new Map<number, Set<ProblemCode>>();
  for (const code of codes) {
    const status = PROBLEMS[code][0];
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code));
  }
  return byStatus;
}

/** Problems, beside the answer that the status has of its own, if it has one. */
function describeProblems(
  codes: ReadonlySet<ProblemCode>,
  { method, exchanges }: Operation,
  status: number,
  answer: Answer | undefined,
): Record<string, unknown> {
  const names = [...codes];
  const reads = method === "get" || method === "head";
  const lists = names.map((code) => (reads && code === "not-found" ? ["Cache-Status"] : (PROBLEM_HEADERS[code] ?? [])));
  const common = lists[0]?.filter((name) => lists.every((list) => list.includes(name))) ?? [];
  const type = { type: "string", enum: names.map((code) => `urn:shoal:problem:${code}`) };
  const schema = { allOf: [{ $ref: refTo("Problem") }, { type: "object", properties: { type } }] };
  const examples = examplesOf(exchanges, ({ response }) => (response.status === status ? response.body : undefined));
  const content = {
    ...(answer?.schema === undefined ? {} : { [JSON_TYPE]: { schema: { $ref: refTo(answer.schema) } } }),
    [PROBLEM_TYPE]: { schema, ...examples },
  };
  const titles = names.map((code) => `${PROBLEMS[code][1]} (${code}).`);
  return {
    description: [...(answer === undefined ? [] : [answer.description]), ...titles].join(" "),
    ...describeHeaders(common, [...new Set(lists.flat().filter((name) => !common.includes(name)))]),
    // The response to HEAD says what it would have said, without saying it.
    ...(method === "head" ? {} : { content }),
  };
}
