/** Disks of the lock-out guard that stand on others, through the real probe. */
import { FakeRoot } from "../support/fakeRoot";
import { inWords, nvme, plainRoot, probed } from "../support/seeds";

let root: FakeRoot;
beforeEach(() => (root = new FakeRoot()));
afterEach(() => root.remove());

test("multipath over two adapters: each path is one that the volume is on", async () => {
  for (const [at, name] of ["sda", "sdb"].entries()) {
    const adapter = root.pci(`0000:0${at + 1}:00.0`, { class: "0c0400" });
    root.block(
      name,
      `8:${at * 16}`,
      `${adapter}/host${at}/rport-${at}:0-0/target${at}:0:0/${at}:0:0:0/block/${name}`,
    );
  }
  root.stacked("dm-0", "253:0", ["sda", "sdb"], "mpatha");
  root.partition("dm-1", "253:1", "/sys/devices/virtual/block");
  root.stacked("dm-1", "253:1", ["dm-0"], "mpatha-part1");
  plainRoot(root, "31 27 253:1 / /srv rw - xfs /dev/mapper/mpatha-part1 rw");
  expect(inWords(await probed(root), "disk")).toEqual([
    "0000:01:00.0 carries /srv (/dev/mapper/mpatha-part1 on /dev/mapper/mpatha on /dev/sda)",
    "0000:02:00.0 carries /srv (/dev/mapper/mpatha-part1 on /dev/mapper/mpatha on /dev/sdb)",
  ]);
});

test("bcache: the disk behind it, and the one that caches", async () => {
  nvme(root, 1);
  const cache = nvme(root, 2);
  root.stacked("bcache0", "252:0", ["nvme1n1"]);
  root.folderAt(`${cache}/bcache`);
  root.link("/sys/fs/bcache/1111/cache0", `${cache}/bcache`);
  root.link("/sys/devices/virtual/block/bcache0/bcache/cache", "/sys/fs/bcache/1111");
  plainRoot(root, "31 27 252:0 / /srv rw - ext4 /dev/bcache0 rw");
  expect(inWords(await probed(root), "disk")).toEqual([
    "0000:01:00.0 carries /srv (/dev/bcache0 on /dev/nvme1n1)",
    "0000:02:00.0 carries /srv (/dev/bcache0, its cache)",
  ]);
});

test("a loop over a block device", async () => {
  nvme(root, 1);
  root.write(
    `${root.block("loop0", "7:0", "/sys/devices/virtual/block/loop0")}/loop/backing_file`,
    "/dev/nvme1n1\n",
  );
  plainRoot(root, "31 27 7:0 / /srv ro - squashfs /dev/loop0 ro");
  expect(inWords(await probed(root), "disk")).toEqual([
    "0000:01:00.0 carries /srv (/dev/loop0 on /dev/nvme1n1)",
  ]);
});

test.each([
  ["/run/medium/root.squashfs:/run/rw", []],
  [
    "/run/medium/x:/lost/root",
    ["carries / (overlay): its lower directory /lost/root is on no mounted file system"],
  ],
])("an overlay root over %s", async (lower, unresolved) => {
  nvme(root, 1);
  root.mounts(
    `27 1 0:25 / / rw - overlay overlay rw,lowerdir=${lower},upperdir=/run/up,workdir=/run/work`,
    "31 27 259:10 / /run/medium ro - ext4 /dev/nvme1n1 ro",
    "32 27 0:26 / /run rw - tmpfs tmpfs rw",
  );
  const found = await probed(root);
  expect(inWords(found, "disk")).toEqual(["0000:01:00.0 carries /run/medium (/dev/nvme1n1)"]);
  expect(found.unresolved).toEqual(unresolved);
});
