import { createHash } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { BrokenAnswer } from "../../lib/host/errors";
import { parseProbe, probeScript } from "../../lib/host/probe";
import type { HostFacts } from "../../lib/model/facts";
import { FakeRoot } from "../support/fakeRoot";

let root: FakeRoot;
beforeEach(() => (root = new FakeRoot()));
afterEach(() => root.remove());

async function facts(): Promise<HostFacts> {
  const { stdout, stderr } = await root.run(probeScript);
  return parseProbe(stdout, "pve1", stderr);
}

test("who and what the host is", async () => {
  root.write("/sys/class/dmi/id/sys_vendor", "Supermicro \n");
  root.write("/sys/class/dmi/id/product_name", "X11\tSCL\n");
  root.folderAt("/sys/firmware/efi");
  root.write("/sys/firmware/acpi/tables/DMAR", "");
  root.folderAt("/sys/class/iommu/dmar0");
  expect(await facts()).toMatchObject({
    machineId: "0123456789abcdef0123456789abcdef",
    hostname: "pve1",
    bootId: "11111111-2222-3333-4444-555555555555",
    kernel: {
      release: "6.1.0-18-amd64",
      commandLine: "BOOT_IMAGE=/boot/vmlinuz-6.1.0-18-amd64 root=UUID=1234 ro quiet",
    },
    distribution: { id: "debian", idLike: [], versionId: "12", prettyName: "Debian GNU/Linux 12 (bookworm)" },
    cpu: { vendor: "intel", virtualization: true },
    firmware: { efi: true, iommuTable: "DMAR", product: "Supermicro X11\tSCL" },
    iommuUnits: ["dmar0"],
    proxmox: null,
    record: null,
    pending: [],
    grubForeign: null,
  });
});

test("memory, and USB devices without root hubs and interfaces", async () => {
  root.write("/proc/meminfo", "MemTotal:       32768000 kB\nMemFree:        1 kB\n");
  const usb = (name: string, values: Record<string, string>) => {
    for (const [file, value] of Object.entries(values))
      root.write(`/sys/bus/usb/devices/${name}/${file}`, value);
  };
  usb("usb1", { idVendor: "1d6b\n", idProduct: "0002\n", bDeviceClass: "09\n" });
  usb("1-1", { idVendor: "046b\n", idProduct: "ff01\n", bDeviceClass: "09\n", product: "Virtual Hub\n" });
  usb("1-1.4", {
    idVendor: "0529\n",
    idProduct: "0001\n",
    bDeviceClass: "ff\n",
    product: "A\tdongle; $(id)\n",
  });
  usb("1-1.4:1.0", { bInterfaceClass: "ff\n" });
  expect(await facts()).toMatchObject({
    memory: 32768000,
    usbDevices: [
      { port: "1-1", id: "046b:ff01", hub: true, name: "Virtual Hub" },
      { port: "1-1.4", id: "0529:0001", hub: false, name: "A\tdongle; $(id)" },
    ],
  });
});

test("a host of which nothing can be read still answers", async () => {
  for (const folder of ["etc", "proc", "sys"]) rmSync(root.at(folder), { recursive: true });
  expect(await facts()).toMatchObject({ machineId: "", devices: [], files: {} });
});

const serial = "a0-36-9f-ff-ff-00-00-01";
const little = serial.split("-").reverse().join("");

test("mediated devices, with the function that makes each", async () => {
  const gpu = root.pci("0000:01:00.0", { class: "030000" });
  const uuid = "c2177883-f1bb-47f0-914d-32a22e3a8804";
  root.folderAt(`${gpu}/mdev_supported_types/nvidia-63`);
  root.folderAt(`${gpu}/${uuid}`);
  root.link(`${gpu}/${uuid}/mdev_type`, `${gpu}/mdev_supported_types/nvidia-63`);
  root.link(`/sys/bus/mdev/devices/${uuid}`, `${gpu}/${uuid}`);
  expect((await facts()).mediatedDevices).toEqual([{ uuid, parent: "0000:01:00.0", type: "nvidia-63" }]);
});

