import { claims } from "../hypervisors/registry";
import type { HostFacts } from "../model/facts";
import { describeLockOut, lockOut } from "../model/guard";
import { slotOf } from "../model/pciAddress";
import { differences } from "../model/virtualFunctions";
import type { Diagnostic } from "../plugin/types";
import { failure, warning } from "./diagnostics";
import type { FunctionsDecision } from "./functionState";
import { handOverProblems } from "./handOver";

/** What speaks against making the functions as they are declared. */
export function makingProblems(
  host: string,
  facts: HostFacts,
  decision: FunctionsDecision,
  allow: readonly string[],
  users: readonly string[],
): Diagnostic[] {
  const { physical, declared, anew } = decision;
  const { address } = physical.device;
  const { functions, port } = physical.sriov;
  const asksInVain = port === null && declared.some(({ asked }) => asked.length > 0);
  const stay = new Set(declared.map(({ number }) => String(number)));
  const leaving = Object.entries(functions).flatMap(([number, found]) =>
    stay.has(number) ? [] : [found.address],
  );
  return [
    ...(asksInVain
      ? [
          failure(
            `${address} of ${host} keeps no MAC address, VLAN or trust for its functions`,
            "It has no network interface now. Where it is a network card, its driver must hold it; where it is none, leave the settings out.",
            ["settings"],
          ),
        ]
      : []),
    ...(anew ? countProblems(host, facts, decision, allow) : changedInUse(host, facts, decision)),
    ...configured(host, facts, leaving, users),
    ...(physical.device.class.startsWith("0108") ? [nvmeNotice(host, address)] : []),
  ];
}

/** A new count takes all functions away and resets the card's link: neither the host nor a guest may live on it. */
function countProblems(
  host: string,
  facts: HostFacts,
  { physical, declared }: FunctionsDecision,
  allow: readonly string[],
): Diagnostic[] {
  const { count } = physical.sriov;
  return takenAwayProblems(
    host,
    facts,
    physical.device.address,
    `from ${count} to ${declared.length}`,
    allow,
  );
}

/** The same for whatever else changes the count, said as `from 4 to 0`. */
export function takenAwayProblems(
  host: string,
  facts: HostFacts,
  physical: string,
  change: string,
  allow: readonly string[],
): Diagnostic[] {
  const there = Object.values(facts.sriov[physical]?.functions ?? {}).map(({ address }) => address);
  const { refused, warnings } = lockOut(facts, [physical, ...there], allow);
  const own = refused.filter(({ via }) => via === undefined);
  const through =
    there.length > 0 ? " Every function goes on the way: the kernel changes the count only through 0." : "";
  return [
    ...(own.length > 0
      ? [
          failure(
            `The virtual functions of ${physical} on ${host} cannot be changed ${change}`,
            `That resets the link of the card.${through}\n` +
              own.map((finding) => `  ${describeLockOut(finding)}`).join("\n") +
              `\nNothing was touched. Use another port; or, if the host can do without it for a moment, name it: allowCritical: ${JSON.stringify([...new Set(own.map(({ address }) => address))])}.`,
          ),
        ]
      : []),
    ...warnings
      .filter(({ via, address }) => via === undefined && address === physical)
      .map((finding) => warning(`${physical} of ${host} is in use`, describeLockOut(finding))),
    ...claims(facts)
      .filter(
        ({ inUse, address }) => inUse && there.some((one) => one === address || slotOf(one) === address),
      )
      .map(({ address, vmId, slot }) =>
        failure(
          `The virtual functions of ${physical} on ${host} cannot be changed ${change}`,
          `VM ${vmId} runs with ${address} (${slot}).${through} Nothing was touched. Shut the VM down first, then plan again.`,
        ),
      ),
  ];
}

/** A VM that is not of this stack names a function that goes. */
export function configured(
  host: string,
  facts: HostFacts,
  leaving: readonly string[],
  users: readonly string[],
): Diagnostic[] {
  return claims(facts)
    .filter(
      (claim) =>
        claim.configured && !claim.inUse && leaving.includes(claim.address) && !users.includes(claim.vmId),
    )
    .map(({ address, vmId, slot }) =>
      failure(
        `${address} of ${host} is configured for VM ${vmId}`,
        `Its ${slot} names this virtual function, which goes, and the VM could not start any more. Nothing was touched. Take it out there first, then plan again.`,
      ),
    );
}

/** A guest's driver takes the address of its card once. */
function changedInUse(
  host: string,
  facts: HostFacts,
  { physical, declared }: FunctionsDecision,
): Diagnostic[] {
  return declared.flatMap((one) => {
    const there = physical.sriov.functions[one.number];
    if (there === undefined || !differences(one, there).includes("mac")) return [];
    return claims(facts)
      .filter(
        ({ inUse, address }) => inUse && (address === there.address || address === slotOf(there.address)),
      )
      .map(({ vmId, slot }) =>
        failure(
          `${there.address} of ${host} is in use`,
          `VM ${vmId} runs with it (${slot}), and its MAC address is to change from ${there.mac ?? "none"} to ${one.settings.mac ?? "none"}. Nothing was touched. Shut the VM down first, then plan again.`,
        ),
      );
  });
}

function nvmeNotice(host: string, address: string): Diagnostic {
  return warning(
    `The virtual functions of ${address} on ${host} start without queues`,
    "An NVMe controller gives its functions queues and interrupts only when it is told to (`nvme virt-mgmt`, of nvme-cli): " +
      "until each secondary controller has some and is online, the guest's driver finds a controller that does not become ready. " +
      "This is not done here.",
  );
}

/** Whether the functions that are there now can be given to guests: their groups go as a whole. */
export function groupProblems(
  host: string,
  facts: HostFacts,
  physical: string,
  allow: readonly string[],
): Diagnostic[] {
  const there = Object.values(facts.sriov[physical]?.functions ?? {}).map(({ address }) => address);
  return handOverProblems(
    host,
    facts,
    there.map((address) => ({ address, name: "" })),
    allow,
    facts.devices.filter(({ driver }) => driver === "vfio-pci").map(({ address }) => address),
  ).filter(({ severity }) => severity === "error");
}
