import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { checkClusterConfig, defaultClusterConfig, MAX_REPLICAS } from "../../../src/cluster/cluster-config.ts";
import { type Member, MemberState } from "../../../src/cluster/member.ts";
import { MAX_INCARNATION, MAX_MEMBER_BYTES, readMember, writeMember } from "../../../src/cluster/member-codec.ts";
import { ByteReader, ReadError } from "../../../src/core/byte-reader.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";

const name = (least: number) =>
  fc
    .string({ minLength: least, maxLength: 20, unit: "binary" })
    .filter((text) => text.isWellFormed() && !text.includes("\ufffd") && new TextEncoder().encode(text).length <= 64);

const arbitraryMember: fc.Arbitrary<Member> = fc.record({
  id: name(1),
  origin: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  incarnation: fc.integer({ min: 0, max: MAX_INCARNATION }),
  state: fc.constantFrom(...Object.values(MemberState)),
  region: name(1),
  zone: name(0),
  weight: fc.integer({ min: 0, max: 1_000_000 }).map((thousandths) => thousandths / 1_000),
  replicas: fc.integer({ min: 1, max: MAX_REPLICAS }),
  address: name(0),
});

function encode(member: Member): Uint8Array {
  const writer = new ByteWriter();
  writeMember(writer, member);
  return writer.take();
}

const plain: Member = { ...defaultClusterConfig(), id: "a", origin: 1, incarnation: 1, state: MemberState.ALIVE };

describe("a member", () => {
  test("is read as it was written", () => {
    fc.assert(
      fc.property(arbitraryMember, (member) => {
        const bytes = encode(member);
        expect(bytes.length).toBeLessThanOrEqual(MAX_MEMBER_BYTES);
        const reader = new ByteReader(bytes);
        expect(readMember(reader)).toEqual(member);
        reader.expectEnd();
      }),
    );
  });

  test("is not read from anything else: cut short, or any bytes", () => {
    fc.assert(
      fc.property(arbitraryMember, fc.nat(), (member, cut) => {
        const bytes = encode(member);
        expect(() => readMember(new ByteReader(bytes, 0, cut % bytes.length))).toThrow(ReadError);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          const member = readMember(new ByteReader(bytes));
          expect(readMember(new ByteReader(encode(member)))).toEqual(member);
        } catch (error) {
          expect(error).toBeInstanceOf(ReadError);
        }
      }),
    );
  });

  const rows: { name: string; member: Partial<Member> }[] = [
    { name: "no name", member: { id: "" } },
    { name: "a name of 65 bytes", member: { id: "x".repeat(65) } },
    { name: "half a character", member: { id: "\ud800" } },
    { name: "no region", member: { region: "" } },
    { name: "no origin", member: { origin: 0 } },
    { name: "a weight above 1,000", member: { weight: 1_000.001 } },
    { name: "no replicas", member: { replicas: 0 } },
    { name: "nine replicas", member: { replicas: 9 } },
    { name: "an address of 257 bytes", member: { address: "x".repeat(257) } },
  ];
  for (const row of rows) {
    test(`is refused with ${row.name}`, () => {
      expect(() => readMember(new ByteReader(encode({ ...plain, ...row.member })))).toThrow(ReadError);
    });
  }
});

describe("the configuration", () => {
  const named = { ...defaultClusterConfig(), id: "a" };

  test("is right as it is by default, but for the name", () => {
    expect(checkClusterConfig(named)).toEqual([]);
    expect(checkClusterConfig(defaultClusterConfig())).toEqual(["id has 0 bytes; allowed are 1 to 64"]);
  });

  const rows = [
    { config: { id: "ä".repeat(33) }, expected: "id has 66 bytes; allowed are 1 to 64" },
    { config: { zone: "\ud800" }, expected: "zone has half a character, or the replacement character" },
    { config: { weight: -1 }, expected: "weight is -1; allowed is 0 to 1000" },
    { config: { weight: 0.0005 }, expected: "weight is 0.0005; at most three decimals are allowed" },
    { config: { weight: Number.NaN }, expected: "weight is NaN; allowed is 0 to 1000" },
    { config: { replicas: 9 }, expected: "replicas is 9; allowed is 1 to 8" },
    { config: { probeIntervalMs: 250.5 }, expected: "probeIntervalMs is 250.5; it must be a whole number" },
    { config: { fenceAfterMs: 499 }, expected: "fenceAfterMs is 499; allowed is 500 to 60000" },
  ];
  for (const { config, expected } of rows) {
    test(expected, () => expect(checkClusterConfig({ ...named, ...config })).toEqual([expected]));
  }
});