describe("devices", () => {
  test("one with all it has", async () => {
    root.pci("0000:00:01.0", { bridge: true, group: 1, driver: "pcieport" });
    const node = root.pci("0000:01:00.0", {
      parent: "0000:00:01.0",
      id: "10de:2204",
      class: "030000",
      group: 1,
      driver: "nouveau",
      attributes: { boot_vga: "1", driver_override: "vfio-pci", revision: "0xa1" },
    });
    root.write(
      "/sys/kernel/iommu_groups/1/reserved_regions",
      "0x0 0x1 direct\n0x2 0x3 direct-relaxable\n0x4 0x5 msi\n0x6 0x7 direct\n",
    );
    root.write(
      "/usr/share/misc/pci.ids",
      "# comment\n10de  NVIDIA Corporation\n\t2204  GA102 [GeForce RTX 3090]\n\t\t10de 1454  Founders\n8086  Intel Corporation\n\tffff  Other\nC 03  Display controller\n\t00  VGA\n",
    );
    expect((await facts()).devices).toEqual([
      expect.objectContaining({
        address: "0000:00:01.0",
        bridge: true,
        name: "Intel Corporation Device 1234",
        driver: "pcieport",
      }),
      {
        address: "0000:01:00.0",
        vendor: "10de",
        device: "2204",
        subsystemVendor: "1043",
        subsystemDevice: "8694",
        class: "030000",
        revision: "a1",
        path: ["0000:00:01.0", "0000:01:00.0"],
        bridge: false,
        driver: "nouveau",
        driverOverride: "vfio-pci",
        iommuGroup: "1",
        reservedRegions: ["direct"],
        bootVga: true,
        modalias: "pci:v000010ded00002204",
        serial: null,
        pcieSerial: null,
        macs: [],
        physicalFunction: null,
        resetMethods: ["flr", "bus"],
        name: "NVIDIA Corporation GA102 [GeForce RTX 3090]",
      },
    ]);
    expect(node).toContain("/0000:00:01.0/0000:01:00.0");
  });

  test("a virtual function, the serial number of an NVMe, a domain of VMD", async () => {
    const physical = root.pci("0000:01:00.0", { class: "010802" });
    root.write(`${physical}/nvme/nvme0/serial`, "S4EWNX0R123456      \n");
    root.link(`${root.pci("0000:01:00.1")}/physfn`, physical);
    root.pci("10000:e1:00.0");
    const { devices } = await facts();
    expect(devices.map(({ serial }) => serial)).toEqual(["S4EWNX0R123456", null, null]);
    expect(devices[1]?.physicalFunction).toBe("0000:01:00.0");
    expect(devices[2]?.path).toEqual(["10000:e1:00.0"]);
  });

  test("MAC addresses: a port's own, not its bond's, and none that was made up", async () => {
    const card = root.pci("0000:01:00.0", { class: "020000" });
    root.write(`${card}/net/eno1/address`, "A0:36:9F:00:00:01\n");
    root.write(`${card}/net/eno1/addr_assign_type`, "0\n");
    root.write(`${card}/net/eno2/address`, "02:00:00:00:00:09\n");
    root.write(`${card}/net/eno2/bonding_slave/perm_hwaddr`, "a0:36:9f:00:00:02\n");
    root.write(`${card}/net/eno3/address`, "5e:00:00:00:00:03\n");
    root.write(`${card}/net/eno3/addr_assign_type`, "1\n");
    expect((await facts()).devices[0]?.macs).toEqual(["a0:36:9f:00:00:01", "a0:36:9f:00:00:02"]);
  });

  test.each<[what: string, capabilities: Record<number, string>, different: object, expected: string | null]>(
    [
      ["after another capability", { 0x100: "01000114", 0x140: `03000100${little}` }, {}, serial],
      ["at once", { 0x100: `03000100${little}` }, {}, serial],
      ["none", { 0x100: "01000100" }, {}, null],
      ["a card that does not answer", { 0x100: "ffffffff" }, {}, null],
      ["a list that goes in circles", { 0x100: "01000114", 0x140: "02000110" }, {}, null],
      [
        "a card that sleeps",
        { 0x100: `03000100${little}` },
        { attributes: { "power/runtime_status": "suspended" } },
        null,
      ],
      ["a bridge", { 0x100: `03000100${little}` }, { class: "060400" }, null],
    ],
  )("PCI Express serial number: %s", async (_what, capabilities, different, expected) => {
    const folder = root.pci("0000:01:00.0", { class: "020000", ...different });
    const space = Buffer.alloc(4096);
    for (const [at, hex] of Object.entries(capabilities)) space.write(hex, Number(at), "hex");
    writeFileSync(root.at(`${folder}/config`), space);
    root.pci("0000:01:00.1", { class: "020000" });
    const { devices } = await facts();
    // It is the card's, also where only the first function has it.
    expect(devices.map(({ pcieSerial }) => pcieSerial)).toEqual([expected, expected]);
  });

  test.each([
    ["01", true],
    ["81", true],
    ["82", true],
    ["80", false],
    ["00", false],
  ])("without bus numbers in sysfs, header type %s of a bridge class decides", async (header, bridge) => {
    const space = Buffer.alloc(64);
    space[0x0e] = parseInt(header, 16);
    root.write(`${root.pci("0000:00:1f.0", { class: "060100" })}/config`, space);
    expect((await facts()).devices[0]?.bridge).toBe(bridge);
  });

  test("an ISA bridge has no bus below it and is none", async () => {
    root.pci("0000:00:1c.0", { bridge: true });
    root.write(`${root.pci("0000:00:1f.0", { class: "060100" })}/config`, Buffer.alloc(64, 1));
    expect((await facts()).devices.map(({ bridge }) => bridge)).toEqual([true, false]);
  });
});

