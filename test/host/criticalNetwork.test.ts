/** Seeds of the lock-out guard in the network, beyond the session and the default route, through the real probe. */
import { FakeRoot, OUTSIDE_PCI } from "../support/fakeRoot";
import { inWords, plainRoot, probed } from "../support/seeds";

let root: FakeRoot;
beforeEach(() => {
  root = new FakeRoot();
  plainRoot(root);
  // Each port has a network of its own: port1 is 10.1.0.1/24.
  for (const at of [1, 2, 3, 4]) {
    root.pci(`0000:0${at}:00.0`);
    root.nic(`port${at}`, `0000:0${at}:00.0`);
  }
  const ports = [1, 2, 3, 4];
  root.network({
    addresses: [OUTSIDE_PCI, ...ports.map((at) => `${at + 2}: port${at}    inet 10.${at}.0.1/24`)].join("\n"),
    routes: ports
      .map((at) => `10.${at}.0.0/24 dev port${at} proto kernel scope link src 10.${at}.0.1`)
      .join("\n"),
    ways: {
      ...Object.fromEntries(
        ports.map((at) => [`10.${at}.0.9`, `10.${at}.0.9 dev port${at} src 10.${at}.0.1`]),
      ),
      "fd00::9": "fd00::9 dev port4 src fd00::1",
      "10.8.0.0": "10.8.0.0 via 192.0.2.254 dev eth0 src 192.0.2.1",
      "10.9.0.0": "10.9.0.0 dev port3 src 10.9.0.1",
    },
  });
});
afterEach(() => root.remove());

const network = async () => inWords(await probed(root), "network");

test("the networks of migrations and of replication", async () => {
  root.write(
    "/etc/pve/datacenter.cfg",
    "keyboard: de\nmigration: secure,network=10.1.0.0/24\nreplication: network=10.9.0.0/24,type=insecure\nha: shutdown_policy=migrate\n",
  );
  expect(await network()).toEqual([
    "0000:01:00.0 carries migrations of virtual machines (10.1.0.0/24 of /etc/pve/datacenter.cfg) (port1)",
    "0000:03:00.0 carries the replication of virtual machines (10.9.0.0/24 of /etc/pve/datacenter.cfg) (port3)",
  ]);
});

test.each([
  ["a network that this host has no part in", "migration: secure,network=10.8.0.0/24\n"],
  ["no network", "migration: type=secure\n"],
])("migrations over %s", async (_case, settings) => {
  root.write("/etc/pve/datacenter.cfg", settings);
  expect(await network()).toEqual([]);
});

test.each([
  ["public_network = 10.1.0.0/24", ["0000:01:00.0 carries Ceph's public network (10.1.0.0/24) (port1)"]],
  [
    "public network = 10.1.0.0/24, 10.2.0.0/24 ; two",
    [
      "0000:01:00.0 carries Ceph's public network (10.1.0.0/24) (port1)",
      "0000:02:00.0 carries Ceph's public network (10.2.0.0/24) (port2)",
    ],
  ],
  ["\tcluster-network=10.3.0.0/24", ["0000:03:00.0 carries Ceph's cluster network (10.3.0.0/24) (port3)"]],
  ["# public_network = 10.1.0.0/24", []],
  ["mon_host = 10.1.0.9", ["0000:01:00.0 carries the way to a Ceph monitor (10.1.0.9) (port1)"]],
  ["mon host = 10.2.0.9:6789", ["0000:02:00.0 carries the way to a Ceph monitor (10.2.0.9:6789) (port2)"]],
  [
    "mon_host = [v2:10.1.0.9:3300/0,v1:10.1.0.9:6789/0]",
    [
      "0000:01:00.0 carries the way to a Ceph monitor ([v2:10.1.0.9:3300/0) (port1)",
      "0000:01:00.0 carries the way to a Ceph monitor (v1:10.1.0.9:6789/0]) (port1)",
    ],
  ],
  [
    "mon_host = [v2:[fd00::9]:3300/0",
    ["0000:04:00.0 carries the way to a Ceph monitor ([v2:[fd00::9]:3300/0) (port4)"],
  ],
  ["mon_host = fd00::9", ["0000:04:00.0 carries the way to a Ceph monitor (fd00::9) (port4)"]],
  ["mon_host = ceph1", ["0000:03:00.0 carries the way to a Ceph monitor (ceph1) (port3)"]],
  ["mon_host = srv2:6789", ["0000:02:00.0 carries the way to a Ceph monitor (srv2:6789) (port2)"]],
])("Ceph with %s", async (line, uses) => {
  root.write("/etc/hosts", "127.0.0.1 localhost\n10.3.0.9 ceph1 # first\n10.2.0.9\tx\tsrv2\ty\n");
  root.write("/etc/ceph/ceph.conf", `[global]\n\tfsid = 1234\n${line}\n`);
  expect(await network()).toEqual(uses);
});

