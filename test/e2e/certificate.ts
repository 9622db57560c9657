/** Certificates for tests, made by openssl where it is installed: self-signed, for localhost and 127.0.0.1. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { installed } from "./server-process.ts";

export interface CertificateFiles {
  /** Paths. */
  readonly tlsCert: string;
  readonly tlsKey: string;
  /** The certificate itself, PEM. */
  readonly pem: string;
}

/** Why tests of TLS cannot run here, or undefined. */
export const NO_CERTIFICATES = installed("openssl") === undefined ? "openssl is not installed" : undefined;

/** Makes a certificate and its key in `folder`; both files are overwritten if they are there. */
export function makeCertificate(folder: string, name: string): CertificateFiles {
  const [tlsCert, tlsKey] = [join(folder, `${name}-cert.pem`), join(folder, `${name}-key.pem`)];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  const names = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const made = Bun.spawnSync(["openssl", "req", ...kind, ...names, "-keyout", tlsKey, "-out", tlsCert]);
  if (made.exitCode !== 0) throw new Error(`openssl failed: ${made.stderr.toString()}`);
  return { tlsCert, tlsKey, pem: readFileSync(tlsCert, "utf8") };
}
