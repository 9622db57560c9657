/**
 * Scenarios: readable scripts of what happens to a cluster, and what its clients must be told. One step a line, in order; a step
 * that asks something waits for the answer. "#" begins a comment.
 *
 *     nodes n1@r1 n2@r1 n3@r2:disk=always n4@r2:later    who there is; later: comes by `start`; clock=300000; weight=0; zone=a
 *     with replicas=2 retentionMs=6000                   fields of the cluster's configuration
 *     settled                                            waits until all that run know each other and have their slots
 *     wait 500                                           ms
 *     n1: set a:1 one tags=t1,t2 ttl=500 copies=2 => ok          => what the answer must be: a status or value, "not X", "X or Y"
 *     n1: get a:1 stale => one                           everywhere: asks all that run
 *     n1: lease a:1 as L => ok                           n1: fill L two tags=t1 global => ok      n1: release L
 *     n1: purge tags=t1 keys=a:1 patterns=a:* all wait=all => r1 acknowledged, r2 unproven        invalidate: the soft one
 *     n1: increment n:1 => 3     n1: delete a:1     n1: touch a:1 ttl=500
 *     n1: later set a:1 one                              does not wait for the answer
 *     repeat 200 n1: set k:{i} v{i}                      {i} from 1 on
 *     cut n1 n2 | n3 n4     cut r1 | r2     heal         stall: frames wait for the heal; otherwise they are lost
 *     kill n1   power-cut n1   lose-disk n1   start n1   leave n1   pause n1   resume n1   jump n1 -2000
 */
import { defaultClusterConfig } from "../../src/cluster/cluster-config.ts";
import type { FsyncMode } from "../../src/journal/journal.ts";
import { clusterLives } from "./cluster-life.ts";
import type { NodePlan, Plan } from "./plan.ts";
import { type EntryOptions, type Reply, type Request, toOperation, toReply, type Wait } from "./request.ts";
import { labelOf, valueText } from "./value-text.ts";
import { START_MS } from "./virtual-clock.ts";
import { type SimulatedNode, World } from "./world.ts";

const PATIENCE_MS = 8_000;
const SETTLE_MS = 30_000;
const STEP_MS = 20;
const CRASHES = { kill: "kill", "power-cut": "power-cut", "lose-disk": "disk-loss" } as const;

/** A line that did not come true, or cannot be understood. */
export class ScenarioError extends Error {
  override readonly name = "ScenarioError";
}

