/** State behind HTTP, as GitLab keeps it: two deploys of one stack never change a host at the same time. */
import { HttpBackend } from "cdktf";
import type { EmbeddedHost } from "../../lib/embedded";
import { GatedStack } from "../support/gatedStack";
import { StateServer } from "../support/stateServer";
import { flowing, Rig } from "../support/rig";
import { finished, type Terraform } from "../support/terraform";

jest.setTimeout(300_000);

const rig = new Rig();
let server: StateServer;
let host: EmbeddedHost;
let deploy: GatedStack;
let terraform: Terraform;
const running: Promise<unknown>[] = [];

beforeAll(async () => {
  server = await StateServer.start();
  host = await rig.host("proxmox-amd");
  deploy = new GatedStack(
    rig,
    host,
    { TF_HTTP_USERNAME: "terraform", TF_HTTP_PASSWORD: server.password },
    (stack) => {
      new HttpBackend(stack, {
        address: server.address,
        lockAddress: `${server.address}/lock`,
        unlockAddress: `${server.address}/lock`,
        lockMethod: "POST",
        unlockMethod: "DELETE",
      });
    },
  );
  terraform = deploy.terraform;
  await terraform.init();
});
afterAll(async () => {
  // Whatever failed before, nothing is left to wait for the gate.
  deploy.open();
  await Promise.all(running);
  await rig.close();
  await server.stop();
});

test("while one deploy runs another one is refused before it looks at the host, and the lock goes with the first", async () => {
  const apply = ["apply", "-auto-approve", "-no-color"];
  const first = finished(terraform.start(apply));
  running.push(first);
  await deploy.reached();
  expect(server.lock).not.toBeNull();
  const { connections } = host.counters();

  const refused = await terraform.run(apply);
  expect(refused.code).toBe(1);
  expect(flowing(refused.stderr)).toContain("Error acquiring the state lock");
  // Who has it, so that it can be looked for and, if it is dead, be taken from it.
  expect(flowing(refused.stderr)).toContain(server.lock?.["ID"]);
  expect(host.counters().connections).toBe(connections);

  deploy.open();
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
