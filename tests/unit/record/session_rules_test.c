/* What a message says about its session: shares, their answers, names. */
#include "lib/record/session_rules.h"
#include "tests/unit/unit.h"

START_TEST(only_a_miner_submits)
{
    ck_assert(session_is_submit(DIRECTION_MINER_TO_POOL, STRATUM_MINING_SUBMIT));
    ck_assert(session_is_submit(DIRECTION_MINER_TO_POOL, STRATUM_ETH_SUBMIT_WORK));
    ck_assert(!session_is_submit(DIRECTION_MINER_TO_POOL, STRATUM_MINING_AUTHORIZE));
    ck_assert(!session_is_submit(DIRECTION_HASHSCOPE_TO_POOL, STRATUM_MINING_SUBMIT));
    ck_assert(!session_is_submit(DIRECTION_POOL_TO_MINER, STRATUM_MINING_SUBMIT));
}
END_TEST

START_TEST(unasked_is_an_answer_of_the_pool_without_request)
{
    ck_assert(session_is_unasked(DIRECTION_POOL_TO_MINER, STRATUM_RESPONSE, false));
    ck_assert(!session_is_unasked(DIRECTION_POOL_TO_MINER, STRATUM_RESPONSE, true));
    ck_assert(!session_is_unasked(DIRECTION_POOL_TO_MINER, STRATUM_NOTIFICATION, false));
    ck_assert(!session_is_unasked(DIRECTION_MINER_TO_POOL, STRATUM_RESPONSE, false));
    ck_assert(!session_is_unasked(DIRECTION_POOL_TO_HASHSCOPE, STRATUM_RESPONSE, false));
}
END_TEST

START_TEST(answers_count_by_what_they_answer)
{
    static const struct {
        enum session_request request;
        enum session_answer yes, no;
    } cases[] = {
        {SESSION_REQUEST_SUBMIT, SESSION_ANSWER_ACCEPT, SESSION_ANSWER_REJECT},
        {SESSION_REQUEST_EARLIER, SESSION_ANSWER_ACCEPT, SESSION_ANSWER_REJECT},
        {SESSION_REQUEST_OTHER, SESSION_ANSWER_OTHER, SESSION_ANSWER_ERROR},
        {SESSION_REQUEST_NONE, SESSION_ANSWER_OTHER, SESSION_ANSWER_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_int_eq(session_judge(DIRECTION_POOL_TO_MINER, cases[i].request, false),
                         cases[i].yes);
        ck_assert_int_eq(session_judge(DIRECTION_POOL_TO_MINER, cases[i].request, true),
                         cases[i].no);
        ck_assert_int_eq(session_judge(DIRECTION_POOL_TO_HASHSCOPE, cases[i].request, false),
                         SESSION_ANSWER_OTHER);
        ck_assert_int_eq(session_judge(DIRECTION_POOL_TO_HASHSCOPE, cases[i].request, true),
                         SESSION_ANSWER_ERROR);
    }
}
END_TEST

START_TEST(the_newest_names_stand_last_and_the_oldest_leaves)
{
    ck_assert_uint_eq(session_name_that_leaves(0, 0, 8), 0);
    ck_assert_uint_eq(session_name_that_leaves(5, 5, 8), 5); /* new, and there is room */
    ck_assert_uint_eq(session_name_that_leaves(5, 2, 8), 2); /* again */
    ck_assert_uint_eq(session_name_that_leaves(8, 8, 8), 0); /* new, and there is none */
    ck_assert_uint_eq(session_name_that_leaves(8, 7, 8), 7);
}
END_TEST

int main(void)
{
    return UNIT_RUN(
        "session rules", only_a_miner_submits, unasked_is_an_answer_of_the_pool_without_request,
        answers_count_by_what_they_answer, the_newest_names_stand_last_and_the_oldest_leaves);
}
