/*
 * `hashscope repair FILE [TO]`: makes a damaged, torn or unsealed segment file anew, in another
 * file, and says what could not be kept.
 *
 * How it works: lib/segment/repair.h does it; --replace then puts the result in the place
 * of the original, which stays beside it as `.torn`: linked there first, so that at no moment a
 * name is missing.
 *
 * How it can fail: as told by the library; nothing is left behind then, and the original is as it
 * was. Exit 3 when something was lost.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands/command.h"
#include "cli/display/output.h"
#include "cli/display/verdict_text.h"
#include "lib/base/file.h"
#include "lib/base/json.h"
#include "lib/command/filter.h"
#include "lib/command/program.h"
#include "lib/record/line.h"
#include "lib/segment/repair.h"
#include "lib/segment/writer.h"

#define TORN_MAX 1000

struct repair_options {
    struct format_options format;
    bool replace;
    struct argument_list files;
};

struct repairing {
    const struct repair_options *options;
    struct output output;
    bool table;
    const char *path;
    char sealed[PROGRAM_PATH_MAX]; /* the name of a sound file in its place */
    char to[PROGRAM_PATH_MAX];
    uint64_t lost; /* stretches */
};

static void on_lost(void *user, const struct segment_problem *problem)
{
    struct repairing *repairing = user;

    repairing->lost += problem->lines_lost;
    if (repairing->table)
        problem_append_row(&repairing->output.text, problem);
    else
        problem_append_json(&repairing->output.text, repairing->path, problem);
}

/* "X.ndjson.zst" of "X.ndjson.zst.open", "X.ndjson.zst.torn.2" and the like; false: not so named.
 */
static bool find_sealed_name(struct repairing *repairing)
{
    const char *slash = strrchr(repairing->path, '/');
    const char *end = strstr(slash == NULL ? repairing->path : slash, SEGMENT_SUFFIX);
    size_t len = end == NULL ? 0 : (size_t)(end - repairing->path) + strlen(SEGMENT_SUFFIX);

    if (len == 0 || len + 32 > sizeof(repairing->sealed))
        return false;
    memcpy(repairing->sealed, repairing->path, len);
    repairing->sealed[len] = '\0';
    return true;
}

static bool choose_target(struct repairing *repairing)
{
    const struct argument_list *files = &repairing->options->files;
    bool named = find_sealed_name(repairing);

    if (files->count > 1)
        snprintf(repairing->to, sizeof(repairing->to), "%s", files->items[1]);
    else if (named)
        snprintf(repairing->to, sizeof(repairing->to), "%.4000s.repaired", repairing->sealed);
    else
        snprintf(repairing->to, sizeof(repairing->to), "%.4000s.repaired", repairing->path);
    return named || !repairing->options->replace;
}

/* ---- putting it in place ---- */

static enum status keep_original(const struct repairing *repairing, char torn[PROGRAM_PATH_MAX],
                                 struct error *err)
{
    for (int i = 1; i < TORN_MAX; i++) {
        if (i == 1)
            snprintf(torn, PROGRAM_PATH_MAX, "%.4000s.torn", repairing->sealed);
        else
            snprintf(torn, PROGRAM_PATH_MAX, "%.4000s.torn.%d", repairing->sealed, i);
        if (link(repairing->path, torn) == 0)
            return STATUS_OK;
        if (errno != EEXIST)
            break;
    }
    return error_errno(err, errno, "keeping the original as %s", torn);
}

static enum status replace(const struct repairing *repairing, char torn[PROGRAM_PATH_MAX],
                           struct error *err)
{
    bool in_place = strcmp(repairing->path, repairing->sealed) == 0;
    enum status status;

    if (!in_place && access(repairing->sealed, F_OK) == 0)
        return error_set(err, STATUS_EXISTS, "%s is there already: it counts, not %s",
                         repairing->sealed, repairing->path);
    status = keep_original(repairing, torn, err);
    if (status != STATUS_OK)
        return status;
    if (rename(repairing->to, repairing->sealed) != 0)
        return error_errno(err, errno, "renaming %s to %s", repairing->to, repairing->sealed);
    if (!in_place && unlink(repairing->path) != 0)
        return error_errno(err, errno, "removing %s, which is also %s", repairing->path, torn);
    return file_sync_folder(repairing->sealed, err);
}

/* ---- telling ---- */

static void tell_json(struct repairing *repairing, const struct segment_repaired *done,
                      const char *result, const char *torn)
{
    struct buffer *out = &repairing->output.text;

    buffer_append_text(out, "{\"file\":");
    json_append_text(out, repairing->path);
    line_add_text(out, "repaired", result);
    if (torn[0] != '\0')
        line_add_text(out, "original", torn);
    line_add_bool(out, "sound", done->sound);
    line_add_u64(out, "frames", done->frames);
    line_add_u64(out, "lines", done->lines);
    line_add_u64(out, "recovered_lines", done->recovered_lines);
    line_add_u64(out, "frames_lost", done->frames_lost);
    line_add_u64(out, "lost_numbers", done->lost_numbers);
    line_add_u64(out, "gaps", done->gaps);
    line_add_u64(out, "first_seq", done->first_seq);
    line_add_u64(out, "last_seq", done->last_seq);
    line_add_bool(out, "header_made", done->header_made);
    line_end(out);
}

