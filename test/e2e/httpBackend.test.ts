/** State behind HTTP, as GitLab keeps it: two deploys of one stack never change a host at the same time. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { App, DataResource, HttpBackend, TerraformStack } from "cdktf";
import { IommuHost } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { StateServer } from "../support/stateServer";
import { connect, flowing, Rig } from "../support/rig";
import { finished, Terraform } from "../support/terraform";
import { waitFor } from "../support/waitFor";

jest.setTimeout(300_000);

const rig = new Rig();
let server: StateServer;
let host: EmbeddedHost;
let terraform: Terraform;
const running: Promise<unknown>[] = [];
const [started, go] = [join(rig.folder, "started"), join(rig.folder, "go")];

beforeAll(async () => {
  server = await StateServer.start();
  host = await rig.host("proxmox-amd");
  const app = new App({ outdir: join(rig.folder, "cdktf.out") });
  const stack = new TerraformStack(app, "stack");
  new HttpBackend(stack, {
    address: server.address,
    lockAddress: `${server.address}/lock`,
    unlockAddress: `${server.address}/lock`,
    lockMethod: "POST",
    unlockMethod: "DELETE",
  });
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
    new Terraform({
      TF_HTTP_USERNAME: "terraform",
      TF_HTTP_PASSWORD: server.password,
      PASSTHROUGH_REBOOT_SETTLE: "2",
    }),
    { directory: join(rig.folder, "cdktf.out", "stacks", "stack") },
  );
  await terraform.init();
});
afterAll(async () => {
  // Whatever failed before, nothing is left to wait for the gate.
  writeFileSync(go, "");
  await Promise.all(running);
  await rig.close();
  await server.stop();
});

test("while one deploy runs another one is refused before it looks at the host, and the lock goes with the first", async () => {
  const apply = ["apply", "-auto-approve", "-no-color"];
  const first = finished(terraform.start(apply));
  running.push(first);
  await waitFor(() => existsSync(started), 120_000);
  expect(server.lock).not.toBeNull();
  const { connections } = host.counters();

  const refused = await terraform.run(apply);
  expect(refused.code).toBe(1);
  expect(flowing(refused.stderr)).toContain("Error acquiring the state lock");
  // Who has it, so that it can be looked for and, if it is dead, be taken from it.
  expect(flowing(refused.stderr)).toContain(server.lock?.["ID"]);
  expect(host.counters().connections).toBe(connections);

  writeFileSync(go, "");
  expect(await first).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("Apply complete!") as string,
  });
  expect(server.lock).toBeNull();
  expect(await terraform.plan()).toMatchObject({ changes: false });
  const { resources } = JSON.parse(server.state ?? "") as { resources: { type: string }[] };
  expect(resources.map(({ type }) => type)).toContain("passthrough_iommu_host");
});

test("the lock of a deploy that was killed stays until somebody takes it away by its id", async () => {
  server.lock = {
    ID: "0f0f0f0f-0000-4000-8000-000000000001",
    Who: "runner@gone",
    Operation: "OperationTypeApply",
  };
  expect((await terraform.run(["plan", "-no-color"])).code).toBe(1);

  await terraform.succeed("force-unlock", "-force", server.lock["ID"] ?? "");

  expect(server.lock).toBeNull();
  expect(await terraform.plan()).toMatchObject({ changes: false });
});
