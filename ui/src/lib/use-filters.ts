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

/** The message whose drawer is open. */
export function useSelection(): [string | null, (id: string | null) => void] {
  const [params, setParams] = useSearchParams();
  const select = useCallback(
    (id: string | null) =>
      setParams(
        (old) => {
          const next = new URLSearchParams(old);
          if (id) next.set("message", id);
          else next.delete("message");
          return next;
        },
        { replace: true },
      ),
    [setParams],
  );
  return [params.get("message"), select];
}
