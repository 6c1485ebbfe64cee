import {
  mapOf,
  number,
  bool,
  object,
  optional,
  required,
  resource,
  secret,
  string,
  type StateOf,
} from "./attribute";

const jumpAttributes = {
  host: required(string, "Name or address of the jump host."),
  port: optional(number, "TCP port of its SSH server. Default 22."),
  user: optional(string, "Login name there. Default: the OpenSSH config file's, else the local user."),
  identity_file: optional(string, "Private key file for the jump host."),
  host_key: optional(string, "Pinned host key: `ssh-ed25519 AAAA...`, or its `SHA256:...` fingerprint."),
} as const;

/** How one host is reached. Everything not set comes from the OpenSSH config file, then from OpenSSH's defaults. */
export const connectionAttributes = {
  host: required(string, "Name, address or OpenSSH config alias of the host."),
  port: optional(number, "TCP port of its SSH server. Default 22."),
  user: optional(string, "Login name. Default: the OpenSSH config file's, else `root`."),
  sudo: optional(bool, "Run everything through `sudo -n`. Default: true for every user but root."),
  identity_file: optional(string, "Private key file."),
  private_key: secret("Private key in OpenSSH or PEM form; give it through an ephemeral variable."),
  passphrase: secret("Passphrase of the private key; give it through an ephemeral variable."),
  agent: optional(bool, "Ask the SSH agent of SSH_AUTH_SOCK. Default true."),
  host_key: optional(string, "Pinned host key: `ssh-ed25519 AAAA...`, or its `SHA256:...` fingerprint."),
  known_hosts_file: optional(
    string,
    "known_hosts file. Default: the OpenSSH config file's, else ~/.ssh/known_hosts.",
  ),
  config_file: optional(string, "OpenSSH config file. Default ~/.ssh/config; `none` reads none."),
  jump: optional(object(jumpAttributes), "Jump host in front of this host."),
  connect_timeout: optional(number, "Seconds for connecting and logging in. Default 20."),
  when_unreachable: optional(
    string,
    "`error` (default) or `assume-state`: plan with what the state remembers.",
  ),
} as const;

export type ConnectionSettings = StateOf<typeof connectionAttributes>;

/** How one oVirt or Red Hat Virtualization engine is reached. */
export const engineAttributes = {
  url: required(string, "`https://engine.example`, with or without `/ovirt-engine`. HTTPS only."),
  user: optional(string, "Login name with its profile, such as `admin@internal`. Not needed with a token."),
  password: secret(
    "Its password; give it through an ephemeral variable, or leave it out and set PASSTHROUGH_OVIRT_PASSWORD.",
  ),
  token: secret("An OAuth token instead of user and password; or set PASSTHROUGH_OVIRT_TOKEN."),
  ca: optional(
    string,
    "PEM of the CA that signed its certificate. Default: the public CAs that Node.js knows.",
  ),
  ca_file: optional(string, "File with that PEM."),
  fingerprint: optional(string, "SHA-256 fingerprint of its own certificate, instead of a CA."),
  timeout: optional(number, "Seconds that one request may take. Default 30."),
  when_unreachable: optional(
    string,
    "`error` (default) or `assume-state`: plan with what the state remembers.",
  ),
} as const;

export type EngineSettings = StateOf<typeof engineAttributes>;

/** The provider block: every host that its resources name. */
export const providerSchema = resource({
  typeName: "passthrough",
  version: 0,
  description:
    "Configures hypervisor hosts for PCI passthrough over SSH and attaches PCI devices to virtual machines.",
  attributes: {
    hosts: optional(
      mapOf(connectionAttributes),
      "Connections by host name, as the resources' `host` attributes name them.",
    ),
    engines: optional(
      mapOf(engineAttributes),
      "oVirt and Red Hat Virtualization engines by name, as the `host` attributes of their VMs name them.",
    ),
    when_unreachable: optional(
      string,
      "For all hosts and engines: `error` (default) or `assume-state`. PASSTHROUGH_OFFLINE=1 sets `assume-state`.",
    ),
  },
});
