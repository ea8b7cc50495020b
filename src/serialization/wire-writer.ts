import { Serializer } from "node:v8";
import type { BinaryTable } from "./binary.js";
import { CodecUse, ErrorNode, LaterNode, NodeTag } from "./nodes.js";
import { refusalError } from "./refusal.js";

/** First byte of what this writer makes. JSON begins with a bracket, and v8's own form with 0xFF. */
export const WITH_NODES = 1;

/** The part of Node's serializer that its types leave out. */
interface HostObjects {
  _setTreatArrayBufferViewsAsHostObjects(treat: boolean): void;
}

/** Writes a tree with nodes and binary data: memory first, then the value, then what its parts put off. */
export class WireWriter extends Serializer {
  private later: (ErrorNode | LaterNode)[] = [];
  private instances = 0;

  constructor(private readonly binary: BinaryTable, private readonly what: string) {
    super();
    (this as unknown as HostObjects)._setTreatArrayBufferViewsAsHostObjects(true);
  }

  write(tree: unknown): Uint8Array {
    this.writeUint32(WITH_NODES);
    this.binary.write(this);
    this.writeHeader();
    this.binary.declare(this);
    this.writeScope(tree);
    return this.releaseBuffer();
  }

  /** A value, and right after it the contents of what it put off. */
  private writeScope(tree: unknown): void {
    const outer = this.later;
    this.later = [];
    this.writeValue(tree);
    for (const node of this.later) this.writeValue(node.contents);
    this.later = outer;
  }

  /** Called by v8 for each view, the first time it meets it. */
  _writeHostObject(object: ArrayBufferView): void {
    if (object instanceof ErrorNode) this.writeLater(NodeTag.Error, object, object.head);
    else if (object instanceof LaterNode) this.writeLater(NodeTag.Later, object, object.shape);
    else if (object instanceof CodecUse) this.writeInstance(object);
    else this.binary.writeView(this, object);
  }

  private writeLater(tag: number, node: ErrorNode | LaterNode, head: unknown): void {
    this.writeUint32(tag);
    this.writeValue(head);
    this.later.push(node);
  }

  private writeInstance({ instance, path }: CodecUse): void {
    const { codec } = instance;
    if (instance.state === "open") {
      throw refusalError(this.what, path, { found: `it is contained in its own plain form, by the codec "${codec.name}"`, hint: "Let the codec's `encode` leave the way back out, and its `decode` restore it." });
    }
    if (instance.state === "written") {
      this.writeUint32(NodeTag.CodecAgain);
      this.writeUint32(instance.number);
      return;
    }
    instance.state = "open";
    this.writeUint32(NodeTag.Codec);
    this.writeValue(codec.name);
    this.writeScope(instance.plain);
    instance.state = "written";
    instance.number = this.instances;
    this.instances += 1;
  }
}
