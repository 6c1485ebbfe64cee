/** Ctrl-C goes to the whole process group: what has begun ends and is saved, and the next plan tells the truth. */
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ChildProcess } from "node:child_process";
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, Proxmox, VfioBinding } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { connect, fileOf, filesOf, Rig } from "../support/rig";
import { finished } from "../support/terraform";
import { waitFor } from "../support/waitFor";

jest.setTimeout(240_000);

const pve1 = "passthrough_iommu_host.pve1";
const dropIn = "/etc/default/grub.d/zz-cdktf-passthrough.cfg";

/** Makes a program of the host wait at its next start until it is let go. */
function hold(host: EmbeddedHost, program: string): { begun(): boolean; letGo(): void } {
  const path = join(host.dir, "bin", program);
  const started = join(host.dir, `${program}-started`);
  const gate = join(host.dir, `${program}-gate`);
  writeFileSync(gate, "");
  renameSync(path, `${path}-held`);
  writeFileSync(
    path,
    [
      "#!/bin/sh",
      `touch '${started}'`,
      `while [ -e '${gate}' ]; do sleep 0.05; done`,
      // The programs of the embedded host go by the path they are called by.
      `mv '${path}-held' '${path}'`,
      `exec '${path}' "$@"`,
      "",
    ].join("\n"),
    { mode: 0o755 },
  );
  return {
    begun: () => existsSync(started),
    letGo: () => rmSync(gate, { force: true }),
  };
}

function interrupt(terraform: ChildProcess): void {
  if (terraform.pid === undefined) throw new Error("Terraform did not start.");
  process.kill(-terraform.pid, "SIGINT");
}

describe("Ctrl-C", () => {
  let rig: Rig;
  let host: EmbeddedHost;

  const define =
    (...parameters: string[]) =>
    (stack: TerraformStack): void => {
      const pve1 = new IommuHost(stack, "pve1", {
        connection: connect(host),
        kernelParameters: ["iommu=pt", ...parameters],
      });
      new VfioBinding(stack, "storage", { host: pve1, devices: { hba: { address: "0000:06:00" } } });
    };

  beforeAll(async () => {
    rig = new Rig();
    host = await rig.host("proxmox-amd");
    await rig.stack(define());
  });
  afterAll(() => rig.close());

  test("in the middle of a change: the host finishes it, the state has it, nothing else begins", async () => {
    const initramfs = hold(host, "update-initramfs");
    const apply = rig.tf.start(["apply", "-auto-approve", "-no-color"]);
    const ended = finished(apply);
    await waitFor(() => initramfs.begun());
    interrupt(apply);
    initramfs.letGo();
    const { code, stderr } = await ended;

    expect(code).toBe(1);
    expect(stderr).not.toMatch(/plugin|crash|rpc/i);
    expect(Object.keys(await rig.tf.resources())).toEqual([pve1]);
    expect((await rig.tf.resources())[pve1]).toMatchObject({
      values: {
        files: { [dropIn]: expect.stringContaining("iommu=pt") },
        pending: [],
        reboot_required: true,
      },
    });
    expect((await rig.tf.resources())[pve1]?.tainted).toBeUndefined();
    expect(fileOf(host, "var/lib/cdktf-passthrough/pending")?.trim() ?? "").toBe("");
    expect(fileOf(host, "boot/grub/grub.cfg")).toContain("iommu=pt");
    expect(host.counters().reboots).toBe(0);
  });

  test("the next plan shows what is left: the event and the binding, no change of the host", async () => {
    const { changes } = await rig.plan();
    expect(
      Object.entries(changes).map(([address, { actions }]) => `${address.split(".")[0]} ${actions}`),
    ).toEqual(["passthrough_vfio_binding create", "terraform_data create"]);
  });

  test("while the host reboots: the apply ends, and the next one proves without a second reboot", async () => {
    const apply = rig.tf.start(["apply", "-auto-approve", "-no-color"]);
    let output = "";
    apply.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const ended = finished(apply);
    await waitFor(() => output.includes("reboot issued"));
    interrupt(apply);
    expect((await ended).code).toBe(1);
    await waitFor(() => host.counters().reboots === 1 && host.isUp());

    expect(await rig.apply()).toContain("proven: no reboot needed");
    expect(host.counters().reboots).toBe(1);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("what waits for its turn on the host is not begun, and not in the state", async () => {
    await rig.stack((stack) => {
      define()(stack);
      const pve1 = stack.node.findChild("pve1") as IommuHost;
      for (const id of [100, 101])
        new PassthroughVm(stack, `vm${id}`, { on: Proxmox.vm(pve1, id), vga: "none" });
    });
    const qm = hold(host, "qm");
    const apply = rig.tf.start(["apply", "-auto-approve", "-no-color"]);
    const ended = finished(apply);
    await waitFor(() => qm.begun());
    interrupt(apply);
    qm.letGo();
    const { code, stderr } = await ended;

    expect(code).toBe(1);
    expect(stderr).toContain("Stopped as asked, before anything was begun here");
    const made = Object.keys(await rig.tf.resources()).filter((address) => address.includes("_vm."));
    expect(made).toHaveLength(1);
    expect((await rig.tf.resources())[made[0] ?? ""]?.tainted).toBeUndefined();
    const { changes } = await rig.plan();
    expect(Object.values(changes).map(({ actions }) => actions.join())).toEqual(["create"]);
    await rig.stack(define());
    await rig.apply();
  });

  test("before the reboot is issued: the host is not rebooted", async () => {
    await rig.stack(define("nosmt"));
    await rig.apply(`-target=${pve1}`);
    host.resetCounters();
    // The reboot command reads the host first.
    const probe = hold(host, "zpool");
    const apply = rig.tf.start(["apply", "-auto-approve", "-no-color", "-refresh=false"]);
    let output = "";
    apply.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const ended = finished(apply);
    await waitFor(() => probe.begun() && output.includes("(local-exec): Executing"));
    interrupt(apply);
    probe.letGo();
    expect((await ended).code).toBe(1);
    expect(host.counters().reboots).toBe(0);
    expect(fileOf(host, "proc/cmdline")).not.toContain("nosmt");

    await rig.apply();
    expect(host.counters().reboots).toBe(1);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("in a destroy: what was begun is given back, and the next destroy finishes", async () => {
    const initramfs = hold(host, "update-grub");
    const destroy = rig.tf.start(["destroy", "-auto-approve", "-no-color"]);
    const ended = finished(destroy);
    await waitFor(() => initramfs.begun());
    interrupt(destroy);
    initramfs.letGo();
    await ended;
    await rig.destroy();
    expect(Object.keys(await rig.tf.resources())).toEqual([]);
    expect(Object.keys(filesOf(host)).filter((path) => path.includes("cdktf-passthrough"))).toEqual([]);
  });
});