test("modules with their parameters, and those built in", async () => {
  root.pci("0000:01:00.0", { driver: "xhci_hcd" });
  root.link("/sys/bus/pci/drivers/xhci_hcd/module", "/sys/module/xhci_pci");
  root.folderAt("/sys/module/xhci_pci");
  root.write("/sys/module/vfio_pci/parameters/ids", "10de:2204\twith tab\n");
  root.write("/sys/module/kvm/parameters/ignore_msrs", "N\n");
  root.write("/sys/module/unrelated/parameters/x", "1\n");
  root.write(
    "/lib/modules/6.1.0-18-amd64/modules.builtin",
    "kernel/drivers/usb/host/xhci-pci.ko\nkernel/drivers/vfio/vfio.ko\nkernel/fs/ext4/ext4.ko\n",
  );
  const { modules, builtinModules } = await facts();
  expect(modules).toEqual({
    xhci_pci: {},
    vfio_pci: { ids: "10de:2204\twith tab" },
    kvm: { ignore_msrs: "N" },
  });
  expect(builtinModules).toEqual(["xhci_pci", "vfio"]);
});

describe("files", () => {
  test("are read whole and byte for byte, those of ours apart", async () => {
    const texts = {
      "/etc/modprobe.d/a b.conf": "no newline at the end",
      "/etc/modprobe.d/empty.conf": "",
      "/etc/modules": "vfio\n\n",
      "/etc/default/grub": "GRUB_CMDLINE_LINUX='ünï'\n",
      "/etc/kernel/cmdline": "root=ZFS=rpool/ROOT boot=zfs\r\n",
      "/etc/cdktf-passthrough/devices": "0000:00/01.0 10de:2204 0000:0000\n",
    };
    for (const [path, text] of Object.entries(texts)) root.write(path, text);
    root.write("/etc/modprobe.d/ignored.dpkg-old", "x");
    root.write("/var/lib/cdktf-passthrough/record.json", "{}\n");
    root.write("/var/lib/cdktf-passthrough/pending", "update-grub\nupdate-initramfs -u\n");
    const { files, record, pending } = await facts();
    expect(files).toEqual(texts);
    expect(record).toBe("{}\n");
    expect(pending).toEqual(["update-grub", "update-initramfs -u"]);
  });

  test("a file that changes under the probe's hands is read again", async () => {
    root.write("/etc/modules", "old\n");
    root.program(
      "cat",
      `[ -e "$ROOT/changed" ] || { touch "$ROOT/changed"; echo longer >>"$ROOT/etc/modules"; }\nexec /bin/cat "$@"`,
    );
    expect((await facts()).files["/etc/modules"]).toBe("old\nlonger\n");
  });

  test("one that never rests is an error", async () => {
    root.write("/etc/modules", "old\n");
    root.program("cat", `echo longer >>"$ROOT/etc/modules"\nexec /bin/cat "$@"`);
    await expect(facts()).rejects.toThrow(/Files of pve1 changed while the probe read them/);
    await expect(facts()).rejects.toThrow(BrokenAnswer);
  });

  test("as many as were there when it began: one that goes meanwhile is an error", async () => {
    root.write("/boot/efi/loader/loader.conf", "timeout 0\n");
    root.program("cat", `rm -rf "$ROOT/boot/efi/loader"\nexec /bin/cat "$@"`);
    await expect(facts()).rejects.toThrow(BrokenAnswer);
  });

  test("an answer that ends in the middle is no answer", async () => {
    const { stdout } = await root.run(probeScript);
    for (const part of [0, 0.5, 0.99]) {
      const cut = stdout.slice(0, stdout.length * part);
      expect(() => parseProbe(cut, "pve1")).toThrow(BrokenAnswer);
    }
  });
});

