/* Framing: lines, terminators, fragments, opaque streams; whatever the reads look like. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/stratum/frame.h"
#include "tests/unit/unit.h"

#define AMPLE ((size_t)1 << 30)

/* What came out: the bytes, and the pieces written as text, one a line. */
struct log {
    struct buffer bytes;
    struct buffer pieces;
    const char *last_data;
    bool wrong; /* a piece made no sense; a flag, since an assertion for each is slow */
};

static void note(void *context, const struct stratum_piece *piece)
{
    static const char *const terminators[] = {"", "\n", "\r\n"};
    struct log *log = context;
    if (piece->terminator > STRATUM_TERMINATOR_CRLF)
        abort();
    log->wrong = log->wrong || piece->offset != log->bytes.len || piece->data == NULL;
    buffer_append(&log->bytes, piece->data, piece->len);
    buffer_append_text(&log->bytes, terminators[piece->terminator]);
    buffer_append(&log->pieces, piece->data, piece->len);
    buffer_append_format(&log->pieces, "|%u%s", piece->terminator, piece->opaque ? " opaque" : "");
    if (piece->is_fragment)
        buffer_append_format(&log->pieces, " f%u%s", (unsigned)piece->fragment,
                             piece->last_fragment ? " last" : "");
    buffer_append_text(&log->pieces, "\n");
    log->last_data = piece->data;
}

static void forget(struct log *log)
{
    if (log->wrong)
        ck_abort_msg("a piece without data, or with a wrong offset");
    buffer_close(&log->bytes);
    buffer_close(&log->pieces);
}

static void expect_pieces(struct log *log, const char *expected)
{
    buffer_append(&log->pieces, "", 1);
    ck_assert_str_eq(log->pieces.data, expected);
    forget(log);
}

/* A framer with everything around it. */
struct rig {
    struct stratum_framer framer;
    struct stratum_limits limits;
    size_t budget;
    struct log log;
};

static void rig_init(struct rig *rig, size_t line_max, size_t fragment_max, size_t budget)
{
    *rig = (struct rig){.limits = {line_max, fragment_max, &rig->budget}, .budget = budget};
}

static void push(struct rig *rig, const char *data, size_t len)
{
    stratum_framer_push(&rig->framer, &rig->limits, data, len, note, &rig->log);
}

static void push_text(struct rig *rig, const char *text)
{
    push(rig, text, strlen(text));
}

static void finish(struct rig *rig)
{
    stratum_framer_finish(&rig->framer, &rig->limits, note, &rig->log);
    if (stratum_framer_mid_line(&rig->framer) || rig->framer.partial.data != NULL)
        ck_abort_msg("the end of the stream left something behind");
}

/* ---- lines ---- */

START_TEST(the_struct_is_small)
{
    ck_assert_uint_le(sizeof(struct stratum_framer), 64);
}
END_TEST

START_TEST(lines_and_their_terminators)
{
    struct rig rig;
    rig_init(&rig, 100, 10, AMPLE);
    push_text(&rig, "one\ntwo\r\n\n\r\nthr\ree\r\r\n");
    push_text(&rig, "fo");
    push_text(&rig, "ur\r");
    push_text(&rig, "\nrest\r");
    finish(&rig);
    expect_pieces(&rig.log, "one|1\ntwo|2\n|1\n|2\nthr\ree\r|2\nfour|2\nrest\r|0\n");
    ck_assert_uint_eq(rig.budget, AMPLE);
}
END_TEST

START_TEST(a_line_that_lies_whole_in_a_read_is_not_copied)
{
    static const char data[] = "first\nsecond\n";
    struct rig rig;
    rig_init(&rig, 100, 10, 0);
    push(&rig, data, sizeof(data) - 1);
    ck_assert_ptr_eq(rig.log.last_data, data + 6);
    expect_pieces(&rig.log, "first|1\nsecond|1\n");
}
END_TEST

START_TEST(between_lines_a_framer_holds_no_memory)
{
    struct rig rig;
    rig_init(&rig, 100, 10, AMPLE);
    ck_assert(!stratum_framer_mid_line(&rig.framer));
    push_text(&rig, "half a ");
    ck_assert(stratum_framer_mid_line(&rig.framer));
    ck_assert_uint_eq(rig.budget, AMPLE - 7);
    push_text(&rig, "line\n");
    ck_assert(!stratum_framer_mid_line(&rig.framer));
    ck_assert_uint_eq(rig.budget, AMPLE);
    ck_assert_ptr_null(rig.framer.partial.data);
    ck_assert_uint_eq(rig.framer.offset, 12);
    forget(&rig.log);
}
END_TEST

