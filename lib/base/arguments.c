/*
 * arguments.c - the command line, by argp. Its option list is made from the rows of the wanted
 * groups, one heading a section; a flag's key is its row's index above FIRST_KEY, beyond every
 * character, so that no flag is short. The program's own parser is a child of ours; argp offers it
 * whatever ours does not know. Memory for the list is freed when the parse is over.
 *
 * argp takes the beginning of a flag's name for the flag, so that `--port 3333` would be
 * `--port-file 3333`: what somebody meant otherwise is done without a word. We look first, and
 * refuse.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/option_name.h"
#include "lib/base/option_value.h"
#include "lib/base/options.h"
#include "lib/base/options_private.h"
#include "lib/base/version.h"

#define ENV_FILE_KEY 0x10000
#define FIRST_KEY    0x10001
#define FIRST_GROUP  100

const char *argp_program_version = "HashScope " HASHSCOPE_VERSION;

struct flag_list {
    struct argp_option *options; /* ends with an empty one */
    char **texts;                /* what the options point to */
    size_t option_count, text_count;
};

struct parse_input {
    const struct argument_sink *sink;
    bool has_extra; /* a child parser */
    void *extra_input;
};

static const char *keep_text(struct flag_list *list, struct buffer *text)
{
    char *copy = memory_text_n(text->data, text->len);

    buffer_close(text);
    list->texts[list->text_count++] = copy;
    return copy;
}

static const char *flag_name(struct flag_list *list, const struct option_row *row)
{
    struct buffer text = {0};

    option_append_flag(&text, row->name);
    return keep_text(list, &text);
}

static const char *flag_help(struct flag_list *list, const struct option_row *row)
{
    struct buffer text = {0};

    buffer_append_text(&text, row->help);
    if (row->default_value != NULL)
        buffer_append_format(&text, " [%s]", row->default_value);
    return keep_text(list, &text);
}

static void add_heading(struct flag_list *list, const char *section, int group)
{
    struct buffer text = {0};

    buffer_append_format(&text, "%s:", section);
    list->options[list->option_count++] =
        (struct argp_option){.doc = keep_text(list, &text), .group = group};
}

static void add_flag(struct flag_list *list, size_t i, int group)
{
    const struct option_row *row = &option_table[i];

    list->options[list->option_count++] = (struct argp_option){
        .name = flag_name(list, row),
        .key = FIRST_KEY + (int)i,
        .arg = row->placeholder,
        .flags = row->type == OPTION_BOOLEAN ? OPTION_ARG_OPTIONAL : 0,
        .doc = flag_help(list, row),
        .group = group,
    };
}

/* argp sorts the flags of a group by name; the groups below FIRST_GROUP are the program's own and
 * come first. */
static struct flag_list flag_list_new(unsigned groups)
{
    struct flag_list list = {
        .options = memory_new((2 * option_count + 2) * sizeof *list.options),
        .texts = memory_new(3 * option_count * sizeof *list.texts),
    };
    const char *section = "";
    int group = FIRST_GROUP;

    for (size_t i = 0; i < option_count; i++) {
        if ((option_table[i].groups & groups) == 0)
            continue;
        if (strcmp(section, option_section(&option_table[i])) != 0) {
            section = option_section(&option_table[i]);
            add_heading(&list, section, ++group);
        }
        add_flag(&list, i, group);
    }
    list.options[list.option_count] = (struct argp_option){
        .name = "env-file",
        .key = ENV_FILE_KEY,
        .arg = "FILE",
        .doc = "read settings from FILE in place of ./.env",
        .group = -1,
    };
    return list;
}

static void flag_list_free(struct flag_list *list)
{
    for (size_t i = 0; i < list->text_count; i++)
        free(list->texts[i]);
    free(list->texts);
    free(list->options);
}

