/**
 * OPT (Belady 1966): evicts the key whose next use is farthest away. No online policy can do better; it bounds what is
 * left to gain. The whole trace is known: next uses are found by one pass from the end, and a heap holds the keys.
 */

/** Hits of the optimal policy on a trace whose keys are in [0, keyCount). */
export function optimalHits(keys: Uint32Array, capacity: number, keyCount: number): number {
  const nextUse = nextUses(keys, keyCount);
  const cachedUntil = new Int32Array(keyCount).fill(-1);
  // A max-heap of positions of next uses; the key at a position names the entry. Outdated positions stay until popped.
  const heap = new Int32Array(keys.length + 1);
  const keyAt = new Map<number, number>();
  let heapSize = 0;
  let size = 0;
  let hits = 0;
  const push = (position: number) => {
    let at = heapSize++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] as number) >= position) break;
      heap[at] = heap[parent] as number;
      at = parent;
    }
    heap[at] = position;
  };
  const pop = () => {
    const top = heap[0] as number;
    const last = heap[--heapSize] as number;
    let at = 0;
    for (let child = 1; child < heapSize; child = 2 * at + 1) {
      if (child + 1 < heapSize && (heap[child + 1] as number) > (heap[child] as number)) child++;
      if ((heap[child] as number) <= last) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = last;
    return top;
  };
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as number;
    if (cachedUntil[key] === i) hits++;
    else if (size < capacity) size++;
    else {
      // Never used again counts as infinitely far; such keys have distinct positions beyond the trace.
      let farthest = pop();
      while (farthest <= i) farthest = pop();
      const victim = farthest < keys.length ? (keys[farthest] as number) : (keyAt.get(farthest) as number);
      keyAt.delete(farthest);
      cachedUntil[victim] = -1;
    }
    const next = nextUse[i] as number;
    cachedUntil[key] = next;
    if (next >= keys.length) keyAt.set(next, key);
    push(next);
  }
  return hits;
}

/** For each request the position of the next one of the same key, or a distinct position beyond the trace. */
function nextUses(keys: Uint32Array, keyCount: number): Int32Array {
  const next = new Int32Array(keys.length);
  const seen = new Int32Array(keyCount).fill(-1);
  for (let i = keys.length - 1; i >= 0; i--) {
    const key = keys[i] as number;
    const use = seen[key] as number;
    next[i] = use === -1 ? keys.length + key : use;
    seen[key] = i;
  }
  return next;
}
