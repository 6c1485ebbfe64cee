/** Seeds of the lock-out guard that guests and programs use, and what a person reaches the host by. */
import { FakeRoot } from "../support/fakeRoot";
import { inWords, nvme, plainRoot, probed } from "../support/seeds";

let root: FakeRoot;
beforeEach(() => {
  root = new FakeRoot();
  plainRoot(root);
});
afterEach(() => root.remove());

/** A graphics card at 0000:0<at>:00.0 with /dev/dri/card<at>. */
function card(at: number, driver = "amdgpu"): string {
  const node = root.pci(`0000:0${at}:00.0`, { class: "030000", driver });
  root.link(`${node}/drm/card${at}/device`, node);
  root.link(`/sys/class/drm/card${at}`, `${node}/drm/card${at}`);
  return node;
}

/** A program that has files open. */
function program(process: number, name: string, ...files: string[]): void {
  root.write(`/proc/${process}/comm`, `${name}\n`);
  files.forEach((file, at) => root.link(`/proc/${process}/fd/${at + 3}`, file));
}

describe("control", () => {
  test("the chipset's functions and the way to the management controller, until they are given away", async () => {
    const functions = [
      ["0000:00:1f.0", "060100"],
      ["0000:00:1f.2", "118000"],
      ["0000:00:1f.3", "040300"],
      ["0000:00:1f.4", "0c0500"],
      ["0000:00:1f.5", "0c8000"],
      ["0000:00:16.0", "0c0701"],
      ["0000:00:00.0", "060000"],
      ["0000:01:00.0", "0c8000"],
      ["0000:02:00.0", "0c0500"],
    ] as const;
    for (const [address, kind] of functions) root.pci(address, { class: kind });
    root.pci("0000:00:14.0", { class: "0c0500", driver: "vfio-pci" });
    root.link("/sys/class/ipmi/ipmi0/device", root.pci("0000:03:00.2", { class: "088000" }));
    root.folderAt("/sys/devices/platform/IPI0001");
    root.link("/sys/class/ipmi/ipmi1/device", "/sys/devices/platform/IPI0001");
    const found = await probed(root);
    expect(inWords(found, "chipset")).toEqual([
      "0000:00:1f.0 is the chipset's LPC or ISA bridge",
      "0000:00:1f.2 is the chipset's thermal controller",
      "0000:00:1f.4 is the chipset's SMBus controller",
      "0000:00:1f.5 is the chipset's flash controller (SPI)",
    ]);
    expect(inWords(found, "console")).toEqual([
      "0000:00:16.0 is the interface to the management controller (IPMI)",
      "0000:03:00.2 is the way to the management controller (ipmi0, IPMI)",
    ]);
  });

  test("serial consoles that the kernel has, and those that only a login waits on", async () => {
    for (const [at, tty] of ["ttyS4", "ttyS5", "ttyS6"].entries()) {
      const node = `${root.pci(`0000:0${at}:00.0`, { class: "070002" })}/tty/${tty}`;
      root.folderAt(node);
      root.link(`/sys/class/tty/${tty}`, node);
    }
    root.write("/sys/class/tty/console/active", "tty0 ttyS4\n");
    root.write("/etc/systemd/system/getty.target.wants/serial-getty@ttyS5.service", "");
    root.write("/proc/cmdline", "console=tty0 console=ttyS4,115200n8\n");
    expect(inWords(await probed(root), "console")).toEqual([
      "0000:00:00.0 is the serial console ttyS4",
      "0000:01:00.0 is the serial console ttyS5",
    ]);
  });

  test("USB devices by what they are for", async () => {
    const controller = root.pci("0000:00:14.0", { class: "0c0330" });
    const plug = (
      port: string,
      product: string,
      interfaceClass: string,
      protocol: string,
      vendor = "046d",
    ) => {
      const node = `${controller}/usb1/${port}`;
      root.write(`${node}/bDeviceClass`, "00\n");
      root.write(`${node}/idVendor`, `${vendor}\n`);
      root.write(`${node}/product`, `${product}\n`);
      root.write(`${node}/${port}:1.0/bInterfaceClass`, `${interfaceClass}\n`);
      root.write(`${node}/${port}:1.0/bInterfaceProtocol`, `${protocol}\n`);
      root.link(`/sys/bus/usb/devices/${port}`, node);
    };
    plug("1-1", "K120", "03", "01");
    plug("1-2", "Cruzer", "08", "50");
    plug("1-3", "Back-UPS; $(reboot)", "03", "00", "051d");
    expect(inWords(await probed(root), "usb")).toEqual([
      "0000:00:14.0 has USB devices: K120 (keyboard), Cruzer (disk), Back-UPS; $(reboot) (UPS) (warning)",
    ]);
  });
});

