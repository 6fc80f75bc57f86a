/*
 * `hashscope verify [FILE...|all]`: reads files from their first byte to their last, and says what
 * is damaged and what is missing; of the whole archive also what is missing between its files.
 *
 * How it can fail: a file can't be read: exit 1 after the others; damage was found: exit 3.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands/command.h"
#include "cli/display/output.h"
#include "cli/display/verdict_text.h"
#include "lib/command/filter.h"

struct verify_options {
    struct format_options format;
    const char *series;
    struct argument_list files;
};

struct verifying {
    struct output output;
    const char *path; /* the one being read */
    bool table, color;
    struct buffer problems; /* of it, as rows */
    uint64_t files, damaged, missing, lost;
    uint64_t last_seq; /* of the files so far; 0: none */
    bool failed;
};

static void on_problem(void *user, const struct segment_problem *problem)
{
    struct verifying *verifying = user;

    if (verifying->table)
        problem_append_row(&verifying->problems, problem);
    else
        problem_append_json(&verifying->output.text, verifying->path, problem);
}

static void fail(struct verifying *verifying, const char *text)
{
    output_flush(&verifying->output);
    fprintf(stderr, "%s: %s\n", verifying->output.command, text);
    verifying->failed = true;
}

static void show(struct verifying *verifying, const struct segment_verdict *verdict)
{
    struct terminal_row row = {.out = verifying->output.text, .color = verifying->color};

    if (verifying->table) {
        verdict_append_row(&row, verifying->path, verdict);
        if (verifying->problems.len > 0)
            buffer_append(&row.out, verifying->problems.data, verifying->problems.len);
    } else {
        verdict_append_json(&row.out, verifying->path, verdict);
    }
    verifying->output.text = row.out;
    buffer_clear(&verifying->problems);
    output_flush(&verifying->output);
    verifying->files++;
    verifying->damaged += !verdict_is_sound(verdict);
    verifying->missing += verdict->missing;
    verifying->lost += verdict->lost;
}

/* False: it could not be read. `gone_is_fine`: retention may have taken it. */
static bool verify_file(struct verifying *verifying, const char *path, bool gone_is_fine,
                        struct segment_verdict *verdict)
{
    struct error err = {""};
    char text[sizeof(err.text) + 4096];
    enum status status;

    verifying->path = path;
    status = segment_verify(path, on_problem, verifying, verdict, &err);
    if (status == STATUS_OK) {
        show(verifying, verdict);
        return true;
    }
    buffer_clear(&verifying->problems);
    if (status == STATUS_NOT_FOUND && gone_is_fine)
        return false;
    snprintf(text, sizeof(text), "%s%s%s", strstr(err.text, path) == NULL ? path : "",
             strstr(err.text, path) == NULL ? ": " : "", err.text);
    fail(verifying, text);
    return false;
}

/* Numbers that lie between two files. A gap line at the beginning of the second one may name them:
 * as many as its gaps name are taken for named. */
static void compare(struct verifying *verifying, const struct segment_verdict *verdict)
{
    uint64_t between = 0;

    if (verdict->last_seq == 0)
        return;
    if (verifying->last_seq > 0 && verdict->first_seq > verifying->last_seq + 1 &&
        !(verdict->head.flags & SEGMENT_SPARSE))
        between = verdict->first_seq - verifying->last_seq - 1;
    if (between > verdict->lost) {
        between -= verdict->lost;
        output_flush(&verifying->output);
        fprintf(stderr,
                "%s: %s: %" PRIu64 " numbers between %" PRIu64 " and %" PRIu64 " are in no file\n",
                verifying->output.command, verifying->path, between, verifying->last_seq,
                verdict->first_seq);
        verifying->missing += between;
    }
    if (verdict->last_seq > verifying->last_seq)
        verifying->last_seq = verdict->last_seq;
}

