/** State in PostgreSQL: two deploys of one stack never change a host at the same time. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { App, DataResource, PgBackend, TerraformStack } from "cdktf";
import { IommuHost } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { Postgres } from "../support/postgres";
import { connect, fileOf, flowing, Rig } from "../support/rig";
import { finished, Terraform } from "../support/terraform";
import { waitFor } from "../support/waitFor";

jest.setTimeout(300_000);

const schema = "passthrough";
const rig = new Rig();
let database: Postgres;
let host: EmbeddedHost;
let terraform: Terraform;
const running: Promise<unknown>[] = [];
const [started, go] = [join(rig.folder, "started"), join(rig.folder, "go")];

beforeAll(async () => {
  database = await Postgres.start();
  host = await rig.host("proxmox-amd");
  const app = new App({ outdir: join(rig.folder, "cdktf.out") });
  const stack = new TerraformStack(app, "stack");
  new PgBackend(stack, { connStr: database.connection, schemaName: schema });
  const pve1 = new IommuHost(stack, "pve1", { connection: connect(host), modules: ["msr"], iommu: false });
  // A deploy that lasts for as long as the test wants.
  new DataResource(stack, "gate", {
    dependsOn: [pve1],
    provisioners: [
      {
        type: "local-exec",
        command: `touch '${started}'; until [ -e '${go}' ] || [ ! -e '${started}' ]; do sleep 0.1; done`,
      },
    ],
  });
  app.synth();
  terraform = Object.assign(
    new Terraform({ PGPASSWORD: database.password, PASSTHROUGH_REBOOT_SETTLE: "2" }),
    {
      directory: join(rig.folder, "cdktf.out", "stacks", "stack"),
    },
  );
  await terraform.init();
});
afterAll(async () => {
  // Whatever failed before, nothing is left to wait for the gate.
  writeFileSync(go, "");
  await Promise.all(running);
  await rig.close();
  await database.stop();
});

const states = () => database.sql("state", `select data from ${schema}.states where name = 'default'`);

test("while one deploy runs, another one is refused, or waits for as long as it was told", async () => {
  const apply = ["apply", "-auto-approve", "-no-color"];
  const first = finished(terraform.start(apply));
  running.push(first);
  await waitFor(() => existsSync(started), 120_000);

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

  writeFileSync(go, "");
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
