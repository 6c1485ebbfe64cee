import { Fn, TerraformVariable, Token, type TerraformStack } from "cdktf";
import { IommuHost, PassthroughProvider, PassthroughVm, PciDevices, Proxmox, VfioBinding } from "../../lib";
import type { IommuHostProps, PassthroughVmProps, VfioBindingProps } from "../../lib";
import { messageOf, newHost, newStack } from "./support";

let stack: TerraformStack;
let pve1: IommuHost;
beforeEach(() => {
  stack = newStack();
  pve1 = newHost(stack, "pve1");
});

describe("a host that cannot be meant", () => {
  const cases: [what: string, props: Partial<IommuHostProps>, ...words: string[]][] = [
    ["empty kernel parameter", { kernelParameters: [""] }, 'kernelParameters: ""', "it is empty"],
    ["parameter with a line break", { kernelParameters: ["quiet\nrm"] }, "line break"],
    ["two parameters in one", { kernelParameters: ["iommu=pt quiet"] }, '"iommu=pt quiet"', "each by itself"],
    ["parameter with an open quote", { kernelParameters: ['a="b'] }, "double quote is left open"],
    ["parameter with a single quote", { kernelParameters: ["a='b'"] }, "meaning of their own"],
    ["parameter that a shell expands", { kernelParameters: ["a=$(reboot)"] }, "meaning of their own"],
    ["parameter that a shell ends", { kernelParameters: ["a;reboot"] }, "meaning of its own"],
    ["parameter for init", { kernelParameters: ["--"] }, "does not start with a name"],
    ["Intel's IOMMU off", { kernelParameters: ["intel_iommu=off"] }, "intel_iommu=off", "iommu: false"],
    ["AMD's IOMMU off", { kernelParameters: ["amd_iommu=off"] }, "amd_iommu=off"],
    ["the IOMMU off among other values", { kernelParameters: ["intel-iommu=sm_on,off"] }, "turns off"],
    ["ids beside the bindings", { kernelParameters: ["vfio-pci.ids=10de:2204"] }, "VfioBinding"],
    [
      "ids as a module option",
      { modprobeOptions: { "vfio-pci": "disable_vga=1 ids=10de:2204" } },
      "VfioBinding",
    ],
    ["module with a space", { modules: ["vfio pci"] }, '"vfio pci"', "name of a kernel module"],
    ["blacklisted vfio", { blacklist: ["vfio-pci"] }, '"vfio-pci"', "nouveau"],
    ["options of no module", { modprobeOptions: { "a b": "x=1" } }, '"a b"'],
    [
      "options of two lines",
      { modprobeOptions: { kvm: "a=1\noptions b" } },
      "modprobeOptions.kvm",
      "one line",
    ],
    ["empty options", { modprobeOptions: { kvm: " " } }, "modprobeOptions.kvm"],
    [
      "soft dependency without pre or post",
      { softdeps: { nouveau: "vfio-pci" } },
      "softdeps.nouveau",
      "pre:",
    ],
    ["critical address", { allowCritical: ["1:0"] }, 'allowCritical: "1:0"', "dddd"],
    [
      "unknown boot loader",
      { bootLoader: "lilo" as never },
      '"lilo"',
      "grub, grub-mkconfig, grub-bls, systemd-boot, proxmox-boot-tool",
    ],
    [
      "unknown initramfs",
      { initramfs: "mkinitrd" as never },
      '"mkinitrd"',
      "initramfs-tools, dracut, mkinitcpio",
    ],
    ["unknown CPU vendor", { cpuVendor: "via" as never }, '"via"', "intel, amd"],
    ["no time for a reboot", { rebootTimeout: 0 }, "rebootTimeout: 0", "minutes"],
    ["port 0", { connection: { host: "a", port: 0 } }, "connection.port: 0", "65535"],
    ["port above 65535", { connection: { host: "a", port: 70000 } }, "connection.port: 70000"],
    ["port that is no number", { connection: { host: "a", port: NaN } }, "connection.port: NaN"],
    ["login name in the host", { connection: { host: "root@a" } }, '"root@a"', "`user`"],
    ["empty host", { connection: { host: "" } }, 'connection.host: ""'],
    ["relative identity file", { connection: { host: "a", identityFile: "key" } }, '"key"', "path.resolve"],
    [
      "relative known_hosts",
      { connection: { host: "a", knownHostsFile: "./k" } },
      "knownHostsFile",
      "relative",
    ],
    ["relative config file", { connection: { host: "a", configFile: "ssh" } }, "configFile", "relative"],
    [
      "no time to connect",
      { connection: { host: "a", connectTimeout: -1 } },
      "connectTimeout: -1",
      "seconds",
    ],
    [
      "unknown policy",
      { connection: { host: "a", whenUnreachable: "ignore" as never } },
      '"ignore"',
      "error, assume-state",
    ],
    [
      "bad jump host",
      { connection: { host: "a", jump: { host: "b", port: 99999 } } },
      "connection.jump.port",
    ],
  ];
  test.each(cases)("%s", (_, props, ...words) => {
    const construct = () => newHost(stack, "bad", props);

    const message = messageOf(construct);
    for (const word of ["stack/bad", ...words]) expect(message).toContain(word);
  });

  test("two constructs for one host", () => {
    const connection = { host: "10.0.0.11" };
    newHost(stack, "one", { connection });
    newHost(stack, "port", { connection: { ...connection, port: 2222 } });
    newHost(stack, "jump", { connection: { ...connection, jump: { host: "bastion" } } });

    expect(() => newHost(stack, "two", { connection: { ...connection, port: 22 } })).toThrow(
      /stack\/one and stack\/two both connect to 10\.0\.0\.11:22/,
    );
  });

  test("a dot that makes two names the same", () => {
    const cluster = new (class extends VfioBinding {})(stack, "a", {
      host: pve1,
      devices: { d: { id: "1234:5678" } },
    });
    new IommuHost(cluster, "b", { connection: { host: "one" } });

    expect(() => newHost(stack, "a.b")).toThrow(/both host "a\.b"/);
  });

  test.each(["privateKey", "passphrase"] as const)(
    "a %s in the code is warned of, a variable is not",
    (secret) => {
      const variable = new TerraformVariable(stack, "secret", { sensitive: true });
      const good = newHost(stack, "good", { connection: { host: "a", [secret]: variable.stringValue } });
      const bad = newHost(stack, "bad", { connection: { host: "b", [secret]: "s3cret" } });

      const warnings = (host: IommuHost) => host.node.metadata.filter(({ type }) => /warn/.test(type));
      expect(warnings(good)).toEqual([]);
      expect(warnings(bad)).toEqual([
        expect.objectContaining({ data: expect.stringContaining(`connection.${secret} stands in the code`) }),
      ]);
      expect(JSON.stringify(warnings(bad))).not.toContain("s3cret");
    },
  );
});

