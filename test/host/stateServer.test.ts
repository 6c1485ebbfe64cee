import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stateServers } from "../../lib/host/stateServer";

const mac = "bc:24:11:10:01:00";
const neighbours = `IP address       HW type     Flags       HW address            Mask     Device
192.0.2.5        0x1         0x2         BC:24:11:10:01:00     *        eth0
192.0.2.6        0x1         0x0         00:00:00:00:00:00     *        eth0
192.0.2.7        0x1         0x2         bc:24:11:10:01:07     *        eth0
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "state-server-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function found(
  backend: unknown,
  environment: Record<string, string> = {},
  data = join(folder, ".terraform"),
) {
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, "terraform.tfstate"), JSON.stringify({ version: 3, backend }));
  return stateServers({ folder, environment, neighbours });
}

const backend = (type: string, config: object) => ({ type, config, hash: 1 });
const there = [{ use: "the server that keeps Terraform's state (192.0.2.5)", macAddresses: [mac] }];

test.each<[string, unknown, Record<string, string>?]>([
  [
    "PostgreSQL by URL",
    backend("pg", { conn_str: "postgres://me:p%40ss@192.0.2.5:5432/state?sslmode=disable" }),
  ],
  ["PostgreSQL by keywords", backend("pg", { conn_str: "user=me password=s3cret host=192.0.2.5 port=5432" })],
  ["PostgreSQL, host in the query", backend("pg", { conn_str: "postgres:///state?user=me&host=192.0.2.5" })],
  [
    "PostgreSQL by a variable",
    backend("pg", { conn_str: null }),
    { PG_CONN_STR: "postgres://192.0.2.5/state" },
  ],
  ["HTTP", backend("http", { address: "https://192.0.2.5/state", lock_address: "https://192.0.2.5/lock" })],
  ["HTTP by a variable", backend("http", {}), { TF_HTTP_ADDRESS: "http://user:word@192.0.2.5:8080/state" }],
  [
    "S3, an endpoint of one's own",
    backend("s3", { bucket: "b", endpoints: [{ s3: "http://192.0.2.5:9000" }] }),
  ],
  ["Consul without a scheme", backend("consul", { address: "192.0.2.5:8500", path: "x" })],
])("%s names the server", async (...[, noted, environment]) => {
  expect(await found(noted, environment)).toEqual(there);
});

test("only the host's name is told, and the folder of TF_DATA_DIR is looked into", async () => {
  const data = join(folder, "elsewhere");
  const words = JSON.stringify(
    await found(
      backend("pg", { conn_str: "postgres://me:s3cret@192.0.2.5/state" }),
      { TF_DATA_DIR: data },
      data,
    ),
  );
  expect(words).toContain("192.0.2.5");
  expect(words).not.toContain("s3cret");
});

test.each<[string, unknown]>([
  ["a file here", backend("local", { path: "/srv/terraform.tfstate" })],
  ["S3 of Amazon", backend("s3", { bucket: "b", region: "eu-central-1" })],
  ["a server behind a router", backend("http", { address: "https://192.0.2.200/state" })],
  ["one that does not answer", backend("http", { address: "https://192.0.2.6/state" })],
  ["a backend that is not known", backend("__proto__", { address: "https://192.0.2.5/state" })],
  ["settings that are none", backend("pg", { conn_str: "$(reboot) '; \" host" })],
  ["nothing", undefined],
])("%s tells nothing", async (_, noted) => {
  expect(await found(noted)).toEqual([]);
});

test("no folder of Terraform tells nothing", async () => {
  expect(await stateServers({ folder: join(folder, "none"), environment: {}, neighbours })).toEqual([]);
});
