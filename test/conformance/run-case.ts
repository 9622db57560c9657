/** Runs one case against one target: an empty server and new connections first, nothing left unread at the end. */
import { expect } from "bun:test";
import { within } from "../e2e/until.ts";
import type { Case, Step } from "./case.ts";
import type { RespClient } from "./resp-client.ts";
import { atLeast, type Target } from "./targets.ts";

/** True if a case is meant for a target. */
export function appliesTo({ protocols, shoalOnly, redis }: Case, target: Target): boolean {
  if (protocols !== undefined && !protocols.includes(target.protocol)) return false;
  if (target.redisVersion === undefined) return true;
  return shoalOnly !== true && (redis === undefined || atLeast(target.redisVersion, redis));
}

/** A reply as text, for `match`. */
function asText(reply: unknown): string {
  if (typeof reply === "string") return reply;
  if (typeof reply === "object" && reply !== null && "error" in reply) return String(reply.error);
  return JSON.stringify(reply, (_, value) => (typeof value === "bigint" ? String(value) : value));
}

async function takeReply(step: Step, client: RespClient, where: string): Promise<void> {
  const wanted = "expect3" in step && client.protocol === 3 ? step.expect3 : step.expect;
  const reply = await client.reply();
  if (step.error !== undefined) expect(reply, where).toEqual({ error: step.error });
  else if (step.match !== undefined) expect(asText(reply), where).toMatch(step.match);
  else if ("expect" in step || ("expect3" in step && client.protocol === 3)) expect(reply, where).toEqual(wanted);
}

async function takePush(step: Step, client: RespClient, where: string): Promise<void> {
  const frame = await client.push();
  const elements = (value: unknown) => (value as { ">"?: unknown })[">"] ?? value;
  if (client.protocol === 3) expect(frame, where).toHaveProperty([">"]);
  expect(elements(frame), where).toEqual(elements(step.push));
}

async function runStep(step: Step, client: RespClient, where: string): Promise<void> {
  if (step.send.length > 0) client.send(...step.send);
  const expectsReply = ["expect", "expect3", "error", "match"].some((field) => field in step);
  if (expectsReply || (step.send.length > 0 && !("push" in step))) await takeReply(step, client, where);
  if ("push" in step) await takePush(step, client, where);
}

/** Runs one case; rejects if an expectation is not met. */
export async function runCase(one: Case, target: Target): Promise<void> {
  const clients = new Map<number, RespClient>();
  const open = async (number: number): Promise<RespClient> => {
    const client = clients.get(number) ?? (await target.connect());
    clients.set(number, client);
    return client;
  };
  try {
    expect(await (await open(0)).call("FLUSHALL")).toBe("OK");
    for (const [i, step] of one.steps.entries()) {
      const where = `step ${i}: ${step.send.join(" ").slice(0, 200)}`;
      await runStep(step, await open(step.connection ?? 0), where);
    }
    for (const [number, client] of clients) expect(client.unread, `left unread on connection ${number}`).toEqual([]);
  } finally {
    await Promise.all([...clients.values()].map((client) => within("closing", client.end())));
  }
}
