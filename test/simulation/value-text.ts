/**
 * Values of simulated clients: a label that names who wrote it, and filler up to a length. Whoever reads a value finds the
 * label again, and that the filler is whole.
 */

const END = "~";

/** A value that begins with the label and has about so many bytes. The label has no "~". */
export function valueText(label: string, bytes: number): string {
  const head = `${label}/${bytes}${END}`;
  return head + "x".repeat(Math.max(0, bytes - head.length));
}

/** @throws if the value is not what `valueText` made of a label */
export function labelOf(value: string): string {
  const end = value.indexOf(END);
  const head = value.slice(0, end);
  const label = head.slice(0, head.lastIndexOf("/"));
  const bytes = Number(head.slice(head.lastIndexOf("/") + 1));
  if (end < 0 || valueText(label, bytes) !== value) throw new Error(`a damaged value: ${value.slice(0, 60)}`);
  return label;
}