static error_t parse_argument(int key, char *text, struct argp_state *state)
{
    const struct parse_input *input = state->input;

    if (key == ARGP_KEY_INIT) {
        if (input->has_extra)
            state->child_inputs[0] = input->extra_input;
        return 0;
    }
    if (key == ENV_FILE_KEY) {
        free(*input->sink->env_file);
        *input->sink->env_file = memory_text(text);
        return 0;
    }
    if (key < FIRST_KEY || key >= FIRST_KEY + (int)option_count)
        return ARGP_ERR_UNKNOWN;
    input->sink->given[key - FIRST_KEY] = text != NULL ? text : "true";
    return 0;
}

static const struct argp_option *find_option(const struct argp *argp, const char *name, size_t len)
{
    for (const struct argp_option *at = argp->options; at != NULL && (at->name || at->doc); at++) {
        if (at->name != NULL && strncmp(at->name, name, len) == 0 && at->name[len] == '\0')
            return at;
    }
    return NULL;
}

/* The flag that the name is only the beginning of. */
static const char *find_longer(const struct argp *argp, const char *name, size_t len)
{
    for (const struct argp_option *at = argp->options; at != NULL && (at->name || at->doc); at++) {
        if (at->name != NULL && strncmp(at->name, name, len) == 0)
            return at->name;
    }
    return NULL;
}

/* Whether the short flags of this word end in one that takes the next word. */
static bool takes_next(const struct argp *argp, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        for (const struct argp_option *at = argp->options; at != NULL && (at->name || at->doc);
             at++) {
            if (at->key == *letters && at->arg != NULL)
                return letters[1] == '\0';
        }
    }
    return false;
}

/* Returns whether the word after this one belongs to it. */
static bool refuse_beginning(const struct argp *ours, const struct argp *own, const char *program,
                             const char *word)
{
    const char *name = word + 2, *longer;
    size_t len = strcspn(name, "=");
    const struct argp_option *known = find_option(own, name, len);

    if (known == NULL)
        known = find_option(ours, name, len);
    if (known != NULL)
        return known->arg != NULL && name[len] == '\0';
    longer = find_longer(own, name, len);
    if (longer == NULL)
        longer = find_longer(ours, name, len);
    if (longer == NULL)
        return false; /* argp's own, or unknown to it as well */
    fprintf(stderr,
            "%s: unrecognized option '--%.*s', did you mean '--%s'?\n"
            "Try `%s --help' for more information.\n",
            program, (int)len, name, longer, program);
    exit(SETTINGS_EXIT_STATUS);
}

static void refuse_beginnings(const struct argp *ours, const struct argp *own, int argc,
                              char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--", 2) == 0)
            i += refuse_beginning(ours, own, argv[0], argv[i]);
        else if (argv[i][0] == '-')
            i += takes_next(own, argv[i] + 1);
    }
}

/* The text before \v stands above the flags, what follows stands below. */
static void append_doc(struct buffer *out, const struct argp *extra)
{
    const char *own = extra != NULL && extra->doc != NULL ? extra->doc : "\n";

    buffer_append_text(out, own);
    buffer_append_text(out, strchr(own, '\v') != NULL ? "\n\n" : "\v");
    buffer_append_text(out, "Every flag is also an environment variable and a line of ./.env: "
                            "--data-dir is DATA_DIR. The command line beats the environment, which "
                            "beats .env; an empty value means the default.");
    buffer_append_char(out, '\0');
}

void options_parse_arguments(const struct argument_sink *sink, int argc, char **argv,
                             const struct argp *extra, void *extra_input)
{
    struct argp own = extra != NULL ? *extra : (struct argp){0};
    struct argp_child children[] = {{.argp = &own}, {0}};
    struct flag_list list = flag_list_new(sink->groups);
    struct parse_input input = {sink, extra != NULL, extra_input};
    struct buffer doc = {0};
    struct argp argp = {.options = list.options, .parser = parse_argument};

    append_doc(&doc, extra);
    own.doc = NULL;
    argp.doc = doc.data;
    argp.children = extra != NULL ? children : NULL;
    argp_err_exit_status = SETTINGS_EXIT_STATUS;
    refuse_beginnings(&argp, &own, argc, argv);
    if (argp_parse(&argp, argc, argv, 0, NULL, &input) != 0)
        exit(SETTINGS_EXIT_STATUS);
    buffer_close(&doc);
    flag_list_free(&list);
}
