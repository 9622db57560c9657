import { describe, expect, test } from "bun:test";
import { encodeText } from "../../../../src/core/bytes.ts";
import { verifySecret } from "../../../../src/protocol/resp/user.ts";

describe("verifySecret", () => {
  const secrets = ["first", "zweites ü", "x".repeat(512)];
  const cases = [
    { given: "first", expected: true },
    { given: "zweites ü", expected: true },
    { given: "x".repeat(512), expected: true },
    { given: "firs", expected: false },
    { given: "first\0", expected: false },
    { given: "First", expected: false },
    { given: "", expected: false },
    { given: "x".repeat(513), expected: false },
    { given: `first${"\0".repeat(507)}`, expected: false },
  ];
  test.each(cases)("$given", ({ given, expected }) => expect(verifySecret(secrets, encodeText(given))).toBe(expected));
  test("without secrets nothing is one", () => expect(verifySecret([], encodeText(""))).toBe(false));
});
