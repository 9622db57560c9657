/**
 * JSON requests: from a body's bytes to a checked value, or to a problem that names every mistake in it.
 *
 * A mistake has the field's path ("entries.3.ttlMs"), what was given, and what is allowed. Short texts and
 * numbers are shown as they were given, all else by its kind and size. Nobody needs the millionth mistake: at most `MAX_MISTAKES` are told, and how many more
 * there are. A field called `__proto__` is unknown like any other, at every depth, because all objects are strict.
 */
import type { z } from "zod";
import type { Principal } from "../../node/access.ts";
import { requireValid } from "./authorization.ts";
import { Problem } from "./problem.ts";
import { readBody } from "./request-body.ts";
import type { HttpServer } from "./server.ts";

/** Bytes of a JSON body that names a bounded number of things. Policy: 413. */
export const MAX_JSON_BYTES = 2 ** 20;

/** Mistakes that a problem lists. Policy: the others are counted. */
export const MAX_MISTAKES = 100;
const MAX_SHOWN = 60;

export interface Mistake {
  readonly field: string;
  readonly detail: string;
  readonly allowed: string;
}

// Bytes that are not UTF-8 are refused rather than replaced: two different keys would become one.
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads and checks a JSON request: no query, the right type, a body within `limitBytes`, a sender who was not revoked while
 * it came, and what the schema says.
 *
 * @throws {Problem} (rejects with one) what `requireJson`, `readBody`, `requireValid` and `parseJson` throw; bad-request for a query
 */
export async function readJson<Schema extends z.ZodType>(
  server: HttpServer,
  request: Request,
  principal: Principal,
  schema: Schema,
  limitBytes: number,
): Promise<z.output<Schema>> {
  refuseQuery(request);
  requireJson(request.headers);
  const body = await readBody(server, request, limitBytes);
  requireValid(principal);
  return parseJson(body, schema);
}

/**
 * For resources without query parameters.
 *
 * @throws {Problem} bad-request, naming the first parameter
 */
export function refuseQuery(request: Request): void {
  const query = request.url.indexOf("?");
  if (query < 0) return;
  for (const [name] of new URLSearchParams(request.url.slice(query + 1))) {
    const detail = `the query parameter "${shorten(name)}" is not known here`;
    throw new Problem("bad-request", { detail, field: shorten(name), allowed: "no query parameters" });
  }
}

/**
 * Asks for `application/json`; parameters such as a charset may follow if they mean UTF-8. Bodies must not
 * be compressed.
 *
 * @throws {Problem} unsupported-media-type
 */
export function requireJson(headers: Headers): void {
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.trim().toLowerCase() !== "identity") {
    const detail = `the body is encoded (${shorten(encoding)})`;
    const allowed = "identity, or no such header";
    throw new Problem("unsupported-media-type", { detail, field: "Content-Encoding", allowed });
  }
  const given = headers.get("content-type") ?? "";
  const [type, ...parameters] = given.split(";").map((part) => part.trim().toLowerCase());
  const foreign = parameters.some((one) => one.startsWith("charset=") && !/^charset="?utf-8"?$/.test(one));
  if (type === "application/json" && !foreign) return;
  const detail = given === "" ? "the request has no Content-Type" : `the body is ${shorten(given)}`;
  throw new Problem("unsupported-media-type", { detail, field: "Content-Type", allowed: "application/json in UTF-8" });
}

/**
 * Parses and checks a body.
 *
 * @returns what the schema makes of it
 * @throws {Problem} bad-json, or bad-schema with all mistakes
 */
export function parseJson<Schema extends z.ZodType>(body: Uint8Array, schema: Schema): z.output<Schema> {
  const given = parse(body);
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw badSchema(mistakesOf(result.error.issues, given));
}

/** The problem that tells mistakes. There must be one at least. */
export function badSchema(mistakes: readonly Mistake[]): Problem {
  const more = mistakes.length - MAX_MISTAKES;
  const first = mistakes[0] as Mistake;
  const count = mistakes.length === 1 ? "one mistake" : `${mistakes.length} mistakes`;
  const detail = `the body has ${count}${more > 0 ? `, of which the first ${MAX_MISTAKES} are listed` : ""}`;
  return new Problem("bad-schema", {
    detail: mistakes.length === 1 ? `${first.field === "" ? "the body" : first.field} ${first.detail}` : detail,
    field: first.field,
    allowed: first.allowed,
    mistakes: mistakes.slice(0, MAX_MISTAKES),
  });
}

function parse(body: Uint8Array): unknown {
  let text: string;
  try {
    text = decoder.decode(body);
  } catch {
    throw new Problem("bad-json", { detail: "the body is not valid UTF-8", allowed: "a JSON object in UTF-8" });
  }
  if (text.trim() === "") throw new Problem("bad-json", { detail: "the body is empty", allowed: "a JSON object" });
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? shorten(error.message) : "it cannot be parsed";
    throw new Problem("bad-json", { detail: `the body is not JSON: ${reason}`, allowed: "a JSON object" });
  }
}

/** One mistake a field and rule, in the order in which the schema has found them. */
function mistakesOf(issues: readonly z.core.$ZodIssue[], given: unknown): Mistake[] {
  const mistakes: Mistake[] = [];
  const known = new Set<string>();
  const add = (mistake: Mistake) => {
    const name = `${mistake.field}\n${mistake.allowed}`;
    if (!known.has(name)) mistakes.push(mistake);
    known.add(name);
  };
  for (const issue of issues) collect(issue, issue.path, given, add);
  return mistakes;
}

type Path = readonly PropertyKey[];

function collect(issue: z.core.$ZodIssue, path: Path, given: unknown, add: (mistake: Mistake) => void): void {
  if (issue.code === "unrecognized_keys") {
    for (const name of issue.keys) {
      add({ field: fieldOf([...path, name]), detail: "is not a field here", allowed: issue.message });
    }
    return;
  }
  if (issue.code === "invalid_union") {
    // The branch that looked inside what was given is the one that was meant.
    const meant = issue.errors.find((branch) => branch.some((inner) => inner.path.length > 0));
    if (meant !== undefined) {
      for (const inner of meant) collect(inner, [...path, ...inner.path], given, add);
      return;
    }
  }
  add({ field: fieldOf(path), detail: describe(valueAt(given, path)), allowed: issue.message });
}

function fieldOf(path: Path): string {
  return path.map((part) => shorten(String(part))).join(".");
}

function valueAt(given: unknown, path: Path): unknown {
  let value = given;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

/** What was given, in a few words. */
function describe(value: unknown): string {
  if (value === undefined) return "is missing";
  if (Array.isArray(value)) return `is an array of ${value.length}`;
  if (typeof value === "string" && value.length > MAX_SHOWN) return `is a string of ${value.length} characters`;
  if (typeof value === "number") return `is ${value}`;
  if (value === null || typeof value !== "object") return `is ${JSON.stringify(value)}`;
  const names = Object.keys(value);
  return names.length === 0
    ? "is an empty object"
    : `is an object with ${shorten(names.slice(0, MAX_SHOWN).join(", "))}`;
}

function shorten(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 3)}...` : text;
}
