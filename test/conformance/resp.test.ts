/**
 * Runs every case of `cases/` against every target: one test each, so that the totals are real.
 *
 * Redis is asked as well, in the version that is installed: an expectation that Redis does not share is a mistake in the
 * case, unless the case says that it is ours (`shoalOnly`) or newer (`redis`).
 */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { within } from "../e2e/until.ts";
import type { Case, Step } from "./case.ts";
import type { RespClient } from "./resp-client.ts";
import { atLeast, startTargets, type Target } from "./targets.ts";

setDefaultTimeout(15_000);

const folder = new URL("./cases/", import.meta.url);

/** All cases by the name of their table. */
async function loadCases(): Promise<Map<string, readonly Case[]>> {
  const tables = new Map<string, readonly Case[]>();
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith(".ts"))
    .sort()) {
    const module = (await import(new URL(file, folder).href)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(module)) {
      if (name.endsWith("Cases")) tables.set(name, value as readonly Case[]);
    }
  }
  return tables;
}

function appliesTo({ protocols, shoalOnly, redis }: Case, target: Target): boolean {
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

async function runCase(one: Case, target: Target): Promise<void> {
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

const tables = await loadCases();
const { targets, skipped, close } = await startTargets();
afterAll(close);

for (const target of targets) {
  describe(target.name, () => {
    for (const [table, cases] of tables) {
      describe(table, () => {
        for (const one of cases) {
          if (appliesTo(one, target)) test(one.name, () => runCase(one, target));
        }
      });
    }
  });
}

for (const { name, reason } of skipped) test.skip(`${name}: ${reason}`, () => {});
