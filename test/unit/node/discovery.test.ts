/** Discovery: which addresses are seeds when, how names are asked, and who is remembered. */
import { describe, expect, test } from "bun:test";
import { type Member, MemberState } from "../../../src/cluster/member.ts";
import {
  Discovery,
  type DiscoveryConfig,
  type DiscoveryOptions,
  LOOK_UP_MS,
  MAX_ANSWERS,
  MAX_REMEMBERED,
  MAX_SEEDS,
} from "../../../src/node/discovery.ts";
import { World } from "./test-node.ts";

interface Question {
  readonly name: string;
  readonly answer: (hosts: readonly string[]) => Promise<void>;
  readonly fail: (reason: string) => Promise<void>;
}

const CONFIG: DiscoveryConfig = { peers: [], names: [], port: 7_400, intervalMs: 10_000, ownAddress: "10.0.0.1:7400" };

function member(id: string, state: MemberState = MemberState.ALIVE): Member {
  const place = { region: "r", zone: "", weight: 1, replicas: 1, address: `${id}:7400` };
  return { id, origin: 1, incarnation: 1, state, ...place };
}

class Fixture {
  readonly world = new World();
  readonly questions: Question[] = [];
  readonly seeds: (readonly string[])[] = [];
  readonly remembered: (readonly string[])[] = [];
  members: readonly Member[] = [member("self")];
  readonly discovery: Discovery;

  constructor(config: Partial<DiscoveryConfig> = {}, options: Partial<DiscoveryOptions> = {}) {
    this.discovery = new Discovery({
      config: { ...CONFIG, ...config },
      ports: this.world.ports(1),
      resolver: { resolve: (name) => this.#ask(name) },
      members: () => this.members,
      ownId: "self",
      onSeeds: (seeds) => this.seeds.push(seeds),
      onRemember: (addresses) => this.remembered.push(addresses),
      ...options,
    });
  }

  #ask(name: string): Promise<readonly string[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    const settled = () =>
      promise
        .then(() => {})
        .catch(() => {})
        .then(() => {});
    this.questions.push({
      name,
      answer(hosts) {
        resolve(hosts);
        return settled();
      },
      fail(reason) {
        reject(new Error(reason));
        return settled();
      },
    });
    return promise;
  }

  /** Lets time pass, a tick each second. */
  run(ms: number): void {
    for (let passed = 0; passed < ms; passed += 1_000) {
      this.world.advance(Math.min(1_000, ms - passed));
      this.discovery.tick();
    }
  }

  get last(): Question {
    return this.questions.at(-1) as Question;
  }

  logged(): string[] {
    return this.world.logged.map(({ level, event }) => `${level}: ${event}`);
  }
}

describe("what is merged", () => {
  test("configured addresses first, then last known ones, without this node's own and doubles", () => {
    const peers = ["a:1", "10.0.0.1:7400", "b:2"];
    const { discovery } = new Fixture({ peers }, { known: ["c:3", "a:1", "not an address"] });
    expect(discovery.seeds).toEqual(["a:1", "b:2", "c:3"]);
    expect(discovery.expectsPeers).toBe(true);
  });

  test("nothing means that there is nobody", async () => {
    const { discovery } = new Fixture();
    expect([discovery.seeds, discovery.expectsPeers]).toEqual([[], false]);
    await discovery.firstLook;
  });

  test("answers get the port, in an order that does not depend on the server", async () => {
    const fixture = new Fixture({ peers: ["z:1"], names: ["app.internal"] });
    fixture.discovery.tick();
    await fixture.last.answer(["fdaa::4", "10.0.0.1", "10.0.0.2", "m.vm.app.internal"]);
    const expected = ["z:1", "10.0.0.2:7400", "[fdaa::4]:7400", "m.vm.app.internal:7400"];
    expect(fixture.discovery.seeds).toEqual(expected);
    expect(fixture.seeds).toEqual([expected]);
  });

  test("last known ones go when somebody was met, and do not come back", () => {
    const fixture = new Fixture({ peers: ["a:1"] }, { known: ["c:3"] });
    fixture.discovery.tick();
    expect(fixture.seeds).toEqual([]);
    fixture.members = [member("self"), member("b", MemberState.DEAD)];
    fixture.discovery.tick();
    expect(fixture.discovery.seeds).toEqual(["a:1", "c:3"]);
    fixture.members = [member("self"), member("b")];
    fixture.discovery.tick();
    expect(fixture.seeds).toEqual([["a:1"]]);
    fixture.members = [member("self")];
    fixture.discovery.tick();
    expect(fixture.discovery.seeds).toEqual(["a:1"]);
  });

  test("added ones are seeds at once", () => {
    const fixture = new Fixture({ peers: ["a:1"] });
    fixture.discovery.join(["b:2", "a:1"]);
    expect(fixture.seeds).toEqual([["a:1", "b:2"]]);
  });

  test("too many are cut, and the log says so once", async () => {
    const known = Array.from({ length: MAX_SEEDS }, (_, i) => `k:${i + 1}`);
    const fixture = new Fixture({ peers: ["a:1", "b:2"], names: ["app"] }, { known });
    expect(fixture.discovery.seeds).toHaveLength(MAX_SEEDS);
    expect(fixture.discovery.seeds.slice(0, 2)).toEqual(["a:1", "b:2"]);
    fixture.discovery.join(["k:1"]);
    expect(fixture.logged()).toEqual(["warn: there are more addresses to begin with than are used"]);
    fixture.discovery.tick();
    await fixture.last.answer(Array.from({ length: MAX_ANSWERS + 1 }, (_, i) => `h${i}`));
    expect(fixture.logged()).toContain("warn: a name has more answers than are used");
  });
});

