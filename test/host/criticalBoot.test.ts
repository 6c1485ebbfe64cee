/** Seeds of the lock-out guard that the next boot looks for, through the real probe. */
import { FakeRoot } from "../support/fakeRoot";
import { inWords, nvme, plainRoot, probed } from "../support/seeds";

let root: FakeRoot;
beforeEach(() => (root = new FakeRoot()));
afterEach(() => root.remove());

describe("fstab", () => {
  test.each([
    ["UUID=", "uuid"],
    ["LABEL=", "label"],
    ["PARTUUID=", "partuuid"],
    ["PARTLABEL=", "partlabel"],
    ["/dev/disk/by-id/", "id"],
    ["/dev/disk/by-path/", "path"],
  ])("a disk by %s", async (prefix, folder) => {
    nvme(root, 1);
    root.link(`/dev/disk/by-${folder}/x-1`, "/dev/nvme1n1");
    plainRoot(root);
    root.write("/etc/fstab", `${prefix}x-1 /srv ext4 defaults 0 2\n`);
    const found = await probed(root);
    expect(inWords(found, "disk")).toEqual([
      "0000:01:00.0 is in /etc/fstab as /srv without nofail: without it boot stops (/dev/nvme1n1) (boot)",
    ]);
    expect(found.bootHazards).toEqual([]);
  });

  test.each([
    ["nofail", ""],
    ["defaults,nofail,x-systemd.device-timeout=5", ""],
    ["noauto,user", ""],
    ["_netdev", ""],
    ["noauto,x-systemd.automount", ""],
    ["rw,nofailure", " without nofail: without it boot stops"],
    ["", " without nofail: without it boot stops"],
  ])("options %s", async (options, words) => {
    nvme(root, 1);
    plainRoot(root);
    root.write("/etc/fstab", `# /dev/nvme1n1 /old ext4\n\n/dev/nvme1n1 /srv\\040x ext4 ${options}\n`);
    expect(inWords(await probed(root), "disk")).toEqual([
      `0000:01:00.0 is in /etc/fstab as /srv\\040x${words} (/dev/nvme1n1)${words && " (boot)"}`,
    ]);
  });

  test("what is mounted counts as mounted, and its line still stops the boot", async () => {
    nvme(root, 1);
    nvme(root, 2);
    plainRoot(
      root,
      "31 27 259:10 / /srv rw - ext4 /dev/nvme1n1 rw",
      "32 27 259:20 / /backup rw - ext4 /dev/x rw",
    );
    root.write(
      "/etc/fstab",
      "/dev/mmcblk0 / ext4 defaults 0 1\n/dev/nvme1n1 /srv ext4 defaults 0 2\n/dev/nvme2n1 /backup ext4 nofail 0 2\n",
    );
    expect(inWords(await probed(root), "disk")).toEqual([
      "0000:01:00.0 carries /srv (/dev/nvme1n1)",
      "0000:01:00.0 is in /etc/fstab as /srv without nofail: without it boot stops (/dev/nvme1n1) (boot)",
      "0000:02:00.0 carries /backup (/dev/nvme2n1)",
    ]);
  });

  test("boot does without one disk of a mirror, not without a part of a volume", async () => {
    for (const at of [1, 2, 3]) nvme(root, at);
    root.stacked("md0", "9:0", ["nvme1n1", "nvme2n1"]);
    root.write("/sys/devices/virtual/block/md0/md/level", "raid1\n");
    root.stacked("dm-0", "253:0", ["nvme3n1"], "vg-data");
    root.link("/dev/mapper/vg-data", "/dev/dm-0");
    plainRoot(root);
    root.write("/etc/fstab", "/dev/md0 /srv ext4 defaults 0 2\n/dev/mapper/vg-data /data xfs defaults 0 2\n");
    expect(inWords(await probed(root), "disk")).toEqual([
      "0000:01:00.0 is in /etc/fstab as /srv without nofail: without it boot stops (/dev/md0 on /dev/nvme1n1)",
      "0000:02:00.0 is in /etc/fstab as /srv without nofail: without it boot stops (/dev/md0 on /dev/nvme2n1)",
      "0000:03:00.0 is in /etc/fstab as /data without nofail: without it boot stops (/dev/mapper/vg-data on /dev/nvme3n1) (boot)",
    ]);
  });

  test("swap that is not in use now", async () => {
    nvme(root, 1);
    plainRoot(root);
    root.write("/etc/fstab", "/dev/nvme1n1 none swap sw 0 0\n");
    expect(inWords(await probed(root), "disk")).toEqual([
      "0000:01:00.0 is swap in /etc/fstab (/dev/nvme1n1)",
    ]);
  });

  test("a volume that crypttab would unlock", async () => {
    nvme(root, 1);
    plainRoot(root);
    root.write("/etc/crypttab", "vault /dev/nvme1n1 /etc/vault.key nofail\n");
    root.write("/etc/fstab", "/dev/mapper/vault /vault ext4 defaults 0 2\n");
    expect(inWords(await probed(root), "disk")).toEqual([
      "0000:01:00.0 is in /etc/fstab as /vault without nofail: without it boot stops (/dev/nvme1n1) (boot)",
      "0000:01:00.0 is unlocked at boot as vault (/etc/crypttab) (/dev/nvme1n1)",
    ]);
  });

  test.each([
    ["UUID=gone /srv ext4 defaults 0 2", 1],
    ["/dev/disk/by-id/gone /srv ext4 defaults 0 2", 1],
    ["UUID=gone /srv ext4 nofail 0 2", 0],
    ["UUID=gone none swap sw 0 0", 0],
    ["UUID=gone / ext4 defaults 0 1", 0],
    ["LABEL=a\\040b /srv ext4 defaults 0 2", 0],
    ["server:/export /srv nfs defaults 0 0", 0],
    ["/srv/x /y none bind 0 0", 0],
    ["tmpfs /tmp tmpfs defaults 0 0", 0],
    ["$(touch${IFS}/x) /srv ext4 defaults 0 0", 0],
  ])("a line whose disk is gone, %s", async (line, hazards) => {
    plainRoot(root);
    root.write("/etc/fstab", `${line}\n`);
    expect((await probed(root)).bootHazards).toHaveLength(hazards);
  });
});

