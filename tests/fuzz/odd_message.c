/* odd_message.c - what a miner or pool may say, however odd: patterns filled with values. */
#include "tests/fuzz/odd_archive.h"

#define VALUES_DEEP 3

uint8_t odd_byte(struct odd_tape *tape)
{
    if (tape->left == 0)
        return 0;
    tape->left--;
    return *tape->at++;
}

size_t odd_below(struct odd_tape *tape, size_t count)
{
    size_t value = odd_byte(tape);
    if (count > 256)
        value = value << 8 | odd_byte(tape);
    return value % count;
}

/* ---- values ---- */

static const char *const words[] = {
    "",
    "farm.rig1",
    "bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh.rig7",
    "x\\u0000y",
    "\\u0000",
    "\\u0000\\u0000end",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\udc00x",
    "\\uD83D\\u0041",
    "\xff\xfe",
    "caf\xe9",
    "caf\xc3\xa9",
    "\xe2\x80\xaegnp.exe",
    "\xf0\x9f\x98\x80",
    "=cmd|'/C calc'!A0",
    "+1",
    "@SUM(1)",
    "a\\\"b",
    "\\\\",
    "\\/",
    "\\n\\r\\t\\b\\f",
    "\\u001b[31m",
    "a\x01z",
    "a\tb",
    "\xc0\x80",
    "\xed\xa0\x80",
    "mining.submit",
    "00000000",
    "ffffffff",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "abc",
    "0x1f",
    "\"method\":\"mining.submit\"",
    "cgminer/4.11.1",
    "pass,d=1000",
    "<script>",
    "%00%s%n",
    "-",
    "x\x7f",
};

static const char *const numbers[] = {
    "0",
    "1",
    "2",
    "-1",
    "-0",
    "1.0",
    "1e0",
    "10e-1",
    "0.0",
    "1e400",
    "1e308",
    "-1e309",
    "1e-400",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "123456789012345678901234567890123456789012345678901234567890",
    "0.1",
    "1E+2",
    "00",
    "1.",
    ".5",
    "1e",
    "0.00000000000000000000000000000000000000000000000000000000000001",
    "3",
    "536870911",
    "16384",
};

static const char *const things[] = {
    "null",  "true",        "false",      "[]",
    "{}",    "\"\"",        "[null]",     "{\"a\":1,\"a\":2}",
    "nulL",  "[1,]",        "{\"a\"}",    "[[[[[[[[]]]]]]]]",
    " true", "\"\\u0000\"", "[21,\"x\"]", "{\"code\":-1,\"message\":\"m\"}"};

#define CHOOSE(tape, list) (list)[odd_below(tape, sizeof(list) / sizeof((list)[0]))]

static void put_word(struct buffer *out, struct odd_tape *tape)
{
    uint8_t how = odd_byte(tape);
    if (how < 200) {
        buffer_append_text(out, words[how % (sizeof words / sizeof words[0])]);
    } else if (how < 225) { /* long: names and texts have limits at 510, 128, 256 … */
        for (size_t i = odd_below(tape, 1200), k = 0; k < i; k++)
            buffer_append_char(out, (char)('a' + k % 26));
    } else if (how < 240) { /* two in one */
        buffer_append_text(out, CHOOSE(tape, words));
        buffer_append_text(out, CHOOSE(tape, words));
    } else { /* any bytes */
        for (size_t i = odd_below(tape, 24); i > 0; i--)
            buffer_append_char(out, (char)odd_byte(tape));
    }
}

static void put_string(struct buffer *out, struct odd_tape *tape)
{
    buffer_append_char(out, '"');
    put_word(out, tape);
    buffer_append_char(out, '"');
}

static void put_deep(struct buffer *out, struct odd_tape *tape)
{
    size_t depth = odd_below(tape, 140);
    const char *open = odd_byte(tape) & 1 ? "[" : "{\"k\":";
    for (size_t i = 0; i < depth; i++)
        buffer_append_text(out, open);
    buffer_append_text(out, "1");
    for (size_t i = 0; i < depth; i++)
        buffer_append_char(out, *open == '[' ? ']' : '}');
}

static void put_value(struct buffer *out, struct odd_tape *tape, unsigned depth)
{
    size_t how = odd_below(tape, 16);
    if (how < 6) {
        put_string(out, tape);
    } else if (how < 9) {
        buffer_append_text(out, CHOOSE(tape, numbers));
    } else if (how < 12 || depth > VALUES_DEEP) {
        buffer_append_text(out, CHOOSE(tape, things));
    } else if (how == 12) {
        put_deep(out, tape);
    } else {
        size_t count = odd_below(tape, 5);
        buffer_append_char(out, '[');
        for (size_t i = 0; i < count; i++) {
            if (i)
                buffer_append_char(out, ',');
            put_value(out, tape, depth + 1);
        }
        buffer_append_char(out, ']');
    }
}

/* Of what comes from the pool it is often `asked`, so that answers belong to something. */
static void put_id(struct buffer *out, struct odd_tape *tape, struct span asked)
{
    static const char *const ids[] = {
        "1",    "2",           "3",  "\"3\"", "null", "1.0", "1e0",
        "\"\"", "\"\\u0000\"", "-1", "\"a\"", "true", "[1]", "18446744073709551616"};
    size_t how = odd_below(tape, 24);
    if (how < sizeof ids / sizeof ids[0])
        buffer_append_text(out, ids[how]);
    else if (asked.len > 0)
        buffer_append(out, asked.data, asked.len);
    else
        buffer_append_text(out, how % 2 ? "4" : "5");
}

/* ---- messages ---- */

