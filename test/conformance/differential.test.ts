/**
 * Shoal against Redis: the same random conversations with both, and every difference that nobody intended is a failure.
 *
 * A short run with a fixed seed belongs to the tests; a longer one is asked for:
 *
 *     SHOAL_DIFFERENTIAL_COMMANDS=500000 SHOAL_DIFFERENTIAL_SEED=7 bun test test/conformance/differential.test.ts
 *
 * A failure prints the conversation, made as short as possible, which then becomes a case in `cases/`.
 */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { installed, type ServerProcess, startRedis } from "../e2e/server-process.ts";
import { type Divergence, Duel, Side } from "./differential/duel.ts";
import { askFacts, differentFacts, type Facts, wrongCounts } from "./differential/facts.ts";
import { Grammar, NOT_DRAWN, type Request } from "./differential/grammar.ts";
import { MALFORMED } from "./differential/malformed.ts";
import { makePayloads } from "./differential/payloads.ts";
import { Random } from "./differential/random.ts";
import { InProcessServer } from "./in-process.ts";
import { RespClient } from "./resp-client.ts";

const COMMANDS = Number(process.env.SHOAL_DIFFERENTIAL_COMMANDS ?? 20_000);
const SEED = Number(process.env.SHOAL_DIFFERENTIAL_SEED ?? 1);
const COMMANDS_PER_CONVERSATION = 100;
/** After so many differences the rest is not worth the time. */
const MOST_DIFFERENCES = Number(process.env.SHOAL_DIFFERENTIAL_MOST ?? 5);
const MS_PER_COMMAND = 5;
const REPLAYS = 3;

setDefaultTimeout(20_000 + COMMANDS * MS_PER_COMMAND);

const executable = installed("redis-server");
/** What Redis answers changes from version to version, in texts above all; the list of differences is for this one. */
const REDIS = /v=7\.0\./;

/** Why there is nobody to compare with, or undefined. */
function obstacle(): string | undefined {
  if (executable === undefined) return "redis-server is not installed";
  const version = Bun.spawnSync([executable, "--version"]).stdout.toString();
  return REDIS.test(version) ? undefined : `redis-server is not 7.0: ${version.trim()}`;
}

/** As one would type it into redis-cli. */
function printed({ connection, words }: Request): string {
  return `  ${connection}: ${words.map((word) => (/^[\w.*-]+$/.test(word) ? word : JSON.stringify(word))).join(" ")}`;
}

function described(requests: readonly Request[], found: Divergence, protocol: number): string {
  const reply = (value: unknown) => JSON.stringify(value, (_, one) => (typeof one === "bigint" ? `${one}n` : one));
  return [
    `RESP${protocol} ${found.kind}`,
    ...requests.map(printed),
    `  Shoal: ${reply(found.ours)}`,
    `  Redis: ${reply(found.redis)}`,
  ].join("\n");
}

/** Two clocks make differences that are none, about once in a million commands: those do not come again. */
async function appearsAgain(duel: Duel, requests: readonly Request[], protocol: 2 | 3, kind: string): Promise<boolean> {
  for (let replay = 0; replay < REPLAYS; replay++) {
    if ((await duel.fight(requests, protocol))?.kind === kind) return true;
  }
  return false;
}

async function findDifferences(duel: Duel, grammar: Grammar): Promise<string[]> {
  const random = new Random(SEED);
  const differences = new Map<string, string>();
  for (let done = 0; done < COMMANDS; done += COMMANDS_PER_CONVERSATION) {
    const protocol = random.chance(0.5) ? 2 : 3;
    const requests = grammar.conversation(random, COMMANDS_PER_CONVERSATION);
    const found = await duel.fight(requests, protocol);
    if (found === undefined || differences.has(found.kind)) continue;
    if (!(await appearsAgain(duel, requests, protocol, found.kind))) continue;
    const least = await duel.minimize(requests, protocol, found.kind);
    const small = (await duel.fight(least, protocol)) ?? found;
    differences.set(found.kind, described(least, small, protocol));
    if (differences.size >= MOST_DIFFERENCES) break;
  }
  return [...differences.values()];
}