describe("what somebody has to type at boot", () => {
  /** The start of a LUKS volume, with its tokens as text in it. */
  const header = (text: string) => Buffer.concat([Buffer.from("LUKS\xba\xbe\0\x02"), Buffer.from(text)]);
  const clevis = '{"tokens":{"0":{"type":"clevis","keyslots":["1"]}}}';
  const tpm2 = (pin: string) => `{"tokens":{"0":{"type":"systemd-tpm2","keyslots":["1"]${pin}}}}`;

  test.each([
    ["a passphrase", "UUID=crypt none luks,discard", "", 1],
    ["an empty key field", "UUID=crypt", "", 1],
    ["a key file", "UUID=crypt /etc/keys/root.key luks", "", 0],
    ["a TPM2 in crypttab", "UUID=crypt none luks,tpm2-device=auto", "", 0],
    ["a key script", "UUID=crypt none luks,keyscript=/lib/x", "", 0],
    ["Clevis", "UUID=crypt none luks", clevis, 0],
    ["a TPM2 in the header", "UUID=crypt - luks", tpm2(""), 0],
    ["a TPM2 with a PIN", "UUID=crypt - luks", tpm2(',"tpm2-pin":true'), 1],
    ["a FIDO2 token, which is touched", "UUID=crypt - luks", '{"tokens":{"0":{"type":"systemd-fido2"}}}', 1],
    ["a volume that boot goes on without", "UUID=crypt none luks,nofail", "", 0],
    ["a volume that is not there", "UUID=gone none luks", "", 0],
    ["random swap", "/dev/nvme1n1 /dev/urandom swap", "", 0],
  ])("%s", async (_case, line, tokens, hazards) => {
    nvme(root, 1);
    root.write("/dev/nvme1n1", header(tokens));
    root.link("/dev/disk/by-uuid/crypt", "/dev/nvme1n1");
    plainRoot(root);
    root.write("/etc/crypttab", `# target\n\nvault ${line}\n`);
    expect((await probed(root)).bootHazards).toEqual(
      Array(hazards).fill(
        "vault (/dev/nvme1n1, /etc/crypttab) is unlocked at boot with a passphrase that somebody has to type",
      ),
    );
  });

  test("the key that systemd finds by the volume's name", async () => {
    nvme(root, 1);
    plainRoot(root);
    root.write("/etc/crypttab", "vault /dev/nvme1n1 none luks\n");
    root.write("/etc/cryptsetup-keys.d/vault.key", "x");
    expect((await probed(root)).bootHazards).toEqual([]);
  });

  /** LVM on LUKS on a partition, with `/` on it and a volume beside it that nothing mounts. */
  function sealedRoot(commandLine: string, crypttab = ""): void {
    root.partition("nvme1n1p2", "259:12", nvme(root, 1));
    root.stacked("dm-0", "253:0", ["nvme1n1p2"], "cryptroot");
    root.write("/sys/devices/virtual/block/dm-0/dm/uuid", "CRYPT-LUKS2-2f6f1c1e-cryptroot\n");
    root.stacked("dm-1", "253:1", ["dm-0"], "vg-root");
    root.write("/sys/devices/virtual/block/dm-1/dm/uuid", "LVM-Qb6hT0yJ\n");
    root.mounts("27 1 253:1 / / rw - ext4 /dev/mapper/vg-root rw");
    root.write("/proc/cmdline", `${commandLine}\n`);
    root.write("/etc/crypttab", crypttab);
  }

  test("a sealed root that only the command line names", async () => {
    sealedRoot("cryptdevice=UUID=x:cryptroot root=/dev/mapper/vg-root");
    expect((await probed(root)).bootHazards).toEqual([
      "cryptroot (/dev/nvme1n1p2), which / is on, is unlocked at boot with a passphrase that somebody has to type",
    ]);
  });

  test.each([["cryptkey=rootfs:/key"], ["rd.luks.key=/key"], ["rd.luks.options=discard,tpm2-device=auto"]])(
    "unless the command line has %s",
    async (parameter) => {
      sealedRoot(`rd.luks.name=x=cryptroot ${parameter} root=/dev/mapper/vg-root`);
      expect((await probed(root)).bootHazards).toEqual([]);
    },
  );

  test("the root's line in crypttab is told once, and its disk may be allowed", async () => {
    sealedRoot("root=/dev/mapper/vg-root", "cryptroot /dev/nvme1n1p2 none luks\n");
    const found = await probed(root);
    expect(found.bootHazards).toEqual([
      "cryptroot (/dev/nvme1n1p2, /etc/crypttab) is unlocked at boot with a passphrase that somebody has to type",
    ]);
    expect(inWords(found, "disk")).toEqual([
      "0000:01:00.0 carries / (/dev/mapper/vg-root on /dev/mapper/cryptroot on /dev/nvme1n1p2)",
      "0000:01:00.0 is unlocked at boot as cryptroot (/etc/crypttab) (/dev/nvme1n1p2)",
    ]);
  });

  test.each([
    ["prompt", 1],
    ["file:///etc/zfs.key", 0],
  ])("an encrypted ZFS root with its key at %s", async (location, hazards) => {
    nvme(root, 1);
    root.mounts("27 1 0:25 / / rw - zfs rpool/ROOT/pve-1 rw");
    root.program("zpool", `printf 'rpool\\t1T\\n\\t/dev/nvme1n1\\t1T\\n'`);
    root.program(
      "zfs",
      `case "$*" in *"encryptionroot rpool/ROOT/pve-1") echo rpool/ROOT ;; *"keylocation rpool/ROOT") echo ${location} ;; esac`,
    );
    expect((await probed(root)).bootHazards).toEqual(
      Array(hazards).fill(
        "the ZFS dataset rpool/ROOT, which / is on, is unlocked at boot with a passphrase that somebody has to type",
      ),
    );
  });
});

