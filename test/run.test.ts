/**
 * The totals that `npm test` prints last: counted from the reports of three runners, and never too friendly.
 */
import { describe, expect, test } from "bun:test";
import { closingLines, countReport, missingFiles } from "./run.mjs";

const bun = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" failures="1" skipped="1">
  <testsuite name="test/a.test.ts" file="test/a.test.ts">
    <testsuite name="a &gt; b" file="test/a.test.ts" line="2">
      <testcase name="says &quot;&lt;failure&gt;&quot;" classname="a" file="test/a.test.ts" assertions="1" />
      <testcase name="skipped" classname="a" file="test/a.test.ts"><skipped /></testcase>
      <testcase name="fails" classname="a" file="test/a.test.ts">
        <failure type="AssertionError" message="expected">at test/a.test.ts:2</failure>
      </testcase>
    </testsuite>
    <testcase name="1 > 0" classname="" file="test/a.test.ts" />
  </testsuite>
</testsuites>`;

const deno = `<testsuites name="deno test" tests="2" failures="1" errors="0">
  <testsuite name="./test/deno/a.ts">
    <testcase name="ok" classname="./test/deno/a.ts">
    </testcase>
    <testcase name="throws" classname="./test/deno/a.ts"><error message="x"/></testcase>
  </testsuite>
</testsuites>`;

const node = `<testsuites>
	<testcase name="ok" file="/checkout/test/node/a.mjs"/>
	<testcase name="fails" file="/checkout/test/node/a.mjs"><failure><![CDATA[<testcase name="quoted"/>]]></failure></testcase>
	<!-- tests 2 <testcase/> -->
</testsuites>`;

describe("a report is counted", () => {
  const cases = [
    { name: "bun", xml: bun, expected: { passed: 2, failed: 1, skipped: 1 } },
    { name: "deno", xml: deno, expected: { passed: 1, failed: 1, skipped: 0 } },
    { name: "node", xml: node, expected: { passed: 1, failed: 1, skipped: 0 } },
    { name: "none, for the runner crashed", xml: "", expected: { passed: 0, failed: 0, skipped: 0 } },
  ];
  test.each(cases)("$name", ({ xml, expected }) => {
    expect(countReport(xml)).toEqual(expected);
  });
});

describe("a file that did not load is missed", () => {
  const cases = [
    { name: "all are there", xml: bun, files: ["test/a.test.ts"], expected: [] },
    { name: "one is not", xml: bun, files: ["test/a.test.ts", "test/b.test.ts"], expected: ["test/b.test.ts"] },
    { name: "a name's end is not the name", xml: bun, files: ["t.ts"], expected: ["t.ts"] },
    { name: "absolute names count", xml: node, files: ["test/node/a.mjs"], expected: [] },
    { name: "no report", xml: "", files: ["test/a.test.ts"], expected: ["test/a.test.ts"] },
  ];
  test.each(cases)("$name", ({ xml, files, expected }) => {
    expect(missingFiles(xml, files)).toEqual(expected);
  });
});

describe("the closing lines", () => {
  const cases = [
    { name: "without skipped", totals: { passed: 3, failed: 0, skipped: 0 }, expected: ["3 passed, 0 failed"] },
    {
      name: "with skipped",
      totals: { passed: 1, failed: 2, skipped: 4 },
      expected: ["4 skipped", "1 passed, 2 failed"],
    },
  ];
  test.each(cases)("$name", ({ totals, expected }) => {
    expect(closingLines(totals)).toEqual(expected);
  });
});
