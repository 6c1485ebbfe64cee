/** A virtual network of OpenNebula for NICs that are passed through, from its making to its end. */
import { mkdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TerraformStack } from "cdktf";
import { OpenNebula, OpenNebulaNetwork, PassthroughVm, type OpenNebulaNetworkProps } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, Rig } from "../support/rig";

jest.setTimeout(240_000);

const address = "passthrough_opennebula_network.guests";
let rig: Rig;
let host: EmbeddedHost;

interface Shown {
  readonly TEMPLATE: Readonly<Record<string, unknown>>;
  readonly AR_POOL: { readonly AR?: unknown };
}
const shown = async (name: string): Promise<Shown> =>
  (JSON.parse(await sh(host, `onevnet show -j ${name}`)) as { VNET: Shown }).VNET;

const define =
  (props: Omit<OpenNebulaNetworkProps, "frontEnd">, withVm = false) =>
  (stack: TerraformStack): void => {
    const frontEnd = new OpenNebula(stack, "one", { connection: connect(host) });
    const network = new OpenNebulaNetwork(stack, "guests", { frontEnd, ...props });
    if (!withVm) return;
    new PassthroughVm(stack, "server", {
      on: OpenNebula.template(frontEnd, "gpu-server"),
      pci: { uplink: { request: { class: "0200" }, nic: { network } } },
    });
  };

beforeAll(async () => {
  rig = new Rig();
  host = await rig.host("opennebula-frontend");
});
afterAll(() => rig.close());

test("it is made before the VM template that names it, and the plan knows that it will be there", async () => {
  await rig.stack(define({ vlanId: 7, ranges: { lab: { size: 20, ip: "10.7.0.2" } } }, true));
  const { changes, text } = await rig.plan();
  expect(text).not.toContain("There is no virtual network guests");
  expect(changes[address]?.after?.["settings"]).toEqual({
    ...{ VN_MAD: "802.1Q", BRIDGE: "passthrough", VLAN_ID: "7" },
    "AR lab": 'AR=[TYPE="IP4",SIZE="20",IP="10.7.0.2"]',
  });
  expect((await rig.applyPlan()).code).toBe(0);
  const { TEMPLATE, AR_POOL } = await shown("guests");
  expect(TEMPLATE).toEqual({ VN_MAD: "802.1Q", BRIDGE: "passthrough", VLAN_ID: "7" });
  expect(AR_POOL.AR).toMatchObject({ TYPE: "IP4", IP: "10.7.0.2", SIZE: "20" });
  expect(await rig.tf.plan()).toMatchObject({ changes: false });
});

test("by hand is drift, and what others wrote stays", async () => {
  await sh(
    host,
    'printf \'VLAN_ID="8"\\nMTU="9000"\\n\' >$ROOT/tmp/by-hand && onevnet update guests $ROOT/tmp/by-hand -a',
  );
  const { changes } = await rig.plan();
  expect(changes[address]?.before?.["settings"]).toMatchObject({ VLAN_ID: "8" });
  expect((await rig.applyPlan()).code).toBe(0);
  expect((await shown("guests")).TEMPLATE).toEqual({
    ...{ VN_MAD: "802.1Q", BRIDGE: "passthrough", VLAN_ID: "7", MTU: "9000" },
  });
});

test("other ranges would replace it, which is refused while somebody has a NIC in it", async () => {
  await rig.stack(define({ vlanId: 7, ranges: { lab: { size: 40, ip: "10.7.0.2" } } }, true));
  expect(await rig.refusal("plan")).toMatch(
    /Virtual network guests of one is in use .*VM template 7 \(gpu-server\) has a NIC in it/,
  );
});

test("destroy takes it away after the template that named it", async () => {
  await rig.stack(define({ vlanId: 7, ranges: { lab: { size: 20, ip: "10.7.0.2" } } }, true));
  await rig.destroy();
  await expect(shown("guests")).rejects.toThrow(/VNET named guests not found/);
});

test("one that came under its name while it was made is not taken for ours", async () => {
  // A colleague is faster: theirs is there when our command comes.
  const theirs = 'NAME="meanwhile"\nVN_MAD="bridge"\nBRIDGE="br7"\n';
  writeFileSync(join(host.root, "tmp", "theirs"), theirs);
  const programs = join(dirname(host.root), "bin");
  mkdirSync(join(programs, "first"));
  symlinkSync(realpathSync(join(programs, "onevnet")), join(programs, "first", "onevnet"));
  rmSync(join(programs, "onevnet"));
  const onevnet = `"${join(programs, "first", "onevnet")}"`;
  writeFileSync(
    join(programs, "onevnet"),
    `#!/bin/sh\n[ "$1" != create ] || ${onevnet} create "${join(host.root, "tmp", "theirs")}"\nexec ${onevnet} "$@"\n`,
    { mode: 0o755 },
  );
  await rig.stack(define({ name: "meanwhile", vlanId: 7 }));

  expect(await rig.refusal("apply", "-auto-approve")).toContain("NAME is already taken");

  renameSync(join(programs, "first", "onevnet"), join(programs, "onevnet"));
  expect(await rig.refusal("plan")).toMatch(
    /There is a virtual network meanwhile in OpenNebula on one already/,
  );
  await rig.destroy();
  expect((await shown("meanwhile")).TEMPLATE).toMatchObject({ BRIDGE: "br7" });
});

test("one of somebody else is not taken over unasked; adopted, it stays at the destroy as it was", async () => {
  const before = await shown("office");
  await rig.stack(define({ name: "office", bridge: "br0" }));
  expect(await rig.refusal("plan")).toMatch(/There is a virtual network office in OpenNebula on one already/);

  await rig.stack(define({ name: "office", bridge: "br1", adopt: true }));
  // Its driver is another one: that would be another network.
  expect(await rig.refusal("plan")).toMatch(/Virtual network office of one would have to be made anew/);

  await sh(
    host,
    "printf 'VN_MAD=\"dummy\"\\n' >$ROOT/tmp/by-hand && onevnet update office $ROOT/tmp/by-hand -a",
  );
  expect((await rig.plan()).changes[address]).toMatchObject({
    actions: ["update"],
    importing: expect.anything() as unknown,
  });
  expect((await rig.applyPlan()).code).toBe(0);
  expect((await shown("office")).TEMPLATE).toMatchObject({ BRIDGE: "br1" });
  await rig.destroy();
  expect(await shown("office")).toEqual({
    ...before,
    VN_MAD: "dummy",
    TEMPLATE: { VN_MAD: "dummy", BRIDGE: "br0" },
  });
});
