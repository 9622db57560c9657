/**
 * The handshake on one socket, before it carries frames; after it, what arrives is passed on to the link.
 *
 *     who has dialled                            who has accepted
 *     GREETING  ------------------------------>  looks at it
 *     looks at it  <---------------------------  GREETING
 *     PROOF  --------------------------------->  verifies, and is asked whether it wants this link
 *     verifies  <------------------------------  PROOF
 *
 * Both are certain of each other then. Who is reached by anybody proves last, so a stranger learns no more than the node's and
 * the cluster's names. Whoever finds something wrong says what it is (REFUSAL) and closes. Nothing may be sent out of
 * turn, so there is never more than one message to be looked at; a longer one than `MAX_GREETING_BYTES` is refused.
 */
import { MAX_PROTOCOL, MIN_PROTOCOL } from "../cluster/message.ts";
import { ReadError } from "../core/byte-reader.ts";
import type { Random } from "../core/ports.ts";
import {
  encodeGreeting,
  encodeProof,
  encodeRefusal,
  MAX_GREETING_BYTES,
  NONCE_BYTES,
  type PeerGreeting,
  type PeerRefusal,
  RefusalCode,
  readGreeting,
  readProof,
  readRefusal,
} from "./peer-greeting.ts";
import { type Greetings, type PeerCrypto, type PeerEnd, signGreetings, verifyGreetings } from "./peer-proof.ts";
import type { PeerSocket, PeerSocketHandler } from "./peer-socket.ts";

/** Who this node is, to its peers. */
export interface PeerIdentity {
  /** Name of the node; 1 to 64 bytes. */
  readonly id: string;
  /** This life of it. */
  readonly origin: number;
  /** Name of the cluster; 0 to 64 bytes. */
  readonly cluster: string;
  /** Asked for at each handshake, so that they can be changed while the node runs: the first signs, all verify. */
  readonly secrets: () => readonly string[];
  /** Default: the runtime's. */
  readonly crypto?: PeerCrypto;
}

/** What takes over when the handshake is done. */
export interface PeerSocketUser {
  received(message: Uint8Array | string): void;
  closed(reason: string): void;
}

/** What a handshake asks, and tells. */
export interface HandshakeOwner {
  /**
   * Is asked when the other end's greeting is right: by who has accepted, once the proof is verified; by who has dialled,
   * before its own proof is sent.
   *
   * @returns why this socket is not wanted
   */
  admit(greeting: PeerGreeting): PeerRefusal | undefined;
  /** Both ends are certain of each other. Returns what takes over. */
  done(socket: PeerSocket): PeerSocketUser;
  /** It came to nothing, and the socket is being closed. Told once, and not after `done`. */
  failed(refusal: PeerRefusal): void;
}

export interface HandshakeOptions {
  readonly identity: PeerIdentity;
  readonly random: Random;
  readonly owner: HandshakeOwner;
  /** What the socket is for, if this end has dialled; an end that has accepted is told. */
  readonly dials?: { readonly channel: number; readonly link: string };
}

/** `count` bytes, a multiple of 4. */
export function drawBytes(random: Random, count: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(count / 4);
  for (let i = 0; i < words.length; i++) words[i] = random.uint32();
  return new Uint8Array(words.buffer);
}

