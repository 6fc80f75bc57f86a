import { useMemo } from "react";
import { useSearchParams } from "react-router-dom";

export interface Sorting {
  id: string;
  desc: boolean;
}

/** "rejected" is ascending, "-rejected" descending; a name that no column has sorts nothing. */
export function sortingOf(text: string | null, columns: readonly string[]): Sorting[] {
  const desc = text?.startsWith("-") ?? false;
  const id = text?.slice(desc ? 1 : 0) ?? "";
  return columns.includes(id) ? [{ id, desc }] : [];
}

export const textOfSorting = ([first]: Sorting[]): string | null => (first ? `${first.desc ? "-" : ""}${first.id}` : null);

/** How the list is sorted stands in the URL, as what is in it does. */
export function useSorting(columns: readonly string[]): [Sorting[], (next: Sorting[]) => void] {
  const [params, setParams] = useSearchParams();
  const text = params.get("sort");
  const sorting = useMemo(() => sortingOf(text, columns), [text, columns]);
  const put = (next: Sorting[]) =>
    setParams((old) => {
      const changed = new URLSearchParams(old);
      const value = textOfSorting(next);
      if (value) changed.set("sort", value);
      else changed.delete("sort");
      return changed;
    }, { replace: true });
  return [sorting, put];
}
