import { Agent, type RequestOptions } from "node:https";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import { untrusted, type EnginePeer } from "./errors";
import type { EngineSettings } from "./settings";

/**
 * Connections to one engine. A socket is handed over once its certificate is trusted, so that no byte of a request
 * reaches anybody else.
 */
export class TrustingAgent extends Agent {
  constructor(
    private readonly peer: EnginePeer,
    private readonly trust: EngineSettings["trust"],
  ) {
    super({ keepAlive: true, maxSockets: 4 });
  }

  /** Returns nothing: Node takes the socket from the callback. */
  override createConnection(
    options: RequestOptions,
    done?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    const { peer, trust } = this;
    const host = options.host ?? "";
    const pinned = typeof trust === "object" && "fingerprint" in trust ? trust.fingerprint : null;
    const socket = connect({
      host,
      port: Number(options.port ?? 443),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(typeof trust === "object" && "ca" in trust ? { ca: trust.ca } : {}),
      // A pinned certificate is compared below, before anything is sent; it needs no CA.
      rejectUnauthorized: pinned === null,
    });
    let settled = false;
    const settle = (error: Error | null) => {
      if (settled) return;
      settled = true;
      if (error !== null) socket.destroy();
      done?.(error, socket);
    };
    socket.once("secureConnect", () => {
      const shown = fingerprintOf(socket);
      if (pinned === null || shown?.replace(/:/g, "") === pinned) settle(null);
      else settle(untrusted(peer, "It is not the pinned one", shown));
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      settle(isAboutTrust(error) ? untrusted(peer, error.message, fingerprintOf(socket)) : error);
    });
    socket.once("close", () => settle(new Error("the connection was closed before it was secure")));
    return undefined;
  }
}

function fingerprintOf(socket: TLSSocket): string | null {
  const shown = socket.getPeerCertificate() as { fingerprint256?: string } | null;
  return shown?.fingerprint256 ?? null;
}

/** OpenSSL's reasons to distrust a certificate, and Node's own for a wrong name. */
function isAboutTrust({ code = "" }: NodeJS.ErrnoException): boolean {
  return /CERT|ISSUER|SIGNATURE|CRL|ERR_TLS_CERT_ALTNAME_INVALID/.test(code);
}