START_TEST(closing_in_mid_line_gives_the_budget_back)
{
    struct rig rig;
    rig_init(&rig, 100, 10, 50);
    push_text(&rig, "half a line");
    stratum_framer_close(&rig.framer, &rig.limits);
    stratum_framer_close(&rig.framer, &rig.limits);
    ck_assert_uint_eq(rig.budget, 50);
    ck_assert(!stratum_framer_mid_line(&rig.framer));
    forget(&rig.log);
}
END_TEST

START_TEST(an_empty_read_is_nothing)
{
    struct rig rig;
    rig_init(&rig, 100, 10, 50);
    push(&rig, "", 0);
    finish(&rig);
    ck_assert_uint_eq(rig.log.pieces.len, 0);
}
END_TEST

/* ---- fragments ---- */

static void expect_line(const char *line, size_t line_max, size_t fragment_max,
                        const char *expected)
{
    struct rig rig;
    rig_init(&rig, line_max, fragment_max, AMPLE);
    push_text(&rig, line);
    finish(&rig);
    ck_assert_uint_eq(rig.budget, AMPLE);
    expect_pieces(&rig.log, expected);
}

START_TEST(a_line_above_the_limit_comes_in_fragments)
{
    expect_line("12345678\n", 8, 3, "12345678|1\n");
    expect_line("12345678\r\n", 8, 3, "12345678|2\n");
    expect_line("12345678", 8, 3, "12345678|0\n");
    expect_line("123456789\n", 8, 3, "123|0 f0\n456|0 f1\n789|1 f2 last\n");
    expect_line("123456789\r\n", 8, 3, "123|0 f0\n456|0 f1\n789|2 f2 last\n");
    expect_line("123456789a\n", 8, 3, "123|0 f0\n456|0 f1\n789|0 f2\na|1 f3 last\n");
    expect_line("123456789a", 8, 3, "123|0 f0\n456|0 f1\n789|0 f2\na|0 f3 last\n");
    expect_line("12345678\r", 8, 3, "123|0 f0\n456|0 f1\n78\r|0 f2 last\n");
    expect_line("12345678\r\r\n", 8, 3, "123|0 f0\n456|0 f1\n78\r|2 f2 last\n");
    expect_line("123\n", 2, 5, "123|1 f0 last\n");
    expect_line("1234567\nx\n", 2, 5, "12345|0 f0\n67|1 f1 last\nx|1\n");
    expect_line("123456789\n123456789\n", 8, 5,
                "12345|0 f0\n6789|1 f1 last\n12345|0 f0\n6789|1 f1 last\n");
}
END_TEST

START_TEST(a_long_line_is_held_as_one_fragment_at_most_once_it_is_known_to_be_long)
{
    struct rig rig;
    rig_init(&rig, 1000, 100, AMPLE);
    for (int i = 0; i < 5000; i++) {
        push_text(&rig, "x");
        if (i >= 1000)
            ck_assert_uint_le(rig.framer.partial.capacity, 256);
        ck_assert_uint_eq(rig.budget, AMPLE - rig.framer.partial.len);
    }
    finish(&rig);
    ck_assert_uint_eq(rig.log.bytes.len, 5000);
    forget(&rig.log);
}
END_TEST

/* ---- any split gives the same ---- */

static const char nasty[] = "{\"id\":1}\n\r\n\n\r\r\n{\"a\":\"\xc3\xa9\xe2\x82\xac\"}\r\n"
                            "12345678\n12345678\r\n12345678\r\r\n123456789\r\nabcdefghijklmnop\n"
                            "abc\rdef\rghi\rjkl\r\n\x01\x02\xff not so opaque\nlast\r\r";

static bool same(const struct buffer *buffer, const char *data, size_t len)
{
    return buffer->len == len && memcmp(buffer->data, data, len) == 0;
}