describe("a binding that cannot be meant", () => {
  const cases: [what: string, props: Partial<VfioBindingProps>, ...words: string[]][] = [
    ["no devices", { devices: {} }, "binds no devices"],
    ["malformed address", { devices: { card: { address: "0000:1:00" } } }, "devices.card", '"0000:1:00"'],
    ["function above 7", { devices: { card: { address: "0000:01:00.8" } } }, '"0000:01:00.8"'],
    ["device above 1f", { devices: { card: { address: "0000:01:20" } } }, '"0000:01:20"'],
    ["malformed id", { devices: { card: { id: "10de" } } }, '"10de"', "vvvv:dddd"],
    ["neither address nor id", { devices: { card: {} as never } }, "devices.card names no device"],
    ["key with a slash", { devices: { "a/b": { id: "10de:2204" } } }, '"a/b"'],
    ["key with a quote", { devices: { 'a"b': { id: "10de:2204" } } }, "cannot name a device"],
    ["an address only known later", { devices: { card: { address: Fn.upper("x") } } }, "literal"],
    [
      "the same slot twice in itself",
      { devices: { one: { address: "0000:01:00" }, two: { address: "01:00.1" } } },
      "devices.one",
      "devices.two",
    ],
    ["critical address", { allowCritical: ["x"] }, 'allowCritical: "x"'],
  ];
  test.each(cases)("%s", (_, props, ...words) => {
    const construct = () =>
      new VfioBinding(stack, "bad", { host: pve1, devices: { card: { address: "0000:01:00" } }, ...props });

    const message = messageOf(construct);
    for (const word of ["stack/bad", ...words]) expect(message).toContain(word);
  });

  const overlaps: [one: string, other: string, overlap: boolean][] = [
    ["0000:01:00", "0000:01:00", true],
    ["0000:01:00", "01:00", true],
    ["0000:0A:00", "0000:0a:00.0", true],
    ["0000:01:00.1", "0000:01:00", true],
    ["00000000:01:00", "0000:01:00", true],
    ["0000:01:00.0", "0000:01:00.1", false],
    ["0000:01:00", "0000:01:01", false],
    ["0001:01:00", "0000:01:00", false],
    ["10000:01:00", "0000:01:00", false],
  ];
  test.each(overlaps)("%s and %s bound on one host: refused %s", (one, other, overlap) => {
    new VfioBinding(stack, "one", { host: pve1, devices: { a: { address: one } } });
    const bindOther = (host: IommuHost, id: string) => () =>
      new VfioBinding(stack, id, { host, devices: { b: { address: other } } });

    expect(bindOther(newHost(stack, "pve2"), "elsewhere")).not.toThrow();
    if (overlap)
      expect(bindOther(pve1, "two")).toThrow(/stack\/one: devices\.a and stack\/two: devices\.b both bind/);
    else expect(bindOther(pve1, "two")).not.toThrow();
  });

  test("one id in two bindings of a host", () => {
    new VfioBinding(stack, "one", { host: pve1, devices: { a: { id: "10DE:2204" } } });

    expect(() => new VfioBinding(stack, "two", { host: pve1, devices: { b: { id: "10de:2204" } } })).toThrow(
      /both bind id 10de:2204 of stack\/pve1/,
    );
  });

  test("an id at an address is not the whole address", () => {
    new VfioBinding(stack, "one", { host: pve1, devices: { a: { address: "0000:01:00", id: "10de:2204" } } });

    expect(
      () =>
        new VfioBinding(stack, "two", {
          host: pve1,
          devices: { b: { address: "0000:01:00", id: "10de:1aef" } },
        }),
    ).not.toThrow();
  });

  test("another stack than its host", () => {
    const other = newStack("other");

    expect(() => new VfioBinding(other, "gpu", { host: pve1, devices: { a: { id: "10de:2204" } } })).toThrow(
      "other/gpu stands in the stack other, its host stack/pve1 in the stack stack",
    );
  });

  test("an unknown device lists the known ones", () => {
    const gpu = new VfioBinding(stack, "gpu", {
      host: pve1,
      devices: { card: { address: "0000:01:00" }, usb: { address: "0000:02:00" } },
    });

    expect(() => gpu.device("crad")).toThrow('stack/gpu has no device "crad". Its devices are card, usb.');
    expect(() => gpu.device("toString")).toThrow("has no device");
  });
});

