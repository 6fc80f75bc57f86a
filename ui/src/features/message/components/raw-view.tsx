import { useMemo } from "react";
import { CopyButton } from "@/components/copy-button";
import type { Message } from "@/lib/api/types";
import { bytesOfBase64, bytesOfText, hexDump, hexOfBytes } from "@/lib/bytes";

/** More than this is shown on demand by the export; a browser has no use for megabytes of hex. */
const MOST = 64 * 1024;

export function messageBytes(message: Message): Uint8Array {
  if (message.raw_base64) return bytesOfBase64(message.raw_base64);
  return bytesOfText(message.raw ?? "");
}

export function RawText({ message }: { message: Message }) {
  if (message.raw == null) return <p className="p-4 text-muted-foreground">These bytes are no text; look at them in hex.</p>;
  return (
    <div className="space-y-3 p-4">
      <CopyButton label="Copy line" text={() => message.raw ?? ""} />
      <pre className="font-mono text-xs break-all whitespace-pre-wrap">{message.raw}</pre>
    </div>
  );
}

export function HexView({ message }: { message: Message }) {
  const bytes = useMemo(() => messageBytes(message), [message]);
  const lines = useMemo(() => hexDump(bytes.subarray(0, MOST)), [bytes]);
  return (
    <div className="space-y-3 overflow-x-auto p-4" tabIndex={0} role="region" aria-label="Bytes">
      <CopyButton label="Copy hex" text={() => hexOfBytes(bytes)} />
      <table className="font-mono text-xs" aria-label="Bytes in hex">
        <tbody>
          {lines.map((line) => (
            <tr key={line.offset}>
              <td className="pr-4 text-muted-foreground select-none">{line.offset}</td>
              <td className="pr-4 whitespace-pre">{line.hex}</td>
              <td className="whitespace-pre text-muted-foreground">{line.text}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {bytes.length > MOST && <p className="pt-2 text-muted-foreground">The first {MOST} of {bytes.length} bytes.</p>}
    </div>
  );
}