test("lines of others' boot scripts that are about drivers, and nothing else of them", async () => {
  root.write(
    "/etc/rc.local",
    "#!/bin/sh\nSECRET=hunter2\necho 0000:01:00.0 > /sys/bus/pci/drivers/vfio-pci/new_id\n# echo new_id\n",
  );
  root.write("/usr/local/bin/vfio-bind:x", 'echo "$(id)\t;" > new_id\n');
  root.write("/etc/dracut.conf.d/local.conf", 'hostonly=yes\n  add_drivers+="vfio vfio_pci"\n');
  root.write("/etc/dracut.conf.d/zz-cdktf-passthrough.conf", 'add_drivers+=" vfio "\n');
  root.write("/usr/local/bin/backup", "echo new_id\n");
  expect((await facts()).scriptLines).toEqual([
    {
      path: "/etc/rc.local",
      number: 3,
      text: "echo 0000:01:00.0 > /sys/bus/pci/drivers/vfio-pci/new_id",
    },
    { path: "/etc/dracut.conf.d/local.conf", number: 2, text: '  add_drivers+="vfio vfio_pci"' },
  ]);
});

describe("boot", () => {
  beforeEach(() => {
    for (const release of ["6.1.0-9-amd64", "6.1.0-18-amd64"]) root.write(`/boot/vmlinuz-${release}`, "");
  });

  test("GRUB's settings as update-grub evaluates them, without ours", async () => {
    root.write(
      "/etc/default/grub",
      'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX="a=1 $(echo b=2)"\nGRUB_CMDLINE_LINUX_DEFAULT=quiet\necho noise\n',
    );
    root.write(
      "/etc/default/grub.d/a.cfg",
      'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT splash"\n',
    );
    root.write(
      "/etc/default/grub.d/zz-cdktf-passthrough.cfg",
      'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX iommu=pt"\n',
    );
    const { grubForeign, kernel } = await facts();
    expect(grubForeign).toEqual({ linux: "a=1 b=2", linuxDefault: "quiet splash" });
    expect(kernel).toMatchObject({ next: "6.1.0-18-amd64", installed: ["6.1.0-18-amd64", "6.1.0-9-amd64"] });
  });

  test.each([
    ["has a syntax error", "GRUB_DEFAULT='0\n"],
    ["fails", "GRUB_DEFAULT=0\nfalse\n"],
    ["reads its input", "GRUB_DEFAULT=0\nread -r x\n"],
  ])("a /etc/default/grub that %s costs only itself", async (_case, text) => {
    root.write("/etc/default/grub", text);
    const { grubForeign, kernel, machineId } = await facts();
    expect(grubForeign).toBeNull();
    expect(kernel.next).toBeNull();
    expect(machineId).not.toBe("");
  });

  test("the ESPs and pins of proxmox-boot-tool", async () => {
    root.program(
      "proxmox-boot-tool",
      `cat <<'END'
Re-executing '/usr/sbin/proxmox-boot-tool' in new private mount namespace..
System currently booted with uefi
AAAA-0001 is configured with: uefi (versions: 6.1.0-18-amd64, 6.1.0-9-amd64), grub (versions: 6.1.0-18-amd64)
BBBB-0002 is configured with: grub (versions: 6.1.0-18-amd64)
END
echo "WARN: /dev/disk/by-uuid/CCCC-0003 does not exist" >&2`,
    );
    root.write("/etc/kernel/proxmox-boot-uuids", "AAAA-0001\nBBBB-0002\nCCCC-0003\n");
    root.write("/etc/kernel/proxmox-boot-pin", "6.1.0-9-amd64\n");
    const legacy = await facts();
    expect(legacy.bootLoaders).toMatchObject({
      proxmoxBootTool: true,
      proxmoxBootUuids: ["AAAA-0001", "BBBB-0002", "CCCC-0003"],
      espModes: { "AAAA-0001": "grub", "BBBB-0002": "grub" },
    });
    expect(legacy.kernel.next).toBe("6.1.0-9-amd64");
    root.folderAt("/sys/firmware/efi");
    root.write("/etc/kernel/next-boot-pin", "6.1.0-18-amd64\n");
    const efi = await facts();
    expect(efi.bootLoaders.espModes).toEqual({ "AAAA-0001": "uefi", "BBBB-0002": "grub" });
    expect(efi.kernel.next).toBe("6.1.0-18-amd64");
  });

  test("where GRUB's environment block is, behind a link to the ESP, and what its menu does with it", async () => {
    root.mounts(
      "30 1 253:0 / / rw,relatime shared:1 - xfs /dev/sda3 rw",
      "45 30 8:1 / /boot/efi rw,relatime - vfat /dev/sda1 rw",
      "46 30 8:2 / /boot rw,relatime - xfs /dev/sda2 rw",
    );
    root.folderAt("/sys/devices/pci0000:00/0000:00:17.0/block/sda/sda1");
    root.link("/sys/dev/block/8:1", "/sys/devices/pci0000:00/0000:00:17.0/block/sda/sda1");
    root.write("/boot/efi/EFI/fedora/grubenv", "# GRUB Environment Block\nsaved_entry=a\n");
    root.link("/boot/grub2/grubenv", "/boot/efi/EFI/fedora/grubenv");
    root.write(
      "/boot/grub2/grub.cfg",
      'if [ "${next_entry}" ] ; then\n set default="${next_entry}"\nelse\n   set default="${saved_entry}"\nfi\nblscfg\n',
    );
    expect((await facts()).bootEvidence.grubMenu).toEqual({
      fileSystem: "vfat",
      device: "/sys/devices/pci0000:00/0000:00:17.0/block/sda/sda1",
      obeysNextEntry: true,
      startsSaved: true,
      readsCustom: false,
      foreignCustom: false,
      entries: {},
    });
  });

  test("what tells the other families", async () => {
    const id = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
    const variable = (name: string, text: string) =>
      root.write(
        `/sys/firmware/efi/efivars/${name}-${id}`,
        `\x06\0\0\0${[...text, "\0"].map((letter) => `${letter}\0`).join("")}`,
      );
    root.write(
      "/proc/self/mountinfo",
      "30 1 253:0 / / ro,relatime shared:1 - btrfs /dev/sda2 rw\n31 30 0:2 / /proc rw - proc proc rw\n" +
        "48 24 0:31 / /sys/firmware/efi/efivars rw,nosuid shared:9 master:1 - efivarfs efivarfs rw\n",
    );
    root.write("/run/ostree-booted", "");
    root.write("/etc/os-release", 'ID=fedora\nVARIANT_ID="coreos"\n');
    root.write("/etc/default/grub", "GRUB_ENABLE_BLSCFG=true\nGRUB_DEFAULT=saved\n");
    root.write("/boot/grub2/grub.cfg", "### BEGIN /etc/grub.d/00_header ###\n");
    root.write("/boot/efi/EFI/fedora/grub.cfg", "configfile $prefix/grub.cfg\n");
    root.write("/boot/grub2/grubenv", "# GRUB Environment Block\nsaved_entry=0a1b-6.1.0-9-amd64\n###");
    root.write("/boot/vmlinuz-0-rescue-0a1b", "");
    root.write("/boot/vmlinuz-linux", "");
    for (const release of ["6.1.0-9-amd64", "6.12.4-arch1-1"])
      root.write(`/lib/modules/${release}/vmlinuz`, "");
    root.write("/lib/modules/6.12.4-arch1-1/pkgbase", "linux\n");
    root.write("/boot/initramfs-6.1.0-9-amd64.img", "");
    root.write("/boot/initramfs-linux.img", "");
    root.write("/boot/loader/entries/a; $(id).conf", "title hostile\n");
    variable("LoaderInfo", "systemd-boot 255.4");
    variable("LoaderEntryOneShot", "cdktf-passthrough-trial.conf");
    root.write(`/sys/firmware/efi/efivars/LoaderFeatures-${id}`, "\x06\0\0\0\x7f\x03\0\0\0\0\0\0");
    root.write("/boot/loader/loader.conf", "timeout 3\ndefault  a*.conf\n");
    for (const tool of ["grub2-mkconfig", "rpm-ostree"]) root.program(tool, "");
    const { bootEvidence, kernel, files } = await facts();
    expect(bootEvidence).toEqual({
      programs: expect.arrayContaining(["grub2-mkconfig", "rpm-ostree"]),
      grubMenus: ["/boot/grub2/grub.cfg"],
      blsEnabled: true,
      loader: "systemd-boot 255.4",
      stub: "",
      images: {
        "6.1.0-9-amd64": "/boot/initramfs-6.1.0-9-amd64.img",
        "6.12.4-arch1-1": "/boot/initramfs-linux.img",
      },
      packages: { "6.12.4-arch1-1": "linux" },
      rootReadOnly: true,
      ostree: true,
      variant: "coreos",
      grubMenu: {
        fileSystem: "btrfs",
        device: "",
        obeysNextEntry: false,
        startsSaved: false,
        readsCustom: false,
        foreignCustom: false,
        entries: {},
      },
      systemdBoot: { obeysOneShot: true, variablesWritable: true, wanted: "a*.conf" },
    });
    expect([...kernel.installed].sort()).toEqual(["6.1.0-18-amd64", "6.1.0-9-amd64", "6.12.4-arch1-1"]);
    expect(files["/boot/loader/entries/a; $(id).conf"]).toBe("title hostile\n");
  });

  test("tools that are there, and those that are missing", async () => {
    const without = await facts();
    expect(without.missingTools).toEqual(expect.arrayContaining(["update-grub", "update-initramfs"]));
    for (const tool of ["update-grub", "update-initramfs", "modprobe"]) root.program(tool, "");
    const { missingTools, bootLoaders, initramfsTools } = await facts();
    expect(missingTools).toEqual([]);
    expect(bootLoaders.updateGrub).toBe(true);
    expect(initramfsTools).toEqual(["initramfs-tools"]);
    root.program("dracut", "");
    expect((await facts()).initramfsTools).toEqual(["dracut"]);
  });
});

