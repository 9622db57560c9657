/**
 * The certificate of TLS and its key, read from the files that `tlsCert` and `tlsKey` name, and checked before anything
 * listens: both readable and in PEM form, the key not encrypted and the certificate's own. All three runtimes would find
 * some of this by themselves, in words that name no file.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";

/** Certificate (with those that it depends on) and key, in PEM form. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateResult {
  /** Undefined if there are mistakes. */
  readonly certificate?: Certificate;
  /** One line each, without the name of the setting. */
  readonly mistakes: readonly { readonly field: "tlsCert" | "tlsKey"; readonly problem: string }[];
  readonly warnings: readonly string[];
}

type Mistakes = { field: "tlsCert" | "tlsKey"; problem: string }[];

/** What `read` makes of the file, or undefined and a mistake. */
function load<T>(
  field: Mistakes[number]["field"],
  path: string,
  wanted: string,
  mistakes: Mistakes,
  read: (pem: string) => T,
) {
  let pem: string;
  try {
    pem = readFileSync(path, "utf8");
  } catch (error) {
    mistakes.push({ field, problem: `the file ${path} cannot be read: ${(error as Error).message}` });
    return undefined;
  }
  try {
    return { pem, value: read(pem) };
  } catch {
    mistakes.push({ field, problem: `the file ${path} holds no ${wanted}` });
    return undefined;
  }
}

/**
 * Reads and checks both files.
 *
 * @param nowMs To warn of a certificate that has expired, which is no mistake: clients decide.
 */
export function readCertificate(files: { tlsCert: string; tlsKey: string }, nowMs: number): CertificateResult {
  const mistakes: Mistakes = [];
  const cert = load("tlsCert", files.tlsCert, "certificate in PEM form", mistakes, (pem) => new X509Certificate(pem));
  const wanted = "private key in PEM form that needs no password";
  const key = load("tlsKey", files.tlsKey, wanted, mistakes, (pem) => createPrivateKey(pem));
  if (cert === undefined || key === undefined) return { mistakes, warnings: [] };
  const certificate = { cert: cert.pem, key: key.pem };
  if (!cert.value.checkPrivateKey(key.value)) {
    mistakes.push({ field: "tlsKey", problem: `the key in ${files.tlsKey} is not the one of ${files.tlsCert}` });
    return { mistakes, warnings: [] };
  }
  try {
    createSecureContext(certificate);
  } catch (error) {
    mistakes.push({
      field: "tlsCert",
      problem: `the file ${files.tlsCert} cannot be used: ${(error as Error).message}`,
    });
    return { mistakes, warnings: [] };
  }
  const expired = Date.parse(cert.value.validTo) < nowMs;
  const warnings = expired ? [`the certificate in ${files.tlsCert} has expired (${cert.value.validTo})`] : [];
  return { certificate, mistakes, warnings };
}

/** How a client on this machine gets to trust a certificate: by its file, or not at all. */
export interface Trust {
  /** True if the certificate says itself that it is to be trusted. */
  readonly selfSigned: boolean;
  /** True if it is made out to `host`. */
  readonly names: boolean;
}

/** What a certificate is worth to clients that connect to `host`. */
export function trustOf({ cert }: Certificate, host: string): Trust {
  const { issuer, subject, subjectAltName } = new X509Certificate(cert);
  const names = (subjectAltName ?? "").split(", ").map((name) => name.replace(/^(DNS|IP Address):/, ""));
  return { selfSigned: issuer === subject, names: names.includes(host) };
}