describe("what the firmware booted from", () => {
  const global = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
  const attributes = Buffer.from([7, 0, 0, 0]);

  function bootedFrom(number: number, description: string, ...path: Buffer[]): void {
    const end = Buffer.from([0x7f, 0xff, 4, 0]);
    const paths = Buffer.concat([...path, end]);
    const head = Buffer.alloc(6);
    head.writeUInt32LE(1, 0);
    head.writeUInt16LE(paths.length, 4);
    const option = Buffer.concat([attributes, head, Buffer.from(`${description}\0`, "utf16le"), paths]);
    const name = number.toString(16).toUpperCase().padStart(4, "0");
    root.write(`/sys/firmware/efi/efivars/Boot${name}-${global}`, option);
    root.write(
      `/sys/firmware/efi/efivars/BootCurrent-${global}`,
      Buffer.concat([attributes, Buffer.from([number & 0xff, number >> 8])]),
    );
  }

  const node = (type: number, subtype: number, data: Buffer) =>
    Buffer.concat([Buffer.from([type, subtype, data.length + 4, 0]), data]);
  /** ACPI(PNP0A03,0), Pci(1d,0): what stands before the disk. */
  const controller = [node(2, 1, Buffer.from("d041030a00000000", "hex")), node(1, 1, Buffer.from([0, 0x1d]))];
  function hardDrive(signature: string, kind: 1 | 2, partition = 2): Buffer {
    const data = Buffer.alloc(38);
    data.writeUInt32LE(partition, 0);
    Buffer.from(signature, "hex").copy(data, 20);
    data[36] = kind === 2 ? 2 : 1;
    data[37] = kind;
    return node(4, 1, data);
  }

  beforeEach(() => {
    plainRoot(root);
    root.partition("nvme1n1p2", "259:12", nvme(root, 1));
  });

  test("a partition by its GUID, behind other nodes of the path", async () => {
    root.link("/dev/disk/by-partuuid/5c4b3a29-0718-4fe6-9db5-8c7a6b5c4d3e", "/dev/nvme1n1p2");
    const file = node(4, 4, Buffer.from("\\EFI\\debian\\grubx64.efi\0", "utf16le"));
    bootedFrom(
      0x1a,
      "debian \u0401\u002a",
      ...controller,
      hardDrive("293a4b5c1807e64f9db58c7a6b5c4d3e", 2),
      file,
    );
    expect(inWords(await probed(root), "esp")).toEqual([
      "0000:01:00.0 is what the firmware booted from (BootCurrent 001A) (/dev/nvme1n1p2)",
    ]);
  });

  test("a partition of a disk with an MBR", async () => {
    root.link("/dev/disk/by-partuuid/8f6c1d2e-02", "/dev/nvme1n1p2");
    bootedFrom(3, "disk", ...controller, hardDrive("2e1d6c8f000000000000000000000000", 1));
    expect(inWords(await probed(root), "esp")).toEqual([
      "0000:01:00.0 is what the firmware booted from (BootCurrent 0003) (/dev/nvme1n1p2)",
    ]);
  });

  test("a network card by its MAC address", async () => {
    root.pci("0000:02:00.0");
    root.nic("eno1", "0000:02:00.0");
    root.write(`${root.node("0000:02:00.0")}/net/eno1/address`, "a0:36:9f:00:30:01\n");
    const mac = Buffer.concat([Buffer.from("a0369f003001", "hex"), Buffer.alloc(26), Buffer.from([1])]);
    bootedFrom(1, "PXE", ...controller, node(3, 0x0b, mac));
    expect(inWords(await probed(root), "network")).toEqual([
      "0000:02:00.0 is what the firmware booted from (BootCurrent 0001, eno1)",
    ]);
  });

  test.each([
    ["a node that claims no length", Buffer.from([4, 1, 0, 0])],
    ["a path that is cut off", Buffer.from([4, 1, 42, 0, 1])],
    ["nothing", Buffer.alloc(0)],
  ])("%s tells nothing", async (_case, path) => {
    bootedFrom(2, "broken", path);
    const found = await probed(root);
    expect(found.critical).toEqual([]);
    expect(found.unresolved).toEqual([]);
  });
});

