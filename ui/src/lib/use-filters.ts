import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";
import { filtersFromUrl, filtersToUrl, type Filters } from "./filters";

/** The filters in the URL, and how to change them. What else stands there stays. */
export function useFilters(): [Filters, (change: Partial<Filters>) => void, () => void] {
  const [params, setParams] = useSearchParams();
  const filters = useMemo(() => filtersFromUrl(params), [params]);
  const change = useCallback(
    (some: Partial<Filters>) =>
      setParams((old) => filtersToUrl({ ...filtersFromUrl(old), ...some }, old), { replace: true }),
    [setParams],
  );
  const clear = useCallback(() => setParams((old) => filtersToUrl({}, old), { replace: true }), [setParams]);
  return [filters, change, clear];
}

/** The message whose drawer is open, and which side of it is shown ("decoded" unless said). */
export function useSelection() {
  const [params, setParams] = useSearchParams();
  const put = useCallback(
    (values: Record<string, string | null>) =>
      setParams(
        (old) => {
          const next = new URLSearchParams(old);
          for (const [name, value] of Object.entries(values)) {
            if (value) next.set(name, value);
            else next.delete(name);
          }
          return next;
        },
        { replace: true },
      ),
    [setParams],
  );
  const select = useCallback((id: string | null, view?: string) => put(id === null ? { message: null, view: null } : view ? { message: id, view } : { message: id }), [put]);
  const turn = useCallback((view: string) => put({ view: view === "decoded" ? null : view }), [put]);
  return { selected: params.get("message"), view: params.get("view") ?? "decoded", select, turn };
}
