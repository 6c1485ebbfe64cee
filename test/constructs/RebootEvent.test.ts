import { NullProvider } from "@cdktf/provider-null/lib/provider";
import { TerraformVariable, type TerraformStack } from "cdktf";
import { parsePreparation } from "../../lib/model/rebootPreparation";
import { PassthroughProvider, type PassthroughProviderProps } from "../../lib";
import { fakeBundles, newHost, newStack, synth } from "./support";

jest.mock("../../lib/placement/bundles", () => ({
  ...jest.requireActual<object>("../../lib/placement/bundles"),
  bundles: () => fakeBundles(),
}));

interface Event {
  readonly provisioner: [{ "local-exec": { command: string; environment: Record<string, string> } }];
}

function stackWith(props?: PassthroughProviderProps): TerraformStack {
  const stack = newStack();
  if (props) new PassthroughProvider(stack, "provider", props);
  return stack;
}

const only = (resources: Record<string, unknown> | undefined) => Object.values(resources ?? {})[0] as Event;
const environmentOf = (event: Event) => event.provisioner[0]["local-exec"].environment;

test("the generation alone replaces the event, the reason only informs", () => {
  const stack = stackWith();
  newHost(stack, "pve1");

  const { resource, provider } = synth(stack);

  expect(resource["terraform_data"]).toEqual({
    [Object.keys(resource["terraform_data"] ?? {})[0] ?? ""]: {
      triggers_replace: { generation: "${passthrough_iommu_host.pve1.reboot_generation}" },
      input: { reason: "${passthrough_iommu_host.pve1.reboot_reason}" },
      provisioner: expect.any(Array),
    },
  });
  expect(Object.keys(provider)).toEqual(["passthrough"]);
});

test("a null_resource has one trigger, and the null provider is made once", () => {
  const stack = stackWith({ events: "null_resource" });
  newHost(stack, "pve1");
  newHost(stack, "pve2");

  const { resource, provider } = synth(stack);

  expect(only(resource["null_resource"])).toEqual({
    triggers: { generation: "${passthrough_iommu_host.pve1.reboot_generation}" },
    provisioner: expect.any(Array),
  });
  expect(Object.keys(resource["null_resource"] ?? {})).toHaveLength(2);
  expect(resource["terraform_data"]).toBeUndefined();
  expect(provider["null"]).toHaveLength(1);
});

test("an author's own null provider is used", () => {
  const stack = stackWith({ events: "null_resource" });
  new NullProvider(stack, "mine");
  newHost(stack, "pve1");

  expect(synth(stack).provider["null"]).toHaveLength(1);
});

test("the command is constant, everything else comes through the environment", () => {
  const stack = stackWith();
  newHost(stack, "pve1", { rebootTimeout: 0.5 });

  const event = only(synth(stack).resource["terraform_data"]);

  expect(event.provisioner).toEqual([
    {
      "local-exec": {
        command: "node '${path.module}/passthrough/passthrough.cjs' reboot",
        environment: {
          PASSTHROUGH_HOST: "pve1",
          PASSTHROUGH_CONNECTION: '${jsonencode({"host" = "pve1.example"})}',
          PASSTHROUGH_DIGEST: "${passthrough_iommu_host.pve1.declaration_digest}",
          PASSTHROUGH_REASON: "${passthrough_iommu_host.pve1.reboot_reason}",
          PASSTHROUGH_REBOOT_TIMEOUT: "30",
        },
      },
    },
  ]);
});

test("a manual reboot is the command's to leave, and the host's resource says so", () => {
  const stack = stackWith();
  newHost(stack, "pve1", { reboot: "manual" });

  const { resource } = synth(stack);

  expect(environmentOf(only(resource["terraform_data"]))).toHaveProperty("PASSTHROUGH_REBOOT", "manual");
  expect(only(resource["passthrough_iommu_host"])).toMatchObject({ reboot: "manual" });
});

test("what happens before the reboot goes to the command, which alone reads it", () => {
  const stack = stackWith();
  newHost(stack, "pve1", { beforeReboot: { shutdownTimeout: 600, migrateTo: "pve2", despite: ["nodes"] } });

  const environment = environmentOf(only(synth(stack).resource["terraform_data"]));

  expect(parsePreparation(environment["PASSTHROUGH_BEFORE_REBOOT"] ?? "")).toMatchObject({
    shutdownTimeout: 600,
    migrateTo: "pve2",
    despite: ["nodes"],
    unresponsive: "fail",
  });
});

test.each([
  [{ migrateTo: "-x; reboot" }, /beforeReboot.migrateTo: .*is not the name of a node/],
  [{ shutdownTimeout: 0 }, /beforeReboot.shutdownTimeout: 0 is not a number of seconds/],
  [{ despite: ["all" as "nodes"] }, /beforeReboot.despite: .*all/],
])("%j is refused before anything is written", (beforeReboot, words) => {
  expect(() => newHost(stackWith(), "pve1", { beforeReboot })).toThrow(words);
});

test("twenty minutes, if nothing else is said", () => {
  const stack = stackWith();
  newHost(stack, "pve1");

  expect(environmentOf(only(synth(stack).resource["terraform_data"]))).toHaveProperty(
    "PASSTHROUGH_REBOOT_TIMEOUT",
    "1200",
  );
});

test.each(["terraform_data", "null_resource"] as const)(
  "a secret stands in the provider block only: %s",
  (events) => {
    const stack = stackWith({ events });
    const variable = (id: string) => new TerraformVariable(stack, id, { sensitive: true }).stringValue;
    newHost(stack, "pve1", {
      connection: { host: "a", privateKey: variable("key"), passphrase: variable("phrase") },
    });

    const { provider, resource } = synth(stack);

    expect(provider["passthrough"]).toEqual([
      { hosts: { pve1: { host: "a", private_key: "${var.key}", passphrase: "${var.phrase}" } } },
    ]);
    expect(JSON.stringify(resource)).not.toMatch(/var\.(key|phrase)/);
  },
);

test("a connection may come from other resources", () => {
  const stack = stackWith();
  newHost(stack, "pve1", { connection: { host: new TerraformVariable(stack, "address", {}).stringValue } });

  expect(environmentOf(only(synth(stack).resource["terraform_data"]))).toHaveProperty(
    "PASSTHROUGH_CONNECTION",
    '${jsonencode({"host" = var.address})}',
  );
});
