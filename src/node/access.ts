/**
 * Who may do what. A client that asks for nothing else is the default user: unrestricted where no secret is configured,
 * nobody otherwise. The configured secrets open everything; a token opens what its roles and key prefixes say.
 *
 * One `Access` serves all protocols of a node, so that a token means the same everywhere, and one `configure` changes
 * them all (rotation without a restart). There is one `Principal` for each secret, so that whoever holds one knows by
 * which secret it came in: a principal stays as it is for as long as its secret is configured under the same name with
 * the same roles and prefixes, and is marked as revoked otherwise. So a secret can be added and an old one taken away
 * while those who came in by a third one go on, and a token whose rights change ends the sessions that hold the old
 * ones. Protocols that remember principals look at that mark when `onChange` tells them to.
 *
 * Comparing takes the same work for every guess of up to 512 bytes: the guess is padded, each secret was padded when it
 * was configured, and all words of all secrets are looked at, without a branch on what was found. So time tells how many
 * secrets there are and (in steps of 64 bytes) how long the longest is, and nothing about where a guess went wrong or
 * which secret it was near. A longer guess is refused unseen, which tells only what its sender knows. Names are no
 * secrets.
 *
 * Limits are those of the configuration (token-config.ts); what would make a secret ambiguous or a prefix porous is
 * refused here too, for programs that configure an `Access` themselves.
 */
import { encodeText, equalBytes } from "../core/bytes.ts";

