import { EngineClient } from "../../engine/client";
import { connectionOf, type EngineBlock } from "../../engine/connectionBlock";
import { Engine } from "../../engine/engine";
import { maintenance, resume } from "../../engine/maintenance";
import { resolveEngine } from "../../engine/settings";
import type { Manager } from "../../host/manager";
import type { ManagerReference } from "../../model/manager";

/**
 * A host at its oVirt engine. Password or token come from the environment, as for the provider.
 * @throws an EngineError where there are none, or the connection cannot be meant
 */
export function ovirtManager(reference: ManagerReference): Manager {
  const connection = connectionOf(reference.connection as EngineBlock);
  const client = new EngineClient(resolveEngine(reference.name, connection));
  const engine = new Engine(client);
  return {
    leave: ({ preparation, earlier, record, ...watch }) =>
      maintenance(client, engine, reference.host, {
        ...watch,
        earlier,
        reason: "Reboot for PCI passthrough",
        record: (mark) => record({ manager: reference, ...mark }),
        timeoutSeconds: preparation.migrationTimeout,
        shutDown:
          preparation.immovable === "shut-down"
            ? {
                seconds: preparation.shutdownTimeout,
                powerOff: preparation.unresponsive === "power-off",
              }
            : null,
      }),
    giveBack: (mark, watch) => resume(client, engine, mark, watch),
    close: () => client.close(),
  };
}
