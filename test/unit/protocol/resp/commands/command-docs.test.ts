import { describe, expect, test } from "bun:test";
import { Args } from "../../../../../src/protocol/resp/args.ts";
import type { Command } from "../../../../../src/protocol/resp/command.ts";
import { type Argument, parseSyntax } from "../../../../../src/protocol/resp/commands/command-docs-arguments.ts";
import { unsupportedReply } from "../../../../../src/protocol/resp/commands/unsupported.ts";
import { everyCommand, OwnServer } from "./own-server.ts";

/** An argument in one line: name:type, token, flags, and those inside. */
function brief({ name, type, token, flags, arguments: inner }: Argument): string {
  const inside = inner.length === 0 ? "" : `(${inner.map(brief).join(" ")})`;
  return [`${name}:${type}${token === undefined ? "" : `=${token}`}`, ...flags].join("+") + inside;
}

const LINES: readonly (readonly [syntax: string, expected: string])[] = [
  ["", ""],
  ["key", "key:key"],
  ["key value", "key:key value:string"],
  ["key [key ...]", "key:key+multiple"],
  ["[section [section ...]]", "section:string+multiple+optional"],
  ["[command-name ...]", "command-name:string+optional+multiple"],
  ["[ASYNC | SYNC]", "async-sync:oneof+optional(async:pure-token=ASYNC sync:pure-token=SYNC)"],
  ["ON|OFF", "on-off:oneof(on:pure-token=ON off:pure-token=OFF)"],
  [
    "cursor [MATCH pattern] [COUNT count]",
    "cursor:integer pattern:pattern=MATCH+optional count:integer=COUNT+optional",
  ],
  ["key seconds [NX]", "key:key seconds:integer nx:pure-token=NX+optional"],
  ["key value [key value ...]", "key-value:block+multiple(key:key value:string)"],
  ["[PREFIX p [PREFIX p ...]]", "p:string=PREFIX+multiple+multiple_token+optional"],
  ["<A b | C d>", "b-d:oneof(b:string=A d:string=C)"],
  ["[EX seconds | PERSIST]", "seconds-persist:oneof+optional(seconds:integer=EX persist:pure-token=PERSIST)"],
  [
    "[protover [AUTH user password]]",
    "protover-user-password:block+optional(protover:integer user-password:block=AUTH+optional(user:string password:string))",
  ],
];

describe("syntax lines", () => {
  test.each(LINES)("'%s'", (syntax, expected) => {
    expect(parseSyntax(syntax).map(brief).join(" ")).toBe(expected);
  });

  test.each(["[key", "key]", "<A", "A>"])("'%s' is none", (syntax) => {
    expect(() => parseSyntax(syntax)).toThrow();
  });
});

function withSubcommands(commands: readonly Command[]): Command[] {
  return commands.flatMap((one) => [one, ...withSubcommands(one.subcommands ?? [])]);
}

const documented = withSubcommands(everyCommand).filter(({ group }) => group !== "unsupported");

describe("every command", () => {
  test.each(documented.map((one) => [one.name, one] as const))("%s is documented", (name, one) => {
    expect(() => parseSyntax(one.syntax)).not.toThrow();
    expect(one.summary).toMatch(/^[A-Z].*\.$/);
    expect(one.since).toMatch(/^\d+\.\d+(\.\d+)?$/);
    expect(one.categories.length).toBeGreaterThan(0);
    expect(one.categories.includes("fast")).toBe(one.flags.includes("fast"));
    expect(one.categories.includes("fast") || one.categories.includes("slow")).toBe(true);
    const required = parseSyntax(one.syntax).filter(({ flags }) => !flags.includes("optional")).length;
    const words = name.includes("|") ? 2 : 1;
    if (one.subcommands === undefined)
      expect(Math.abs(one.arity)).toBeGreaterThanOrEqual(words + Math.min(required, 1));
    if (one.arity > 0 && one.syntax === "") expect(one.arity).toBe(words);
  });
});

describe("refused commands", () => {
  const own = new OwnServer();
  const peer = own.peer();

  test("are not listed", () => {
    expect(peer.call("COMMAND", "COUNT")).toBe(everyCommand.filter(({ group }) => group !== "unsupported").length);
    expect(peer.call("COMMAND", "INFO", "hset")).toEqual([null]);
    expect(peer.call("COMMAND", "LIST", "FILTERBY", "PATTERN", "hset")).toEqual([]);
    expect(peer.call("COMMAND", "GETKEYS", "hset", "k", "f", "v")).toEqual({ error: "ERR Invalid command specified" });
  });

  test("say what is missing, whatever their arguments", () => {
    expect(peer.call("HGETALL")).toEqual({
      error: "ERR unsupported command 'hgetall': Shoal stores opaque values (strings) and has no hash commands",
    });
  });

  test.each([
    ["JSON.SET", "json.set", "JSON"],
    ["ft.search", "ft.search", "search"],
    ["Ts.Add", "ts.add", "time series"],
    ["bf.add", "bf.add", "Bloom filter"],
    ["tdigest.add", "tdigest.add", "t-digest"],
  ])("%s, by its prefix", (given, name, group) => {
    own.server.begin(peer.session);
    const replied = unsupportedReply(peer.session, Args.of(given, "x"));
    own.server.end(peer.session);
    expect(replied).toBe(true);
    expect(peer.received()).toEqual([
      { error: `ERR unsupported command '${name}': Shoal stores opaque values (strings) and has no ${group} commands` },
    ]);
  });

  test.each(["json", "jsonset", ".", "nosuch.command", "constructor.x", "verylongname.x"])("%s is unknown", (given) => {
    expect(unsupportedReply(peer.session, Args.of(given))).toBe(false);
  });
});
