import { Download } from "lucide-react";
import { Button } from "@/components/ui/button";
import { exportUrl, type ExportFormat } from "@/lib/api/messages";
import type { Filters } from "@/lib/filters";

const FORMATS: [ExportFormat, string][] = [
  ["pcapng", "A capture, for Wireshark"],
  ["ndjson", "A line of JSON for each message"],
  ["csv", "A table, for spreadsheets"],
];

/** What is shown, as a file. */
export function ExportButtons({ filters }: { filters: Filters }) {
  return (
    <div role="group" aria-label="Export what is shown" className="flex [&>*]:-ml-px [&>*]:rounded-none [&>*:first-child]:ml-0 [&>*:first-child]:rounded-l-md [&>*:last-child]:rounded-r-md">
      {FORMATS.map(([format, title], i) => (
        <Button key={format} asChild title={title}>
          <a href={exportUrl(filters, format)} download>{i === 0 && <Download aria-hidden />}{format}</a>
        </Button>
      ))}
    </div>
  );
}