static void expect_same(const size_t *cuts, size_t count, const struct stratum_limits *limits,
                        const struct log *expected)
{
    struct rig rig;
    size_t at = 0;
    rig_init(&rig, limits->line_max, limits->fragment_max, AMPLE);
    for (size_t i = 0; i < count; at = cuts[i++])
        push(&rig, nasty + at, cuts[i] - at);
    push(&rig, nasty + at, sizeof(nasty) - 1 - at);
    finish(&rig);
    if (!same(&rig.log.pieces, expected->pieces.data, expected->pieces.len) ||
        !same(&rig.log.bytes, nasty, sizeof(nasty) - 1) || rig.budget != AMPLE)
        ck_abort_msg("cut at %zu and %zu: other pieces", cuts[0], cuts[1]);
    forget(&rig.log);
}

static void all_splits(size_t line_max, size_t fragment_max)
{
    struct rig whole;
    size_t every[sizeof(nasty)];
    rig_init(&whole, line_max, fragment_max, AMPLE);
    push(&whole, nasty, sizeof(nasty) - 1);
    finish(&whole);
    for (size_t a = 0; a < sizeof(nasty); a++) {
        every[a] = a;
        for (size_t b = a; b < sizeof(nasty); b++)
            expect_same((size_t[]){a, b}, 2, &whole.limits, &whole.log);
    }
    expect_same(every, sizeof(nasty) - 1, &whole.limits, &whole.log); /* byte by byte */
    forget(&whole.log);
}

START_TEST(the_pieces_do_not_depend_on_the_reads)
{
    all_splits(8, 3);
    all_splits(8, 8);
    all_splits(8, 100);
    all_splits(9, 1);
    all_splits(20, 7);
    all_splits(1000, 10);
}
END_TEST

/* ---- the budget ---- */

START_TEST(without_budget_a_cut_line_comes_in_fragments)
{
    struct rig rig;
    rig_init(&rig, 100, 10, 5);
    push_text(&rig, "abc");
    push_text(&rig, "defg");
    ck_assert_uint_eq(rig.budget, 5);
    push_text(&rig, "hi");
    ck_assert_uint_eq(rig.budget, 3);
    push_text(&rig, "\nwhole\nx");
    ck_assert_uint_eq(rig.budget, 4);
    finish(&rig);
    ck_assert_uint_eq(rig.budget, 5);
    expect_pieces(&rig.log, "abc|0 f0\ndefg|0 f1\nhi|1 f2 last\nwhole|1\nx|0\n");
}
END_TEST

START_TEST(with_no_budget_at_all_not_a_byte_is_held)
{
    struct rig rig;
    rig_init(&rig, 100, 4, 0);
    push_text(&rig, "abcdefghi\r");
    ck_assert_ptr_null(rig.framer.partial.data);
    ck_assert(stratum_framer_mid_line(&rig.framer));
    push_text(&rig, "\nabc");
    push_text(&rig, "\n");
    push_text(&rig, "end");
    finish(&rig);
    ck_assert_uint_eq(rig.budget, 0);
    expect_pieces(&rig.log, "abcd|0 f0\nefgh|0 f1\ni\r|0 f2\n|1 f3 last\n"
                            "abc|0 f0\n|1 f1 last\nend|0 f0\n|0 f1 last\n");
}
END_TEST

START_TEST(framers_share_one_budget)
{
    struct rig one, two;
    rig_init(&one, 100, 10, 10);
    rig_init(&two, 100, 10, 0);
    two.limits.budget_left = &one.budget;
    push_text(&one, "1234567");
    push_text(&two, "1234"); /* only three are left */
    ck_assert_uint_eq(one.budget, 3);
    stratum_framer_close(&one.framer, &one.limits);
    push_text(&two, "5678");
    ck_assert_uint_eq(one.budget, 6);
    stratum_framer_close(&two.framer, &two.limits);
    ck_assert_uint_eq(one.budget, 10);
    expect_pieces(&two.log, "1234|0 f0\n");
    forget(&one.log);
}
END_TEST

/* ---- opaque streams ---- */

