/*
 * How it works: view_take learns from the line, asks the filters, and appends either the line
 * itself or its row. How it can fail: stdout is closed by whoever read it; view_print says so.
 */
#include "cli/view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/terminal.h"

static bool method_matches(enum stratum_method method, struct span text, const char *wanted)
{
    const char *name = stratum_method_name(method);
    static const char prefix[] = "mining.";

    if (method > STRATUM_METHOD_UNKNOWN)
        text = span_text(name);
    if (span_equal_text(text, wanted))
        return true;
    return text.len > strlen(prefix) && memcmp(text.data, prefix, strlen(prefix)) == 0 &&
           span_equal_text(span_make(text.data + strlen(prefix), text.len - strlen(prefix)),
                           wanted);
}

static bool message_wanted(const struct view *view, const struct view_line *line)
{
    const struct view_options *options = view->options;

    if (options->dir != NULL && line->line.direction != view->direction)
        return false;
    if (options->errors && !line->scan.error && line->line.bytes_b64.data == NULL)
        return false;
    return options->method == NULL ||
           method_matches(line->scan.method, line->scan.method_text, options->method) ||
           (line->line.paired &&
            method_matches(line->answered, (struct span){NULL, 0}, options->method));
}

static bool wanted(const struct view *view, const struct view_line *line)
{
    const struct view_options *options = view->options;

    if (options->session != NULL &&
        !view_session_matches(view, line->line.session, options->session))
        return false;
    if (line->line.is_message)
        return message_wanted(view, line);
    return options->dir == NULL && !options->errors && options->method == NULL;
}

bool view_take(struct view *view, const struct segment_line *line)
{
    struct view_line taken = {.line = *line};

    if (line->is_message && line->msg.data != NULL)
        stratum_scan_line(&taken.scan, line->msg.data, line->msg.len);
    if (line->method.len > 0) { /* the first piece of a long line */
        taken.scan.method_text = line->method;
        taken.scan.method = stratum_method_find(line->method.data, line->method.len);
    }
    view_learn(view, &taken);
    if (!wanted(view, &taken))
        return false;
    buffer_clear(&view->out);
    if (view->table) {
        view_append_row(view, &taken);
    } else {
        buffer_append(&view->out, line->text.data, line->text.len);
        buffer_append_char(&view->out, '\n');
    }
    return view->out.len > 0;
}

bool view_print(const struct view *view)
{
    return fwrite(view->out.data, 1, view->out.len, stdout) == view->out.len;
}