export class PeerHandshake implements PeerSocketHandler {
  readonly #options: HandshakeOptions;
  readonly #end: PeerEnd;
  #socket: PeerSocket | undefined;
  #state: "greeting" | "proof" | "busy" | "done" | "failed" = "greeting";
  /** Own greeting and the other's. */
  #own: Uint8Array = new Uint8Array(0);
  #other: Uint8Array = new Uint8Array(0);
  #greeting: PeerGreeting | undefined;
  #user: PeerSocketUser | undefined;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#end = options.dials === undefined ? "accepted" : "dialled";
  }

  /** Must be called before anything happens to the socket. */
  attach(socket: PeerSocket): void {
    this.#socket = socket;
  }

  /** True until it is done or has failed. */
  get isUnderWay(): boolean {
    return this.#state !== "done" && this.#state !== "failed";
  }

  opened(): void {
    const { dials } = this.#options;
    if (dials === undefined || this.#state !== "greeting") return;
    this.#own = this.#greet(dials.channel, dials.link);
    this.#socket?.send(this.#own.slice());
  }

  received(message: Uint8Array | string): void {
    if (this.#user !== undefined) return this.#user.received(message);
    if (!this.isUnderWay) return;
    try {
      if (typeof message === "string") throw new ReadError("text before the handshake is done");
      if (message.length > MAX_GREETING_BYTES) {
        throw new ReadError(`${message.length} bytes before the handshake is done; at most ${MAX_GREETING_BYTES}`);
      }
      const refusal = readRefusal(message);
      if (refusal !== undefined) return this.#fail({ ...refusal, text: `refused by the other end: ${refusal.text}` });
      if (this.#state === "greeting") this.#greeted(message);
      else if (this.#state === "proof") this.#proved(readProof(message));
      else throw new ReadError("a message out of turn");
    } catch (error) {
      if (!(error instanceof ReadError)) throw error;
      this.refuse(RefusalCode.MALFORMED, error.message);
    }
  }

  closed(reason: string): void {
    if (this.#user !== undefined) this.#user.closed(reason);
    else if (this.isUnderWay) this.#break(reason);
  }

  /** Says why it is not to go on, and closes the socket. */
  refuse(code: RefusalCode, text: string): void {
    if (!this.isUnderWay) return;
    this.#socket?.send(encodeRefusal({ code, text }));
    this.#fail({ code, text });
  }

  /** Ends it without a word. */
  cut(reason: string): void {
    if (!this.isUnderWay) return;
    this.#break(reason);
    this.#socket?.cut();
  }

  #break(reason: string): void {
    this.#state = "failed";
    this.#options.owner.failed({ code: RefusalCode.BROKEN, text: reason });
  }

  #fail(refusal: PeerRefusal): void {
    this.#state = "failed";
    this.#socket?.close();
    this.#options.owner.failed(refusal);
  }

  #greet(channel: number, link: string): Uint8Array {
    const { identity, random } = this.#options;
    const { id, origin, cluster } = identity;
    const nonce = drawBytes(random, NONCE_BYTES);
    return encodeGreeting({ lowest: MIN_PROTOCOL, highest: MAX_PROTOCOL, channel, link, nonce, origin, id, cluster });
  }

  #greeted(message: Uint8Array): void {
    const greeting = readGreeting(message);
    this.#other = message;
    this.#greeting = greeting;
    const refusal = this.#objection(greeting);
    if (refusal !== undefined) return this.refuse(refusal.code as RefusalCode, refusal.text);
    if (this.#end === "accepted") {
      this.#own = this.#greet(greeting.channel, greeting.link);
      this.#state = "proof";
      this.#socket?.send(this.#own.slice());
      return;
    }
    this.#state = "busy";
    const { secrets, crypto } = this.#options.identity;
    void signGreetings(secrets(), this.#end, this.#greetings(), crypto).then((proof) => {
      if (this.#state !== "busy" || !this.#isAdmitted(greeting)) return;
      this.#state = "proof";
      this.#socket?.send(encodeProof(proof));
    });
  }

  #proved(proof: Uint8Array): void {
    const { identity, owner } = this.#options;
    const greetings = this.#greetings();
    const secrets = identity.secrets();
    const greeting = this.#greeting as PeerGreeting;
    this.#state = "busy";
    const isAccepting = this.#end === "accepted";
    const verified = verifyGreetings(secrets, isAccepting ? "dialled" : "accepted", greetings, proof, identity.crypto);
    const signed = isAccepting ? signGreetings(secrets, this.#end, greetings, identity.crypto) : undefined;
    void Promise.all([verified, signed]).then(([isTrue, answer]) => {
      const socket = this.#socket;
      if (this.#state !== "busy" || socket === undefined) return;
      if (!isTrue) return this.refuse(RefusalCode.WRONG_SECRET, "the cluster's secret is another one");
      if (answer !== undefined) {
        if (!this.#isAdmitted(greeting)) return;
        socket.send(encodeProof(answer));
      }
      this.#state = "done";
      this.#user = owner.done(socket);
    });
  }

  #isAdmitted(greeting: PeerGreeting): boolean {
    const refusal = this.#options.owner.admit(greeting);
    if (refusal !== undefined) this.refuse(refusal.code as RefusalCode, refusal.text);
    return refusal === undefined;
  }

  #greetings(): Greetings {
    return this.#end === "dialled"
      ? { dialled: this.#own, accepted: this.#other }
      : { dialled: this.#other, accepted: this.#own };
  }

  /** What is wrong with the other end, before it is certain who it is. */
  #objection({ lowest, highest, cluster, id, origin, channel, link }: PeerGreeting): PeerRefusal | undefined {
    const { identity, dials } = this.#options;
    if (lowest > MAX_PROTOCOL || highest < MIN_PROTOCOL) {
      const spoken = `${MIN_PROTOCOL} to ${MAX_PROTOCOL} are spoken by ${identity.id}, ${lowest} to ${highest} by ${id}`;
      return { code: RefusalCode.PROTOCOL, text: `no protocol in common: ${spoken}` };
    }
    if (cluster !== identity.cluster) {
      const text = `clusters differ: ${id} is of ${name(cluster)}, ${identity.id} of ${name(identity.cluster)}`;
      return { code: RefusalCode.OTHER_CLUSTER, text };
    }
    if (id === identity.id) {
      if (origin === identity.origin) return { code: RefusalCode.ITSELF, text: "a node has dialled itself" };
      return { code: RefusalCode.OWN_ID, text: `two nodes have the id ${name(id)}` };
    }
    if (dials !== undefined && (channel !== dials.channel || link !== dials.link)) {
      return { code: RefusalCode.MALFORMED, text: "the greeting answers another one" };
    }
    return undefined;
  }
}

function name(text: string): string {
  return JSON.stringify(text);
}
