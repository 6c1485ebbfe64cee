import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import type { EmbeddedHost } from "../../lib/embedded";
import { proxmoxAmd } from "../../lib/embedded/profiles/proxmoxAmd";
import { script } from "./client";
import { hosts } from "./hosts";

const start = hosts();
const withIommu = { ...proxmoxAmd, iommu: () => "all" as const };
const configuration = (host: EmbeddedHost, id: number) =>
  readFileSync(join(host.root, `etc/pve/qemu-server/${id}.conf`), "utf8");

function driverOf(host: EmbeddedHost, address: string): string | null {
  try {
    return basename(readlinkSync(join(host.root, "sys/bus/pci/devices", address, "driver")));
  } catch {
    return null;
  }
}

describe("qm set", () => {
  let host: EmbeddedHost;
  beforeAll(async () => {
    host = await start();
  });

  it("writes a stopped VM's configuration, sorted, with its description", async () => {
    const ran = await script(host, "qm set 100 --hostpci0 '0000:01:00,pcie=1,x-vga=1' --memory 16384");

    expect(ran).toMatchObject({
      code: 0,
      stdout: "update VM 100: -hostpci0 0000:01:00,pcie=1,x-vga=1 -memory 16384\n",
    });
    const lines = configuration(host, 100).trimEnd().split("\n");
    expect(lines[0]).toBe("# Workstation with a display");
    expect(lines).toContain("hostpci0: 0000:01:00,pcie=1,x-vga=1");
    expect(lines).toContain("memory: 16384");
    expect(lines.slice(1)).toEqual([...lines.slice(1)].sort());
  });

  it("takes what is deleted away", async () => {
    await script(host, "qm set 100 --hostpci1 02:00 --delete hostpci0,balloon");

    expect(configuration(host, 100)).toContain("hostpci1: 02:00\n");
    expect(configuration(host, 100)).not.toContain("hostpci0");
  });

  it("keeps a running VM's changes for its next start", async () => {
    await script(host, "qm set 101 --hostpci0 02:00 --onboot 0 --delete memory");

    expect(configuration(host, 101)).toMatch(/^onboot: 0$/m);
    expect(configuration(host, 101)).toMatch(/^memory: 2048$/m);
    expect(configuration(host, 101)).toMatch(/\n\n\[PENDING\]\ndelete: memory\nhostpci0: 02:00\n$/);
    expect((await script(host, "qm pending 101")).stdout).toMatch(/^del memory: 2048$/m);
    expect((await script(host, "qm pending 101")).stdout).toMatch(/^new hostpci0: 02:00$/m);
    expect((await script(host, "qm config 101")).stdout).toMatch(/^hostpci0: 02:00$/m);
    expect((await script(host, "qm config 101 --current")).stdout).not.toMatch(/hostpci0/);

    await script(host, "qm set 101 --revert hostpci0,memory");
    expect(configuration(host, 101)).not.toContain("PENDING");
  });

  it("goes by the digest of what was read", async () => {
    const digest = createHash("sha1").update(configuration(host, 100)).digest("hex");

    expect(await script(host, `qm set 100 --digest ${digest} --cores 4`)).toMatchObject({ code: 0 });
    expect(await script(host, `qm set 100 --digest ${digest} --cores 2`)).toMatchObject({
      code: 255,
      stderr: "detected modified configuration - file changed by other user? Try again.\n",
    });
    expect(configuration(host, 100)).toContain("cores: 4\n");
  });

  it.each([
    ["999", "--cores 1", 2, "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist"],
    ["102", "--cores 1", 255, "VM is locked (backup)"],
    ["100", "--hostpci16 01:00", 255, "Unknown option: hostpci16\n400 unable to parse option"],
    ["100", "--hostpci0 01:00,pcie=x", 255, "hostpci0.pcie: type check ('boolean') failed - got 'x'"],
    ["100", "--hostpci0 1:0", 255, "hostpci0.host: value does not match the regex pattern"],
    [
      "100",
      "--hostpci0 01:00,cie=1",
      255,
      "hostpci0.cie: property is not defined in schema and the schema does not allow additional properties",
    ],
    [
      "100",
      "--hostpci0 01:00,mapping=gpu",
      255,
      "hostpci0: invalid format - 'host' and 'mapping' are mutually exclusive",
    ],
    ["100", "--hostpci0 pcie=1", 255, "hostpci0: invalid format - one of 'host' or 'mapping' must be set"],
    [
      "100",
      "--hostpci0 01:00,sub-vendor-id=10de",
      255,
      "hostpci0.sub-vendor-id: value does not match the regex pattern",
    ],
    ["100", "--usb14 host=1-2", 255, "Unknown option: usb14"],
    ["100", "--usb0 xhci,pcie=1", 255, "usb0.host: value does not match the regex pattern"],
    ["100", "--machine q36", 255, "machine.type: value does not match the regex pattern"],
    ["100", "--bios uefi", 255, "bios: value does not have a value in the enumeration 'seabios, ovmf'"],
    ["100", "--net32 virtio", 255, "Unknown option: net32"],
    ["100", "--net0 bridge=vmbr0", 255, "net0.model: property is missing and it is not optional"],
    ["100", "--net0 virtio,tag=4095", 255, "net0.tag: value must have a minimum value of 1"],
    ["100", "--net0 virtio=01:00:5e:00:00:01", 255, "net0.virtio: value does not look like a valid unicast"],
    ["100", "--delete hostpci99", 255, "delete: unknown option 'hostpci99'"],
    ["gpu", "--cores 1", 255, "vmid: type check ('integer') failed - got 'gpu'"],
  ])("refuses %s %s as Proxmox does", async (id, options, code, words) => {
    const before = configuration(host, 100);

    const ran = await script(host, `qm set ${id} ${options}`);

    expect(ran.code).toBe(code);
    expect(ran.stderr).toContain(words);
    expect(configuration(host, 100)).toBe(before);
  });

  it.each([
    "--hostpci0 '0000:01:00.0;0000:02:00.0'",
    "--hostpci0 mapping=spare-nvme,rombar=0",
    "--usb0 host=046b:ff10,usb3=1",
    "--usb1 host=1-1.2",
    "--net1 model=virtio,macaddr=BC:24:11:00:00:01,bridge=vmbr0,trunks='7;20-30',rate=12.5,mtu=1",
    "--machine pc-q35-8.1,viommu=intel",
    "--boot 'order=hostpci0;scsi0'",
  ])("accepts %s", async (options) => {
    expect(await script(host, `qm set 100 ${options}`)).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("a VM", () => {
  it("takes its device's whole IOMMU group at its start, bridges apart", async () => {
    const host = await start({ profile: withIommu });
    await script(host, "qm set 100 --hostpci0 0000:09:00.4");

    expect(await script(host, "qm start 100")).toMatchObject({ code: 0, stderr: "" });

    expect(
      ["0000:09:00.0", "0000:09:00.3", "0000:09:00.4", "0000:00:08.1"].map((address) =>
        driverOf(host, address),
      ),
    ).toEqual(["vfio-pci", "vfio-pci", "vfio-pci", "pcieport"]);
    expect((await script(host, "qm status 100")).stdout).toBe("status: running\n");
    expect((await script(host, "qm list")).stdout).toMatch(/^ +100 workstation +running/m);
  });

  it("starts with what was pending", async () => {
    const host = await start({ profile: withIommu });
    await script(host, "qm set 101 --hostpci0 04:00");

    await script(host, "qm reboot 101");

    expect(configuration(host, 101)).toMatch(/^hostpci0: 04:00$/m);
    expect(configuration(host, 101)).not.toContain("PENDING");
    expect(driverOf(host, "0000:04:00.0")).toBe("vfio-pci");
  });

  it("leaves its device on vfio-pci when it stops", async () => {
    const host = await start({ profile: withIommu });
    await script(host, "qm set 100 --hostpci0 04:00 && qm start 100 && qm shutdown 100");

    expect((await script(host, "qm status 100")).stdout).toBe("status: stopped\n");
    expect(driverOf(host, "0000:04:00.0")).toBe("vfio-pci");
  });

  it.each([
    [
      "no IOMMU",
      proxmoxAmd,
      "qm set 100 --hostpci0 04:00",
      "cannot prepare PCI pass-through, IOMMU not present",
    ],
    [
      "no such device",
      withIommu,
      "qm set 100 --hostpci0 77:00",
      "hostpci0: no pci device info for device '0000:77:00'",
    ],
    [
      "pcie without q35",
      withIommu,
      "qm set 100 --machine pc --hostpci0 04:00,pcie=1",
      "q35 machine model is not enabled",
    ],
    [
      "no such mapping",
      withIommu,
      "qm set 100 --hostpci0 mapping=nothing",
      "PCI device mapping 'nothing' does not exist",
    ],
    [
      "a device that runs in another",
      withIommu,
      "qm set 101 --hostpci0 04:00; qm reboot 101; qm set 100 --hostpci0 mapping=spare-nvme",
      "PCI device '0000:04:00.0' already in use by VMID '101'",
    ],
  ])("does not start with %s", async (_what, profile, prepare, words) => {
    const host = await start({ profile });

    const ran = await script(host, `${prepare} >/dev/null; qm start 100`);

    expect(ran).toMatchObject({ code: 255, stderr: `${words}\n` });
    expect((await script(host, "qm status 100")).stdout).toBe("status: stopped\n");
  });

  it("that is locked, or runs, or does not run, says so", async () => {
    const host = await start();

    expect((await script(host, "qm start 102")).stderr).toBe("VM is locked (backup)\n");
    expect((await script(host, "qm start 101")).stderr).toBe("VM 101 already running\n");
    expect((await script(host, "qm shutdown 100")).stderr).toBe("VM 100 not running\n");
    expect((await script(host, "qm unlock 102; qm start 102")).code).toBe(0);
  });

  it("starts with its host if it is to, and not otherwise", async () => {
    const host = await start();
    await script(host, "qm start 100");

    await host.reboot();

    expect((await script(host, "qm status 100; qm status 101")).stdout).toBe(
      "status: stopped\nstatus: running\n",
    );
  });
});
