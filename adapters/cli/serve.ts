import type { NodeConfig } from "../../src/node/config.ts";
export async function serve(config: NodeConfig, warnings: readonly string[]): Promise<number> {
  console.log(config, warnings, process.pid, process.env.BUN_JSC_gcMaxHeapSize);
  return 0;
}
