/** What a RESP server counts since its start, or since CONFIG RESETSTAT. Commands are counted by their routes. */
export class ServerStatistics {
  acceptedConnections = 0;
  /** Refused because there were `maxClients` already. */
  rejectedConnections = 0;
  /** Closed for bytes that are no RESP, and for HTTP. */
  protocolErrors = 0;
  httpRefused = 0;
  /** Closed because a request stayed unfinished, and because nothing was asked for too long. */
  unfinishedClosed = 0;
  idleClosed = 0;
  /** Closed because the peer took too little of its output, or sent too much while it had to wait. */
  outputLimitReached = 0;
  inputLimitReached = 0;
  /** Closed because all connections together held too much. */
  evictedSessions = 0;
  /** Closed because they did not authenticate in time. */
  unauthenticatedClosed = 0;
  /** Closed because what they had written may not be stored. */
  unstoredClosed = 0;
  unknownCommands = 0;
  /** Handlers that threw. */
  internalErrors = 0;
  /** Bytes of connections that are gone; those of the others are in their sessions. */
  inputBytesOfClosed = 0;
  outputBytesOfClosed = 0;

  reset(): void {
    Object.assign(this, new ServerStatistics());
  }
}
