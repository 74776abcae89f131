/* test_enrol.c: challenges are open once, for a time, for three answers; an enrolment is read as it was written or not
 * at all; those who must never be cloned stay on their list until somebody takes them off, and the log says who. */
#include "consent/enrol.h"
#include "fault.h"
#include "sqlite_fault.h"
#include "world.h"

static lk_enrolment draft(const char *subject)
{
    lk_enrolment e;
    memset(&e, 0, sizeof e);
    snprintf(e.subject, sizeof e.subject, "%s", subject);
    e.level = LK_ASSURED_UPLOAD;
    e.evidence = lk_hash_bytes("clip", 4);
    strcpy(e.checks, "{\"faces\":1,\"words\":\"6 of 6\"}");
    strcpy(e.reviewer, "Rita Reviewer");
    e.face_n = 700;
    e.voice_n = 300;
    for (size_t i = 0; i < e.face_n; i++) e.face[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < e.voice_n; i++) e.voice[i] = (uint8_t)(i * 13 + 1);
    return e;
}

static void test_challenge(void)
{
    world w = world_new("challenge");
    lk_challenge c, d;
    CHECK_STATUS(lk_challenge_take(w.r, "Ann", &c, &w.err), LK_E_CONSENT, &w.err);
    CHECK(strstr(w.err.message, "rule: challenge"), "%s", w.err.message);
    CHECK_STATUS(lk_challenge_make(w.r, "Ann", "I, Ann, agree", "left right", 59, &c, &w.err), LK_E_RANGE, &w.err);
    CHECK_STATUS(lk_challenge_make(w.r, "Eve", "I agree", "left", 600, &c, &w.err), LK_E_NOTFOUND, &w.err);
    CHECK_STATUS(lk_challenge_make(w.r, "Ann", "I\nagree", "left", 600, &c, &w.err), LK_E_ARG, &w.err);
    CHECK_OK(lk_challenge_make(w.r, "Ann", "I, Ann, agree: river stone", "left right", 600, &c, &w.err), &w.err);
    CHECK_OK(lk_challenge_take(w.r, "Ann", &d, &w.err), &w.err);
    CHECK_STR(d.sentence, "I, Ann, agree: river stone");
    CHECK_STR(d.turns, "left right");
    CHECK_STR(d.id, c.id);
    CHECK_INT(d.tries, 1);
    CHECK_STATUS(lk_challenge_take(w.r, "Bob", &d, &w.err), LK_E_CONSENT, &w.err); /* it is Ann's */
    CHECK_OK(lk_challenge_take(w.r, "Ann", &d, &w.err), &w.err);
    CHECK_OK(lk_challenge_take(w.r, "Ann", &d, &w.err), &w.err);
    CHECK_STATUS(lk_challenge_take(w.r, "Ann", &d, &w.err), LK_E_CONSENT, &w.err);
    CHECK(strstr(w.err.message, "three answers"), "%s", w.err.message);
    /* A new one is open, and the one before is void. */
    CHECK_OK(lk_challenge_make(w.r, "Ann", "another", "up", 600, &c, &w.err), &w.err);
    CHECK_OK(lk_challenge_take(w.r, "Ann", &d, &w.err), &w.err);
    CHECK_STR(d.sentence, "another");
    lk_wall_time_set(START + 600);
    CHECK_STATUS(lk_challenge_take(w.r, "Ann", &d, &w.err), LK_E_CONSENT, &w.err);
    CHECK(strstr(w.err.message, "expired"), "%s", w.err.message);
    /* The studio cannot give itself more time, or other words. */
    CHECK_OK(lk_challenge_make(w.r, "Ann", "third", "up", 600, &c, &w.err), &w.err);
    intrude(&w, "UPDATE challenge SET expires = expires + 99999 WHERE over = 0");
    CHECK_STATUS(lk_challenge_take(w.r, "Ann", &d, &w.err), LK_E_CONSENT, &w.err);
    CHECK(strstr(w.err.message, "was changed"), "%s", w.err.message);
    intrude(&w, "UPDATE challenge SET expires = expires - 99999, sentence = 'I say what I like' WHERE over = 0");
    CHECK_STATUS(lk_challenge_take(w.r, "Ann", &d, &w.err), LK_E_CONSENT, &w.err);
    CHECK(ask_number(&w, "SELECT count(*) FROM audit WHERE kind = 'refused'") >= 6, "refusals are not in the log");
    CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
    world_close(&w);
}

