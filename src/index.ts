/**
 * Shoal, as programs import it: a node with its store, the host that moves it, and the servers of both protocols over it.
 *
 * Everything here is runtime-agnostic and does nothing at import time. Sockets, signals and the command line are in
 * `adapters/`; `shoal serve` is put together from exactly these parts.
 */

export { type ClusterConfig, checkClusterConfig, defaultClusterConfig } from "./cluster/cluster-config.ts";
export { storedKey } from "./core/keyspace.ts";
export type {
  Cancel,
  Clock,
  CreateHistogram,
  Histogram,
  Log,
  LogLevel,
  Ports,
  Random,
  Timer,
  Transport,
} from "./core/ports.ts";
export { EpochMode, InvalidateScope, MutableRecord, RecordKind } from "./core/record.ts";
export { systemPorts } from "./core/system.ts";
export { MemoryStorage, type MemoryStorageOptions } from "./journal/memory-storage.ts";
export { type Storage, StorageError, type StorageErrorCode, type StorageState } from "./journal/storage.ts";
export { Access, Principal, type Role, type TokenConfig } from "./node/access.ts";
export { ClusterNode } from "./node/cluster-node.ts";
export { type ConfigMistake, type ConfigResult, defaultConfig, type NodeConfig, parseConfig } from "./node/config.ts";
export { Host, type HostOptions } from "./node/host.ts";
export { MemoryNetwork } from "./node/memory-transport.ts";
export {
  type FillOutcome,
  type InvalidateRequest,
  type KeyObserver,
  type Lease,
  Node,
  type Receipt,
} from "./node/node.ts";
export type { Operation, OperationResult } from "./node/operation.ts";
export type { PersistenceOptions } from "./node/persistence.ts";
export type { PersistenceStatus, RecoveryReport } from "./node/persistence-status.ts";
export { HttpServer, type HttpServerOptions } from "./protocol/http/server.ts";
export { allCommands } from "./protocol/resp/all-commands.ts";
export { RespServer } from "./protocol/resp/server.ts";
export { Outcome } from "./store/outcome.ts";
export type { PolicyName } from "./store/policy.ts";
export { Store, type StoreMemory, type StoreOptions } from "./store/store.ts";
