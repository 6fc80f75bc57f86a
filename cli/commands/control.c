/*
 * The commands that ask the recorder to do something: `inject`, `disconnect`, `rotate`, `stop`.
 * Each is a request, and a sentence for the terminal when it worked.
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands/ask_recorder.h"
#include "cli/commands/command.h"
#include "cli/display/terminal.h"

struct show {
    bool table;
    const char *sentence;
};

static void on_done(void *user, const json_t *answer)
{
    const struct show *show = user;

    if (show->table)
        puts(show->sentence);
    else
        control_print_json(answer);
}

static void print_field(const char *title, const json_t *text)
{
    struct buffer line = {0};

    buffer_append_text(&line, title);
    terminal_append_text(&line, span_make(json_string_value(text), json_string_length(text)));
    printf("%.*s\n", (int)line.len, line.data);
    buffer_close(&line);
}

static void on_injected(void *user, const json_t *answer)
{
    const struct show *show = user;

    if (!show->table) {
        control_print_json(answer);
        return;
    }
    print_field("sent    ", json_object_get(answer, "sent"));
    print_field("answer  ", json_object_get(answer, "answer"));
    printf("after   %.1f ms\n",
           (double)json_integer_value(json_object_get(answer, "latency_us")) / 1000);
}

static int simple(int argc, char **argv, const char *command, const char *doc, const char *sentence)
{
    struct control_options options;
    struct settings *settings = control_options_read(&options, argc, argv, NULL, 0, 0, NULL, doc);
    struct show show = {.table = control_wants_table(&options), .sentence = sentence};
    int code =
        control_call(argv[0], settings, json_pack("{s:s}", "command", command), on_done, &show);

    settings_free(settings);
    return code;
}

static int run_rotate(int argc, char **argv)
{
    return simple(argc, argv, "rotate",
                  "Ends the segment file being written; the next line begins a new one.",
                  "the next line begins a new segment");
}

static int run_stop(int argc, char **argv)
{
    return simple(argc, argv, "stop",
                  "Stops the recorder: flushes, closes every session, seals the archive.",
                  "the recorder is stopping");
}

static int run_disconnect(int argc, char **argv)
{
    struct control_options options;
    struct settings *settings = control_options_read(
        &options, argc, argv, NULL, 1, 1, "SESSION",
        "Closes a session; the miner will connect again by itself. SESSION is its number or UUID, "
        "as `hashscope sessions' shows them.");
    struct show show = {.table = control_wants_table(&options), .sentence = "disconnected"};
    int code = control_call(
        argv[0], settings,
        json_pack("{s:s,s:s}", "command", "disconnect", "session", options.arguments[0]), on_done,
        &show);

    settings_free(settings);
    return code;
}

static int run_inject(int argc, char **argv)
{
    struct control_options options;
    struct settings *settings = control_options_read(
        &options, argc, argv, NULL, 2, 2, "SESSION LINE",
        "Puts a line of ours between two of the miner's lines and prints the pool's answer, which "
        "the miner does not see. SESSION is its number or UUID, LINE one JSON object; its id is "
        "replaced by one of ours.");
    struct show show = {.table = control_wants_table(&options)};
    int code = control_call(argv[0], settings,
                            json_pack("{s:s,s:s,s:s}", "command", "inject", "session",
                                      options.arguments[0], "line", options.arguments[1]),
                            on_injected, &show);

    settings_free(settings);
    return code;
}

const struct command command_inject = {"inject", "send a line of ours to a session's pool",
                                       run_inject};
const struct command command_disconnect = {"disconnect", "close a session", run_disconnect};
const struct command command_rotate = {"rotate", "begin a new segment file", run_rotate};
const struct command command_stop = {"stop", "stop the recorder", run_stop};