test("Proxmox: the cluster's virtual machines, what runs here, mappings", async () => {
  const config = "cores: 4\nhostpci0: 0000:01:00,pcie=1\n[PENDING]\nmemory: 8192\n";
  root.write("/etc/pve/nodes/pve1/qemu-server/100.conf", config);
  root.write("/etc/pve/nodes/pve1/qemu-server/101.conf", "cores: 1\n");
  root.write("/etc/pve/nodes/pve2/qemu-server/200.conf", "cores: 2\n");
  root.link("/etc/pve/local", "/etc/pve/nodes/pve1");
  root.write(
    "/var/lib/dpkg/status",
    "Package: pve-kernel\nVersion: 1\n\nPackage: pve-manager\nStatus: install ok installed\nVersion: 8.2.4\n",
  );
  root.write("/run/qemu-server/100.pid", "4711\n");
  root.folderAt("/proc/4711");
  root.write("/run/qemu-server/101.pid", "4712\n");
  root.write("/usr/share/kvm/card.rom", "");
  root.write("/usr/share/kvm/a card$(id).rom", "");
  root.write("/usr/share/kvm/slof.lid", "");
  const mappings =
    "gpu\n\tdescription big one\n\tmap id=10de:2204,node=pve1,path=0000:01:00\n\nnic\n\tmap id=8086:1572\n";
  root.write("/etc/pve/mapping/pci.cfg", mappings);
  root.write("/etc/pve/ha/resources.cfg", "vm: 101\n\tstate started\n\nct: 300\n\n");
  root.write("/etc/pve/replication.cfg", "local: 200-0\n\ttarget pve1\n\nlocal: 200-1\n\ttarget pve3\n");
  expect((await facts()).proxmox).toEqual({
    node: "pve1",
    version: "8.2.4",
    vms: {
      "100": { node: "pve1", config, digest: createHash("sha1").update(config).digest("hex"), running: true },
      "101": expect.objectContaining({ node: "pve1", running: false }),
      "200": expect.objectContaining({ node: "pve2", running: false }),
    },
    nodes: ["pve1", "pve2"],
    containers: {},
    interfaces: ["eth0"],
    highlyAvailable: ["101"],
    replicated: ["200"],
    romFiles: ["a card$(id).rom", "card.rom", "slof.lid"],
    romDigests: { "card.rom": createHash("sha256").digest("hex") },
    pciMappings: ["gpu", "nic"],
    usbMappings: [],
    mappingFiles: { pci: mappings, usb: "" },
  });
});