/* $i an id, $s a word between the quotes, $S a string, $n a number, $v anything. */
static const char *const from_miner[] = {
    "{\"id\":$i,\"method\":\"mining.subscribe\",\"params\":[$S,$v]}",
    "{\"id\":$i,\"method\":\"mining.authorize\",\"params\":[$S,$S]}",
    "{\"id\":$i,\"method\":\"mining.authorize\",\"params\":[$S,$S]}",
    "{\"id\":$i,\"method\":\"mining.authorize\",\"params\":$v}",
    "{\"id\":$i,\"method\":\"mining.submit\",\"params\":[$S,$S,$S,\"6921f700\",$S,$S]}",
    "{\"params\":[$S,\"1\",\"00\",\"6921f700\",\"01\"],\"id\":$i,\"method\":\"submit\"}",
    "{\"id\":$i,\"method\":\"mining.submit\",\"params\":$v}",
    "{\"id\":$i,\"method\":\"mining.configure\",\"params\":[[$S],{\"$s\":$S}]}",
    "{\"id\":$i,\"method\":\"mining.suggest_difficulty\",\"params\":[$n]}",
    "{\"id\":$i,\"method\":\"mining.$s\",\"params\":$v}",
    "{\"id\":$i,\"method\":$v,\"method\":$v,\"id\":$i,\"params\":[$S],\"params\":[$S]}",
    "{\"id\":$i,\"method\":\"login\",\"params\":{\"login\":$S,\"pass\":$S,\"agent\":$S}}",
    "{\"id\":$i,\"method\":\"login\",\"params\":{\"login\":$v,\"login\":$v,\"agent\":$v}}",
    "{\"id\":$i,\"method\":\"submit\",\"params\":{\"id\":$S,\"nonce\":$S,\"result\":$S}}",
    "{\"id\":$i,\"method\":\"eth_submitLogin\",\"params\":[$S,$S],\"worker\":$S}",
    "{\"id\":$i,\"method\":\"eth_submitWork\",\"params\":[$S,$S,$S]}",
    "{\"id\":$i,\"method\":\"mining.hello\",\"params\":{\"agent\":$S}}",
    "{\"id\":$i,\"result\":$v,\"error\":$v}",
    "$v",
    "[$v,$v]",
    "{\"$s\":$v,\"id\":$i}",
};

static const char *const from_pool[] = {
    "{\"id\":$i,\"result\":true,\"error\":null}",
    "{\"id\":$i,\"result\":$v,\"error\":$v}",
    "{\"id\":$i,\"result\":null,\"error\":[$n,$S,null]}",
    "{\"id\":$i,\"result\":null,\"error\":{\"code\":$n,\"message\":$S}}",
    "{\"id\":$i,\"result\":false,\"reject-reason\":$v}",
    "{\"error\":$v,\"error\":$v,\"result\":$v,\"id\":$i}",
    "{\"id\":$i,\"result\":[[[\"mining.notify\",$S]],$S,$n],\"error\":null}",
    "{\"id\":$i,\"result\":{\"version-rolling\":true,\"version-rolling.mask\":$S}}",
    "{\"method\":\"mining.notify\",\"params\":[$S,\"0\",\"1\",\"f\",[$S],\"2\",\"1\",\"6\",true]}",
    "{\"id\":null,\"method\":\"mining.notify\",\"params\":[$S,$S,$S,$S,$v,$S,$S,$S,$v]}",
    "{\"id\":null,\"method\":\"mining.notify\",\"params\":$v}",
    "{\"id\":$i,\"method\":\"mining.set_difficulty\",\"params\":[$n]}",
    "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":$v}",
    "{\"id\":null,\"method\":\"mining.set_target\",\"params\":[$S]}",
    "{\"id\":null,\"method\":\"mining.set_extranonce\",\"params\":[$S,$n]}",
    "{\"id\":null,\"method\":\"mining.set_version_mask\",\"params\":[$S]}",
    "{\"id\":$i,\"method\":\"client.show_message\",\"params\":[$S]}",
    "{\"id\":$i,\"method\":\"client.reconnect\",\"params\":[$S,$n,$v]}",
    "{\"id\":$i,\"method\":\"$s\",\"params\":$v}",
    "{\"method\":\"job\",\"params\":{\"blob\":$S,\"job_id\":$S,\"height\":$n}}",
    "{\"id\":$i,\"result\":{\"id\":$S,\"job\":{\"blob\":$S,\"job_id\":$S},\"status\":\"OK\"}}",
    "$v",
    "",
};

static void fill(struct buffer *out, struct odd_tape *tape, const char *pattern, struct span asked)
{
    for (; *pattern; pattern++) {
        if (*pattern != '$') {
            buffer_append_char(out, *pattern);
            continue;
        }
        pattern++;
        if (*pattern == 'i')
            put_id(out, tape, asked);
        else if (*pattern == 's')
            put_word(out, tape);
        else if (*pattern == 'S')
            put_string(out, tape);
        else if (*pattern == 'n')
            buffer_append_text(out, CHOOSE(tape, numbers));
        else
            put_value(out, tape, 0);
    }
}

void odd_message(struct buffer *out, struct odd_tape *tape, unsigned side, struct span asked)
{
    uint8_t how = odd_byte(tape);
    if (how < 230)
        fill(out, tape, side ? CHOOSE(tape, from_pool) : CHOOSE(tape, from_miner),
             side ? asked : span_text(""));
    else
        for (size_t i = odd_below(tape, 40); i > 0; i--)
            buffer_append_char(out, (char)odd_byte(tape));
    if (how % 8 == 7)
        return; /* goes on with the next one */
    buffer_append_text(out, how % 16 == 3 ? "\r\n" : "\n");
}