static void test_there_and_back(void)
{
    world w = world_new("enrol");
    lk_enrolment e = draft("Ann"), back;
    lk_consent_detail show;
    CHECK_STATUS(lk_enrol_find(w.r, "Ann", &back, &w.err), LK_E_NOTFOUND, &w.err);
    CHECK_STATUS(lk_enrol_get(w.r, "Ann", "import", &back, &w.err), LK_E_CONSENT, &w.err);
    CHECK(strstr(w.err.message, "rule: enrolment") && strstr(w.err.message, "subject enroll"), "%s", w.err.message);
    CHECK_INT(ask_number(&w, "SELECT count(*) FROM audit WHERE kind = 'refused' AND detail LIKE '%enrolment%'"), 1);
    CHECK_OK(lk_enrol_add(w.r, &e, &w.err), &w.err);
    CHECK_STR(e.subject, w.ann.id);
    world_reopen(&w);
    CHECK_OK(lk_enrol_get(w.r, "Ann", "import", &back, &w.err), &w.err);
    CHECK_STR(back.id, e.id);
    CHECK_STR(back.name, "Ann");
    CHECK_STR(back.checks, e.checks);
    CHECK_STR(back.reviewer, "Rita Reviewer");
    CHECK_INT(back.level, LK_ASSURED_UPLOAD);
    CHECK_INT(back.when, START);
    CHECK(lk_hash_equal(&back.evidence, &e.evidence), "other evidence");
    CHECK(back.face_n == 700 && !memcmp(back.face, e.face, 700), "another face");
    CHECK(back.voice_n == 300 && !memcmp(back.voice, e.voice, 300), "another voice");
    /* Records that are signed from now on say how sure the studio was. */
    lk_consent_record c;
    CHECK_OK(lk_consent_issue(w.r, "Ann", LK_USE_LIPS, DAY, "film", "lips", &c, &w.err), &w.err);
    CHECK_OK(lk_consent_show(w.r, c.id, &show, &w.err), &w.err);
    CHECK_INT(show.terms.assurance, LK_ASSURED_UPLOAD);
    CHECK(show.terms.evidence.b[0] | show.terms.evidence.b[1] | show.terms.evidence.b[2], "the record names no evidence");
    /* The newest counts. */
    e.face_n = 10;
    e.level = LK_ASSURED_REVIEWED;
    CHECK_OK(lk_enrol_add(w.r, &e, &w.err), &w.err);
    CHECK_OK(lk_enrol_find(w.r, "Ann", &back, &w.err), &w.err);
    CHECK_INT(back.face_n, 10);
    CHECK_INT(back.level, LK_ASSURED_REVIEWED);
    CHECK_INT(ask_number(&w, "SELECT count(*) FROM enrolment"), 1);
    e.face_n = e.voice_n = 0;
    CHECK_STATUS(lk_enrol_add(w.r, &e, &w.err), LK_E_ARG, &w.err);
    world_close(&w);
}

static void test_answer_once(void)
{
    world w = world_new("once");
    lk_challenge c;
    CHECK_OK(lk_challenge_make(w.r, "Ann", "say this", "left", 600, &c, &w.err), &w.err);
    lk_enrolment e = draft("Bob"), mine = draft("Ann");
    strcpy(e.challenge, c.id);
    strcpy(mine.challenge, c.id);
    CHECK_STATUS(lk_enrol_add(w.r, &e, &w.err), LK_E_CONSENT, &w.err); /* somebody else's */
    CHECK_OK(lk_enrol_add(w.r, &mine, &w.err), &w.err);
    CHECK_STATUS(lk_enrol_add(w.r, &mine, &w.err), LK_E_CONSENT, &w.err); /* used up */
    CHECK_INT(ask_number(&w, "SELECT count(*) FROM challenge WHERE sentence != ''"), 0);
    CHECK_OK(lk_challenge_make(w.r, "Ann", "and this", "left", 600, &c, &w.err), &w.err);
    strcpy(mine.challenge, c.id);
    lk_wall_time_set(START + 700);
    CHECK_STATUS(lk_enrol_add(w.r, &mine, &w.err), LK_E_CONSENT, &w.err); /* too late */
    world_close(&w);
}

static lk_status count_one(void *user, const lk_enrolment *e)
{
    int *n = user;
    n[*e->subject ? 0 : 1]++;
    return LK_OK;
}

