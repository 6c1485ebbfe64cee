import type { Manager } from "../../host/manager";
import type { ManagerKind, ManagerReference } from "../../model/manager";
import { openNebulaManager } from "./opennebula";
import { ovirtManager } from "./ovirt";

const managers: Readonly<Record<ManagerKind, (reference: ManagerReference) => Manager>> = {
  ovirt: ovirtManager,
  opennebula: openNebulaManager,
};

/** What manages a host, over a connection of its own. */
export function reachManager(reference: ManagerReference): Manager {
  return managers[reference.kind](reference);
}
