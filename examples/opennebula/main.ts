/**
 * An OpenNebula cloud from the kernel of a node to the VM: the node holds a card, the front end lists it, one VM has it
 * and a VM template asks for cards of its kind. Try it on embedded hosts first, with no hardware at all:
 * `npx passthrough embedded-host --profile debian-intel --dir ./node1`, and the same with
 * `--profile opennebula-frontend --dir ./one`, print what to set below.
 */
import { App, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import {
  IommuHost,
  OpenNebula,
  OpenNebulaPciFilter,
  PassthroughVm,
  VfioBinding,
  type Connection,
} from "cdktf-passthrough";

class Cloud extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);

    const one = new OpenNebula(this, "one", { connection: connection("ONE", "10.0.0.20") });

    const node1 = new IommuHost(this, "node1", {
      connection: connection("NODE1", "10.0.0.21"),
      // The name is the one that `onehost list` shows. A VM with the card cannot move: it is powered off for a reboot.
      beforeReboot: { managedBy: OpenNebula.host(one, "node1"), immovable: "shut-down" },
    });
    const gpu = new VfioBinding(this, "gpu", {
      host: node1,
      devices: { card: { address: "0000:01:00" } },
    });

    new OpenNebulaPciFilter(this, "pci", {
      frontEnd: one,
      filter: ["0:0"],
      hosts: { node1: { devices: [gpu.device("card")] } },
    });

    new PassthroughVm(this, "workstation", {
      on: OpenNebula.vm(one, 42),
      pci: { gpu: { device: gpu.device("card") } },
    });
    new PassthroughVm(this, "gpu-server", {
      on: OpenNebula.template(one, "gpu-server"),
      pci: { gpu: { request: { vendor: "10de", class: "0300" } } },
    });
  }
}

function connection(variable: string, host: string): Connection {
  const { env } = process;
  return {
    host: env[`${variable}_HOST`] ?? host,
    port: Number(env[`${variable}_PORT`] ?? 22),
    user: "root",
    identityFile: env[`${variable}_IDENTITY_FILE`],
    hostKey: env[`${variable}_HOST_KEY`],
  };
}

const app = new App();
new Cloud(app, "cloud");
app.synth();
