// x509 needs it loaded first.
import "reflect-metadata";
import { KeyObject, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

export interface EngineCertificates {
  /** PEM of the CA, as an engine has it in /etc/pki/ovirt-engine/ca.pem. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /** SHA-256 of the certificate, hex with colons. */
  readonly fingerprint: string;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const dayMs = 24 * 60 * 60 * 1000;

/** A CA and a certificate of it for this machine, made anew for each engine. */
export async function createCertificates(now = Date.now()): Promise<EngineCertificates> {
  const times = { notBefore: new Date(now - dayMs), notAfter: new Date(now + 30 * dayMs) };
  const caKeys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=embedded engine CA",
    ...times,
    signingAlgorithm: algorithm,
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: "02",
    subject: "CN=localhost",
    issuer: ca.subject,
    ...times,
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false),
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: "localhost" },
        { type: "ip", value: "127.0.0.1" },
      ]),
    ],
  });
  const digest = Buffer.from(await certificate.getThumbprint("SHA-256")).toString("hex");
  return {
    ca: ca.toString("pem"),
    certificate: certificate.toString("pem"),
    key: KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }).toString(),
    fingerprint: (digest.toUpperCase().match(/../g) ?? []).join(":"),
  };
}
