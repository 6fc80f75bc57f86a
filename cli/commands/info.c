/*
 * `hashscope info FILE...`: what a segment file holds, from its footer or, without one, from its
 * frames.
 *
 * How it can fail: a file is none of ours, cannot be read, or is damaged: exit 1, after the others.
 */
#include <stdio.h>

#include "cli/commands/command.h"
#include "cli/commands/segment_facts.h"
#include "cli/display/output.h"
#include "lib/command/arguments.h"
#include "lib/command/filter.h"

struct info_options {
    struct format_options format;
    struct argument_list files;
};

static bool take_file(void *target, const char *text)
{
    argument_list_add(&((struct info_options *)target)->files, text);
    return true;
}

/* False: it could not be read, or is damaged. */
static bool show(struct output *output, const char *path, bool table, bool first)
{
    struct segment_facts facts;
    struct error err = {""};
    bool intact;

    if (segment_facts_read(&facts, path, true, &err) != STATUS_OK) {
        output_flush(output);
        fprintf(stderr, "%s: %s\n", output->command, err.text);
        return false;
    }
    intact = facts.damage.text[0] == '\0';
    if (table && !first)
        buffer_append_char(&output->text, '\n');
    if (table)
        segment_facts_append_sheet(&output->text, &facts);
    else
        segment_facts_append_json(&output->text, &facts, true);
    output_advance(output);
    segment_facts_close(&facts);
    return intact;
}

static const char doc[] =
    "Tells what segment files hold: times, numbers, sizes, messages, methods, sessions. On a "
    "terminal a sheet, into a pipe one JSON object a file."
    "\vExit codes: 0 all are in order, as far as can be seen without reading every line (that is "
    "what `hashscope verify' does); 1 one is damaged or can't be read; 2 the command line is "
    "wrong.";

static int run(int argc, char **argv)
{
    const struct arguments arguments = {&format_flags, 1, take_file, "FILE...", doc};
    struct info_options options = {.files = {NULL, 0}};
    struct settings *settings = arguments_read(&arguments, &options, argc, argv);
    struct output output;
    bool intact = true;
    int code = SETTINGS_EXIT_STATUS;

    if (options.files.count == 0) {
        fprintf(stderr, "%s: expected FILE...\nTry `%s --help' for more information.\n", argv[0],
                argv[0]);
    } else {
        output_init(&output, argv[0]);
        for (size_t i = 0; i < options.files.count && !output.closed; i++)
            intact = show(&output, options.files.items[i], format_wants_table(&options.format),
                          i == 0) &&
                     intact;
        output_flush(&output);
        code = intact && !output.failed ? 0 : 1;
        output_close(&output);
    }
    settings_free(settings);
    argument_list_close(&options.files);
    return code;
}

const struct command command_info = {"info", "tell what a segment file holds", run};
