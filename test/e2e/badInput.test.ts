/**
 * Bad input that reaches the provider as a user of plain Terraform writes it, with no construct to refuse it first:
 * every one is told apart with what to do, and no host is touched.
 */
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Connection } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { HandWritten, type Report, type Resources } from "../support/handWritten";
import { connect, fileOf, Rig } from "../support/rig";
import { snapshot } from "../support/snapshot";

jest.setTimeout(240_000);

type Words = readonly (RegExp | string)[];

/** Every word stands in the text. */
function expectWords(text: string, words: Words): void {
  for (const word of words) {
    if (typeof word === "string") expect(text).toContain(word);
    else expect(text).toMatch(word);
  }
}

const declared = (values: object) => ({ host: "pve1", owner: "team", ...values });
const binding = (values: object, devices: object = { card: { address: "0000:01:00" } }) => ({
  host: "pve1",
  name: "gpu",
  devices,
  ...values,
});
const vm = (values: object) => ({ host: "pve1", hypervisor: "proxmox", vm_id: "100", ...values });
const slot = (values: object) => vm({ pci: { hostpci0: values } });

interface Case {
  readonly name: string;
  readonly type:
    | "passthrough_iommu_host"
    | "passthrough_vfio_binding"
    | "passthrough_vm"
    | "passthrough_pci_mapping"
    | "passthrough_usb_mapping"
    | "passthrough_rom_file";
  readonly values: object;
  readonly words: Words;
}

/** All of them in one stack: each gets its own error. */
function stackOf(cases: readonly Case[]): Resources {
  const resources: Record<string, Record<string, object>> = {};
  cases.forEach(({ type, values }, at) => {
    resources[type] = { ...resources[type], [`case${at}`]: values };
  });
  return resources;
}

const host = (name: string, values: object, ...words: Words): Case => ({
  name,
  type: "passthrough_iommu_host",
  values: declared(values),
  words,
});
const bound = (name: string, values: object, ...words: Words): Case => ({
  name,
  type: "passthrough_vfio_binding",
  values,
  words,
});
const guest = (name: string, values: object, ...words: Words): Case => ({
  name,
  type: "passthrough_vm",
  values,
  words,
});

const mapped = (name: string, values: object, ...words: Words): Case => ({
  name,
  type: "passthrough_pci_mapping",
  values: {
    host: "pve1",
    name: "gpu",
    devices: { card: { host: "pve1", address: "0000:01:00" } },
    ...values,
  },
  words,
});

const addressForm = "Expected [dddd:]bb:dd.f in hex for one function, such as 0000:01:00.0";
const moduleForm = "Expected letters, digits, - and _";