/** What a token may be allowed. `admin` includes the others. */
export const ROLES = ["read", "write", "invalidate", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** A token as it is configured. */
export interface TokenConfig {
  /** The user's name in the Redis protocol, and in logs. */
  readonly name: string;
  /** Any of them opens; several, so that they can be rotated. */
  readonly secrets: readonly string[];
  readonly roles: readonly Role[];
  /** Keys must begin with one of them; empty: any key. */
  readonly prefixes: readonly string[];
}

export const DEFAULT_NAME = "default";
/** Bytes of a secret. Policy: a longer one is no configuration, and a longer guess is wrong. */
export const MAX_SECRET_BYTES = 512;
const WORD_BYTES = Uint32Array.BYTES_PER_ELEMENT;
/** Secrets are padded to multiples of this. */
const PADDED_BYTES = 64;
const GLOB_CHARACTERS = /[*?[\]\\]/;

/** True if the text may be a secret: 1 to 512 bytes. */
export function isSecret(secret: string): boolean {
  return secret !== "" && secret.length <= MAX_SECRET_BYTES && encodeText(secret).length <= MAX_SECRET_BYTES;
}

/**
 * True if the text may be a prefix of keys: not empty, and without characters that mean something in a pattern, so that
 * a pattern which begins with the prefix matches nothing that does not.
 */
export function isPrefix(prefix: string): boolean {
  return prefix !== "" && !GLOB_CHARACTERS.test(prefix);
}

/** Who a connection or request acts as. */
export class Principal {
  readonly name: string;
  readonly roles: readonly Role[];
  /** Empty: any key. */
  readonly prefixes: readonly Uint8Array[];
  /** True if nothing has to be asked. */
  readonly unrestricted: boolean;
  /** True once the configuration knows it no more. */
  revoked = false;

  constructor(name: string, roles: readonly Role[], prefixes: readonly string[]) {
    this.name = name;
    this.roles = roles;
    this.prefixes = prefixes.map(encodeText);
    this.unrestricted = roles.includes("admin") && prefixes.length === 0;
  }

  allows(role: Role): boolean {
    return this.roles.includes(role) || this.roles.includes("admin");
  }

  /** Asked with the user's key, not its stored form; likewise for tags and patterns that are to be invalidated. */
  allowsKey(bytes: Uint8Array, start: number, end: number): boolean {
    const { prefixes } = this;
    for (let i = 0; i < prefixes.length; i++) {
      const prefix = prefixes[i] as Uint8Array;
      if (end - start >= prefix.length && equalBytes(bytes, start, prefix, 0, prefix.length)) return true;
    }
    return prefixes.length === 0;
  }
}

/** Zero if a padded secret is the padded guess. Looks at every word whatever it finds. */
export type CompareWords = (secret: Uint32Array, guess: Uint32Array) => number;

export const compareWords: CompareWords = (secret, guess) => {
  let difference = 0;
  for (let i = 0; i < secret.length; i++) difference |= (secret[i] as number) ^ (guess[i] as number);
  return difference;
};

interface Credential {
  readonly secret: string;
  /** The secret's length and then its bytes, padded with zeros. */
  readonly words: Uint32Array;
  readonly principal: Principal;
  /** What the principal is, as text: the same text, the same rights. */
  readonly rights: string;
}

/** The length of `bytes` and then themselves, as words, padded with zeros to `maxBytes`. */
function pad(bytes: Uint8Array, maxBytes: number): Uint32Array {
  const words = new Uint32Array(1 + maxBytes / WORD_BYTES);
  words[0] = bytes.length;
  new Uint8Array(words.buffer).set(bytes, WORD_BYTES);
  return words;
}

/** Who may use a node: see the head of this file. */
export class Access {
  #credentials: readonly Credential[] = [];
  #users: readonly Principal[] = [];
  readonly #compare: CompareWords;
  readonly #listeners = new Set<() => void>();
  readonly #guess = new Uint32Array(1 + MAX_SECRET_BYTES / WORD_BYTES);
  readonly #guessBytes = new Uint8Array(this.#guess.buffer, WORD_BYTES);
  /** Who a client is that has not authenticated; undefined where that is required. */
  anonymous: Principal | undefined;

  /**
   * @param compare How words are compared; for tests that count.
   * @throws An error as `configure` does.
   */
  constructor(secrets: readonly string[], tokens: readonly TokenConfig[] = [], compare: CompareWords = compareWords) {
    this.#compare = compare;
    this.configure(secrets, tokens);
  }

  /**
   * One principal of each configured name, in order of configuration: the default user first, if there are secrets for
   * it. Empty where nobody has to authenticate.
   */
  get users(): readonly Principal[] {
    return this.#users;
  }

  /** Calls `listener` after each `configure`, until the function that is returned is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Takes over other secrets and tokens. Who came in by a secret that is gone, or that has other rights now, is revoked.
   *
   * @throws An error that names the token, and changes nothing, if a secret or name is used twice, a secret has not 1 to
   * 512 bytes, a token has no secret or no role, or a prefix is empty or contains one of `* ? [ ] \`.
   */
  configure(secrets: readonly string[], tokens: readonly TokenConfig[]): void {
    const everybody = [{ name: DEFAULT_NAME, secrets, roles: ["admin"] as const, prefixes: [] }, ...tokens];
    refuseAmbiguous(everybody);
    const before = new Map(this.#credentials.map((credential) => [credential.secret, credential]));
    const all = everybody.flatMap((token) =>
      token.secrets.map((secret) => ({ token, secret, bytes: encodeText(secret) })),
    );
    const longest = all.reduce((most, { bytes }) => Math.max(most, bytes.length), 1);
    const maxBytes = Math.ceil(longest / PADDED_BYTES) * PADDED_BYTES;
    const credentials = all.map(({ token, secret, bytes }): Credential => {
      const { name, roles, prefixes } = token;
      const rights = JSON.stringify([name, [...roles].sort(), [...prefixes].sort()]);
      const old = before.get(secret);
      const principal = old?.rights === rights ? old.principal : new Principal(name, roles, prefixes);
      return { secret, words: pad(bytes, maxBytes), principal, rights };
    });
    const kept = new Set(credentials.map(({ principal }) => principal));
    for (const { principal } of this.#credentials) principal.revoked = !kept.has(principal);
    this.#credentials = credentials;
    const users = new Map<string, Principal>();
    for (const principal of kept) if (!users.has(principal.name)) users.set(principal.name, principal);
    this.#users = [...users.values()];
    if (credentials.length === 0) {
      this.anonymous ??= new Principal(DEFAULT_NAME, ["admin"], []);
    } else if (this.anonymous !== undefined) {
      this.anonymous.revoked = true;
      this.anonymous = undefined;
    }
    for (const listener of [...this.#listeners]) listener();
  }

  /**
   * Who a secret belongs to, with the same work for every guess of up to 512 bytes.
   *
   * @param name Only a principal of this name will do.
   */
  authenticate(given: Uint8Array, name?: string): Principal | undefined {
    if (given.length > MAX_SECRET_BYTES) return undefined;
    this.#guess[0] = given.length;
    for (let i = 0; i < MAX_SECRET_BYTES; i++) this.#guessBytes[i] = given[i] ?? 0;
    const credentials = this.#credentials;
    let found = -1;
    for (let i = 0; i < credentials.length; i++) {
      const { words, principal } = credentials[i] as Credential;
      const otherName = name === undefined || principal.name === name ? 0 : 1;
      const difference = this.#compare(words, this.#guess) | otherName;
      // All bits are set where nothing differs, none otherwise: so a match takes no other way than a mismatch.
      const equal = ~((difference | -difference) >> 31);
      found = (found & ~equal) | (i & equal);
    }
    return credentials[found]?.principal;
  }
}

function refuseAmbiguous(tokens: readonly TokenConfig[]): void {
  const [names, taken] = [new Set<string>(), new Set<string>()];
  for (const { name, secrets, roles, prefixes } of tokens) {
    const first = names.size === 0;
    if (names.has(name)) throw new Error(`two tokens are called ${name}`);
    if (!first && (secrets.length === 0 || roles.length === 0)) throw new Error(`${name} has no secret or no role`);
    const porous = prefixes.find((prefix) => !isPrefix(prefix));
    if (porous !== undefined)
      throw new Error(`a prefix of ${name} is empty or contains one of * ? [ ] \\: "${porous}"`);
    for (const secret of secrets) {
      if (!isSecret(secret)) throw new Error(`a secret of ${name} has not 1 to ${MAX_SECRET_BYTES} bytes`);
      if (taken.has(secret)) throw new Error(`a secret of ${name} is used twice`);
      taken.add(secret);
    }
    names.add(name);
  }
}
