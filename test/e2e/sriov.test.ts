/** Virtual functions: made now and at every boot, kept with their settings, given to VMs, and never taken from a guest. */
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, Proxmox, VirtualFunctions } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, fileOf, filesOf, flowing, Rig } from "../support/rig";

jest.setTimeout(240_000);

const resource = "passthrough_virtual_functions.fast";
/** The port that carries nothing; its functions stand 128 above it, four apart. */
const physical = "0000:05:00.1";
const [first, second] = ["0000:05:10.1", "0000:05:10.5"];

describe("virtual functions of a network card", () => {
  let rig: Rig;
  let host: EmbeddedHost;
  let before: Record<string, string>;

  interface Declared {
    readonly of?: string;
    readonly count?: number;
    readonly vlan?: number;
    /** Number of the function that VM 100 gets. */
    readonly given?: number;
  }
  const define = ({ of = physical, count = 2, vlan = 20, given }: Declared = {}) => {
    return (stack: TerraformStack): void => {
      const pve1 = new IommuHost(stack, "pve1", {
        connection: connect(host),
        kernelParameters: ["iommu=pt"],
      });
      const fast = new VirtualFunctions(stack, "fast", {
        host: pve1,
        of,
        count,
        functions: { 0: { mac: "52:54:00:00:20:01", vlan, trust: true } },
      });
      if (given !== undefined)
        new PassthroughVm(stack, "workstation", {
          on: Proxmox.vm(pve1, 100),
          pci: { hostpci0: { device: fast.function(given) } },
        });
    };
  };
  const link = () => sh(host, "ip -o link show dev eno2");
  const driver = (address: string) => sh(host, `basename $(readlink /sys/bus/pci/devices/${address}/driver)`);
  /** Applies the last plan. */
  const apply = async () => {
    const { code, stdout, stderr } = await rig.applyPlan();
    if (code !== 0) throw new Error(flowing(stdout + stderr));
  };
  const values = async () => (await rig.tf.resources())[resource]?.values;

  beforeAll(async () => {
    rig = new Rig();
    host = await rig.host("proxmox-amd");
    await sh(host, `sed -i 's/DEFAULT="quiet"/DEFAULT="quiet iommu=pt"/' /etc/default/grub && update-grub`);
    await host.reboot();
    before = filesOf(host);
  });
  afterAll(() => rig.close());

  test("the port that carries this session is refused, and nothing is touched", async () => {
    await rig.stack(define({ of: "0000:05:00.0" }));
    expect(await rig.refusal("plan")).toMatch(
      /The virtual functions of 0000:05:00\.0 on pve1 cannot be changed from 0 to 2 .*resets the link.*carries this SSH session/,
    );
    expect(filesOf(host)).toEqual(before);
  });

  test("the plan says where each will stand; one apply makes them and gives one to a VM", async () => {
    await rig.stack(define({ given: 1 }));
    const { changes } = await rig.plan();
    expect(changes[resource]?.after).toMatchObject({
      addresses: { 0: first, 1: second },
      functions: {
        [first]: {
          device: "0",
          id: "8086:1520",
          driver: "vfio-pci",
          mac: "52:54:00:00:20:01",
          vlan: 20,
          trust: true,
        },
        [second]: { device: "1", driver: "vfio-pci", vlan: 0 },
      },
    });
    expect(changes["passthrough_vm.workstation"]?.after).toMatchObject({ settings: { hostpci0: second } });

    await apply();

    expect(await driver(first)).toBe("vfio-pci");
    expect(await driver(second)).toBe("vfio-pci");
    expect(await sh(host, `cat /sys/bus/pci/devices/${physical}/sriov_drivers_autoprobe`)).toBe("0");
    expect(await link()).toMatch(/vf 0 .*52:54:00:00:20:01.* vlan 20, spoof checking on, .*trust on/);
    expect(await values()).toMatchObject({ iommu_groups: { [first]: "40", [second]: "41" } });
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("they are there again after a boot, with what the card kept, before VMs start", async () => {
    const was = /vf 1 +link\/ether (\S+)/.exec(await link())?.[1];
    await sh(host, "qm set 100 --onboot 1");

    await host.reboot();

    expect(await driver(second)).toBe("vfio-pci");
    expect(/vf 1 +link\/ether (\S+)/.exec(await link())?.[1]).toBe(was);
    expect(await sh(host, "qm status 100")).toBe("status: running");
    expect(host.console()).toContain("cdktf-passthrough-virtual-functions.service: exit 0");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("while a VM runs with one, no other count and no other address; a VLAN may change", async () => {
    await rig.stack(define({ given: 1, count: 3 }));
    expect(await rig.refusal("plan")).toMatch(
      /cannot be changed from 2 to 3 .*VM 100 runs with 0000:05:10\.5 \(hostpci0\).*only through 0/,
    );
    expect(await rig.refusal("plan", "-destroy")).toMatch(/VM 100 runs with 0000:05:10\.5/);

    await rig.stack(define({ given: 1, vlan: 30 }));
    expect((await rig.plan()).changes[resource]?.after).toMatchObject({
      functions: { [first]: { vlan: 30 } },
    });
    await apply();

    expect(await link()).toMatch(/vf 0 .* vlan 30/);
    expect(await sh(host, "qm status 100")).toBe("status: running");
  });

  test("what somebody changes by hand is drift, and is set right", async () => {
    await sh(host, "qm stop 100 && qm set 100 --onboot 0");
    await sh(host, "ip link set dev eno2 vf 0 mac 52:54:00:00:99:99");
    await sh(
      host,
      "rm /etc/systemd/system/multi-user.target.wants/cdktf-passthrough-virtual-functions.service",
    );
    const { changes } = await rig.plan();
    expect(changes[resource]?.before).toMatchObject({ functions: { [first]: { mac: "52:54:00:00:99:99" } } });
    expect(changes[resource]?.actions).toEqual(["update"]);
    await apply();
    expect(await link()).toContain("52:54:00:00:20:01");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("functions that somebody took away come again, as many as are declared by now", async () => {
    await sh(host, `echo 0 | tee /sys/bus/pci/devices/${physical}/sriov_numvfs`);
    await rig.stack(define({ given: 1, count: 3 }));
    expect((await rig.plan()).changes[resource]?.before).toMatchObject({ functions: {}, addresses: {} });
    await apply();
    expect(await driver("0000:05:11.1")).toBe("vfio-pci");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("a destroy leaves the card and the files as they were", async () => {
    await rig.destroy();

    expect(await sh(host, `cat /sys/bus/pci/devices/${physical}/sriov_numvfs`)).toBe("0");
    expect(await sh(host, `cat /sys/bus/pci/devices/${physical}/sriov_drivers_autoprobe`)).toBe("1");
    expect(fileOf(host, "/etc/cdktf-passthrough/virtual-functions")).toBeNull();
    const after = filesOf(host);
    expect(Object.keys(after).filter((path) => !(path in before))).toEqual([]);
    expect(flowing(after["etc/pve/nodes/pve1/qemu-server/100.conf"] ?? "")).not.toContain("hostpci");
  });
});