describe("look-ups", () => {
  test("come again after the interval, spread, and another answer takes the place of the one before", async () => {
    const fixture = new Fixture({ names: ["app"] });
    fixture.discovery.tick();
    fixture.discovery.tick();
    expect(fixture.questions).toHaveLength(1);
    await fixture.last.answer(["a"]);
    fixture.run(8_000);
    expect(fixture.questions).toHaveLength(1);
    fixture.run(4_000);
    expect(fixture.questions).toHaveLength(2);
    await fixture.last.answer(["b"]);
    expect(fixture.seeds).toEqual([["a:7400"], ["b:7400"]]);
    fixture.run(12_000);
    await fixture.last.answer(["b"]);
    expect(fixture.seeds).toHaveLength(2);
    fixture.run(12_000);
    await fixture.last.answer([]);
    expect(fixture.discovery.seeds).toEqual([]);
  });

  test("failures change nothing, are told once, and come again sooner, then later", async () => {
    const fixture = new Fixture({ names: ["app"] });
    fixture.discovery.tick();
    await fixture.last.answer(["a"]);
    fixture.run(12_000);
    await fixture.last.fail("SERVFAIL");
    for (const expected of [3, 4]) {
      fixture.run(1_000);
      expect(fixture.questions).toHaveLength(expected);
      await fixture.last.fail("SERVFAIL");
    }
    expect(fixture.discovery.seeds).toEqual(["a:7400"]);
    const asked = () => fixture.questions.length;
    for (let failures = 0; failures < 10; failures++) {
      const before = asked();
      for (let s = 0; s < 11 && asked() === before; s++) fixture.run(1_000);
      expect(asked()).toBe(before + 1);
      await fixture.last.fail("SERVFAIL");
    }
    const before = asked();
    fixture.run(4_000);
    expect(asked()).toBe(before);
    fixture.run(7_000);
    await fixture.last.answer(["a"]);
    expect(fixture.logged()).toEqual(["warn: a name could not be looked up", "info: a name is answered again"]);
    expect(fixture.world.logged[0]?.fields).toEqual({ name: "app", reason: "SERVFAIL" });
  });

  test("one that is never answered is given up, and its late answer is not taken", async () => {
    const fixture = new Fixture({ names: ["app"] });
    fixture.discovery.tick();
    const [late] = fixture.questions;
    fixture.run(LOOK_UP_MS + 1_000);
    expect(fixture.logged()).toEqual(["warn: a name could not be looked up"]);
    await late?.answer(["late"]);
    expect(fixture.seeds).toEqual([]);
    fixture.run(2_000);
    expect(fixture.questions.length).toBeGreaterThan(1);
    await fixture.last.answer(["new"]);
    expect(fixture.seeds).toEqual([["new:7400"]]);
  });

  test("the first look is over when each name was answered or failed; until then peers are expected", async () => {
    const fixture = new Fixture({ names: ["a", "b"] });
    let isOver = false;
    void fixture.discovery.firstLook.then(() => {
      isOver = true;
    });
    fixture.discovery.tick();
    const [a, b] = fixture.questions as [Question, Question];
    await a.answer([]);
    expect([isOver, fixture.discovery.expectsPeers]).toEqual([false, true]);
    await b.fail("SERVFAIL");
    await fixture.discovery.firstLook;
    expect(fixture.discovery.expectsPeers).toBe(true);
    fixture.run(2_000);
    await fixture.last.answer([]);
    expect(fixture.discovery.expectsPeers).toBe(false);
  });

  test("names need somebody who answers them", () => {
    expect(() => new Fixture({ names: ["a"] }, { resolver: undefined })).toThrow("by nobody");
  });
});

describe("who is remembered", () => {
  test("all that have not left, when they change, not more often than every ten seconds", () => {
    const fixture = new Fixture();
    fixture.discovery.tick();
    fixture.members = [member("self"), member("b"), member("c"), member("d", MemberState.LEFT)];
    fixture.discovery.tick();
    expect(fixture.remembered).toEqual([["b:7400", "c:7400"]]);
    fixture.members = [member("self"), member("b"), member("c", MemberState.DEAD), member("e")];
    fixture.run(5_000);
    expect(fixture.remembered).toHaveLength(1);
    fixture.run(6_000);
    expect(fixture.remembered.slice(1)).toEqual([["b:7400", "c:7400", "e:7400"]]);
    fixture.run(30_000);
    expect(fixture.remembered).toHaveLength(2);
  });

  test("nobody is no reason to forget everybody", () => {
    const fixture = new Fixture();
    fixture.members = [member("self"), member("b")];
    fixture.discovery.tick();
    fixture.members = [member("self"), member("b", MemberState.LEFT)];
    fixture.run(20_000);
    expect(fixture.remembered).toEqual([["b:7400"]]);
  });

  test("the living before the dead, and not more than so many", () => {
    const fixture = new Fixture();
    const dead = Array.from({ length: MAX_REMEMBERED }, (_, i) => member(`a${i}`, MemberState.DEAD));
    fixture.members = [...dead, member("self"), member("z")];
    fixture.discovery.tick();
    expect(fixture.remembered[0]).toHaveLength(MAX_REMEMBERED);
    expect(fixture.remembered[0]).toContain("z:7400");
  });
});