describe("what no host can make right", () => {
  const cases: readonly Case[] = [
    host(
      "a parameter with a line break",
      { kernel_parameters: ["iommu=pt\ninit=/bin/sh"] },
      "kernel_parameters of pve1",
      '"iommu=pt\\ninit=/bin/sh" cannot be a kernel parameter: it holds a line break',
    ),
    host("a parameter with a quote", { kernel_parameters: ["x='a b'"] }, "GRUB takes ' for a quote"),
    host("an open double quote", { kernel_parameters: ['x="a'] }, "a double quote is left open"),
    host("an empty parameter", { kernel_parameters: [""] }, '"" cannot be a kernel parameter: it is empty'),
    host("a parameter for a shell", { kernel_parameters: ["$(reboot)"] }, "would expand $, ` and \\"),
    host("two in one", { kernel_parameters: ["iommu=pt quiet"] }, "declare each parameter by itself"),
    host(
      "parameters that undo each other",
      { kernel_parameters: ["default_hugepagesz=1G", "default_hugepagesz=2M"] },
      '"default_hugepagesz=1G" is undone by another one',
      "Declare only one of them.",
    ),
    host(
      "the IOMMU off",
      { kernel_parameters: ["amd_iommu=off"] },
      "switches the IOMMU off",
      "set iommu to false",
    ),
    host("ids by parameter", { kernel_parameters: ["vfio-pci.ids=10de:2204"] }, "passthrough_vfio_binding"),
    host(
      "a module that is a path",
      { modules: ["../evil"] },
      '"../evil" is not the name of a kernel module',
      moduleForm,
    ),
    host("a module that is an option", { modules: ["--version"] }, "modules of pve1", moduleForm),
    host(
      "options over two lines",
      { modprobe_options: { kvm: "a=1\ninstall x" } },
      "the options of kvm: they hold a line break",
    ),
    host("no options", { modprobe_options: { kvm: " " } }, "they are empty", "Expected name=value"),
    host("options of no module", { modprobe_options: { "a b": "x=1" } }, '"a b" is not the name', moduleForm),
    host("ids by option", { modprobe_options: { "vfio-pci": "ids=10de:2204" } }, "passthrough_vfio_binding"),
    host(
      "a soft dependency without a word",
      { softdeps: { nouveau: "vfio-pci" } },
      'Expected "pre:" or "post:"',
    ),
    host(
      "a blacklist entry with a space",
      { blacklist: ["nouveau nvidia"] },
      '"nouveau nvidia" is not the name',
      moduleForm,
    ),
    host("vfio on the blacklist", { blacklist: ["vfio-pci"] }, "what passthrough stands on", "Leave it out."),
    host("an empty owner", { owner: "" }, "tells this declaration from another one"),
    host(
      "a malformed allow_critical",
      { allow_critical: ["all"] },
      '"all" is not a PCI address',
      addressForm,
    ),
    host(
      "a device by a malformed address",
      { devices: { "gpu/card": { address: "0000:zz:00" } } },
      "gpu/card",
      '"0000:zz:00" is not a PCI address',
      addressForm,
    ),
    host("a device by nothing", { devices: { "gpu/card": {} } }, "none is given"),
    bound(
      "an address without a device",
      binding({}, { card: { address: "0000:1" } }),
      "card of gpu",
      '"0000:1" is not a PCI address',
      addressForm,
    ),
    bound("function 9", binding({}, { card: { address: "0000:01:00.9" } }), "function 9 is above 7"),
    bound(
      "a short id",
      binding({}, { card: { id: "10de:22" } }),
      '"10de:22" is not a device id',
      "four hex digits each",
    ),
    bound("neither address nor id", binding({}, { card: {} }), "none is given", 'address = "0000:01:00"'),
    bound("no devices", binding({}, {}), "Unable to bind no devices", "Expected at least one"),
    bound("no name", binding({ name: "" }), "empty name"),
    guest(
      "a slot that is none",
      vm({ pci: { hostpci16: { device: "0000:01:00" } } }),
      'no slot "hostpci16"',
      "Expected hostpci0 to hostpci15",
    ),
    guest(
      "a USB slot that is none",
      vm({ usb: { usb14: { host: "1-4" } } }),
      'no slot "usb14"',
      "Expected usb0 to usb13",
    ),
    guest(
      "a USB device that is none",
      vm({ usb: { usb0: { host: "keyboard" } } }),
      '"keyboard" is not valid',
      "`lsusb -t`",
    ),
    guest(
      "both device and mapping",
      slot({ device: "0000:01:00", mapping: "gpu" }),
      "both device 0000:01:00 and mapping gpu",
      "Give one of them.",
    ),
    guest("neither device nor mapping", slot({}), "names no device", "Give `device`"),
    guest("a malformed device", slot({ device: "nvidia" }), 'host "nvidia" is not valid', "[dddd:]bb:dd[.f]"),
    guest(
      "a ROM file with a path",
      slot({ device: "0000:01:00", romfile: "/root/vbios.rom" }),
      '"/root/vbios.rom" is not valid',
      "without a path",
    ),
    guest(
      "a value that would add options",
      slot({ device: "0000:01:00", mdev: "a,rombar=0" }),
      'mdev "a,rombar=0" is not valid',
    ),
    guest(
      "a VM by name",
      vm({ vm_id: "workstation" }),
      '"workstation" is not a VM id',
      "a number from 100 on",
    ),
    guest(
      "a hypervisor that nobody knows",
      vm({ hypervisor: "xen" }),
      "Unknown hypervisor xen; known: proxmox",
    ),
    guest("a BIOS that nobody knows", vm({ bios: "uefi" }), '"uefi" is not valid. Expected ovmf or seabios'),
    guest(
      "a boot device that is none",
      vm({ boot_order: ["disk"] }),
      '"disk" is not valid',
      "hostpci0, scsi0 or net0",
    ),
    guest("less than nothing for ballooning", vm({ balloon: -1 }), '"-1" is not valid. Expected MiB'),
    guest(
      "a new VM whose name is an option",
      vm({ create: { name: "--force" } }),
      'name "--force" is not valid. Expected a DNS name',
    ),
    guest(
      "a storage that is more than one",
      vm({ create: { name: "nas", disk: 1, storage: "local:0,import-from=/etc/shadow" } }),
      "Expected the name of a storage",
    ),
    guest(
      "a bridge with a line break",
      vm({ create: { name: "nas", bridge: "vmbr0\nargs: x" } }),
      "the name of a bridge",
    ),
    mapped(
      "a mapping for a shell",
      { name: "gpu;reboot" },
      '"gpu;reboot" is not the name of a resource mapping',
    ),
    mapped(
      "a mapping that is a path",
      { name: "../../x" },
      "Expected a letter, then letters, digits, _ and -",
    ),
    mapped(
      "a description over two lines",
      { description: "a\nmap x" },
      '"a\\nmap x" cannot stand',
      "one line",
    ),
    mapped("a mapping of nothing", { devices: {} }, "PCI resource mapping gpu has no devices"),
    mapped(
      "an address that is more",
      { devices: { card: { host: "pve1", address: "0000:01:00,node=pve2" } } },
      '"0000:01:00,node=pve2" is not a PCI address',
    ),
    {
      name: "a USB device that is no id",
      type: "passthrough_usb_mapping",
      values: {
        host: "pve1",
        name: "dongle",
        devices: { it: { host: "pve1", id: "1-4,id=x", port: "usb1" } },
      },
      words: ['"1-4,id=x" is not the id of a USB device', '"usb1" is not a USB port'],
    },
    {
      name: "a ROM file that is a path",
      type: "passthrough_rom_file",
      values: { host: "pve1", name: "../../../etc/cron.d/x.rom", source: "gpu.rom" },
      words: ["as the name of a ROM file", "Expected a name without a path"],
    },
  ];
  const rig = new Rig();
  let pve1: EmbeddedHost;
  let report: Report;

  beforeAll(async () => {
    pve1 = await rig.host("proxmox-amd");
    const stack = await HandWritten.over(rig, { pve1: connect(pve1) });
    report = await stack.write(stackOf(cases)).plan();
  });
  afterAll(() => rig.close());

  test.each(cases.map((one, at) => ({ ...one, at })))("$type: $name", ({ type, words, at }) => {
    expectWords(report.errors(`${type}.case${at}`), words);
  });

  test("is told without asking the host", () => {
    expect(pve1.counters()).toMatchObject({ connections: 0, commands: 0 });
    expect(report.run.code).toBe(1);
  });
});