/** Runs a scenario to its end. @throws {ScenarioError} at the first line that does not come true */
export function runScenario(text: string): World {
  const lines = text.split("\n").map((line, i) => ({ number: i + 1, text: line.replace(/#.*/, "").trim() }));
  const steps = lines.filter((line) => line.text !== "");
  const header = steps.filter((line) => /^(nodes|with) /.test(line.text)).map((line) => line.text);
  const scenario = new Scenario(new World(planOf(header), clusterLives()));
  for (const step of steps) {
    if (/^(nodes|with) /.test(step.text)) continue;
    try {
      scenario.step(step.text);
    } catch (error) {
      const where = `line ${step.number}, at ${scenario.world.nowMs.toFixed(1)} ms: ${step.text}`;
      throw new ScenarioError(`${where}\n  ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const [wrong] = scenario.world.errors;
  if (wrong !== undefined) throw new ScenarioError(`${wrong.node} threw ${String(wrong.error)} at ${wrong.atMs} ms`);
  return scenario.world;
}

function planOf(header: readonly string[]): Plan {
  const words = header.flatMap((line) => line.split(/\s+/).slice(1));
  const nodes = words.filter((word) => word.includes("@")).map(nodeOf);
  const known: Readonly<Record<string, unknown>> = { ...defaultClusterConfig() };
  const config: Record<string, number> = { recoveryTimeoutMs: 3_000 };
  for (const word of words.filter((one) => !one.includes("@"))) {
    const [name, value] = word.split("=");
    if (typeof known[name] !== "number") throw new ScenarioError(`the configuration has no number "${name}"`);
    config[name] = Number(value);
  }
  const regions = [...new Set(nodes.map(({ region }) => region))];
  const latencyMs = regions.map((_, i) => regions.map((__, j) => (i === j ? 0.4 : 30)));
  const rest = { faults: [], workMs: 0, settleMs: 0, keys: 0, clientsPerNode: 0, thinkMs: 1, maxValueBytes: 100 };
  return { seed: 1, regions, nodes, config, latencyMs, ...rest };
}

function nodeOf(word: string): NodePlan {
  const [name, ...settings] = word.split(":");
  const [id, region] = name.split("@");
  const settingOf = (wanted: string) => settings.find((one) => one.startsWith(`${wanted}=`))?.split("=")[1];
  return {
    id,
    region,
    zone: settingOf("zone") ?? "",
    weight: Number(settingOf("weight") ?? 1),
    fsync: settingOf("disk") as FsyncMode | undefined,
    maxMemory: 2 ** 20,
    clockOffsetMs: Number(settingOf("clock") ?? 0),
    driftPpm: 0,
    startsMs: settings.includes("later") ? Number.POSITIVE_INFINITY : 0,
  };
}

/** Words of a request: those that stand alone, and those with a value. */
class Words {
  readonly #words: readonly string[];

  constructor(text: string) {
    this.#words = text.split(/\s+/).filter((word) => word !== "");
  }

  at(index: number): string {
    const word = this.#words[index];
    if (word === undefined) throw new Error("a word is missing");
    return word;
  }

  has(word: string): boolean {
    return this.#words.includes(word);
  }

  value(name: string): string | undefined {
    return this.#words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  }

  list(name: string): string[] {
    return this.value(name)?.split(",") ?? [];
  }
}

class Scenario {
  readonly world: World;
  readonly #leases = new Map<string, { readonly key: string; readonly token: string }>();
  #heals: (() => void)[] = [];

  constructor(world: World) {
    this.world = world;
    for (const node of world.nodes) if (node.plan.startsMs === 0) world.start(node);
  }

  step(text: string): void {
    const [, count, repeated] = /^repeat (\d+) (.*)$/.exec(text) ?? [];
    if (repeated !== undefined) {
      for (let i = 1; i <= Number(count); i++) this.step(repeated.replaceAll("{i}", `${i}`));
      return;
    }
    const [, who, request] = /^(\w+): (.*)$/.exec(text) ?? [];
    if (request === undefined) return this.#act(text);
    const asked = who === "everywhere" ? this.world.up : [this.world.node(who)];
    for (const node of asked) this.#ask(node, request);
  }

  #act(text: string): void {
    const { world } = this;
    const [verb, ...words] = text.split(/\s+/);
    const node = () => world.node(words[0] ?? "");
    if (verb in CRASHES) return world.crash(node(), CRASHES[verb as keyof typeof CRASHES]);
    switch (verb) {
      case "wait":
        return world.scheduler.runUntil(world.nowMs + Number(words[0]));
      case "settled":
        return this.#until(() => this.#isSettled(), SETTLE_MS, "the cluster does not settle");
      case "start":
        return world.start(node());
      case "pause":
        return world.pause(node());
      case "resume":
        return world.resume(node());
      case "jump":
        return node().clock.jump(Number(words[1]));
      case "leave": {
        const { life, machine } = node();
        machine.run(() => life?.leave());
        world.scheduler.runUntil(world.nowMs + 500);
        return world.crash(node(), "leave");
      }
      case "cut":
      case "stall":
        return this.#cut(words.join(" "), verb === "stall");
      case "heal":
        for (const heal of this.#heals.splice(0)) heal();
        return;
      default:
        throw new Error(`there is no step "${verb}"`);
    }
  }

  #cut(sides: string, stalls: boolean): void {
    const { network, nodes } = this.world;
    network.stalls = stalls;
    const [ones, others] = sides.split("|").map((side) => {
      const names = side.trim().split(/\s+/);
      return nodes.filter(({ id, region }) => names.includes(id) || names.includes(region));
    });
    for (const a of ones) {
      for (const b of others ?? []) {
        for (const [from, to] of [
          [a.id, b.id],
          [b.id, a.id],
        ] as const) {
          network.block(from, to);
          this.#heals.push(() => network.unblock(from, to));
        }
      }
    }
  }

  #isSettled(): boolean {
    const ids = this.world.up.map(({ id }) => id).join();
    return this.world.up.every(({ life }) => life?.isSettled(ids) === true);
  }

  #until(isDone: () => boolean, patienceMs: number, complaint: string): void {
    const untilMs = this.world.nowMs + patienceMs;
    while (!isDone()) {
      if (this.world.nowMs >= untilMs) throw new Error(complaint);
      this.world.scheduler.runUntil(this.world.nowMs + STEP_MS);
    }
  }

  #ask(node: SimulatedNode, text: string): void {
    const [asked, expected] = text.split("=>").map((part) => part.trim());
    const isLater = asked.startsWith("later ");
    const words = new Words(isLater ? asked.slice(6) : asked);
    const request = this.#requestOf(words);
    const { life, machine } = node;
    if (life === undefined) throw new Error(`${node.id} is down`);
    let reply: Reply | undefined;
    machine.run(() =>
      life.execute(toOperation(request, undefined), (result) => {
        reply = toReply(result);
      }),
    );
    if (isLater) return;
    // Answers come within the clock's smallest step, not only at the end of one.
    const untilMs = this.world.nowMs + PATIENCE_MS;
    this.world.scheduler.runUntil(untilMs, () => reply === undefined);
    const answer = reply ?? { status: "unknown" };
    if (words.has("as") && answer.token !== undefined && "key" in request) {
      this.#leases.set(words.at(3), { key: request.key, token: answer.token });
    }
    if (expected !== undefined) expectAnswer(answer, expected, node.id);
  }

  #requestOf(words: Words): Request {
    const kind = words.at(0);
    switch (kind) {
      case "get":
        return { kind, key: words.at(1), stale: words.has("stale") };
      case "set": {
        const condition = words.has("absent") ? "absent" : undefined;
        const value = valueText(words.at(2), 40);
        return { kind, key: words.at(1), value, entry: this.#entry(words), condition, copies: copiesOf(words) };
      }
      case "delete":
        return { kind, key: words.at(1), copies: copiesOf(words) };
      case "increment":
        return { kind, key: words.at(1), by: 1 };
      case "touch":
        return { kind, key: words.at(1), expiresAt: this.#entry(words).expiresAt };
      case "lease":
        return { kind, key: words.at(1), ttlMs: Number(words.value("ttl") ?? 4_000) };
      case "fill":
      case "release": {
        const { key, token } = this.#leases.get(words.at(1)) ?? { key: "", token: "0".repeat(24) };
        if (kind === "release") return { kind, key, token };
        const value = valueText(words.at(2), 40);
        return { kind, key, token, value, entry: this.#entry(words), global: words.has("global") };
      }
      case "purge":
      case "invalidate": {
        const mode = kind === "purge" ? "purge" : "stale";
        const [keys, tags, patterns] = [words.list("keys"), words.list("tags"), words.list("patterns")];
        const timeoutMs = Number(words.value("timeout") ?? 5_000);
        const wait = (words.value("wait") ?? "region") as Wait;
        return { kind: "invalidate", mode, keys, tags, patterns, all: words.has("all"), wait, timeoutMs };
      }
      default:
        throw new Error(`nobody can ask for "${kind}"`);
    }
  }

  #entry(words: Words): EntryOptions {
    const ttl = words.value("ttl");
    const expiresAt = ttl === undefined ? 0 : Math.floor(START_MS + this.world.nowMs + Number(ttl));
    return { expiresAt, staleUntil: expiresAt === 0 ? 0 : expiresAt + 60_000, tags: words.list("tags") };
  }
}

function copiesOf(words: Words): number {
  return Number(words.value("copies") ?? 1);
}

/** What was answered, in the words of scenarios. */
function answersOf({ status, value, number, regions = [] }: Reply): string[] {
  if (regions.length > 0) return regions.map((one) => `${one.region} ${one.status}`);
  if (number !== undefined) return [`${number}`];
  if (value !== undefined) return [value.includes("~") ? labelOf(value) : value];
  return [status];
}

function expectAnswer(reply: Reply, expected: string, node: string): void {
  const answers = answersOf(reply);
  const isMet = expected.split(",").every((part) => {
    const wanted = part.trim();
    if (wanted.startsWith("not ")) return !answers.includes(wanted.slice(4));
    return wanted.split(" or ").some((one) => answers.includes(one.trim()));
  });
  if (!isMet) throw new Error(`${node} answered ${answers.join(", ")}`);
}
