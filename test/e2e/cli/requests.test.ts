/** What commands send: paths, headers and bodies; tokens; TLS with a private authority. */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installed } from "../server-process.ts";
import { RUNTIMES, runCli } from "./cli-process.ts";
import { ScriptedNode, type SeenRequest } from "./scripted-node.ts";

setDefaultTimeout(60_000);

let node: ScriptedNode;
let folder = "";
beforeAll(async () => {
  node = await ScriptedNode.start();
  folder = mkdtempSync(join(tmpdir(), "shoal-cli-"));
});
afterAll(() => {
  node.stop();
  rmSync(folder, { recursive: true });
});
afterEach(() => {
  node.seen.length = 0;
});

const json = (value: unknown) => ({ body: JSON.stringify(value) });
const stored = json({ results: [{ key: "k", status: "created", etag: '"1-2"' }] });
const receipt = json({ version: 7, entries: 1, regions: [{ region: "local", status: "acknowledged", delayMs: 0.5 }] });
const base64 = (text: string) => ({ base64: Buffer.from(text).toString("base64") });

interface Case {
  readonly name: string;
  readonly words: readonly string[];
  readonly input?: string;
  readonly answer?: ScriptedNode["answer"];
  readonly sent: Partial<Omit<SeenRequest, "headers" | "body">> & {
    readonly headers?: Readonly<Record<string, unknown>>;
    /** Parsed, if it is an object. */
    readonly body?: unknown;
  };
}

// tidy: test cases
const cases: readonly Case[] = [
  { name: "a plain key", words: ["get", "user:42/name"], sent: { method: "GET", url: "/v1/keys/user:42/name" } },
  { name: "a key to be encoded", words: ["get", "a b?#%2F\\ü"], sent: { url: "/v1/keys/a%20b%3F%23%252F%5C%C3%BC" } },
  { name: "the empty key", words: ["get", ""], sent: { url: "/v1/keys/" } },
  {
    name: "a key that URLs resolve",
    words: ["get", "a/../b", "--database", "3"],
    sent: { url: `/v1/keys/${Buffer.from("a/../b").toString("base64url")}?encoding=base64url&database=3` },
  },
  { name: "a key that proxies merge", words: ["get", "a//b"], sent: { url: "/v1/keys/YS8vYg?encoding=base64url" } },
  { name: "a key behind dashes", words: ["get", "--", "--json"], sent: { url: "/v1/keys/--json" } },
  { name: "metadata", words: ["get", "k", "--headers"], sent: { method: "HEAD", url: "/v1/keys/k" } },
  {
    name: "whole seconds as headers",
    words: [
      ...["set", "k", "v", "--ttl", "5m", "--swr=1h", "--stale-if-error", "2d", "--content-type", "text/plain"],
      ...["--tag", "a b", "--tag", "c,d%é", "--if-match", "1-2"],
    ],
    sent: {
      method: "PUT",
      url: "/v1/keys/k",
      body: "v",
      headers: {
        "cache-control": "max-age=300, stale-while-revalidate=3600, stale-if-error=172800",
        "cache-tag": "a%20b,c%2Cd%25%C3%A9",
        "content-type": "text/plain",
        "if-match": '"1-2"',
        "content-length": "1",
      },
    },
  },
  {
    name: "no lifetime: no headers",
    words: ["set", "k", "", "--create"],
    sent: {
      method: "PUT",
      body: "",
      headers: { "cache-control": undefined, "content-type": undefined, "if-none-match": "*" },
    },
  },
  {
    name: "a value that begins with dashes",
    words: ["set", "k", "--", "--ttl"],
    sent: { url: "/v1/keys/k", body: "--ttl" },
  },
  { name: "a value from stdin", words: ["set", "k"], input: "from\nstdin\0", sent: { body: "from\nstdin\0" } },
  { name: "a value from stdin by name", words: ["set", "k", "-"], input: "x", sent: { body: "x" } },
  {
    name: "milliseconds by the JSON endpoint",
    words: ["set", "a/../b", "v", "--ttl", "1500", "--swr", "1s", "--tag", "t", "--create", "--database", "2"],
    answer: stored,
    sent: {
      method: "POST",
      url: "/v1/batch/set",
      headers: { "content-type": "application/json" },
      body: {
        entries: [{ key: "a/../b", value: base64("v"), ttlMs: 1_500, swrMs: 1_000, tags: ["t"], ifNoneMatch: "*" }],
        database: 2,
      },
    },
  },
  {
    name: "several keys to delete",
    words: ["delete", "a", "b"],
    answer: json({ deleted: 1, results: [] }),
    sent: { method: "POST", url: "/v1/batch/delete", body: { keys: ["a", "b"], database: 0 } },
  },
  {
    name: "subjects of an invalidation",
    words: [
      "invalidate",
      "--key",
      "a",
      "--key",
      "b",
      "--tag",
      "t",
      "--pattern",
      "p:*",
      "--wait",
      "all",
      "--timeout",
      "3s",
    ],
    answer: receipt,
    sent: {
      url: "/v1/invalidate",
      body: { keys: ["a", "b"], tags: ["t"], patterns: ["p:*"], wait: "all", database: 0, timeoutMs: 3_000 },
    },
  },
  {
    name: "purging everything",
    words: ["purge", "--all", "--database", "15"],
    answer: receipt,
    sent: { url: "/v1/purge", body: { all: true, database: 15, timeoutMs: 10_000 } },
  },
  {
    name: "a token",
    words: ["get", "k", "--token", "s3cret~/+="],
    sent: { headers: { authorization: "Bearer s3cret~/+=" } },
  },
  {
    name: "a token that Bearer cannot carry",
    words: ["get", "k", "--token", "pässword 1"],
    sent: { headers: { authorization: `Basic ${Buffer.from(":pässword 1").toString("base64")}` } },
  },
];

