import { wroteNothing, type Step } from "../model/change";
import type { HostFacts } from "../model/facts";
import { unpackObservation } from "../model/observation";
import { legibleRecord } from "../model/record";
import { changeAndRead, changeFailure, checkMachine, keep } from "./hostResource";
import type { Hosts, Seen } from "./hosts";
import type { Place, SeenPlace } from "./place";
import type { Selectable } from "./selectedSlots";

/** Hosts as places that have VMs of their own. */
export function hostPlace(hosts: Hosts): Place<HostFacts, Step> {
  return {
    async look(vm, kept, signal) {
      const name = vm.host ?? "";
      const sight = await hosts.look(name, kept, signal);
      return sight.kind === "seen" ? seen(name, sight) : sight;
    },
    alone(vm, kept, signal, work) {
      const name = vm.host ?? "";
      return hosts.alone(name, kept, signal, (sight) => work(seen(name, sight)));
    },
    selectable: {
      seen: selectable,
      kept(kept) {
        const observation = unpackObservation(kept["observation"]);
        return observation === null ? null : selectable(observation);
      },
    },
  };
}

function selectable({ devices, record }: Pick<HostFacts, "devices" | "record">): Selectable {
  return { devices, held: legibleRecord(record)?.held ?? {} };
}

function seen(name: string, sight: Seen): SeenPlace<HostFacts, Step> {
  return {
    kind: "seen",
    facts: sight.facts,
    known({ vm_id, machine_id }) {
      checkMachine(name, machine_id, sight.facts);
      return vm_id ?? "";
    },
    identity: (_vmId, facts) => facts.machineId,
    keep: (facts) => keep(sight, facts),
    async change(purpose, steps, signal) {
      const work = { purpose, machineId: sight.facts.machineId, steps };
      const { outcome, facts } = await changeAndRead(sight, work, signal);
      return {
        failed: outcome.ok ? [] : [changeFailure(name, work, outcome)],
        untouched: wroteNothing(outcome),
        facts,
      };
    },
  };
}
