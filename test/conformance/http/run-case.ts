/** Runs one case against one server: each step's reply must be as expected and obey the rules for all replies. */
import { expect } from "bun:test";
import { within } from "../../e2e/until.ts";
import type { RespClient } from "../resp-client.ts";
import type {
  Ability,
  Body,
  Expectation,
  HeadStep,
  HttpCase,
  HttpTarget,
  RawStep,
  Reply,
  RequestStep,
  RespStep,
  SentBody,
  Step,
} from "./case.ts";
import { jsonOf, replyMistakes } from "./reply-rules.ts";

const encoder = new TextEncoder();
const CLOSE_DEADLINE_MS = 10_000;

/** What a case needs of its target. */
export function neededAbilities({ needs = [], steps }: HttpCase): ReadonlySet<Ability> {
  const all = new Set(needs);
  const look = (step: Step): void => {
    if ("advanceMs" in step) all.add("clock");
    else if ("raw" in step) all.add("sockets");
    else if ("resp" in step) all.add("resp");
    else if ("path" in step) step.during?.forEach(look);
  };
  steps.forEach(look);
  return all;
}

/** One run of a case: what it has saved, and what it has open. */
class Run {
  readonly #target: HttpTarget;
  readonly #saved = new Map<string, string>();
  #resp: RespClient | undefined;

  constructor(target: HttpTarget) {
    this.#target = target;
  }

  async step(step: Step, where: string): Promise<void> {
    if ("advanceMs" in step) await this.#target.advance?.(step.advanceMs);
    else if ("resp" in step) await this.#command(step, where);
    else if ("raw" in step) await this.#raw(step, where);
    else if ("headLikeGet" in step) await this.#headLikeGet(step, where);
    else await this.#request(step, where);
  }

  end(): void {
    this.#resp?.close();
  }

