/** Devices of libvirt domains: a change that concerns several touches none unless all are as they were read. */
import { createHost } from "../../lib/host/host";
import { createSession } from "../../lib/host/session";
import type { Step } from "../../lib/model/change";
import { sha256 } from "../../lib/model/digest";
import { hosts } from "../embedded/hosts";
import { sh } from "../support/byHand";
import { connect } from "../support/rig";

const start = hosts();
const device =
  "<hostdev mode='subsystem' type='pci' managed='yes'><source>" +
  "<address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/></source></hostdev>";

test("a domain that somebody edited stops the change before another one loses or gets a device", async () => {
  const embedded = await start({ profile: "debian-libvirt" });
  const host = createHost("host", createSession("host", connect(embedded)));
  const { libvirt, machineId } = await host.probe();
  const attach = (name: string): Step => {
    const { uuid, configured } = libvirt!.domains[name]!;
    return {
      step: "domain",
      uuid,
      expect: sha256(configured),
      devices: [{ verb: "attach", layer: "config", xml: device }],
    };
  };
  const steps = [attach("storage"), attach("workstation")];
  const definitions = () =>
    sh(embedded, "cat /etc/libvirt/qemu/storage.xml /etc/libvirt/qemu/workstation.xml");
  await sh(
    embedded,
    `printf %s "${device.replace("0x02", "0x03")}" > /root/device.xml; virsh attach-device workstation /root/device.xml --config`,
  );
  const before = await definitions();

  const outcome = await host.change({ purpose: "hand a device on", machineId, steps });

  expect(outcome).toMatchObject({ ok: false, reason: "changed" });
  expect(await definitions()).toBe(before);
  await host.close();
}, 60_000);