test.each(cases)("$name", async ({ words, input, answer = {}, sent }) => {
  node.answer = answer;
  const output = await runCli("bun", ["--url", node.url, ...words], input === undefined ? {} : { input });
  expect({ exitCode: output.exitCode, stderr: output.stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(node.seen.length).toBe(1);
  const { headers = {}, body, ...line } = sent;
  const seen = node.seen[0] as SeenRequest;
  expect(seen).toMatchObject(line);
  for (const [name, value] of Object.entries(headers))
    expect([name, seen.headers[name]]).toEqual([name, value as string]);
  if (body !== undefined) expect(typeof body === "string" ? seen.body : JSON.parse(seen.body)).toEqual(body);
});

test("a region that did not acknowledge: the receipt, and exit code 75", async () => {
  const regions = [
    { region: "fra", status: "acknowledged", delayMs: 1.25 },
    { region: "iad", status: "unreachable", delayMs: 0 },
  ];
  node.answer = json({ version: 9, entries: null, regions });
  const text = await runCli("bun", ["purge", "--tag", "t", "--url", node.url]);
  expect(text).toMatchObject({
    exitCode: 75,
    stdout: "purged (version 9)\n  fra: acknowledged after 1.25ms\n  iad: unreachable\n",
  });
  const object = await runCli("bun", ["purge", "--tag", "t", "--url", node.url, "--json"]);
  expect([object.exitCode, JSON.parse(object.stdout)]).toEqual([75, { version: 9, entries: null, regions }]);
});

test("what an entry of a batch was refused for", async () => {
  const problem = { code: "precondition-failed", detail: "there is one already" };
  node.answer = json({ results: [{ key: "k", status: "refused", problem }] });
  const output = await runCli("bun", ["set", "k", "v", "--ttl", "1", "--create", "--url", node.url]);
  expect(output).toMatchObject({ exitCode: 1, stdout: "", stderr: "shoal: there is one already\n" });
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  test("flags come before the environment", async () => {
    const environment = { SHOAL_URL: "http://127.0.0.1:1", SHOAL_TOKEN: "of-environment" };
    node.answer = {};
    expect((await runCli(runtime, ["get", "k", "--url", node.url], { environment })).exitCode).toBe(0);
    expect((await runCli(runtime, ["get", "k", "--url", node.url, "--token", "t"], { environment })).exitCode).toBe(0);
    expect(
      (await runCli(runtime, ["get", "k"], { environment: { ...environment, SHOAL_URL: `${node.url}/base/` } }))
        .exitCode,
    ).toBe(0);
    expect(node.seen.map(({ headers }) => headers.authorization)).toEqual(
      ["of-environment", "t", "of-environment"].map((token) => `Bearer ${token}`),
    );
    expect(node.seen.map(({ url }) => url)).toEqual(["/v1/keys/k", "/v1/keys/k", "/base/v1/keys/k"]);
  });

  const openssl = installed("openssl");
  test.skipIf(openssl === undefined)("TLS: only with the authority that signed (needs openssl)", async () => {
    const path = (name: string) => join(folder, `${runtime}-${name}`);
    const make = async (...words: string[]) => {
      const child = Bun.spawn([openssl ?? "", ...words], { stdout: "ignore", stderr: "pipe" });
      const said = await new Response(child.stderr).text();
      if ((await child.exited) !== 0) throw new Error(said);
    };
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    await make(
      "req",
      "-x509",
      ...key,
      "-keyout",
      path("ca.key"),
      "-out",
      path("ca.pem"),
      "-days",
      "2",
      "-subj",
      "/CN=ca",
    );
    await make("req", ...key, "-keyout", path("node.key"), "-out", path("node.csr"), "-subj", "/CN=localhost");
    writeFileSync(path("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
    const signed = ["-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial", "-extfile", path("names")];
    await make("x509", "-req", "-in", path("node.csr"), ...signed, "-out", path("node.pem"), "-days", "2");
    const text = (name: string) => Bun.file(path(name)).text();
    const secure = await ScriptedNode.start({ key: await text("node.key"), cert: await text("node.pem") });
    try {
      secure.answer = { body: "over TLS" };
      const run = (...words: string[]) => runCli(runtime, ["get", "k", ...words]);
      const good = await run("--url", secure.url, "--ca", path("ca.pem"));
      expect(good).toMatchObject({ exitCode: 0, stdout: "over TLS", stderr: "" });
      const untrusted = await run("--url", secure.url);
      expect(untrusted).toMatchObject({ exitCode: 69, stderr: expect.stringContaining("certificate is not trusted") });
      const plain = await run("--url", secure.url.replace("https://localhost", "http://127.0.0.1"));
      expect(plain).toMatchObject({ exitCode: 69, stderr: expect.stringContaining("https://") });
      const noTls = await run("--url", node.url.replace("http:", "https:"));
      expect(noTls).toMatchObject({ exitCode: 69, stderr: expect.stringContaining("does not speak TLS") });
      expect(secure.seen.length).toBe(1);
    } finally {
      secure.stop();
    }
    const missing = await runCli(runtime, ["get", "k", "--ca", path("nowhere.pem")]);
    expect(missing).toMatchObject({ exitCode: 78, stderr: expect.stringContaining("cannot be read") });
    const wrong = await runCli(runtime, ["get", "k", "--ca", path("node.key")]);
    expect(wrong).toMatchObject({ exitCode: 78, stderr: expect.stringContaining("holds no certificate") });
  });
});