describe("the answer", () => {
  test("counts only whole, wherever it is cut", async () => {
    root.pci("0000:01:00.0");
    root.write("/etc/modules", "vfio\n");
    const { stdout } = await root.run(probeScript);
    expect(() => parseProbe(stdout, "pve1")).not.toThrow();
    for (let length = 0; length < stdout.length; length++)
      expect(() => parseProbe(stdout.slice(0, length), "pve1")).toThrow(/pve1/);
    const lines = stdout.split("\n");
    for (let at = 0; at < lines.length - 1; at++)
      expect(() => parseProbe(lines.filter((_, index) => index !== at).join("\n"), "pve1")).toThrow(/pve1/);
  });

  test("is found behind what a start-up file prints, and noise on stderr is no part of it", async () => {
    const { stdout } = await root.run(probeScript);
    expect(parseProbe(`Welcome!\n${stdout}Bye\n`, "pve1", "noise").hostname).toBe("pve1");
  });

  test("that never came carries the host's own words", () => {
    expect(() => parseProbe("", "pve1", "sh: not found")).toThrow(
      /pve1 did not answer.*It said: sh: not found/,
    );
  });

  test("of somebody but root is refused", () => {
    const answer = "passthrough-probe\t1\nuser\t1000\nend\t1\n";
    expect(() => parseProbe(answer, "pve1")).toThrow(/ran as user id 1000/);
  });

  test("from every shell is the same", async () => {
    root.pci("0000:01:00.0", { driver: "nvme", group: 3 });
    root.write("/etc/modules", "vfio\n");
    const expected = await facts();
    for (const shell of [["dash"], ["bash", "--posix"], ["busybox", "sh"]]) {
      root.shell = shell;
      const answer = await root.run(probeScript).catch(() => null);
      if (answer !== null) expect(parseProbe(answer.stdout, shell.join(" "))).toEqual(expected);
    }
  });
});

test("a hundred devices are read well below a second", async () => {
  for (let at = 0; at < 50; at++) {
    const bus = at.toString(16).padStart(2, "0");
    root.pci(`0000:00:${(at % 32).toString(16).padStart(2, "0")}.${Math.floor(at / 32)}`, {
      bridge: true,
      group: at,
      driver: "pcieport",
    });
    root.pci(`0000:${bus}:1f.7`, { group: at, driver: `driver${at % 10}` });
  }
  let fastest = Infinity;
  for (let run = 0; run < 5; run++) {
    const start = performance.now();
    expect((await facts()).devices.length).toBe(100);
    fastest = Math.min(fastest, performance.now() - start);
  }
  console.info(`probe of 100 devices: ${fastest.toFixed(0)} ms`);
  expect(fastest).toBeLessThan(1000);
});
