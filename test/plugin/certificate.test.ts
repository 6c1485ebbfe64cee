import { createPrivateKey, X509Certificate } from "node:crypto";
import { createCertificate } from "../../lib/plugin/certificate";

test("given a new certificate, then Terraform can take it as the only root and as `localhost`", async () => {
  const { certificate, privateKey, handshake } = await createCertificate();
  const parsed = new X509Certificate(certificate);

  expect(parsed.checkHost("localhost")).toBe("localhost");
  expect(parsed.ca).toBe(true);
  expect(parsed.verify(parsed.publicKey)).toBe(true);
  expect(parsed.checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
  expect(handshake).toMatch(/^[A-Za-z0-9+/]+$/);
  expect(Buffer.from(handshake, "base64")).toEqual(parsed.raw);
  expect(Date.parse(parsed.validFrom)).toBeLessThan(Date.now());
  expect(Date.parse(parsed.validTo)).toBeGreaterThan(Date.now());
});

test("given two certificates, then they share nothing", async () => {
  const [one, other] = await Promise.all([createCertificate(), createCertificate()]);
  expect(one.privateKey).not.toBe(other.privateKey);
  expect(new X509Certificate(one.certificate).serialNumber).not.toBe(
    new X509Certificate(other.certificate).serialNumber,
  );
});
