/**
 * Tokens as they are written in a configuration: a list, or its JSON text where only text can be given, of
 *
 *     {"name": "web", "secrets": ["...", "..."] or "secret": "...", "roles": ["read", "write"], "prefixes": ["web:"]}
 *
 * Reading never stops at the first mistake. Each mistake has the path of what is wrong, what was given there, and what is
 * allowed. What may be a secret is never shown: the values of secrets and of unknown fields, and whatever is not of the
 * expected type.
 *
 * Limits: tokens, secrets and prefixes of a token, and their lengths. Policy: a mistake, and nothing is taken over.
 */
import { encodeText } from "../core/bytes.ts";
import { DEFAULT_NAME, isPrefix, isSecret, MAX_SECRET_BYTES, ROLES, type Role, type TokenConfig } from "./access.ts";

export const MAX_TOKENS = 1_000;
/** Of the default user, and again of each token. */
export const MAX_SECRETS = 16;
const MAX_PREFIXES = 64;
const MAX_PREFIX_BYTES = 512;
/** Neither a colon, which ends the user in HTTP's Basic authentication, nor blanks, which end it in CLIENT LIST. */
const NAME = /^[\w.@-]{1,64}$/;
const CONTROL = /\p{Cc}/u;
const FIELDS = ["name", "secret", "secrets", "roles", "prefixes"];
const MAX_SHOWN = 80;

const LIST_ALLOWED = `a list of up to ${MAX_TOKENS} tokens, or its JSON text`;
const SECRET_ALLOWED = `a text of 1 to ${MAX_SECRET_BYTES} bytes without control characters`;
const TWICE_ALLOWED = "a secret that is used nowhere else";
const NAME_ALLOWED = `1 to 64 letters, digits and _ . @ -, not used by another token, and not "${DEFAULT_NAME}"`;
const ROLES_ALLOWED = `a list of one or more of ${ROLES.join(", ")}`;
const PREFIX_ALLOWED = `a text of 1 to ${MAX_PREFIX_BYTES} bytes without control characters and * ? [ ] \\`;

export interface TokenMistake {
  /** From the list on: `[2, "roles", 0]`. */
  readonly path: readonly (string | number)[];
  /** What was given, as text; never a secret. */
  readonly given: string;
  readonly allowed: string;
}

export interface ReadTokens {
  /** Complete only if there are no mistakes. */
  readonly tokens: readonly TokenConfig[];
  readonly mistakes: readonly TokenMistake[];
}

/** True if the text may be a secret in a configuration. */
export function isConfigurableSecret(secret: unknown): secret is string {
  return typeof secret === "string" && isSecret(secret) && !CONTROL.test(secret);
}

/**
 * Reads tokens.
 *
 * @param given A list of objects, or JSON text of one; empty text: none.
 * @param taken Secrets that no token may have, because they are used already.
 */
export function readTokens(given: unknown, taken: readonly string[] = []): ReadTokens {
  const list = typeof given === "string" ? parseList(given) : given;
  if (!Array.isArray(list) || list.length > MAX_TOKENS) {
    const shown = Array.isArray(list) ? `${list.length} tokens` : hidden(given);
    return { tokens: [], mistakes: [{ path: [], given: shown, allowed: LIST_ALLOWED }] };
  }
  const reader = new TokenReader(taken);
  const tokens = list.map((one: unknown, i) => reader.token(one, i));
  return { tokens, mistakes: reader.mistakes };
}