static void test_tampered(void)
{
    static const char *const blows[] = {"UPDATE enrolment SET body = replace(body, 'upload', 'live')",
                                        "UPDATE enrolment SET sealed = zeroblob(length(sealed))",
                                        "UPDATE enrolment SET body = replace(body, 'Rita', 'Vera')",
                                        "DELETE FROM enrolment"};
    for (size_t i = 0; i < LK_COUNT(blows); i++) {
        world w = world_new("tampered");
        lk_enrolment e = draft("Ann"), back;
        int n[2] = {0, 0};
        CHECK_OK(lk_enrol_add(w.r, &e, &w.err), &w.err);
        intrude(&w, blows[i]);
        CHECK_STATUS(lk_enrol_get(w.r, "Ann", "import", &back, &w.err), LK_E_CONSENT, &w.err);
        CHECK(strstr(w.err.message, "rule: tampered"), "%s: %s", blows[i], w.err.message);
        CHECK_STATUS(lk_enrol_each(w.r, count_one, n, &w.err), LK_E_CONSENT, &w.err);
        world_close(&w);
    }
    /* An older enrolment put back in the place of the newer one. */
    world w = world_new("older");
    lk_enrolment e = draft("Ann"), back;
    CHECK_OK(lk_enrol_add(w.r, &e, &w.err), &w.err);
    intrude(&w, "CREATE TABLE kept AS SELECT * FROM enrolment");
    CHECK_OK(lk_enrol_add(w.r, &e, &w.err), &w.err);
    intrude(&w, "UPDATE enrolment SET body = (SELECT body FROM kept), sealed = (SELECT sealed FROM kept)");
    CHECK_STATUS(lk_enrol_get(w.r, "Ann", "import", &back, &w.err), LK_E_CONSENT, &w.err);
    world_close(&w);
}

static void test_protected(void)
{
    world w = world_new("protected");
    lk_enrolment e = draft("Ann"), p = draft("");
    int n[2] = {0, 0};
    strcpy(p.name, "Nobody may");
    CHECK_OK(lk_enrol_add(w.r, &e, &w.err), &w.err);
    CHECK_OK(lk_enrol_add(w.r, &p, &w.err), &w.err);
    CHECK_OK(lk_enrol_add(w.r, &p, &w.err), &w.err);
    CHECK_OK(lk_enrol_each(w.r, count_one, n, &w.err), &w.err);
    CHECK_INT(n[0], 1);
    CHECK_INT(n[1], 2);
    CHECK_STATUS(lk_protect_remove(w.r, "Ann", &w.err), LK_E_NOTFOUND, &w.err);
    CHECK_OK(lk_protect_remove(w.r, p.id, &w.err), &w.err);
    n[0] = n[1] = 0;
    world_reopen(&w);
    CHECK_OK(lk_enrol_each(w.r, count_one, n, &w.err), &w.err);
    CHECK_INT(n[0], 1);
    CHECK_INT(n[1], 1);
    CHECK_INT(ask_number(&w, "SELECT count(*) FROM audit WHERE kind = 'unprotect'"), 1);
    /* Somebody who was taken out of the table, and not by this program, is missed. */
    intrude(&w, "DELETE FROM enrolment WHERE subject = ''");
    CHECK_STATUS(lk_enrol_each(w.r, count_one, n, &w.err), LK_E_CONSENT, &w.err);
    world_close(&w);
}

static void test_faults(void)
{
    for (int kind = 0; kind <= LK_FAULT_SYNC; kind++) {
        world w = world_new("fenrol");
        int64_t n = 0, seen;
        int refused = 0;
        do {
            lk_enrolment e = draft("Ann");
            n += n ? fault_step(kind == LK_FAULT_ALLOC ? 3 : 1) : 1;
            lk_fault_set((lk_fault_kind)kind, n, false);
            lk_status s = lk_enrol_add(w.r, &e, &w.err);
            seen = lk_fault_count((lk_fault_kind)kind);
            lk_fault_set((lk_fault_kind)kind, 0, false);
            refused += s != LK_OK;
            CHECK(fault_clean(s), "kind %d, n %d: status %d: %s", kind, (int)n, (int)s, w.err.message);
            int64_t rows = ask_number(&w, "SELECT count(*) FROM enrolment"), said = ask_number(&w, "SELECT count(*) FROM audit "
                                                                                                 "WHERE kind = 'enrol'");
            CHECK((rows > 0) == (said > 0), "kind %d, n %d: %d rows, %d in the log", kind, (int)n, (int)rows, (int)said);
            if (rows) {
                CHECK_OK(lk_enrol_find(w.r, "Ann", &e, &w.err), &w.err);
                n += 1;
            }
        } while (seen >= n && n < FAULT_LIMIT);
        CHECK(refused > 0 || kind == LK_FAULT_READ, "no fault of kind %d came through", kind);
        CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
        world_close(&w);
    }
}

static const check_test tests[] = {{"challenge", test_challenge},     {"there and back", test_there_and_back},
                                   {"answer once", test_answer_once}, {"tampered", test_tampered},
                                   {"protected", test_protected},     {"faults", test_faults}};

int main(int argc, char **argv)
{
    if (!sqlite_fault_install()) return 1;
    tempdir_make("cenrol");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