test("fencing disks, the disk that holds a key, and the resume of initramfs-tools", async () => {
  for (const at of [1, 2, 3, 4, 5]) nvme(root, at);
  plainRoot(root);
  root.link("/dev/disk/by-id/wwn-1", "/dev/nvme1n1");
  root.write("/etc/default/sbd", `# x\nSBD_PACEMAKER=yes\nSBD_DEVICE="/dev/disk/by-id/wwn-1;/dev/nvme2n1"\n`);
  root.link("/dev/disk/by-label/keys", "/dev/nvme4n1");
  root.write("/etc/crypttab", "vault /dev/nvme3n1 /vault.key:LABEL=keys luks\n");
  root.link("/dev/disk/by-uuid/swap", "/dev/nvme5n1");
  root.write("/etc/initramfs-tools/conf.d/resume", "RESUME=UUID=swap\n");
  expect(inWords(await probed(root), "disk")).toEqual([
    "0000:01:00.0 is a fencing disk of the cluster (SBD) (/dev/nvme1n1)",
    "0000:02:00.0 is a fencing disk of the cluster (SBD) (/dev/nvme2n1)",
    "0000:03:00.0 is unlocked at boot as vault (/etc/crypttab) without nofail: without it boot stops (/dev/nvme3n1) (boot)",
    "0000:04:00.0 holds the key of vault (/etc/crypttab) (/dev/nvme4n1)",
    "0000:05:00.0 is what the host resumes from (/etc/initramfs-tools/conf.d/resume) (/dev/nvme5n1)",
  ]);
});
