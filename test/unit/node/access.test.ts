/** Who a secret belongs to, what a principal may do, and what rotation ends. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeText } from "../../../src/core/bytes.ts";
import { Access, compareWords, isPrefix, isSecret, Principal, type TokenConfig } from "../../../src/node/access.ts";

function token(name: string, secrets: readonly string[], rest: Partial<TokenConfig> = {}): TokenConfig {
  return { name, secrets, roles: ["read"], prefixes: [], ...rest };
}

/** Who a secret belongs to, by name. */
function nameOf(access: Access, secret: string, name?: string): string | undefined {
  return access.authenticate(encodeText(secret), name)?.name;
}

describe("authenticate", () => {
  const access = new Access(["first", "zweites ü", "x".repeat(512)], [token("web", ["w1", "w2"]), token("job", ["j"])]);
  const cases = [
    { given: "first", expected: "default" },
    { given: "zweites ü", expected: "default" },
    { given: "x".repeat(512), expected: "default" },
    { given: "w1", expected: "web" },
    { given: "w2", expected: "web" },
    { given: "j", expected: "job" },
    { given: "j", name: "job", expected: "job" },
    { given: "j", name: "web", expected: undefined },
    { given: "j", name: "default", expected: undefined },
    { given: "first", name: "default", expected: "default" },
    { given: "first", name: "", expected: undefined },
    { given: "firs", expected: undefined },
    { given: "first\0", expected: undefined },
    { given: "First", expected: undefined },
    { given: "", expected: undefined },
    { given: "\0", expected: undefined },
    { given: "x".repeat(511), expected: undefined },
    { given: "x".repeat(513), expected: undefined },
    { given: `first${"\0".repeat(507)}`, expected: undefined },
  ];
  test.each(cases)("$given as $name", ({ given, name, expected }) => {
    expect(nameOf(access, given, name)).toBe(expected as never);
  });

  test("without secrets nothing is one, and nobody has to ask", () => {
    const open = new Access([]);
    expect(open.authenticate(encodeText(""))).toBeUndefined();
    expect(open.anonymous).toMatchObject({ name: "default", unrestricted: true, revoked: false });
    expect(access.anonymous).toBeUndefined();
    expect(new Access([], [token("a", ["s"])]).anonymous).toBeUndefined();
  });

  test("secrets of any length, up to the last byte", () => {
    for (const length of [1, 2, 3, 4, 5, 60, 63, 64, 65, 68, 127, 128, 129, 260, 508, 511, 512]) {
      const secret = "s".repeat(length);
      const only = new Access([secret]);
      const given = ["", "t", "\0"].map((end) => nameOf(only, secret.slice(0, length - end.length) + end));
      expect([length, ...given]).toEqual([length, "default", undefined, undefined]);
      expect(nameOf(only, `${secret}s`)).toBeUndefined();
    }
  });

  test("exactly the configured secrets are right, wherever they stand", () => {
    const secret = fc
      .string({ minLength: 1, maxLength: 70 })
      .filter((text) => isSecret(text) && text === text.toWellFormed());
    const secrets = fc.uniqueArray(secret, { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(secrets, secret, (list, guess) => {
        const one = new Access(
          [],
          list.map((text, i) => token(`t${i}`, [text])),
        );
        for (const [i, text] of list.entries()) expect(nameOf(one, text)).toBe(`t${i}`);
        if (!list.includes(guess)) expect(nameOf(one, guess)).toBeUndefined();
      }),
    );
  });
});

describe("the work of a guess", () => {
  const tokens = Array.from({ length: 20 }, (_, i) => token(`t${i}`, [`secret-${i}`, `other-${i}`]));

  /** Which secrets were compared, in order, and over how many words each. */
  function workOf(given: string, name?: string) {
    const seen: { secret: Uint32Array; words: number }[] = [];
    const access = new Access(["first", "y".repeat(100)], tokens, (secret, guess) => {
      seen.push({ secret, words: secret.length });
      return compareWords(secret, guess);
    });
    access.authenticate(encodeText(given), name);
    return {
      compared: new Set(seen.map(({ secret }) => secret)).size,
      calls: seen.length,
      words: seen.map((one) => one.words),
    };
  }

  const guesses = ["first", "secret-0", "other-19", "nothing", "", "f", "y".repeat(100), "z".repeat(512)];
  test.each(guesses)("is that of every other one: %s", (given) => {
    for (const name of [undefined, "t3", "nobody"]) {
      const { compared, calls, words } = workOf(given, name);
      expect([compared, calls]).toEqual([42, 42]);
      // The longest secret has 100 bytes, so each is compared as 128 and its length.
      expect(new Set(words)).toEqual(new Set([33]));
    }
  });

  test("is none for what is too long for a secret", () => expect(workOf("z".repeat(513)).calls).toBe(0));

  test("looks at every word, whatever differs", () => {
    const looked: number[] = [];
    const secret = new Proxy(new Uint32Array(33), {
      get(target, at) {
        if (typeof at === "string" && /^\d+$/.test(at)) looked.push(Number(at));
        return Reflect.get(target, at, target);
      },
    });
    expect(compareWords(secret, new Uint32Array(129).fill(7))).not.toBe(0);
    expect(looked).toEqual(Array.from({ length: 33 }, (_, i) => i));
  });

  test("a difference in any bit of any word is one", () => {
    for (let word = 0; word < 33; word++) {
      for (const bit of [0, 1, 15, 31]) {
        const access = new Access(["a".repeat(128)], [], (secret) => compareWords(secret, flipped(secret, word, bit)));
        expect(nameOf(access, "a".repeat(128))).toBeUndefined();
      }
    }
  });
});

function flipped(words: Uint32Array, word: number, bit: number): Uint32Array {
  const copy = words.slice();
  copy[word] = ((copy[word] ?? 0) ^ (1 << bit)) >>> 0;
  return copy;
}

describe("rotation", () => {
  const web = token("web", ["old", "kept"], { roles: ["read", "write"], prefixes: ["a:", "b:"] });
  const cases: readonly { name: string; secrets?: string[]; tokens: TokenConfig[]; revoked: string[] }[] = [
    { name: "nothing changes", tokens: [web], revoked: [] },
    { name: "a secret is added", tokens: [{ ...web, secrets: ["old", "new", "kept"] }], revoked: [] },
    { name: "a secret goes", tokens: [{ ...web, secrets: ["kept"] }], revoked: ["old"] },
    { name: "one comes and one goes", tokens: [{ ...web, secrets: ["kept", "new"] }], revoked: ["old"] },
    {
      name: "the same in another order",
      tokens: [{ ...web, roles: ["write", "read"], prefixes: ["b:", "a:"] }],
      revoked: [],
    },
    { name: "a role goes", tokens: [{ ...web, roles: ["read"] }], revoked: ["old", "kept"] },
    { name: "a role comes", tokens: [{ ...web, roles: ["read", "write", "admin"] }], revoked: ["old", "kept"] },
    { name: "other prefixes", tokens: [{ ...web, prefixes: ["a:"] }], revoked: ["old", "kept"] },
    { name: "another name", tokens: [{ ...web, name: "site" }], revoked: ["old", "kept"] },
    { name: "the token goes", tokens: [], revoked: ["old", "kept"] },
    {
      name: "a secret moves to the default user",
      secrets: ["main", "old"],
      tokens: [token("x", ["z"])],
      revoked: ["old", "kept"],
    },
    { name: "the main secret goes", secrets: [], tokens: [web], revoked: ["main"] },
    { name: "everything goes", secrets: [], tokens: [], revoked: ["main", "old", "kept"] },
  ];
  test.each(cases)("$name", ({ secrets = ["main"], tokens, revoked }) => {
    const access = new Access(["main"], [web]);
    const before = ["main", "old", "kept"].map((secret) => ({
      secret,
      principal: access.authenticate(encodeText(secret)),
    }));
    access.configure(secrets, tokens);
    expect(before.filter(({ principal }) => principal?.revoked).map(({ secret }) => secret)).toEqual(revoked);
    for (const { secret, principal } of before) {
      if (!principal?.revoked) expect(access.authenticate(encodeText(secret))).toBe(principal);
    }
  });

  test("whoever needed no secret is revoked as soon as there is one, and not before", () => {
    const access = new Access([]);
    const first = access.anonymous;
    access.configure([], []);
    expect(access.anonymous).toBe(first);
    access.configure([], [web]);
    expect([access.anonymous, first?.revoked]).toEqual([undefined, true]);
    access.configure([], []);
    expect(access.anonymous).not.toBe(first);
    expect(access.anonymous?.revoked).toBe(false);
  });

  test("listeners are told once it is done, until they have enough", () => {
    const access = new Access(["s"]);
    const told: boolean[] = [];
    const stop = access.onChange(() => told.push(access.authenticate(encodeText("t")) !== undefined));
    access.configure(["t"], []);
    stop();
    access.configure(["u"], []);
    expect(told).toEqual([true]);
  });

  test("users are those who are configured, each once", () => {
    const access = new Access(["s", "t"], [web, token("job", ["j"])]);
    expect(access.users.map(({ name }) => name)).toEqual(["default", "web", "job"]);
    access.configure([], [web]);
    expect(access.users.map(({ name }) => name)).toEqual(["web"]);
    access.configure([], []);
    expect(access.users).toEqual([]);
  });
});

describe("what is ambiguous is refused, and changes nothing", () => {
  const cases: readonly { name: string; secrets?: string[]; tokens?: TokenConfig[]; message: string }[] = [
    { name: "a secret twice", secrets: ["a", "a"], message: "a secret of default is used twice" },
    {
      name: "a token's secret that is taken",
      secrets: ["a"],
      tokens: [token("x", ["a"])],
      message: "a secret of x is used twice",
    },
    { name: "an empty secret", secrets: [""], message: "a secret of default has not 1 to 512 bytes" },
    { name: "a long secret", tokens: [token("x", ["ü".repeat(257)])], message: "a secret of x has not 1 to 512 bytes" },
    { name: "a name twice", tokens: [token("x", ["a"]), token("x", ["b"])], message: "two tokens are called x" },
    { name: "the default user's name", tokens: [token("default", ["a"])], message: "two tokens are called default" },
    { name: "no secret", tokens: [token("x", [])], message: "x has no secret or no role" },
    { name: "no role", tokens: [token("x", ["a"], { roles: [] })], message: "x has no secret or no role" },
    {
      name: "a glob as prefix",
      tokens: [token("x", ["a"], { prefixes: ["a*"] })],
      message: "a prefix of x is empty or contains",
    },
    {
      name: "an empty prefix",
      tokens: [token("x", ["a"], { prefixes: [""] })],
      message: "a prefix of x is empty or contains",
    },
  ];
  test.each(cases)("$name", ({ secrets = [], tokens = [], message }) => {
    expect(() => new Access(secrets, tokens)).toThrow(message);
    const access = new Access(["before"]);
    const principal = access.authenticate(encodeText("before"));
    expect(() => access.configure(secrets, tokens)).toThrow(message);
    expect(access.authenticate(encodeText("before"))).toBe(principal);
    expect(principal?.revoked).toBe(false);
  });
});

describe("Principal", () => {
  const roles = [
    { given: ["read"], allows: ["read"], unrestricted: false },
    { given: ["write"], allows: ["write"], unrestricted: false },
    { given: ["invalidate", "read"], allows: ["read", "invalidate"], unrestricted: false },
    { given: ["admin"], allows: ["read", "write", "invalidate", "admin"], unrestricted: true },
  ] as const;
  test.each(roles)("$given", ({ given, allows, unrestricted }) => {
    const principal = new Principal("x", given, []);
    const all = ["read", "write", "invalidate", "admin"] as const;
    expect(all.filter((role) => principal.allows(role))).toEqual([...allows]);
    expect(principal.unrestricted).toBe(unrestricted);
    expect(new Principal("x", given, ["a"]).unrestricted).toBe(false);
  });

  const keys = [
    { prefixes: [], key: "", expected: true },
    { prefixes: [], key: "anything", expected: true },
    { prefixes: ["a:", "ü"], key: "a:", expected: true },
    { prefixes: ["a:", "ü"], key: "a:b", expected: true },
    { prefixes: ["a:", "ü"], key: "über", expected: true },
    { prefixes: ["a:", "ü"], key: "a", expected: false },
    { prefixes: ["a:", "ü"], key: "", expected: false },
    { prefixes: ["a:", "ü"], key: "A:b", expected: false },
    { prefixes: ["a:", "ü"], key: "ba:", expected: false },
  ];
  test.each(keys)("$prefixes $key", ({ prefixes, key, expected }) => {
    const bytes = encodeText(`a:${key}a:`);
    expect(new Principal("x", ["read"], prefixes).allowsKey(bytes, 2, bytes.length - 2)).toBe(expected);
  });

  test.each(["*", "a?", "[a", "a]", "a\\"])("no prefix: %s", (text) => expect(isPrefix(text)).toBe(false));
});
