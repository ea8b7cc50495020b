import { NotYetSupported } from "../../errors/index.js";
import { PiscinaHost } from "./piscina-host.js";

export class ProcessHost extends PiscinaHost {
  override start(): Promise<void> {
    throw new NotYetSupported("CW-CONF-002", "isolation: \"process\" is not built yet");
  }
}