/** Puts a file on a host by hand. */
function put(host: EmbeddedHost, path: string, text: string): void {
  const file = join(host.root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const recordFile = "/var/lib/cdktf-passthrough/record.json";
const vmFile = (id: string, node = "pve1") => `/etc/pve/nodes/${node}/qemu-server/${id}.conf`;

/** Machines with something about them that a declaration has to fail on. */
const machines: Readonly<Record<string, { profile: string; prepare?: (host: EmbeddedHost) => void }>> = {
  pve1: {
    profile: "proxmox-amd",
    prepare(host) {
      appendFileSync(join(host.root, vmFile("101")), "hostpci0: 0000:02:00\n");
      put(host, vmFile("900", "pve9"), "name: far\n");
    },
  },
  pve2: { profile: "proxmox-intel-systemd-boot" },
  deb: { profile: "debian-intel" },
  off: { profile: "proxmox-amd", prepare: (host) => grubLine(host, "quiet amd_iommu=off") },
  overruled: { profile: "debian-intel", prepare: (host) => grubLine(host, "quiet intel_iommu=off") },
  long: { profile: "proxmox-amd", prepare: (host) => grubLine(host, `quiet a=${"x".repeat(1850)}`) },
  bare: {
    profile: "proxmox-intel-systemd-boot",
    prepare: (host) => rmSync(join(host.root, "/etc/kernel/cmdline")),
  },
  two: {
    profile: "proxmox-intel-systemd-boot",
    prepare: (host) => put(host, "/etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1 boot=zfs\nquiet\n"),
  },
  garbled: { profile: "proxmox-amd", prepare: (host) => put(host, recordFile, "{") },
  newer: { profile: "proxmox-amd", prepare: (host) => put(host, recordFile, '{"version": 2}') },
  toolless: { profile: "proxmox-amd", prepare: (host) => rmSync(join(host.dir, "tools/flock")) },
  ops: {
    profile: "debian-intel",
    prepare: (host) =>
      host.setFaults({
        programs: [
          { program: "sudo", times: 9, effect: { kind: "fail", message: "sudo: a password is required" } },
        ],
      }),
  },
};

function grubLine(host: EmbeddedHost, words: string): void {
  const text = fileOf(host, "/etc/default/grub") ?? "";
  put(host, "/etc/default/grub", text.replace('DEFAULT="quiet"', `DEFAULT="${words}"`));
}

describe("what these hosts make wrong", () => {
  const on = (name: string, values: object = {}) => ({ host: name, owner: "team", ...values });
  const device = (name: string, address: string, more: object = {}) =>
    on(name, { devices: { "b/card": { address } }, ...more });
  const bind = (name: string, selector: object) => binding({ host: name }, { card: selector });
  const machine = (title: string, values: object, ...words: Words): Case => ({
    name: title,
    type: "passthrough_iommu_host",
    values,
    words,
  });
  const givenAway = (title: string, at: string, address: string, ...words: Words): Case =>
    machine(
      title,
      device(at, address),
      `${at} would lose what it lives on`,
      ...words,
      /allowCritical: \["0000:/,
    );

  const cases: readonly Case[] = [
    machine(
      "a host that the provider block does not name",
      on("pve7"),
      "No connection for host pve7",
      /names .*deb, .*pve1/,
      "Correct the name",
    ),
    bound("the same of a binding", bind("pve7", { address: "0000:01:00" }), "No connection for host pve7"),
    machine(
      "a name that does not resolve",
      on("nowhere"),
      "Unable to resolve the name of nowhere (root@no.such.host.invalid:",
      "Correct `host`",
    ),
    machine(
      "a wrong port",
      on("wrongPort"),
      "Unable to connect to wrongPort (root@127.0.0.1:1)",
      "ECONNREFUSED",
      "is `port` right?",
    ),
    machine(
      "another host key",
      on("wrongKey"),
      "Unable to trust the host key of wrongKey",
      /expected SHA256:\S+ .* received SHA256:/,
      "ssh-keygen -lf",
    ),
    machine(
      "a key that may not log in",
      on("stranger"),
      "Unable to log in to stranger",
      "refused every key offered",
      /Offered: .*client_key/,
      "authorized_keys",
    ),
    machine(
      "a user without sudo",
      on("ops"),
      "Unable to become root on ops (ops@127.0.0.1:",
      "sudo: a password is required",
      "ops ALL=(root) NOPASSWD: ALL",
    ),
    machine(
      "a missing program",
      on("toolless"),
      "toolless lacks programs",
      "flock (util-linux)",
      "Install them",
    ),
    machine(
      "a record that is not JSON",
      on("garbled"),
      "Unable to configure garbled",
      "is not JSON",
      "/var/lib/cdktf-passthrough/preimages",
    ),
    machine(
      "a record of a newer version",
      on("newer"),
      "has version 2; this package knows version 1",
      "Update the package.",
    ),
    machine(
      "no /etc/kernel/cmdline",
      on("bare"),
      "Unable to configure bare",
      "/etc/kernel/cmdline is missing or empty",
      "/proc/cmdline",
    ),
    machine(
      "a command line of two lines",
      on("two"),
      "Unable to configure two",
      "has several lines",
      "join them by hand",
    ),
    machine(
      "a foreign amd_iommu=off",
      on("off"),
      "has amd_iommu=off, which leaves the IOMMU off",
      "Take it out of /etc/default/grub",
    ),
    machine(
      "a command line too long",
      on("long"),
      /would have 1[89]\d\d bytes/,
      "cuts it after 2048",
      "Declare fewer",
    ),
    machine(
      "a boot loader that is not there",
      on("deb", { boot_loader: "lilo" }),
      "boot loader: lilo on vmhost",
      "Supported: `proxmox-boot-tool`, `systemd-boot`, `grub-bls`, `grub`, `grub-mkconfig`",
    ),
    machine(
      "an initramfs builder that is not supported",
      on("deb", { initramfs: "booster" }),
      "initramfs builder: booster",
      "Supported: `initramfs-tools`, `dracut`, `mkinitcpio`",
    ),
    machine(
      "an initramfs builder that the host does not have",
      on("deb", { initramfs: "dracut" }),
      "initramfs builder: dracut is not on vmhost",
      "found there: initramfs-tools",
    ),
    machine(
      "a CPU vendor that nobody knows",
      on("deb", { cpu_vendor: "via" }),
      "CPU vendor: via",
      "Supported: `intel`, `amd`",
    ),
    machine(
      "a slot with nothing in it",
      device("pve1", "0000:42:00"),
      "no PCI device at 0000:42:00",
      "There is:",
      "0000:01:00.0 10de:2204 NVIDIA",
    ),
    bound(
      "the same of a binding",
      bind("pve1", { address: "0000:42:00" }),
      "Unable to bind gpu on pve1",
      "no PCI device at 0000:42:00",
      "0000:01:00.0 10de:2204",
    ),
    bound(
      "an id that nothing has",
      bind("pve1", { id: "10de:9999" }),
      "no PCI device with id 10de:9999",
      "0000:04:00.0 144d:a808",
    ),
    bound(
      "another card at the address",
      bind("pve1", { address: "0000:01:00", id: "10de:9999" }),
      "at 0000:01:00 with id 10de:9999",
      "0000:01:00.1 10de:1aef",
    ),
    machine(
      "one function under two names",
      on("pve1", { devices: { "a/card": { address: "0000:01:00" }, "b/twins": { id: "10de:2204" } } }),
      "a/card and b/twins both name 0000:01:00.0",
      "Name it in one of them",
    ),
    machine(
      "a bridge",
      device("pve1", "0000:00:01.1"),
      "0000:00:01.1",
      "is a bridge",
      "Bind the devices behind it.",
    ),
    bound("the same of a binding", bind("pve1", { address: "0000:00:01.1" }), "is a bridge"),
    machine(
      "one function of a card whose group has more",
      device("deb", "0000:01:00.0"),
      "cannot be handed over alone",
      /group 1 goes as a whole; it also holds 0000:01:00\.1 .*snd_hda_intel.*0000:01:00\.2 .*xhci_hcd.*0000:01:00\.3 .*no driver/,
      "Bind these too",
    ),
    machine(
      "a function of the chipset",
      device("deb", "0000:00:1f.3"),
      /it also holds 0000:00:1f\.0 .*0000:00:1f\.4 .*0000:00:1f\.6 /,
    ),
    givenAway(
      "the root disk on ZFS",
      "pve1",
      "0000:03:00",
      "ZFS pool rpool with /",
      "/boot/efi (/dev/nvme0n1p2)",
    ),
    machine(
      "a disk that the next boot would stop without, although the author allows it",
      device("pve1", "0000:03:00", { allow_critical: ["0000:03:00"] }),
      "pve1 would lose what it lives on",
      "0000:03:00.0 is a disk controller the host needs: is in /etc/fstab as /boot/efi without nofail",
      "cannot be allowed: first take its line out of the file, or add nofail",
    ),
    givenAway(
      "half of the mirror and an ESP that is not mounted",
      "pve2",
      "0000:01:00",
      "ZFS pool rpool",
      "ESP) 4A3C-11F0",
    ),
    givenAway("NVMe whose disk has no PCI parent", "pve2", "0000:02:00", "ZFS pool rpool", "/dev/nvme1n1p3"),
    givenAway(
      "LVM on md",
      "deb",
      "0000:00:17.0",
      "carries / (/dev/mapper/vg0-root on /dev/md0 on /dev/sda2)",
      "swap in use",
    ),
    givenAway(
      "the session's NIC below a VLAN and a bridge",
      "pve1",
      "0000:05:00.0",
      "this SSH session (vmbr0 on eno1.20 on eno1)",
    ),
    givenAway(
      "the session's NIC below a bridge",
      "pve2",
      "0000:04:00.0",
      "this SSH session (vmbr0 on eno1)",
      "default route",
    ),
    givenAway(
      "both ports of the session's bond",
      "deb",
      "0000:03:00",
      "bond0 on enp3s0f0",
      "bond0 on enp3s0f1",
    ),
    givenAway(
      "the display of the firmware's choice",
      "pve1",
      "0000:08:00.0",
      "boot VGA",
      "framebuffer fb0, astdrmfb",
    ),
    {
      ...bound(
        "the root disk by a binding",
        bind("pve1", { address: "0000:03:00" }),
        "pve1 would lose what it lives on",
      ),
    },
    guest(
      "a VM that is not there",
      vm({ vm_id: "999" }),
      "There is no VM 999 on pve1",
      "VM 100 (workstation)",
      "Create the VM first",
    ),
    guest(
      "a VM on another node",
      vm({ vm_id: "900" }),
      "VM 900 (far) is on node pve9, not on pve1",
      "qm migrate 900 pve1",
    ),
    guest(
      "a VM on a host without VMs",
      vm({ host: "deb" }),
      "deb is not a Proxmox VE host",
      "Name the host that runs the VM",
    ),
    guest(
      "a mapping that the cluster does not have",
      slot({ mapping: "gpu" }),
      "no PCI resource mapping gpu",
      "The cluster has: spare-nvme.",
    ),
    guest(
      "a ROM file that is not there",
      slot({ device: "0000:01:00", romfile: "no.rom" }),
      "no ROM file no.rom in /usr/share/kvm on pve1",
      "vbios-3090.rom",
    ),
    guest(
      "a device that is not there",
      slot({ device: "0000:42:00" }),
      "no PCI device 0000:42:00 on pve1",
      "hostpci0 of VM 100",
      "0000:01:00.0 10de:2204",
    ),
    guest(
      "one function in two slots",
      vm({ pci: { hostpci0: { device: "0000:01:00" }, hostpci1: { device: "0000:01:00.0" } } }),
      "has 0000:01:00.0 twice",
      "Name it in one of them.",
    ),
    guest(
      "two cards of one id as one",
      slot({ device: "0000:01:00;0000:02:00" }),
      "hostpci0 of VM 100 (workstation) on pve1 names several cards",
      "Give each card a slot",
    ),
    guest(
      "a device that a running VM has",
      slot({ device: "0000:02:00" }),
      "in use by VM 101 (router)",
      "Shut VM 101 (router) down",
    ),
    guest(
      "PCI Express on an old machine",
      vm({ vm_id: "101", pci: { hostpci1: { device: "0000:01:00", pcie: true } } }),
      "needs machine q35",
      'Declare machine: "q35"',
    ),
  ];
  const rig = new Rig();
  const hosts: Record<string, EmbeddedHost> = {};
  let before: Record<string, Record<string, string>>;
  let report: Report;

  const hostNamed = (name: string): EmbeddedHost => {
    const found = hosts[name];
    if (!found) throw new Error(`There is no host ${name}.`);
    return found;
  };

  beforeAll(async () => {
    for (const [name, { profile, prepare }] of Object.entries(machines)) {
      const started = await rig.host(profile, name);
      prepare?.(started);
      hosts[name] = started;
    }
    before = Object.fromEntries(Object.entries(hosts).map(([name, started]) => [name, snapshot(started)]));
    const connections: Record<string, Connection> = Object.fromEntries(
      Object.entries(hosts).map(([name, started]) => [name, connect(started)]),
    );
    const pve1 = connect(hostNamed("pve1"));
    const pve2 = connect(hostNamed("pve2"));
    const stack = await HandWritten.over(rig, {
      ...connections,
      ops: { ...connect(hostNamed("ops")), user: "ops" },
      wrongKey: { ...pve1, hostKey: pve2.hostKey ?? "" },
      stranger: { ...pve1, identityFile: pve2.identityFile ?? "" },
      wrongPort: { ...pve1, port: 1 },
      nowhere: { ...pve1, host: "no.such.host.invalid" },
    });
    const resources = stackOf(cases);
    report = await stack
      .write({
        ...resources,
        passthrough_iommu_host: {
          ...resources["passthrough_iommu_host"],
          overruled: on("overruled"),
          allowed: device("pve2", "0000:01:00", { allow_critical: ["0000:01:00"] }),
        },
        passthrough_vm: {
          ...resources["passthrough_vm"],
          locked: vm({ vm_id: "102", pci: { hostpci0: { device: "0000:01:00" } } }),
        },
      })
      .plan();
  });
  afterAll(() => rig.close());

  test.each(cases.map((one, at) => ({ ...one, at })))("$type: $name", ({ type, words, at }) => {
    expectWords(report.errors(`${type}.case${at}`), words);
  });

  test("a foreign intel_iommu=off is overruled by what stands behind it", () => {
    expect(report.errors("passthrough_iommu_host.overruled")).toBe("");
  });

  test("the author may hand over what is needed", () => {
    expect(report.errors("passthrough_iommu_host.allowed")).toBe("");
  });

  test("a lock may pass until the apply, so it is a warning", () => {
    expect(report.errors("passthrough_vm.locked")).toBe("");
    expectWords(report.warnings("passthrough_vm.locked"), [
      "VM 102 (storage) on pve1 is locked (backup)",
      "qm unlock 102",
    ]);
  });

  test("nothing was touched", () => {
    for (const [name, started] of Object.entries(hosts)) {
      expect(snapshot(started)).toEqual(before[name]);
      expect(started.counters().reboots).toBe(0);
    }
  });
});
