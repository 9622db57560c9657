/** Tokens in a configuration: what is accepted, and that every mistake has its path and never shows a secret. */
import { describe, expect, test } from "bun:test";
import { parseConfig } from "../../../src/node/config.ts";
import { MAX_SECRETS, MAX_TOKENS } from "../../../src/node/token-config.ts";

const web = { name: "web", secrets: ["s1", "s2"], roles: ["read", "write"], prefixes: ["web:"] };
const whole = { ...web, roles: ["read", "write"] as const };

describe("tokens are accepted", () => {
  const cases = [
    { name: "as a list", tokens: [web], expected: [whole] },
    { name: "as JSON text", tokens: JSON.stringify([web]), expected: [whole] },
    { name: "none, as text", tokens: "", expected: [] },
    { name: "none, as JSON text", tokens: " [] ", expected: [] },
    {
      name: "with one secret, and for all keys",
      tokens: [{ name: "a.b@c-d_e", secret: "ü s", roles: ["admin"] }],
      expected: [{ name: "a.b@c-d_e", secrets: ["ü s"], roles: ["admin"], prefixes: [] }],
    },
    {
      name: "with a role and a prefix named twice",
      tokens: [{ name: "a", secret: "s", roles: ["read", "read"], prefixes: ["p", "p"] }],
      expected: [{ name: "a", secrets: ["s"], roles: ["read"], prefixes: ["p"] }],
    },
  ];
  test.each(cases)("$name", ({ tokens, expected }) => {
    const { config, mistakes } = parseConfig({ tokens });
    expect(mistakes).toEqual([]);
    expect(config?.tokens).toEqual(expected as never);
  });

  test("as many as there may be", () => {
    const tokens = Array.from({ length: MAX_TOKENS }, (_, t) => ({
      name: `t${t}`,
      secrets: Array.from({ length: MAX_SECRETS }, (_, s) => `${t}/${s}`),
      roles: ["read"],
    }));
    expect(parseConfig({ tokens }).config?.tokens).toHaveLength(MAX_TOKENS);
    const { mistakes } = parseConfig({ tokens: [...tokens, web] });
    expect(mistakes).toEqual([
      { path: "tokens", given: "1001 tokens", allowed: expect.stringContaining("up to 1000") },
    ]);
  });
});

const NAME = '1 to 64 letters, digits and _ . @ -, not used by another token, and not "default"';
const SECRET = "a text of 1 to 512 bytes without control characters";
const SECRETS = "a list of 1 to 16 texts, or a field secret with one";
const TWICE = "a secret that is used nowhere else";
const ROLE = "one of read, write, invalidate, admin";
const ROLES = "a list of one or more of read, write, invalidate, admin";
const PREFIX = "a text of 1 to 512 bytes without control characters and * ? [ ] \\";
const HIDDEN = "(not shown)";

/** A token with one field changed, or without it. */
const other = (change: object) => [{ name: "a", secret: "s", roles: ["read"], ...change }];
const secrets = (list: unknown) => [{ name: "a", secrets: list, roles: ["read"] }];

