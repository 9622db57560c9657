/** Cache-Tag: its syntax, its limits, and how tags are given back. */
import type { HttpCase } from "../case.ts";
import { create, missing, post, read, refusal, refusedPut, replace } from "../steps.ts";

const many = (count: number, name = (i: number) => `t${i}`) =>
  Array.from({ length: count }, (_, i) => name(i)).join(",");

/** What is sent, what a read gives back, and the tags as batches show them. */
const accepted: readonly {
  name: string;
  sent: string | readonly string[];
  reads: string | RegExp;
  tags?: unknown[];
}[] = [
  { name: "one", sent: "a", reads: "a", tags: ["a"] },
  { name: "several", sent: "a,b,c", reads: "a,b,c", tags: ["a", "b", "c"] },
  { name: "blanks around", sent: "  a , b\t,\tc ", reads: "a,b,c", tags: ["a", "b", "c"] },
  { name: "in several fields", sent: ["a", "b,c"], reads: "a,b,c", tags: ["a", "b", "c"] },
  { name: "twice the same", sent: "a,b,a,%61", reads: "a,b", tags: ["a", "b"] },
  { name: "cases differ", sent: "a,A", reads: "a,A", tags: ["a", "A"] },
  {
    name: "what needs no escape",
    sent: "user:42/x~!$&'()*+;=@\"[]{}<>|^`\\",
    reads: "user:42/x~!$&'()*+;=@\"[]{}<>|^`\\",
  },
  { name: "an escaped comma and blank", sent: "%41%2C%20b", reads: "A%2C%20b", tags: ["A, b"] },
  { name: "an escaped percent sign", sent: "100%25", reads: "100%25", tags: ["100%"] },
  { name: "escaped controls", sent: "a%09%0D%0Ab%7F", reads: "a%09%0D%0Ab%7F", tags: ["a\t\r\nb\u007f"] },
  { name: "bytes that are no UTF-8", sent: "%ff", reads: /^%ff$/i, tags: [{ base64: "/w==" }] },
  { name: "UTF-8", sent: "%C3%BC", reads: /^%c3%bc$/i, tags: ["ü"] },
  { name: "a zero byte, but not first", sent: "a%00", reads: "a%00", tags: ["a\0"] },
  { name: "256 bytes", sent: "x".repeat(256), reads: "x".repeat(256) },
  { name: "256 bytes, all escaped", sent: "%20".repeat(256), reads: "%20".repeat(256) },
  { name: "64 of them", sent: many(64), reads: many(64) },
  { name: "65 of which two are the same", sent: `${many(64)},t0`, reads: many(64) },
];

const acceptedCases: readonly HttpCase[] = accepted.map(({ name, sent, reads, tags }) => ({
  name: `Cache-Tag: ${name}`,
  steps: [
    create("k", "v", { "Cache-Tag": sent }),
    read("k", "v", { "cache-tag": reads }),
    { headLikeGet: "/v1/keys/k" },
    ...(tags === undefined
      ? []
      : [
          post("/v1/batch/get", { keys: ["k"] }, { entries: [{ found: true, tags }] }),
          post("/v1/purge", { tags: [tags[tags.length - 1]] }, { entries: null }),
          missing("k"),
        ]),
  ],
}));

const refused: readonly { name: string; sent: string }[] = [
  { name: "a percent sign alone", sent: "a%" },
  { name: "half an escape", sent: "a%2" },
  { name: "an escape that is not hexadecimal", sent: "ok,a%zz" },
  { name: "a zero byte in front", sent: "%00a" },
  { name: "257 bytes", sent: "x".repeat(257) },
  { name: "257 bytes, escaped", sent: "%20".repeat(257) },
  { name: "65 of them", sent: many(65) },
];

const refusedCases: readonly HttpCase[] = refused.map(({ name, sent }) =>
  refusal(`Cache-Tag with ${name}`, [
    refusedPut("k", "after", { "Cache-Tag": sent }, { code: "bad-header", field: "Cache-Tag" }),
  ]),
);

export const tagCases: readonly HttpCase[] = [
  ...acceptedCases,
  ...refusedCases,
  {
    name: "no tags, no Cache-Tag",
    steps: [
      create("k", "v"),
      read("k", "v", { "cache-tag": null }),
      replace("k", "v", { "Cache-Tag": "a" }),
      read("k", "v", { "cache-tag": "a" }),
    ],
  },
  {
    name: "a tag with several entries",
    steps: [
      create("a", "1", { "Cache-Tag": "x,y" }),
      create("b", "2", { "Cache-Tag": "y" }),
      create("c", "3", { "Cache-Tag": "xy" }),
      post("/v1/purge", { tags: ["y"] }, {}),
      missing("a"),
      missing("b"),
      read("c", "3"),
      create("a", "again", { "Cache-Tag": "x,y" }),
      read("a", "again", { "cache-tag": "x,y" }),
    ],
  },
];
