/*
 * How it works: local_client_call does the talking; each line of the answer is parsed once.
 * How it can fail: no recorder runs on that data directory (said so), or it refuses (its own
 * words).
 */
#include "cli/commands/ask_recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/display/terminal.h"
#include "lib/command/program.h"
#include "lib/event/local.h"

#define CONTROL_TIMEOUT_MS 60000 /* an injected line waits 30 s for its answer */

static bool take_argument(void *target, const char *text)
{
    struct control_options *options = target;

    if (options->argument_count == 2)
        return false;
    options->arguments[options->argument_count++] = text;
    return true;
}

struct settings *control_options_read(struct control_options *out, int argc, char **argv,
                                      const struct flag *extra, int least, int most,
                                      const char *args_doc, const char *doc)
{
    struct flag flags[2] = {{.name = "json",
                             .type = FLAG_SWITCH,
                             .offset = offsetof(struct control_options, json),
                             .help = "Print JSON, also on a terminal"}};
    struct flag_set set = {.flags = flags, .count = 1, .target = out};
    struct settings *settings;
    struct argp argp;

    *out = (struct control_options){.json = false};
    if (most > 0)
        set.argument = take_argument;
    if (extra != NULL)
        flags[set.count++] = *extra;
    argp = flag_set_argp(&set, args_doc, doc);
    settings = settings_load_or_exit(GROUP_COMMON, argc, argv, &argp, &set);
    flag_set_close(&set);
    if (out->argument_count < least || out->argument_count > most) {
        fprintf(stderr, "%s: expected %s\nTry `%s --help' for more information.\n", argv[0],
                args_doc, argv[0]);
        exit(SETTINGS_EXIT_STATUS);
    }
    return settings;
}

struct call {
    const char *command;
    void (*on_answer)(void *user, const json_t *answer);
    void *user;
    bool failed;
};

/* The words may repeat what a peer said. */
static void complain(struct call *call, struct span words)
{
    struct buffer line = {NULL, 0, 0};

    terminal_append_text(&line, words);
    fprintf(stderr, "%s: %.*s\n", call->command, (int)line.len, line.data);
    buffer_close(&line);
    call->failed = true;
}

static bool on_line(void *user, const char *line, size_t len)
{
    struct call *call = user;
    json_t *answer = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
    const json_t *error = json_object_get(answer, "error");

    if (answer == NULL) {
        complain(call, span_text("the answer is no JSON"));
    } else if (json_is_string(error)) {
        complain(call, span_make(json_string_value(error), json_string_length(error)));
    } else {
        call->on_answer(call->user, answer);
    }
    json_decref(answer);
    return true;
}

int control_call(const char *command, const struct settings *settings, json_t *request,
                 void (*on_answer)(void *user, const json_t *answer), void *user)
{
    struct call call = {.command = command, .on_answer = on_answer, .user = user};
    char path[PROGRAM_PATH_MAX];
    struct error err = {""};
    char *text = json_dumps(request, JSON_COMPACT);
    enum status status;

    json_decref(request);
    if (text == NULL) {
        fprintf(stderr, "%s: the arguments are not UTF-8\n", command);
        return SETTINGS_EXIT_STATUS;
    }
    program_control_path(path, settings);
    status = local_client_call(path, text, CONTROL_TIMEOUT_MS, on_line, &call, &err);
    free(text);
    if (status == STATUS_NOT_FOUND || (status == STATUS_CLOSED && access(path, F_OK) != 0))
        fprintf(stderr, "%s: no recorder is running on %s\n", command,
                settings_text(settings, "DATA_DIR"));
    else if (status != STATUS_OK)
        fprintf(stderr, "%s: %s\n", command, err.text);
    fflush(stdout);
    return status == STATUS_OK && !call.failed ? 0 : 1;
}

bool control_wants_table(const struct control_options *options)
{
    return !options->json && isatty(STDOUT_FILENO) == 1;
}

void control_print_json(const json_t *answer)
{
    char *text = json_dumps(answer, JSON_COMPACT | JSON_PRESERVE_ORDER);

    puts(text == NULL ? "null" : text);
    free(text);
}
