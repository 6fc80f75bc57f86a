/**
 * An answer that stands alone, because its request does not fit the filters (who asks for errors gets
 * the refusals), is shown like any other: on one row with its request, which is asked for once the
 * row has been in sight for a moment. Rows that only rush by ask for nothing.
 */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { fetchMessage } from "@/lib/api/messages";
import type { Message } from "@/lib/api/types";
import { answerOf, type Answer, type Row } from "@/lib/live/rows";

const MOMENT_MS = 250;

export function useWholeRow(message: Message, answer: Answer | null): Row {
  const request = message.is_response ? message.paired_message_id : null;
  const [looked, setLooked] = useState(false);
  useEffect(() => {
    if (!request) return;
    const timer = setTimeout(() => setLooked(true), MOMENT_MS);
    return () => clearTimeout(timer);
  }, [request]);
  const { data } = useQuery({
    queryKey: ["request-of", request],
    queryFn: ({ signal }) => fetchMessage(request!, signal),
    enabled: looked && Boolean(request),
    staleTime: Infinity,
    retry: false,
  });
  return useMemo(() => (data ? { message: data, answer: answerOf(message) } : { message, answer }), [data, message, answer]);
}