static void tell_people(struct repairing *repairing, const struct segment_repaired *done,
                        const char *result, const char *torn)
{
    struct buffer *out = &repairing->output.text;

    buffer_append_format(out, "%s: %" PRIu64 " lines in %" PRIu64 " frame%s kept",
                         done->sound ? "sound" : "repaired", done->lines, done->frames,
                         done->frames == 1 ? "" : "s");
    if (done->recovered_lines > 0)
        buffer_append_format(out, ", %" PRIu64 " of them from the end that was cut off",
                             done->recovered_lines);
    if (done->frames_lost > 0 || done->lost_numbers > 0)
        buffer_append_format(out, "; %" PRIu64 " damaged frames with %" PRIu64 " numbers lost",
                             done->frames_lost, done->lost_numbers);
    buffer_append_text(out, "\nnow in ");
    terminal_append_text(out, span_text(result));
    if (torn[0] != '\0') {
        buffer_append_text(out, "\noriginal in ");
        terminal_append_text(out, span_text(torn));
    }
    buffer_append_char(out, '\n');
}

static int repair(struct repairing *repairing)
{
    struct segment_repaired done;
    struct error err = {""};
    char torn[PROGRAM_PATH_MAX] = "";
    const char *result = repairing->to;
    enum status status =
        segment_repair(repairing->path, repairing->to, on_lost, repairing, &done, &err);

    if (status == STATUS_OK && repairing->options->replace) {
        status = replace(repairing, torn, &err);
        result = repairing->sealed;
    }
    if (status != STATUS_OK) {
        output_flush(&repairing->output);
        fprintf(stderr, "%s: %s\n", repairing->output.command, err.text);
        return 1;
    }
    if (repairing->table)
        tell_people(repairing, &done, result, torn);
    else
        tell_json(repairing, &done, result, torn);
    return done.frames_lost > 0 || done.lost_numbers > 0 || repairing->lost > 0 ? EXIT_DAMAGED : 0;
}

static bool take_file(void *target, const char *text)
{
    argument_list_add(&((struct repair_options *)target)->files, text);
    return true;
}

static const struct flag own_flags[] = {
    {"replace", 0, FLAG_SWITCH, offsetof(struct repair_options, replace), 0, 0, NULL, NULL,
     "Put the result in the place of the original, which stays beside it as .torn"},
};

static const char doc[] =
    "Makes a damaged, torn or unsealed segment file anew from all that can be trusted in it, and "
    "says what could not be kept. The result goes to TO (FILE.repaired, if not given), which must "
    "not exist. The original is never changed."
    "\vExit codes: 0 every line was kept; 1 it could not be done (a recorder is running on that "
    "data directory, TO exists, nothing can be read); 2 the command line is wrong; 3 it was done, "
    "and something was lost.";

static const char *contradiction(const struct repair_options *options)
{
    if (options->files.count < 1 || options->files.count > 2)
        return "expected FILE [TO]";
    if (options->replace && options->files.count > 1)
        return "--replace or TO, not both";
    return NULL;
}

static int repair_with(const struct repair_options *options, const char *command)
{
    struct repairing repairing = {.options = options,
                                  .path = options->files.items[0],
                                  .table = format_wants_table(&options->format)};
    int code = 1;

    output_init(&repairing.output, command);
    if (choose_target(&repairing))
        code = repair(&repairing);
    else
        fprintf(stderr,
                "%s: %s: --replace wants a file named as segments are, *" SEGMENT_SUFFIX "\n",
                command, repairing.path);
    output_flush(&repairing.output);
    code = code == 0 && repairing.output.failed ? 1 : code;
    output_close(&repairing.output);
    return code;
}

static int run(int argc, char **argv)
{
    const struct flag_table tables[] = {format_flags, FLAG_TABLE(own_flags)};
    const struct arguments arguments = {tables, 2, take_file, "FILE [TO]", doc};
    struct repair_options options = {.replace = false};
    struct settings *settings = arguments_read(&arguments, &options, argc, argv);
    const char *wrong = contradiction(&options);
    int code = SETTINGS_EXIT_STATUS;

    if (wrong != NULL)
        fprintf(stderr, "%s: %s\nTry `%s --help' for more information.\n", argv[0], wrong, argv[0]);
    else
        code = repair_with(&options, argv[0]);
    settings_free(settings);
    argument_list_close(&options.files);
    return code;
}

const struct command command_repair = {"repair", "make a damaged segment file anew", run};