/** Both servers, and a connection to each. */
class Arena {
  readonly shoal = new InProcessServer({ policy: "lru" });
  readonly #redis: ServerProcess;
  readonly #clients: RespClient[] = [];

  private constructor(redis: ServerProcess) {
    this.#redis = redis;
  }

  static async open(program: string): Promise<Arena> {
    const arena = new Arena(await startRedis(program));
    const [, redis] = await arena.clients();
    // A value may be as long as ours, and OBJECT answers as with our policy.
    await redis.call("CONFIG", "SET", "proto-max-bulk-len", "1048576", "maxmemory-policy", "allkeys-lru");
    return arena;
  }

  readonly connectOurs = (protocol: 2 | 3) => this.shoal.connect(protocol);
  readonly connectRedis = (protocol: 2 | 3) => RespClient.connect(this.#redis.port, protocol);

  /** New connections in RESP2, closed with the arena. */
  async clients(): Promise<[ours: RespClient, redis: RespClient]> {
    const pair: [RespClient, RespClient] = [await this.connectOurs(2), await this.connectRedis(2)];
    this.#clients.push(...pair);
    return pair;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    this.shoal.close();
    await this.#redis.stop();
  }
}

const reason = obstacle();
if (executable === undefined || reason !== undefined) {
  test.skip(String(reason), () => {});
} else {
  const arena = await Arena.open(executable);
  afterAll(() => arena.close());

  test(`${COMMANDS} commands, seed ${SEED}`, async () => {
    const grammar = new Grammar(await makePayloads(...(await arena.clients())));
    const ours = await Side.open(arena.connectOurs);
    const redis = await Side.open(arena.connectRedis);
    const differences = await findDifferences(new Duel(ours, redis), grammar);
    ours.close();
    redis.close();
    expect(differences.join("\n\n")).toBe("");
  });

  test("a planted difference is found and made small", async () => {
    const planted = new InProcessServer({ maxValueBytes: 10_000 });
    const grammar = new Grammar([""]);
    const requests = grammar.conversation(new Random(1), COMMANDS_PER_CONVERSATION);
    const tooLong = ["SETRANGE", "a", "20000", "b"];
    requests.splice(50, 0, { connection: 0, words: ["RESET"] }, { connection: 0, words: tooLong });
    const ours = await Side.open((protocol) => planted.connect(protocol));
    const redis = await Side.open(arena.connectRedis);
    const duel = new Duel(ours, redis);
    const found = await duel.fight(requests, 3);
    expect(found?.kind).toMatch(/^SETRANGE: error/);
    const least = await duel.minimize(requests, 3, found?.kind ?? "");
    expect(least.map(({ words }) => words[0])).toEqual(["SETRANGE"]);
    ours.close();
    redis.close();
    planted.close();
  });

  test("every common command is drawn, or it is said why not", async () => {
    const [ours, redis] = await Promise.all((await arena.clients()).map(askFacts));
    const common = [...(ours as Facts).keys()].filter((name) => !name.includes("|") && redis?.has(name));
    const drawn = new Grammar([""]).names;
    expect(common.filter((name) => drawn.has(name) === Object.hasOwn(NOT_DRAWN, name))).toEqual([]);
  });

  test("facts about common commands", async () => {
    const [ours, redis] = (await Promise.all((await arena.clients()).map(askFacts))) as [Facts, Facts];
    expect(differentFacts(ours, redis)).toEqual([]);
  });

  test("malformed requests about connections and the server", async () => {
    for (const protocol of [2, 3] as const) {
      const [ours, redis] = [await arena.connectOurs(protocol), await arena.connectRedis(protocol)];
      for (const words of MALFORMED) {
        const [our, their] = await Promise.all([ours.call(...words), redis.call(...words)]);
        expect(our, words.join(" ")).toEqual(their);
      }
      ours.close();
      redis.close();
    }
  });

  test("wrong numbers of arguments", async () => {
    const [ours, redis] = await arena.clients();
    const requests = wrongCounts(await askFacts(ours), await askFacts(redis));
    expect(requests.length).toBeGreaterThan(500);
    for (const words of requests) {
      const [our, their] = await Promise.all([ours.call(...words), redis.call(...words)]);
      expect(our, words.join(" ")).toEqual(their);
    }
  });
}