function parseList(text: string): unknown {
  if (text.trim() === "") return [];
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What kind of thing was given, where it may be or hold a secret. */
function hidden(given: unknown): string {
  if (given === undefined) return "nothing";
  if (given === null) return "null";
  if (Array.isArray(given)) return `a list of ${given.length}`;
  return typeof given === "string" ? "a text (not shown)" : typeof given === "object" ? "an object" : typeof given;
}

/** A text as it was given, cut; anything else only by its kind. */
function shown(given: unknown): string {
  if (typeof given !== "string") return hidden(given);
  const quoted = JSON.stringify(given);
  return quoted.length > MAX_SHOWN ? `${quoted.slice(0, MAX_SHOWN - 3)}...` : quoted;
}

class TokenReader {
  readonly mistakes: TokenMistake[] = [];
  readonly #names = new Set<string>();
  readonly #secrets: Set<string>;

  constructor(taken: readonly string[]) {
    this.#secrets = new Set(taken);
  }

  token(given: unknown, i: number): TokenConfig {
    if (typeof given !== "object" || given === null || Array.isArray(given)) {
      this.#refuse([i], hidden(given), `an object with the fields ${FIELDS.join(", ")}`);
      return { name: "", secrets: [], roles: [], prefixes: [] };
    }
    const fields = new Map<string, unknown>(Object.entries(given).filter(([, value]) => value !== undefined));
    for (const field of fields.keys()) {
      if (!FIELDS.includes(field))
        this.#refuse([i, field], "(not shown)", `no such field; one of ${FIELDS.join(", ")}`);
    }
    return {
      name: this.#name([i, "name"], fields.get("name")),
      secrets: this.#secretsOf(i, fields),
      roles: this.#roles([i, "roles"], fields.get("roles")),
      prefixes: fields.has("prefixes") ? this.#prefixes([i, "prefixes"], fields.get("prefixes")) : [],
    };
  }

  #refuse(path: readonly (string | number)[], given: string, allowed: string): void {
    this.mistakes.push({ path, given, allowed });
  }

  #name(path: readonly (string | number)[], given: unknown): string {
    const good = typeof given === "string" && NAME.test(given) && given !== DEFAULT_NAME && !this.#names.has(given);
    if (!good) this.#refuse(path, shown(given), NAME_ALLOWED);
    else this.#names.add(given);
    return good ? given : "";
  }

  #secretsOf(i: number, fields: ReadonlyMap<string, unknown>): readonly string[] {
    const [one, list] = [fields.get("secret"), fields.get("secrets")];
    if (fields.has("secret") && fields.has("secrets")) {
      this.#refuse([i, "secret"], "both secret and secrets", "one of secret and secrets");
    }
    if (fields.has("secret")) return this.#secret([i, "secret"], one);
    if (!Array.isArray(list) || list.length === 0 || list.length > MAX_SECRETS) {
      this.#refuse([i, "secrets"], hidden(list), `a list of 1 to ${MAX_SECRETS} texts, or a field secret with one`);
      return [];
    }
    return list.flatMap((secret: unknown, s) => this.#secret([i, "secrets", s], secret));
  }

  #secret(path: readonly (string | number)[], given: unknown): readonly string[] {
    const good = isConfigurableSecret(given);
    if (!good) this.#refuse(path, "(not shown)", SECRET_ALLOWED);
    else if (this.#secrets.has(given)) this.#refuse(path, "(not shown)", TWICE_ALLOWED);
    else this.#secrets.add(given);
    return good ? [given] : [];
  }

  #roles(path: readonly (string | number)[], given: unknown): readonly Role[] {
    if (!Array.isArray(given) || given.length === 0) {
      this.#refuse(path, hidden(given), ROLES_ALLOWED);
      return [];
    }
    const roles = new Set<Role>();
    for (const [r, one] of given.entries()) {
      const role = ROLES.find((known) => known === one);
      if (role === undefined) this.#refuse([...path, r], shown(one), `one of ${ROLES.join(", ")}`);
      else roles.add(role);
    }
    return [...roles];
  }

  #prefixes(path: readonly (string | number)[], given: unknown): readonly string[] {
    if (!Array.isArray(given) || given.length > MAX_PREFIXES) {
      this.#refuse(path, hidden(given), `a list of up to ${MAX_PREFIXES} texts that keys begin with`);
      return [];
    }
    const prefixes = new Set<string>();
    for (const [p, one] of given.entries()) {
      const good = typeof one === "string" && isPrefix(one) && !CONTROL.test(one);
      if (!good || encodeText(one).length > MAX_PREFIX_BYTES) this.#refuse([...path, p], shown(one), PREFIX_ALLOWED);
      else prefixes.add(one);
    }
    return [...prefixes];
  }
}