describe("guests", () => {
  const NODE = "/etc/pve/nodes/pve1";

  test("disks and mediated devices of Proxmox's guests, not those of snapshots", async () => {
    for (const at of [1, 2, 3, 4]) nvme(root, at);
    root.pci("0000:00:02.0", { class: "030000" });
    root.link("/etc/pve/local", NODE);
    root.write(
      `${NODE}/qemu-server/100.conf`,
      "scsi1: /dev/nvme1n1,size=1T\nhostpci0: 0000:00:02.0,mdev=i915-GVTg_V5_4\nhostpci1: host=0000:09:00\n" +
        "\n[PENDING]\nvirtio2: /dev/nvme2n1\n\n[before]\nscsi3: /dev/nvme3n1\n",
    );
    root.write(`${NODE}/lxc/200.conf`, "mp0: /dev/nvme4n1,mp=/data\nrootfs: local-zfs:subvol-200\n");
    expect(inWords(await probed(root), "guest")).toEqual([
      "0000:00:02.0 is the parent of the mediated device hostpci0 of the virtual machine 100",
      "0000:01:00.0 is the disk scsi1 of the virtual machine 100 (/dev/nvme1n1)",
      "0000:02:00.0 is the disk virtio2 of the virtual machine 100 (/dev/nvme2n1)",
      "0000:04:00.0 is mp0 of the container 200 (/dev/nvme4n1)",
    ]);
  });

  test("disks of libvirt's domains, defined or running only, and of its storage pools", async () => {
    for (const at of [1, 2, 3, 4]) nvme(root, at);
    root.link("/dev/disk/by-id/wwn-2", "/dev/nvme2n1");
    const disk = (path: string) => `<disk type='block'>\n<source dev='${path}' index='1'/></disk>\n`;
    const interfaces = `<interface type='direct'><source dev='eno1' mode='bridge'/></interface>\n`;
    root.write(
      "/etc/libvirt/qemu/mail & web.xml",
      `${disk("/dev/nvme1n1")}${interfaces}${disk("/dev/gone")}`,
    );
    root.write("/run/libvirt/qemu/mail & web.xml", disk("/dev/nvme1n1"));
    root.write("/run/libvirt/qemu/transient.xml", disk("/dev/disk/by-id/wwn-2"));
    root.write(
      "/etc/libvirt/storage/vg.xml",
      `<pool type='logical'><source><device path="/dev/nvme3n1"/></source></pool>`,
    );
    expect(inWords(await probed(root), "guest")).toEqual([
      "0000:01:00.0 is the disk /dev/nvme1n1 of the domain mail & web (/dev/nvme1n1)",
      "0000:02:00.0 is the disk /dev/disk/by-id/wwn-2 of the domain transient (/dev/nvme2n1)",
      "0000:03:00.0 belongs to the storage pool vg of libvirt (/dev/nvme3n1)",
    ]);
  });

  test("mediated devices that exist, and those that mdevctl makes at boot", async () => {
    const parent = root.pci("0000:01:00.0", { class: "030000" });
    root.folderAt(`${parent}/4b20d080-1b54-4048-85b3-a6a62d165c01`);
    root.link(
      "/sys/bus/mdev/devices/4b20d080-1b54-4048-85b3-a6a62d165c01",
      `${parent}/4b20d080-1b54-4048-85b3-a6a62d165c01`,
    );
    root.pci("0000:02:00.0", { class: "030000" });
    root.write("/etc/mdevctl.d/0000:02:00.0/5c31", "{}");
    root.pci("0000:03:00.0", { class: "030000" });
    expect(inWords(await probed(root), "guest")).toEqual([
      "0000:01:00.0 is the parent of the mediated device 4b20d080-1b54-4048-85b3-a6a62d165c01, which exists now",
      "0000:02:00.0 is the parent of the mediated device 5c31 of /etc/mdevctl.d",
    ]);
  });

  describe("containers", () => {
    const node = (at: number) => `0000:0${at}:00.0`;
    beforeEach(() => {
      card(1);
      card(2);
      const third = card(3, "nvidia");
      root.write(
        "/proc/driver/nvidia/gpus/0000:03:00.0/information",
        "Model: \t RTX 3090\nDevice Minor: \t 0\n",
      );
      root.write("/proc/driver/nvidia/gpus/0000:09:00.0/information", "Device Minor: \t 10\n");
      root.link("/sys/class/sound/card0/device", third);
      root.link("/etc/pve/local", NODE);
    });

    test.each([
      ["dev0: /dev/dri/card2,gid=44", [2]],
      ["dev0: /dev/dri/by-path/pci-0000:01:00.0-render", [1]],
      ["lxc.mount.entry: /dev/dri dev/dri none bind,optional,create=dir", [1, 2, 3]],
      ["lxc.mount.entry: /dev/nvidia0 dev/nvidia0 none bind,optional,create=file", [3]],
      ["lxc.mount.entry: /dev/nvidiactl dev/nvidiactl none bind", [3]],
      ["dev1: /dev/nvidia10", []],
      ["dev1: /dev/kfd", [1, 2]],
      ["lxc.mount.entry: /dev/snd dev/snd none bind", [3]],
      ["dev0: /dev/net/tun", []],
    ])("of Proxmox with %s", async (line, cards) => {
      root.write(`${NODE}/lxc/200.conf`, `arch: amd64\n${line}\n`);
      root.folderAt("/sys/fs/cgroup/lxc/200");
      expect(inWords(await probed(root), "guest")).toEqual(
        cards.map((at) => `${node(at)} is used by the running container 200`),
      );
    });

    test("of Docker, by device and by NVIDIA's request", async () => {
      const container = (id: string, name: string, running: boolean, host: object) => {
        const folder = `/var/lib/docker/containers/${id}`;
        root.write(`${folder}/hostconfig.json`, JSON.stringify(host));
        root.write(
          `${folder}/config.v2.json`,
          JSON.stringify({ State: { Running: running, Pid: 1 }, ID: id, Name: `/${name}` }),
        );
      };
      const devices = (...paths: string[]) => ({
        Devices: paths.map((path) => ({ PathOnHost: path, PathInContainer: path })),
      });
      container("aa", "jellyfin", true, devices("/dev/dri/card1", "/dev/fuse"));
      container("bb", "old", false, devices("/dev/dri/card2"));
      container("cc", "llm", true, { DeviceRequests: [{ Driver: "nvidia", Count: -1 }] });
      container("dd", "web", true, devices());
      expect(inWords(await probed(root), "guest")).toEqual([
        "0000:01:00.0 is used by the running container jellyfin (Docker)",
        "0000:02:00.0 is meant for the container old (Docker), which does not run (warning)",
        "0000:03:00.0 is used by the running container llm (Docker)",
      ]);
    });

    test("programs that have graphics open, but for those that look after every card", async () => {
      program(101, "Xorg", "/dev/dri/card1", "/dev/null");
      program(102, "ollama; $(id)", "/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia0");
      program(103, "systemd-logind", "/dev/dri/card2");
      program(104, "nvidia-persistenced", "/dev/nvidia0");
      expect(inWords(await probed(root), "guest")).toEqual([
        "0000:01:00.0 is used by the program Xorg (process 101)",
        "0000:03:00.0 is used by the program ollama; $(id) (process 102)",
      ]);
    });
  });

  test("programs that have a raw disk open: Ceph, sanlock, QEMU", async () => {
    nvme(root, 1);
    nvme(root, 2);
    root.stacked("dm-0", "253:0", ["nvme2n1"], "vm-100");
    program(201, "ceph-osd", "/dev/nvme1n1");
    program(202, "multipathd", "/dev/nvme1n1");
    program(203, "kvm", "/dev/dm-0", "/dev/nvme2n1");
    const found = await probed(root);
    expect(inWords(found, "guest")).toEqual([
      "0000:01:00.0 is open in the program ceph-osd (process 201) (/dev/nvme1n1)",
    ]);
    expect(inWords(found, "disk")).toEqual(["0000:02:00.0 belongs to /dev/mapper/vm-100 (/dev/nvme2n1)"]);
  });
});
