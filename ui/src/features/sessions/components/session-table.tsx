import { flexRender, getCoreRowModel, getSortedRowModel, useReactTable } from "@tanstack/react-table";
import { ArrowDown, ArrowUp } from "lucide-react";
import type { MouseEvent } from "react";
import { useNavigate } from "react-router-dom";
import { sessionPath } from "@/lib/api/sessions";
import type { Session } from "@/lib/api/types";
import { cn } from "@/lib/cn";
import { isSelectingText } from "@/lib/is-selecting";
import { useSorting } from "../hooks/use-sorting";
import { columns, CUT, FROM_WIDTH, NUMBERS, SORTABLE } from "./session-columns";

const cellClass = (id: string) => cn("px-2 first:pl-4 last:pr-4 sm:px-3", NUMBERS.has(id) && "tabular text-right", FROM_WIDTH[id]);

const SORT_NAMES = { asc: "ascending", desc: "descending" } as const;

/** A link in a row leads there by itself: in a new tab too, and once. */
const leads = ({ target }: MouseEvent) => !isSelectingText() && (target as Element).closest("a, button") === null;

export function SessionTable({ sessions }: { sessions: Session[] }) {
  const navigate = useNavigate();
  const [sorting, sort] = useSorting(SORTABLE);
  const table = useReactTable({
    columns, data: sessions, getRowId: (s) => s.session_id, enableMultiSort: false, getCoreRowModel: getCoreRowModel(), getSortedRowModel: getSortedRowModel(),
    state: { sorting }, onSortingChange: (next) => sort(typeof next === "function" ? next(sorting) : next),
  });
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
                    {flexRender(header.column.columnDef.header, header.getContext())}
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
          <tr key={row.id} className="cursor-pointer border-b border-border/60 hover:bg-muted/70" onClick={(event) => leads(event) && void navigate(sessionPath(row.original))}>
            {row.getVisibleCells().map((cell) => (
              <td key={cell.id} title={CUT.has(cell.column.id) ? String(cell.getValue()) || undefined : undefined} className={cn("h-8 max-w-36 truncate sm:max-w-44 min-[1440px]:max-w-56", cellClass(cell.column.id))}>
                {flexRender(cell.column.columnDef.cell, cell.getContext())}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
