/** Virtual functions that a real kernel makes, at once and at every boot, and that a real QEMU takes. */
import type { TerraformStack } from "cdktf";
import { IommuHost, Libvirt, PassthroughVm, VirtualFunctions } from "../../lib";
import { Rig } from "../support/rig";
import { machine } from "./bench";
import { defineEmptyGuest } from "./guest";
import { configuration, driverOf } from "./host";
import { rootPort } from "./topology";

/** The one NVMe controller that has functions for guests. */
const physical = "0000:09:00.0";
const [first, second] = ["0000:09:00.1", "0000:09:00.2"];
const resource = "passthrough_virtual_functions.fast";
const unit = "cdktf-passthrough-virtual-functions.service";

const card = [
  ...rootPort(8, 0x17),
  ...["-device", "nvme-subsys,id=several,nqn=several"],
  "-device",
  "nvme,serial=several,bus=port8,subsys=several,sriov_max_vfs=4,sriov_vq_flexible=8,sriov_vi_flexible=4,max_ioqpairs=10,msix_qsize=5",
];

describe("a Debian host with a card that makes virtual functions", () => {
  const host = machine({
    name: "sriov",
    extra: [...card, "-m", "1536"],
    directly: "intel_iommu=on iommu=pt",
  });
  const rig = new Rig();
  let before: Record<string, string> = {};

  const declared =
    ({ count = 2, given = true } = {}) =>
    (stack: TerraformStack) => {
      const server = new IommuHost(stack, "server", { connection: host.connection });
      const fast = new VirtualFunctions(stack, "fast", { host: server, of: physical, count });
      if (given)
        new PassthroughVm(stack, "guest", {
          on: Libvirt.domain(server, "guest"),
          pci: { disk: { device: fast.function(1) } },
        });
    };
  const numberOfFunctions = () => host.sh(`cat /sys/bus/pci/devices/${physical}/sriov_numvfs`);

  beforeAll(async () => {
    await host.start();
    await host.sh("systemctl -q enable --now libvirtd");
    // It never executes an instruction: what counts is that QEMU opens the device.
    await defineEmptyGuest(host, "guest", "0c5c1a5e-6d1b-4d7e-9a53-2f8f5d1c7e21");
    before = await configuration(host);
  });
  afterAll(async () => {
    await host.kill();
    await rig.close();
  });

  test("the plan says where they will stand, and the kernel makes them there", async () => {
    await rig.stack(declared());
    const { changes } = await rig.plan();
    const functions = {
      [first]: { device: "0", id: "1b36:0010", driver: "vfio-pci" },
      [second]: { device: "1", id: "1b36:0010", driver: "vfio-pci" },
    };
    expect(changes[resource]?.after).toMatchObject({ addresses: { 0: first, 1: second }, functions });
    expect(await numberOfFunctions()).toBe("0");

    await rig.apply();

    expect(await numberOfFunctions()).toBe("2");
    expect(await host.sh(`basename $(readlink /sys/bus/pci/devices/${physical}/virtfn1)`)).toBe(second);
    expect([await driverOf(host, first), await driverOf(host, second)]).toEqual(["vfio-pci", "vfio-pci"]);
    expect(await driverOf(host, physical)).toBe("nvme");
    // The host's nvme driver never touched them.
    expect(await host.sh(`dmesg | grep -c 'nvme.*${second}' || :`)).toBe("0");
    const groups = (await rig.tf.resources())[resource]?.values["iommu_groups"] as Record<string, string>;
    expect(new Set(Object.values(groups)).size).toBe(2);
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });

  test("a boot makes them again, before anything starts guests", async () => {
    await host.reboot();

    expect(await host.sh(`systemctl is-active ${unit}`)).toBe("active");
    expect(await numberOfFunctions()).toBe("2");
    expect([await driverOf(host, first), await driverOf(host, second)]).toEqual(["vfio-pci", "vfio-pci"]);
    const at = (name: string, property: string) =>
      host.sh(`systemctl show -P ${property} ${name}`).then(Number);
    expect(await at(unit, "ActiveEnterTimestampMonotonic")).toBeLessThan(
      await at("libvirtd.service", "ExecMainStartTimestampMonotonic"),
    );
    expect(await host.sh("systemctl list-jobs --no-legend; systemctl --failed --no-legend")).toBe("");
    expect(await host.sh("journalctl -b -o cat | grep -ci 'ordering cycle' || :")).toBe("0");
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });

  test("a guest takes one, and as long as it runs no other count is tried", async () => {
    await host.sh("virsh -q start --paused guest");
    expect(await host.sh("ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c '/dev/vfio/[0-9]'")).not.toBe("0");

    await rig.stack(declared({ count: 3 }));
    expect(await rig.refusal("plan")).toMatch(
      /cannot be changed from 2 to 3.*runs with 0000:09:00\.2.*only through 0/,
    );
    expect(await rig.refusal("plan", "-destroy")).toMatch(/runs with 0000:09:00\.2/);
    expect(await numberOfFunctions()).toBe("2");

    await host.sh("virsh -q destroy guest");
    await rig.apply();
    expect(await numberOfFunctions()).toBe("3");
    expect(await driverOf(host, "0000:09:00.3")).toBe("vfio-pci");
  });

  test("a destroy leaves the card and the host's files as they were", async () => {
    await rig.destroy();

    expect(await numberOfFunctions()).toBe("0");
    expect(await host.sh(`cat /sys/bus/pci/devices/${physical}/sriov_drivers_autoprobe`)).toBe("1");
    const after = await configuration(host);
    const own = Object.keys(after).filter((path) => !path.startsWith("/etc/libvirt/"));
    expect(Object.fromEntries(own.map((path) => [path, after[path]]))).toEqual(
      Object.fromEntries(own.map((path) => [path, before[path]])),
    );
  });
});
