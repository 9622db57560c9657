/** Proofs hold for one end of one socket, and for who knows a secret. */
import { expect, test } from "bun:test";
import { type Greetings, type PeerEnd, signGreetings, verifyGreetings } from "../../../src/node/peer-proof.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const said: Greetings = { dialled: bytes("I am a"), accepted: bytes("I am b") };

interface Case {
  readonly name: string;
  readonly signs: readonly string[];
  readonly verifies: readonly string[];
  readonly end?: PeerEnd;
  readonly heard?: Greetings;
  readonly expected: boolean;
}

const cases: readonly Case[] = [
  { name: "the same secret", signs: ["x"], verifies: ["x"], expected: true },
  { name: "the first signs, all verify", signs: ["new", "old"], verifies: ["old", "new"], expected: true },
  { name: "others do not sign", signs: ["new", "old"], verifies: ["old"], expected: false },
  { name: "another secret", signs: ["x"], verifies: ["y", "z"], expected: false },
  { name: "none at all", signs: [], verifies: [], expected: true },
  { name: "none and one", signs: [], verifies: ["x"], expected: false },
  { name: "one and none", signs: ["x"], verifies: [], expected: false },
  { name: "no secret is no text", signs: ["without"], verifies: [], expected: false },
  { name: "the proof of the other end", signs: ["x"], verifies: ["x"], end: "accepted", expected: false },
  {
    name: "another greeting of who dialled",
    signs: ["x"],
    verifies: ["x"],
    heard: { ...said, dialled: bytes("I am c") },
    expected: false,
  },
  {
    name: "another greeting of who accepted",
    signs: ["x"],
    verifies: ["x"],
    heard: { ...said, accepted: bytes("I am c") },
    expected: false,
  },
  {
    name: "the same bytes, divided otherwise",
    signs: ["x"],
    verifies: ["x"],
    heard: { dialled: bytes("I am aI"), accepted: bytes(" am b") },
    expected: false,
  },
];

for (const { name, signs, verifies, end = "dialled", heard = said, expected } of cases) {
  test(name, async () => {
    const proof = await signGreetings(signs, "dialled", said);
    expect(proof.length).toBe(32);
    expect(await verifyGreetings(verifies, end, heard, proof)).toBe(expected);
    proof[31] ^= 1;
    expect(await verifyGreetings(verifies, end, heard, proof)).toBe(false);
  });
}