static void sum_up(struct verifying *verifying)
{
    struct buffer *out = &verifying->output.text;

    if (verifying->table)
        buffer_append_format(out,
                             "%" PRIu64 " file%s, %" PRIu64 " damaged; %" PRIu64
                             " numbers missing, %" PRIu64 " lost as gaps say\n",
                             verifying->files, verifying->files == 1 ? "" : "s", verifying->damaged,
                             verifying->missing, verifying->lost);
    else
        buffer_append_format(out,
                             "{\"files\":%" PRIu64 ",\"damaged\":%" PRIu64 ",\"missing\":%" PRIu64
                             ",\"lost\":%" PRIu64 "}\n",
                             verifying->files, verifying->damaged, verifying->missing,
                             verifying->lost);
}

static void verify_archive(struct verifying *verifying, const char *data_dir, uint64_t series)
{
    struct segment_path *paths = NULL;
    struct segment_verdict verdict;
    struct error err = {""};
    char path[SEGMENT_PATH_MAX];
    struct stat folder;
    size_t count = 0;

    if (stat(data_dir, &folder) != 0) {
        snprintf(err.text, sizeof(err.text), "no data directory %s", data_dir);
        fail(verifying, err.text);
        return;
    }
    if (segment_folder(path, data_dir, series, &err) != STATUS_OK ||
        segment_list_folder(path, &paths, &count, &err) != STATUS_OK) {
        fail(verifying, err.text);
        return;
    }
    for (size_t i = 0; i < count && !verifying->output.closed; i++) {
        if (verify_file(verifying, paths[i].path, true, &verdict))
            compare(verifying, &verdict);
    }
    sum_up(verifying);
    segment_list_free(paths, count);
}

static bool take_file(void *target, const char *text)
{
    argument_list_add(&((struct verify_options *)target)->files, text);
    return true;
}

static bool wants_all(const struct argument_list *files)
{
    return files->count == 0 || (files->count == 1 && strcmp(files->items[0], "all") == 0);
}

static const char doc[] =
    "Reads segment files from beginning to end and says what is damaged or missing: every frame, "
    "checksum, line, number, index entry and footer. Without FILEs, or with `all', the whole "
    "archive of the data directory, and what is missing between its files."
    " --series verifies an import."
    "\vExit codes: 0 all is sound; 1 a file can't be read; 2 the command line is wrong; 3 "
    "something "
    "is damaged or missing.";

static int verify(const struct verify_options *options, const struct settings *settings,
                  const char *command)
{
    struct verifying verifying = {.table = format_wants_table(&options->format),
                                  .color = terminal_wants_color()};
    struct segment_verdict verdict;
    uint64_t series = 0;

    if (options->series != NULL && !filter_parse_series(options->series, &series)) {
        fprintf(stderr, "%s: --series %s: expected 16 hexadecimal digits\n", command,
                options->series);
        return SETTINGS_EXIT_STATUS;
    }
    output_init(&verifying.output, command);
    if (wants_all(&options->files))
        verify_archive(&verifying, settings_text(settings, "DATA_DIR"), series);
    for (size_t i = 0; !wants_all(&options->files) && i < options->files.count; i++)
        (void)verify_file(&verifying, options->files.items[i], false, &verdict);
    output_flush(&verifying.output);
    verifying.failed = verifying.failed || verifying.output.failed;
    output_close(&verifying.output);
    buffer_close(&verifying.problems);
    if (verifying.damaged > 0 || verifying.missing > 0)
        return EXIT_DAMAGED;
    return verifying.failed ? 1 : 0;
}

static const struct flag own_flags[] = {
    {.help = "What:"},
    {"series", 0, FLAG_TEXT, offsetof(struct verify_options, series), 0, 0, NULL, "INSTANCE",
     "What was imported under this name"},
};

static int run(int argc, char **argv)
{
    const struct flag_table tables[] = {format_flags, FLAG_TABLE(own_flags)};
    const struct arguments arguments = {tables, 2, take_file, "[FILE...|all]", doc};
    struct verify_options options = {.files = {NULL, 0}};
    struct settings *settings = arguments_read(&arguments, &options, argc, argv);
    int code = verify(&options, settings, argv[0]);

    settings_free(settings);
    argument_list_close(&options.files);
    return code;
}

const struct command command_verify = {"verify", "say what is damaged or missing", run};