START_TEST(tls_is_opaque_from_the_first_byte)
{
    struct rig rig;
    rig_init(&rig, 100, 10, AMPLE);
    push(&rig, "\x16\x03\x01\n\x00", 5);
    push_text(&rig, "text\ntext\n");
    finish(&rig);
    ck_assert(rig.framer.opaque);
    ck_assert(!rig.framer.seen_line);
    ck_assert_uint_eq(rig.log.bytes.len, 15);
    ck_assert_mem_eq(rig.log.bytes.data, "\x16\x03\x01\n\x00text\ntext\n", 15);
    ck_assert_mem_eq(rig.log.pieces.data + 5, "|0 opaque\n", 10);
    forget(&rig.log);
}
END_TEST

START_TEST(what_was_held_back_comes_first)
{
    struct rig rig;
    rig_init(&rig, 100, 4, AMPLE);
    push_text(&rig, "hello ");
    push_text(&rig, "wor\x7fld \xc0\xc1");
    ck_assert_uint_eq(rig.budget, AMPLE);
    ck_assert(!stratum_framer_mid_line(&rig.framer));
    expect_pieces(&rig.log, "hell|0 opaque\no |0 opaque\nwor\x7f|0 opaque\nld \xc0|0 opaque\n"
                            "\xc1|0 opaque\n");
}
END_TEST

static bool is_opaque(const char *data, size_t len, size_t cut)
{
    struct rig rig;
    rig_init(&rig, 20, 5, AMPLE);
    push(&rig, data, cut);
    push(&rig, data + cut, len - cut);
    finish(&rig);
    ck_assert_uint_eq(rig.log.bytes.len, len);
    ck_assert_mem_eq(rig.log.bytes.data, data, len);
    ck_assert_uint_eq(rig.budget, AMPLE);
    forget(&rig.log);
    return rig.framer.opaque;
}

static void expect_opaque(const char *data, size_t len, bool expected)
{
    for (size_t cut = 0; cut <= len; cut++)
        ck_assert_msg(is_opaque(data, len, cut) == expected, "%s, cut at %zu", data, cut);
}

START_TEST(opaque_is_decided_by_the_first_line_wherever_it_is_cut)
{
    expect_opaque("GET / HTTP/1.1\r\n\x01\xff", 18, false);
    expect_opaque("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\n", 15, false);
    expect_opaque("\ttab\r\n", 6, false);
    expect_opaque("cut off \xe2\x82", 10, false);
    expect_opaque("\n\x16\x03\x01", 4, false);
    expect_opaque("a\0b\n", 4, true);
    expect_opaque("a\x1b[0m\n", 6, true);
    expect_opaque("caf\xe9\n", 5, true);
    expect_opaque("\xe2\x82\n", 3, true);
    expect_opaque("\xed\xa0\x80", 3, true);
    expect_opaque("text\x80\n", 6, true);
    expect_opaque("0123456789012345678\x01\n", 21, true);   /* the 20th byte */
    expect_opaque("01234567890123456789\x01\n", 22, false); /* beyond the limit */
}
END_TEST

START_TEST(a_stream_that_began_as_text_stays_text)
{
    struct rig rig;
    rig_init(&rig, 100, 10, AMPLE);
    push_text(&rig, "line\n");
    push_text(&rig, "\x01\xff");
    push_text(&rig, "\n");
    expect_pieces(&rig.log, "line|1\n\x01\xff|1\n");
    rig_init(&rig, 100, 10, 0); /* and so does one of which a fragment is out */
    push_text(&rig, "a");
    push_text(&rig, "\x01\n");
    expect_pieces(&rig.log, "a|0 f0\n\x01|0 f1\n|1 f2 last\n");
}
END_TEST

int main(void)
{
    return UNIT_RUN(
        "stratum_frame", the_struct_is_small, lines_and_their_terminators,
        a_line_that_lies_whole_in_a_read_is_not_copied, between_lines_a_framer_holds_no_memory,
        closing_in_mid_line_gives_the_budget_back, an_empty_read_is_nothing,
        a_line_above_the_limit_comes_in_fragments,
        a_long_line_is_held_as_one_fragment_at_most_once_it_is_known_to_be_long,
        the_pieces_do_not_depend_on_the_reads, without_budget_a_cut_line_comes_in_fragments,
        with_no_budget_at_all_not_a_byte_is_held, framers_share_one_budget,
        tls_is_opaque_from_the_first_byte, what_was_held_back_comes_first,
        opaque_is_decided_by_the_first_line_wherever_it_is_cut,
        a_stream_that_began_as_text_stays_text);
}
