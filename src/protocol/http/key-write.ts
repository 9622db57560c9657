/**
 * PUT and DELETE of a key. Headers are read, and refused, before the body is; preconditions are evaluated in the turn that
 * stores, so that they are a compare-and-set. An entry that is stale counts as absent, as it does for everybody who does
 * not ask for stale ones.
 */

import { RecordKind } from "../../core/record.ts";
import type { Principal } from "../../node/access.ts";
import type { NodeConfig } from "../../node/config.ts";
import type { Node } from "../../node/node.ts";
import { Outcome } from "../../store/outcome.ts";
import { requireValid } from "./authorization.ts";
import { entityTagOf } from "./entity-tag.ts";
import {
  describeEntry,
  type EntryHeaders,
  type EntryTimes,
  isOver,
  readEntryHeaders,
  timesOf,
} from "./entry-headers.ts";
import { entityTagOfEntry } from "./entry-response.ts";
import { type KeyPath, keyTooLong } from "./key-path.ts";
import { judge, type Preconditions, preconditionFailed, readPreconditions } from "./preconditions.ts";
import { Problem, problemBody, problemResponse } from "./problem.ts";
import { PendingBody } from "./request-body.ts";
import type { HttpServer } from "./server.ts";
import { admitWrite, requireLoaded, settled } from "./write-admission.ts";

const NOT_FOUND = problemBody("not-found", { detail: "there is no fresh entry with this key" });

/** A PUT on its way from its head to its answer; `answered` gets that, once. */
export class KeyWrite extends PendingBody {
  override readonly keepsBytes = false;
  readonly #server: HttpServer;
  /** Scratch of all requests: it is read again when the body is there, because others have used it meanwhile. */
  readonly #path: KeyPath;
  readonly #principal: Principal;
  readonly #url: string;
  readonly #from: number;
  readonly #headers: EntryHeaders;
  readonly #preconditions: Preconditions | undefined;
  readonly #answered: (response: Response) => void;

  /**
   * Reads the head.
   *
   * @param from Where the key begins in the request's URL.
   * @throws Problem if the request is refused for it; then `answered` is not called.
   */
  constructor(
    server: HttpServer,
    path: KeyPath,
    principal: Principal,
    request: Request,
    from: number,
    answered: (response: Response) => void,
  ) {
    super();
    this.#server = server;
    this.#path = path;
    this.#principal = principal;
    this.#url = request.url;
    this.#from = from;
    const { headers } = request;
    this.#headers = readEntryHeaders(headers);
    this.#preconditions = readPreconditions(headers);
    this.#answered = answered;
  }

  /** Stores the body, and answers when the response may be sent: mostly at once. */
  received(body: Uint8Array): void {
    const server = this.#server;
    let response: Response | Promise<Response>;
    try {
      requireValid(this.#principal);
      admitWrite(server);
      response = settled(server, this.#store(body));
    } catch (error) {
      response = server.answerError(error);
    }
    if (response instanceof Promise) {
      response.then(this.#answered, (error) => this.#answered(server.answerError(error)));
    } else {
      this.#answered(response);
    }
  }

  failed(problem: Problem): void {
    this.#answered(problem.toResponse());
  }

  #store(body: Uint8Array): Response {
    const path = this.#path;
    return this.#server.turn(() => {
      path.parse(this.#server.node, this.#url, this.#from);
      return store(this.#server, path, this.#headers, this.#preconditions, body);
    });
  }
}

function store(
  server: HttpServer,
  { bytes, start, end }: KeyPath,
  headers: EntryHeaders,
  preconditions: Preconditions | undefined,
  body: Uint8Array,
): Response {
  const { node } = server;
  const id = node.peek(bytes, start, end);
  if (preconditions !== undefined) {
    requireLoaded(server, id !== 0);
    check(node, id, preconditions);
  }
  const times = timesOf(headers.lifetime, node.nowMs);
  if (isOver(times, node.nowMs)) {
    node.delete(bytes, start, end);
    return new Response(null, { status: 204 });
  }
  const outcome = writeEntry(node, { bytes, start, end }, body, headers, times);
  if (outcome < 0) throw refusalOf(outcome, node.config);
  const etag = entityTagOf(node.draft.version, node.draft.origin);
  if (id !== 0) return new Response(null, { status: 204, headers: { etag } });
  return new Response(null, { status: 201, headers: { etag, "content-length": "0" } });
}

/** Writes an entry under the stored key `bytes[start, end)`; its stamp is in `node.draft` then. */
export function writeEntry(
  node: Node,
  { bytes, start, end }: Pick<KeyPath, "bytes" | "start" | "end">,
  value: Uint8Array,
  headers: Omit<EntryHeaders, "lifetime">,
  times: EntryTimes,
): Outcome {
  const record = node.draft;
  record.reset();
  record.kind = RecordKind.SET;
  record.setKey(bytes, start, end);
  record.setValue(value, 0, value.length);
  record.global = true;
  describeEntry(record, headers, times);
  const outcome = node.write(record);
  if (outcome >= 0 && times.expiresAt !== 0) node.observer?.changed(bytes, start, end, "expire");
  return outcome;
}

/** Answers a DELETE. */
export function deleteKey(server: HttpServer, request: Request, { bytes, start, end }: KeyPath): Response {
  const preconditions = readPreconditions(request.headers);
  admitWrite(server);
  return server.turn(() => {
    const { node } = server;
    const id = node.peek(bytes, start, end);
    requireLoaded(server, id !== 0);
    if (id !== 0 && preconditions !== undefined) check(node, id, preconditions);
    // Nothing is there that could be the expected entry; a stale one, which may be another, stays.
    if (id === 0 && preconditions?.ifMatch !== undefined) return problemResponse("not-found", NOT_FOUND);
    // Without that a stale entry is deleted too, though nothing was there for who asked.
    const deleted = node.delete(bytes, start, end);
    return deleted ? new Response(null, { status: 204 }) : problemResponse("not-found", NOT_FOUND);
  });
}

/** @throws Problem `precondition-failed` unless the entry, 0 for none, is as the preconditions want it. */
function check(node: Node, id: number, preconditions: Preconditions): void {
  const current = id === 0 ? undefined : entityTagOfEntry(node.store, id);
  if (judge(preconditions, current, false) !== "proceed") throw preconditionFailed(current);
}

/** The problem of a record that was refused. */
function refusalOf(outcome: Outcome, { maxKeyBytes, maxValueBytes }: NodeConfig): Problem {
  switch (outcome) {
    case Outcome.OUT_OF_MEMORY:
      return new Problem("out-of-memory", { detail: "there is no room, and nothing that could be evicted for it" });
    case Outcome.KEY_TOO_LONG:
      return keyTooLong(maxKeyBytes);
    case Outcome.VALUE_TOO_LONG:
      return new Problem("too-large", {
        detail: "the value is too large",
        allowed: `at most ${maxValueBytes} bytes (maxValueBytes)`,
      });
    default:
      return new Problem("bad-request", { detail: `the entry was refused (${outcome})` });
  }
}
