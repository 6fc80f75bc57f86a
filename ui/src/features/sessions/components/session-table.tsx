import { useTable } from "@tanstack/react-table";
import { ArrowDown, ArrowUp } from "lucide-react";
import { useNavigate } from "react-router";
import type { Session } from "@/lib/api/types";
import { cn } from "@/lib/cn";
import { columns, features, FROM_WIDTH, NUMBERS } from "./session-columns";

const cellClass = (id: string) => cn("px-2 first:pl-4 last:pr-4 sm:px-3", NUMBERS.has(id) && "tabular text-right", FROM_WIDTH[id]);

const SORT_NAMES = { asc: "ascending", desc: "descending" } as const;

export function SessionTable({ sessions }: { sessions: Session[] }) {
  const navigate = useNavigate();
  const table = useTable({ features, columns, data: sessions, getRowId: (s) => s.session_id, initialState: { sorting: [] } });
  return (
    <table className="w-full text-sm">
      <thead className="sticky top-0 z-10 bg-panel text-2xs text-muted-foreground">
        {table.getHeaderGroups().map((group) => (
          <tr key={group.id} className="border-b">
            {group.headers.map((header) => {
              const sorted = header.column.getIsSorted();
              return (
                <th key={header.id} scope="col" className={cn("h-8 text-left font-normal", cellClass(header.column.id))} aria-sort={sorted ? SORT_NAMES[sorted] : "none"}>
                  <button type="button" className="inline-flex items-center gap-1 hover:text-foreground" onClick={header.column.getToggleSortingHandler()}>
                    <table.FlexRender header={header} />
                    {sorted === "asc" && <ArrowUp className="size-3" aria-hidden />}
                    {sorted === "desc" && <ArrowDown className="size-3" aria-hidden />}
                  </button>
                </th>
              );
            })}
          </tr>
        ))}
      </thead>
      <tbody>
        {table.getRowModel().rows.map((row) => (
          <tr key={row.id} className="cursor-pointer border-b border-border/60 hover:bg-muted/70" onClick={() => void navigate(`/sessions/${row.id}`)}>
            {row.getAllCells().map((cell) => (
              <td key={cell.id} className={cn("h-8 max-w-36 truncate sm:max-w-56", cellClass(cell.column.id))}>
                <table.FlexRender cell={cell} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