describe("a VM that cannot be meant", () => {
  const raw = (address = "0000:01:00") => ({ device: { address } });
  const cases: [what: string, props: Partial<PassthroughVmProps>, ...words: string[]][] = [
    ["slot 16", { pci: { hostpci16: raw() } }, '"hostpci16"', "hostpci0 to hostpci15"],
    ["slot of another name", { pci: { pci0: raw() } }, '"pci0"'],
    ["slot with a leading zero", { pci: { hostpci01: raw() } }, '"hostpci01"'],
    ["network card 32", { nics: { net32: { bridge: "vmbr0" } } }, '"net32"', "net0 to net31"],
    ["a bridge with an option", { nics: { net0: { bridge: "vmbr0,tag=7" } } }, "nics.net0.bridge", "commas"],
    ["a group's MAC address", { nics: { net0: { mac: "01:00:5e:00:00:01" } } }, "nics.net0.mac", "MAC"],
    ["a profile of an engine", { nics: { net0: { profile: "sriov" } } }, "nics.net0", "`profile`"],
    ["USB slot 14", { usb: { usb14: { spice: true } } }, '"usb14"', "usb0 to usb13"],
    ["nothing in a slot", { pci: { hostpci0: {} } }, "pci.hostpci0 names nothing", "device, mapping"],
    ["device and mapping", { pci: { hostpci0: { ...raw(), mapping: "gpu" } } }, "device and mapping"],
    ["malformed address", { pci: { hostpci0: raw("1:0") } }, '"1:0"'],
    ["malformed second address", { pci: { hostpci0: raw("0000:01:00.0;x") } }, '"x"'],
    ["pcie on i440fx", { machine: "pc-i440fx-9.0", pci: { hostpci0: { ...raw(), pcie: true } } }, "q35"],
    [
      "legacy graphics on q35",
      { machine: "q35", pci: { hostpci0: { ...raw(), legacyIgd: true } } },
      "machine pc",
    ],
    [
      "two primary displays",
      { pci: { hostpci0: { ...raw(), xVga: true }, hostpci1: { ...raw("0000:02:00"), xVga: true } } },
      "hostpci0 and hostpci1 both set `xVga`",
    ],
    [
      "path of a ROM file",
      { pci: { hostpci0: { ...raw(), romfile: "/usr/share/kvm/a.rom" } } },
      "/usr/share/kvm",
    ],
    ["vendor id without 0x", { pci: { hostpci0: { ...raw(), vendorId: "10de" } } }, "vendorId", "0x10de"],
    ["short device id", { pci: { hostpci0: { ...raw(), deviceId: "0x22" } } }, "deviceId", '"0x22"'],
    ["bad subsystem vendor", { pci: { hostpci0: { ...raw(), subVendorId: "0xzzzz" } } }, "subVendorId"],
    ["bad subsystem device", { pci: { hostpci0: { ...raw(), subDeviceId: "" } } }, "subDeviceId"],
    ["unknown driver", { pci: { hostpci0: { ...raw(), driver: "xen" as never } } }, '"xen"', "vfio, keep"],
    ["mapping with a comma", { pci: { hostpci0: { mapping: "a,pcie=1" } } }, '"a,pcie=1"'],
    ["mdev with a comma", { pci: { hostpci0: { ...raw(), mdev: "a,b" } } }, "mdev"],
    ["nothing in a USB slot", { usb: { usb0: {} } }, "usb.usb0 names nothing", "host, mapping, spice"],
    ["no SPICE port", { usb: { usb0: { spice: false } } }, "names nothing"],
    ["host and SPICE", { usb: { usb0: { host: "1-2", spice: true } } }, "host and spice"],
    ["malformed USB host", { usb: { usb0: { host: "xhci" } } }, '"xhci"', "bus-port"],
    ["USB mapping with a comma", { usb: { usb0: { mapping: "a,usb3=1" } } }, "usb.usb0.mapping"],
    ["machine with an option", { machine: "q35,viommu=intel" }, "machine"],
    ["CPU with a space", { cpu: "host kvm" }, '"host kvm"'],
    ["unknown firmware", { bios: "uefi" as never }, '"uefi"', "ovmf, seabios"],
    ["display with a line break", { vga: "none\nargs: x" }, "vga"],
    ["boot device with a comma", { bootOrder: ["net0,hostpci0"] }, "bootOrder"],
    [
      "one device in two slots",
      { pci: { hostpci0: raw(), hostpci1: raw("01:00.1") } },
      "hostpci0",
      "hostpci1",
    ],
  ];
  test.each(cases)("%s", (_, props, ...words) => {
    const construct = () => new PassthroughVm(stack, "bad", { on: Proxmox.vm(pve1, 100), ...props });

    const message = messageOf(construct);
    for (const word of ["stack/bad", ...words]) expect(message).toContain(word);
  });

  test.each([99, 0, -1, 100.5, 1e9, NaN, "", "abc", "0100", "pve1/100"])("the id %p", (id) => {
    expect(() => Proxmox.vm(pve1, id)).toThrow(/is not the id of a VM.*`qm list`/);
  });

  test.each([100, 999999999, "101"])("the id %p is one", (id) => {
    expect(Proxmox.vm(pve1, id).vmId).toBe(String(id));
  });

  test("one VM in two constructs", () => {
    new PassthroughVm(stack, "one", { on: Proxmox.vm(pve1, 100) });

    expect(() => new PassthroughVm(stack, "two", { on: Proxmox.vm(pve1, "100") })).toThrow(
      /stack\/one and stack\/two both describe VM 100 of stack\/pve1/,
    );
    expect(
      () => new PassthroughVm(stack, "3", { on: Proxmox.vm(newHost(stack, "pve2"), 100) }),
    ).not.toThrow();
  });

  test("another stack than its host", () => {
    expect(() => new PassthroughVm(newStack("other"), "vm", { on: Proxmox.vm(pve1, 100) })).toThrow(
      "other/vm stands in the stack other, its host stack/pve1 in the stack stack",
    );
  });

  describe("with a device of a binding", () => {
    let gpu: VfioBinding;
    beforeEach(() => {
      gpu = new VfioBinding(stack, "gpu", {
        host: pve1,
        devices: { card: { address: "0000:01:00" }, nvme: { id: "144d:a80a" } },
      });
    });
    const vm = (id: string, vmId: number, pci: PassthroughVmProps["pci"], host = pve1) =>
      new PassthroughVm(stack, id, { on: Proxmox.vm(host, vmId), ...(pci && { pci }) });

    test.each(["card", "nvme"])("that another VM has: %s", (key) => {
      vm("one", 100, { hostpci0: { device: gpu.device(key) } });

      expect(() => vm("two", 101, { hostpci3: { device: gpu.device(key) } })).toThrow(
        `stack/one: pci.hostpci0 and stack/two: pci.hostpci3 both claim stack/gpu.device("${key}") of stack/pve1`,
      );
    });

    test.each(["0000:01:00", "01:00.0", "0000:02:00.0;0000:01:00.1"])(
      "that another VM has as %s",
      (address) => {
        vm("one", 100, { hostpci0: { device: gpu.device("card") } });

        expect(() => vm("two", 101, { hostpci0: { device: { address } } })).toThrow(/both claim 0000:01:00/);
      },
    );

    test("that two VMs share as mediated devices", () => {
      vm("one", 100, { hostpci0: { device: gpu.device("card"), mdev: "nvidia-35" } });

      expect(() =>
        vm("two", 101, { hostpci0: { device: gpu.device("card"), mdev: "nvidia-35" } }),
      ).not.toThrow();
      expect(() => vm("three", 102, { hostpci0: { device: gpu.device("card") } })).toThrow("both claim");
    });

    test("of another host", () => {
      expect(() =>
        vm("one", 100, { hostpci0: { device: gpu.device("card") } }, newHost(stack, "pve2")),
      ).toThrow(
        'stack/one: pci.hostpci0 takes stack/gpu.device("card") of stack/pve1, and the VM is on stack/pve2',
      );
    });
  });
});

