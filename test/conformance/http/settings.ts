/** The servers that cases ask for: each setting is a configuration, and one server of each is enough for a target. */
import type { TokenConfig } from "../../../src/node/access.ts";

export interface Setting {
  readonly name: string;
  /** Fields of the configuration. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What AUTH takes in Redis's protocol, to be allowed everything. */
  readonly login?: readonly string[];
}

export const SECRETS = ["correct horse battery staple", "the-second-one"] as const;

/** Nobody has to authenticate. */
export const open: Setting = { name: "open", config: {} };

/** Two secrets, either of which opens everything. */
export const secured: Setting = { name: "secured", config: { secrets: [...SECRETS] }, login: [SECRETS[0]] };

const token = (name: string, roles: TokenConfig["roles"], prefixes: string[] = []): TokenConfig => ({
  name,
  secrets: [`${name}-secret`],
  roles,
  prefixes,
});

/** Tokens of every role, and some that are held to prefixes. The secret of `x` is `x-secret`. */
export const tokens: Setting = {
  name: "tokens",
  config: {
    tokens: [
      token("reader", ["read"]),
      token("writer", ["write"]),
      token("invalidator", ["invalidate"]),
      token("everything", ["admin"]),
      token("app", ["read", "write", "invalidate"], ["app:"]),
      token("other", ["read", "write", "invalidate"], ["other:", "shared:"]),
      token("chief", ["admin"], ["app:"]),
    ],
  },
  login: ["everything", "everything-secret"],
};

/** Little memory, and nothing may be evicted. */
export const full: Setting = { name: "full", config: { maxMemory: "4mb", policy: "noeviction" } };

/** Little patience with bodies, and little room for them. */
export const strained: Setting = {
  name: "strained",
  config: { requestTimeoutMs: 500, maxClientMemory: "1mb", maxRequestBytes: "64kb" },
};