test("the servers of Proxmox's storage, mounted or not, that this node has and that are not switched off", async () => {
  root.write(
    "/etc/pve/storage.cfg",
    [
      "iscsi: san\n\tportal 10.1.0.9:3260\n\ttarget iqn.2003-01.x\n",
      "nfs: nas\n\tserver 10.2.0.9\n\texport /vm\n\tpath /mnt/pve/nas\n",
      "pbs: backup\n\tserver 10.3.0.9\n\tdisable\n",
      "cifs: elsewhere\n\tserver 10.3.0.9\n\tnodes pve2,pve11\n",
      "rbd: ceph\n\tmonhost 10.4.0.9 fd00::9\n\tnodes pve2,pve1\n",
      "dir: local\n\tpath /var/lib/vz\n",
    ].join("\n"),
  );
  expect(await network()).toEqual([
    "0000:01:00.0 carries the storage san from 10.1.0.9:3260 (port1)",
    "0000:02:00.0 carries the storage nas from 10.2.0.9 (port2)",
    "0000:04:00.0 carries the storage ceph from 10.4.0.9 (port4)",
    "0000:04:00.0 carries the storage ceph from fd00::9 (port4)",
  ]);
});

test("a mapped RBD image by the way to its monitors", async () => {
  root.block("rbd0", "252:0", "/sys/devices/rbd/0/block/rbd0");
  root.write(
    "/sys/bus/rbd/devices/0/config_info",
    "10.1.0.9:6789,10.2.0.9:6789 name=admin,key=client.admin pool image -\n",
  );
  plainRoot(root, "31 27 252:0 / /srv rw - ext4 /dev/rbd0 rw");
  const found = await probed(root);
  expect(inWords(found, "network")).toEqual([
    "0000:01:00.0 carries /srv (/dev/rbd0) (port1)",
    "0000:02:00.0 carries /srv (/dev/rbd0) (port2)",
  ]);
  expect(found.unresolved).toEqual([]);
});

test("the address that other nodes know this one by, an IPv6 ring, and oVirt's bridge", async () => {
  root.virtualInterface("ovirtmgmt", ["port3"]);
  root.network({
    addresses: `${OUTSIDE_PCI}\n3: port1    inet 10.1.0.1/24\n4: port2    inet6 fd02::1/64 scope global`,
    routes: "",
  });
  root.write("/etc/hosts", "10.1.0.1 pve1.example.com pve1\n");
  root.write("/etc/pve/corosync.conf", "nodelist {\n  node {\n    ring0_addr: fd02::1\n  }\n}\n");
  expect(await network()).toEqual([
    "0000:01:00.0 carries the address of this node (pve1, 10.1.0.1) (port1)",
    "0000:02:00.0 carries a cluster ring of this node (corosync, fd02::1) (port2)",
    "0000:03:00.0 carries the management network of oVirt (ovirtmgmt on port3)",
  ]);
});

test("hostile words in these files stay words", async () => {
  root.write("/etc/pve/datacenter.cfg", "migration: secure,network=$(touch /tmp/x);`id`\n");
  root.write("/etc/pve/storage.cfg", "nfs: a;b\n\tserver -x$(id)\n\n*: x\n\tserver *\n");
  root.write("/etc/ceph/ceph.conf", "mon_host = ';reboot;' --help\npublic_network = *\n");
  expect(await network()).toEqual([]);
});