  #fill(text: string): string {
    return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
      const value = this.#saved.get(name);
      if (value === undefined) throw new Error(`nothing was saved as ${name}`);
      return value;
    });
  }

  #fillAll(value: unknown): unknown {
    if (typeof value === "string") return this.#fill(value);
    if (Array.isArray(value)) return value.map((one) => this.#fillAll(one));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, this.#fillAll(one)]));
  }

  async #request(step: RequestStep, where: string): Promise<void> {
    const { method = "GET", path, headers = {}, body, during, orClosed, save = {} } = step;
    const sent: [string, string][] = Object.entries(headers).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, this.#fill(one)]),
    );
    const isJson = typeof body === "object" && "json" in body;
    if (isJson && !sent.some(([name]) => /^content-type$/i.test(name))) sent.push(["Content-Type", "application/json"]);
    let paused = false;
    const pause = async () => {
      paused = true;
      for (const [i, inner] of (during ?? []).entries()) await this.step(inner, `${where}, during ${i}`);
    };
    const reply = await this.#target.exchange({
      method,
      path: this.#fill(path),
      headers: sent,
      body: body === undefined ? undefined : this.#bodyOf(body, during === undefined ? undefined : pause),
    });
    expect(paused, `${where}: the steps during the body ran`).toBe(during !== undefined);
    if (orClosed === true && (reply === undefined || isByRuntime(reply))) return;
    this.#check(reply, step.expect, method, path, where);
    for (const [name, source] of Object.entries(save)) this.#saved.set(name, savedValue(reply as Reply, source, where));
  }

  #bodyOf(body: Body, pause: (() => Promise<void>) | undefined): SentBody {
    const bytes = (part: string | Uint8Array) => (typeof part === "string" ? encoder.encode(this.#fill(part)) : part);
    if (typeof body === "object" && "parts" in body) {
      const { parts, length, end = "complete" } = body;
      return { parts: parts.map(bytes), length, end, pause };
    }
    const whole =
      typeof body === "object" && "json" in body
        ? encoder.encode(JSON.stringify(this.#fillAll(body.json)))
        : bytes(body as string | Uint8Array);
    return { parts: [whole], length: whole.length, end: "complete", pause };
  }

  #check(reply: Reply | undefined, expected: Expectation, method: string, path: string, where: string): void {
    if (reply === undefined) throw new Error(`${where}: closed without a reply`);
    const filled = Object.entries(expected.headers ?? {}).map(([name, value]): [string, string | RegExp | null] => [
      name,
      typeof value === "string" ? this.#fill(value) : value,
    ]);
    const withValues = { ...expected, headers: Object.fromEntries(filled) };
    expect(replyMistakes(reply, withValues, method, path), where).toEqual([]);
  }

  async #headLikeGet({ headLikeGet: path, headers = {} }: HeadStep, where: string): Promise<void> {
    const sent = Object.entries(headers).map(([name, value]) => [name, this.#fill(value)] as const);
    const ask = async (method: string) => {
      const reply = await this.#target.exchange({ method, path: this.#fill(path), headers: sent, body: undefined });
      if (reply === undefined) throw new Error(`${where}: closed without a reply`);
      expect(replyMistakes(reply, { status: reply.status }, method, path), `${where}: ${method}`).toEqual([]);
      // Age and what remains are rounded down, each for itself: their sum may be one less a moment later.
      const steady = (value: string) => (reply.overSocket ? value.replace(/max-age=\d+/, "max-age=n") : value);
      const fields = [...reply.headers]
        .filter(([name]) => !UNSTEADY.has(name))
        .map(([name, value]) => [name, name === "cache-control" ? steady(value) : value]);
      const length = reply.headers.get("content-length");
      if (method === "HEAD" && length !== undefined) expect(length, where).toBe(String(lengthOfGet));
      return { reply, fields: fields.sort() };
    };
    let lengthOfGet = 0;
    const get = await ask("GET");
    lengthOfGet = get.reply.body.length;
    const head = await ask("HEAD");
    expect(head.reply.status, where).toBe(get.reply.status);
    expect(head.fields, where).toEqual(get.fields);
    const isEntry = get.reply.status === 200 && path.startsWith("/v1/keys/");
    if (isEntry) expect(head.reply.headers.get("content-length"), where).toBe(String(lengthOfGet));
  }

  async #command(step: RespStep, where: string): Promise<void> {
    this.#resp ??= await this.#target.connectResp?.();
    const client = this.#resp;
    if (client === undefined) throw new Error(`${where}: this target has no Redis protocol`);
    if (step.resp.length > 0) {
      client.send(...step.resp.map((word) => (typeof word === "string" ? this.#fill(word) : word)));
      const silent = "push" in step && !("reply" in step) && step.match === undefined;
      const reply = silent ? undefined : await client.reply();
      if ("reply" in step) expect(reply, where).toEqual(step.reply);
      if (step.match !== undefined)
        expect(typeof reply === "string" ? reply : JSON.stringify(reply)).toMatch(step.match);
    }
    if ("push" in step) expect(await client.push(), where).toEqual({ ">": step.push });
  }

  async #raw(step: RawStep, where: string): Promise<void> {
    const connection = await this.#target.connect?.();
    if (connection === undefined) throw new Error(`${where}: this target has no sockets`);
    try {
      for (const piece of [step.raw].flat()) await connection.send(this.#fill(piece));
      if (step.cut === true) {
        connection.end();
        return await within(`${where}: closing`, connection.closed, CLOSE_DEADLINE_MS);
      }
      for (const [i, expected] of (step.replies ?? []).entries()) {
        const method = expected.toHead === true ? "HEAD" : "GET";
        const reply = await connection.reply(method === "HEAD");
        this.#check(reply, expected, method, "", `${where}, reply ${i}`);
      }
      if (step.refused === true) {
        const reply = await connection.reply(false);
        if (reply !== undefined) expect(reply.status, where).toBeGreaterThanOrEqual(400);
      }
      if (step.afterwards === "closed") await within(`${where}: closing`, connection.closed, CLOSE_DEADLINE_MS);
      if (step.afterwards === "open") {
        await connection.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
        expect((await connection.reply(false))?.status, `${where}: the next request`).toBe(200);
      }
    } finally {
      connection.close();
    }
  }
}

/** Fields that differ between two replies to the same request: time passes, and HEAD may leave lengths out. */
const UNSTEADY = new Set(["date", "age", "cache-status", "content-length", "transfer-encoding", "connection"]);

function savedValue(reply: Reply, source: string, where: string): string {
  const [kind, name = ""] = source.split(/:(.*)/s);
  if (kind === "header") {
    const value = reply.headers.get(name.toLowerCase());
    if (value === undefined) throw new Error(`${where}: no header ${name} to save`);
    return value;
  }
  const value = name
    .split(".")
    .reduce<unknown>((inner, member) => (inner as Record<string, unknown> | undefined)?.[member], jsonOf(reply));
  if (value === undefined || value === null) throw new Error(`${where}: no ${name} to save`);
  return String(value);
}

/** An error that the runtime gave before Shoal saw the request, or when its body broke off. */
function isByRuntime({ status, headers }: Reply): boolean {
  return status >= 400 && status < 500 && !headers.has("content-type");
}

function describeStep(step: Step): string {
  if ("raw" in step) return JSON.stringify([step.raw].flat()[0]?.slice(0, 100));
  if ("resp" in step) return step.resp.join(" ").slice(0, 100);
  if ("advanceMs" in step) return `${step.advanceMs} ms pass`;
  if ("headLikeGet" in step) return `GET and HEAD ${step.headLikeGet.slice(0, 100)}`;
  return `${step.method ?? "GET"} ${step.path.slice(0, 100)} ${JSON.stringify(step.headers ?? {}).slice(0, 200)}`;
}

/** Runs one case on a server that is empty; rejects if an expectation is not met. */
export async function runCase(one: HttpCase, target: HttpTarget): Promise<void> {
  const run = new Run(target);
  try {
    for (const [i, step] of one.steps.entries()) await run.step(step, `step ${i}: ${describeStep(step)}`);
  } finally {
    run.end();
  }
}