describe("what is known only to Terraform passes", () => {
  test("in a host, a VM and a data source", () => {
    const token = new TerraformVariable(stack, "variable", {}).stringValue;

    expect(() => {
      const host = newHost(stack, "pve2", {
        connection: { host: token, port: Token.asNumber(token), identityFile: token },
        kernelParameters: [token],
        modprobeOptions: { kvm: token },
      });
      new PassthroughVm(stack, "vm", {
        on: Proxmox.vm(host, Token.asNumber(token)),
        machine: token,
        pci: { hostpci0: { device: { address: token }, pcie: true } },
      });
      new PciDevices(stack, "devices", { host, select: { address: token, serial: token } });
    }).not.toThrow();
  });
});

describe("a data source that cannot be meant", () => {
  test.each([
    [{ address: "x" }, 'select: "x" is not a PCI address'],
    [{ id: "x" }, 'select: "x" is not a device id'],
    [{ vendor: "10d" }, 'select: "10d" is not a vendor'],
    [{ device: "0x2204" }, 'select: "0x2204" is not a vendor'],
    [{ class: "3" }, 'select: "3" is not a PCI class'],
    [{ subsystem: "1043" }, 'select: "1043" is not a device id'],
    [{ serial: "a\nb" }, 'select: "a\\nb"'],
    [{ mac: "a0:36" }, 'select: "a0:36" is not a MAC address'],
    [{ name: "GA10[2" }, 'select: "GA10[2" is not a regular expression'],
    [{ filter: "10de" }, 'select: "10de" is not a PCI filter'],
    [{ vendor: "10de", nth: 0 }, "select: nth = 0 counts no card"],
    [{ vendor: "10de", count: 0 }, 'select: count = "0"'],
    [{ vendor: "10de", count: "both" as never }, 'select: count = "both"'],
    [{}, "select names no device"],
    [{ nth: 1, whole: true }, "select names no device"],
  ])("%j", (select, words) => {
    expect(() => new PciDevices(stack, "devices", { host: pve1, select })).toThrow(`stack/devices: ${words}`);
  });

  test("another stack than its host", () => {
    expect(() => new PciDevices(newStack("other"), "devices", { host: pve1 })).toThrow(
      "stands in the stack other",
    );
  });
});

describe("a provider that cannot be meant", () => {
  test("the second one of a stack, also after one was made by itself", () => {
    expect(() => new PassthroughProvider(stack, "mine")).toThrow(
      /already has a PassthroughProvider, stack\/cdktf-passthrough.*before the first IommuHost/,
    );
  });

  test.each([
    [{ events: "reboot" as never }, '"reboot"'],
    [{ whenUnreachable: "never" as never }, '"never"'],
    [{ hosts: { old: { host: "old", port: -1 } } }, "hosts.old.port: -1"],
  ])("%j", (props, words) => {
    expect(() => new PassthroughProvider(newStack("other"), "mine", props)).toThrow(words);
  });

  test("a host that is gone and still there", () => {
    const other = newStack("other");
    new PassthroughProvider(other, "mine", { hosts: { pve1: { host: "a" } } });

    expect(() => newHost(other, "pve1")).toThrow(/"pve1", which other\/pve1 already connects/);
  });
});