describe("a mistake has its path, what was given, and what is allowed", () => {
  const LIST = "a list of up to 1000 tokens, or its JSON text";
  const cases: readonly (readonly [tokens: unknown, path: string, given: string, allowed: string])[] = [
    [null, "tokens", "null", LIST],
    ["[{", "tokens", "a text (not shown)", LIST],
    ['{"name":"a"}', "tokens", "a text (not shown)", LIST],
    [{}, "tokens", "an object", LIST],
    [["hunter2"], "tokens.0", "a text (not shown)", "an object with the fields name, secret, secrets, roles, prefixes"],
    [[[]], "tokens.0", "a list of 0", "an object with the fields name, secret, secrets, roles, prefixes"],
    [
      other({ secert: "hunter2" }),
      "tokens.0.secert",
      HIDDEN,
      "no such field; one of name, secret, secrets, roles, prefixes",
    ],
    [other({ name: undefined }), "tokens.0.name", "nothing", NAME],
    [other({ name: "a b" }), "tokens.0.name", '"a b"', NAME],
    [other({ name: "a:b" }), "tokens.0.name", '"a:b"', NAME],
    [other({ name: "" }), "tokens.0.name", '""', NAME],
    [other({ name: "default" }), "tokens.0.name", '"default"', NAME],
    [other({ name: "x".repeat(100) }), "tokens.0.name", `"${"x".repeat(76)}...`, NAME],
    [[...other({}), ...other({ secret: "t" })], "tokens.1.name", '"a"', NAME],
    [secrets(undefined), "tokens.0.secrets", "nothing", SECRETS],
    [secrets([]), "tokens.0.secrets", "a list of 0", SECRETS],
    [secrets(Array.from({ length: 17 }, String)), "tokens.0.secrets", "a list of 17", SECRETS],
    [secrets("hunter2"), "tokens.0.secrets", "a text (not shown)", SECRETS],
    [secrets(["a", 7]), "tokens.0.secrets.1", HIDDEN, SECRET],
    [secrets(["a", ""]), "tokens.0.secrets.1", HIDDEN, SECRET],
    [secrets(["a\n"]), "tokens.0.secrets.0", HIDDEN, SECRET],
    [secrets(["ü".repeat(257)]), "tokens.0.secrets.0", HIDDEN, SECRET],
    [secrets(["a", "a"]), "tokens.0.secrets.1", HIDDEN, TWICE],
    [[...other({}), ...other({ name: "b" })], "tokens.1.secret", HIDDEN, TWICE],
    [other({ secret: "main" }), "tokens.0.secret", HIDDEN, TWICE],
    [secrets(["a", "main"]), "tokens.0.secrets.1", HIDDEN, TWICE],
    [other({ secrets: ["t"] }), "tokens.0.secret", "both secret and secrets", "one of secret and secrets"],
    [other({ roles: undefined }), "tokens.0.roles", "nothing", ROLES],
    [other({ roles: [] }), "tokens.0.roles", "a list of 0", ROLES],
    [other({ roles: "read" }), "tokens.0.roles", "a text (not shown)", ROLES],
    [other({ roles: ["read", "rwite"] }), "tokens.0.roles.1", '"rwite"', ROLE],
    [other({ roles: [7] }), "tokens.0.roles.0", "number", ROLE],
    [
      other({ prefixes: "a" }),
      "tokens.0.prefixes",
      "a text (not shown)",
      "a list of up to 64 texts that keys begin with",
    ],
    [other({ prefixes: [""] }), "tokens.0.prefixes.0", '""', PREFIX],
    [other({ prefixes: ["a", "b*"] }), "tokens.0.prefixes.1", '"b*"', PREFIX],
    [other({ prefixes: ["a\n"] }), "tokens.0.prefixes.0", '"a\\n"', PREFIX],
    [other({ prefixes: ["x".repeat(513)] }), "tokens.0.prefixes.0", `"${"x".repeat(76)}...`, PREFIX],
  ];
  test.each(cases)("%j", (tokens, path, given, allowed) => {
    const { config, mistakes } = parseConfig({ secrets: ["main"], tokens });
    expect(config).toBeUndefined();
    expect(mistakes).toEqual([{ path, given, allowed }]);
  });
});

test("all mistakes are named at once, also those between secrets and tokens that are wrong otherwise", () => {
  const tokens = [
    { name: "a", secret: "main", roles: ["x", "read", "y"] },
    7,
    { name: "a", secrets: ["s"], roles: ["read"], x: 1 },
  ];
  const { mistakes } = parseConfig({ secrets: ["main"], host: "::", policy: "x", tokens });
  expect(mistakes.map(({ path }) => path).sort()).toEqual(
    [
      "policy",
      "tokens.0.roles.0",
      "tokens.0.roles.2",
      "tokens.0.secret",
      "tokens.1",
      "tokens.2.name",
      "tokens.2.x",
    ].sort(),
  );
});

test("no secret is ever shown, wherever it was put", () => {
  const secret = "hunter2hunter2";
  const inputs: unknown[] = [
    secret,
    [secret],
    [{ secret }],
    [{ secrets: secret }],
    [{ secrets: [secret, secret, [secret], `${secret}\n`] }],
    [{ [secret]: 1, pass: secret, roles: secret, prefixes: secret }],
    [{ secret: { secret } }],
  ];
  for (const tokens of inputs) {
    const { mistakes } = parseConfig({ tokens });
    expect(mistakes.length).toBeGreaterThan(0);
    // The name of a field is where a mistake is, and no place for a secret.
    expect(JSON.stringify(mistakes.filter(({ path }) => !path.includes(secret)))).not.toContain(secret);
  }
});
