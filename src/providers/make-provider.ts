import type { ProviderDescriptor } from "../config/providers.js";
import type { Provider } from "./provider.js";

/** The provider that a description asks for. Each is loaded when it is first needed. */
export async function makeProvider(descriptor: ProviderDescriptor): Promise<Provider> {
  switch (descriptor.kind) {
    case "local": {
      const { LocalProvider } = await import("./local.js");
      return new LocalProvider(descriptor);
    }
    case "slurm": {
      const { SlurmProvider } = await import("./slurm.js");
      return new SlurmProvider(descriptor);
    }
  }
}
