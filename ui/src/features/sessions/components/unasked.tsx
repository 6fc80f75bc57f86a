import { Panel } from "@/components/ui/facts";
import type { Session } from "@/lib/api/types";
import { formatCount } from "@/lib/format";

type Unasked = Session["unasked_answers"];

const REASONS: [Exclude<keyof Unasked, "count">, string][] = [
  ["other_type", 'the id has another type than the request’s, such as "3" for 3'],
  ["repeated", "the request was answered before"],
  ["late", "the request had waited for too long"],
  ["unknown", "no request of late has this id"],
];

/** Why a session may have neither accepted nor rejected shares though its pool answers. */
export function UnaskedAnswers({ answers }: { answers: Unasked }) {
  if (answers.count === 0) return null;
  return (
    <Panel title="Answers nobody asked for">
      <p className="mb-2 text-muted-foreground">
        {formatCount(answers.count)} {answers.count === 1 ? "answer" : "answers"} of the pool had an id that no open request has, in type and value, so nothing tells what {answers.count === 1 ? "it answers" : "they answer"}; shares among them count as neither accepted nor rejected.
      </p>
      <table className="w-full">
        <thead className="sr-only"><tr><th>Reason</th><th>Answers</th></tr></thead>
        <tbody>
          {REASONS.filter(([name]) => answers[name]).map(([name, text]) => (
            <tr key={name}>
              <td className="py-0.5 break-words">{text}</td>
              <td className="tabular w-16 text-right text-warn">{formatCount(answers[name] ?? 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
