/** State in PostgreSQL: two deploys of one stack never change a host at the same time. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { PgBackend } from "cdktf";
import type { EmbeddedHost } from "../../lib/embedded";
import { GatedStack } from "../support/gatedStack";
import { Postgres } from "../support/postgres";
import { fileOf, flowing, Rig } from "../support/rig";
import { finished, type Terraform } from "../support/terraform";
import { waitFor } from "../support/waitFor";

jest.setTimeout(300_000);

const schema = "passthrough";
const rig = new Rig();
let database: Postgres;
let host: EmbeddedHost;
let deploy: GatedStack;
let terraform: Terraform;
const running: Promise<unknown>[] = [];

beforeAll(async () => {
  database = await Postgres.start();
  host = await rig.host("proxmox-amd");
  deploy = new GatedStack(rig, host, { PGPASSWORD: database.password }, (stack) => {
    new PgBackend(stack, { connStr: database.connection, schemaName: schema });
  });
  terraform = deploy.terraform;
  await terraform.init();
});
afterAll(async () => {
  // Whatever failed before, nothing is left to wait for the gate.
  deploy.open();
  await Promise.all(running);
  await rig.close();
  await database.stop();
});

const states = () => database.sql("state", `select data from ${schema}.states where name = 'default'`);

test("while one deploy runs, another one is refused, or waits for as long as it was told", async () => {
  const apply = ["apply", "-auto-approve", "-no-color"];
  const first = finished(terraform.start(apply));
  running.push(first);
  await deploy.reached();

  const refused = await terraform.run(apply);
  expect(refused.code).toBe(1);
  expect(flowing(refused.stderr)).toContain("Error acquiring the state lock");
  expect(flowing(refused.stderr)).toMatch(/already locked/i);

  const patient = terraform.start([...apply, "-lock-timeout=240s"]);
  let output = "";
  patient.stdout?.on("data", (chunk) => (output += String(chunk)));
  const second = finished(patient);
  running.push(second);
  await waitFor(() => output.includes("Acquiring state lock"), 60_000);
  expect(patient.exitCode).toBeNull();
  expect(output).not.toContain("Refreshing state");

  deploy.open();
  expect(await first).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("Apply complete!") as string,
  });
  expect(await second).toMatchObject({ code: 0, stdout: expect.stringContaining("No changes.") as string });
  expect(host.counters().reboots).toBe(0);
});

test("the state is in the database, and nowhere else", () => {
  const { resources } = JSON.parse(states()) as { resources: { type: string }[] };
  expect(resources.map(({ type }) => type).sort()).toEqual([
    "passthrough_iommu_host",
    "terraform_data",
    "terraform_data",
  ]);
  expect(filesBelow(terraform.directory).filter((path) => /\.tfstate(\.backup)?$/.test(path))).toEqual([
    join(terraform.directory, ".terraform", "terraform.tfstate"),
  ]);
});

test("the database's password is in no file of the stack, and not in a plan", async () => {
  await terraform.succeed("plan", "-out=plan");
  const holding = filesBelow(terraform.directory).filter((path) =>
    readFileSync(path).includes(database.password),
  );
  expect(holding).toEqual([]);
});

test("a destroy with the state from the database gives the host back", async () => {
  expect(fileOf(host, "/etc/modules-load.d/cdktf-passthrough.conf")).toContain("msr");
  await terraform.succeed("destroy", "-auto-approve", "-no-color");
  expect(fileOf(host, "/etc/modules-load.d/cdktf-passthrough.conf")).toBeNull();
  expect(JSON.parse(states())).toMatchObject({ resources: [] });
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}
